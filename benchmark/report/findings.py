"""What a results folder shows, in a few sentences that are made from its scores and its statistics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.stats import t as student

from benchmark.report.about import About
from benchmark.report.columns import (
    CROSS_SITE_MAP,
    DISEASE_PROBE,
    EVERY_COLUMN,
    LEAKAGE,
    LEAKAGE_EXTENDED,
    PAIR,
    Column,
    pair_of,
    with_labels,
)
from benchmark.report.page.aggregate import aggregate
from benchmark.report.statistics.paired import LEAST_SEEDS, PRIMARY
from benchmark.report.statistics.settings import LEVEL, POWER
from benchmark.report.statistics.stored import made_by_older_release, stored_comparisons, stored_statistics
from benchmark.report.summary import in_order, known_first
from benchmark.report.text import count, shortened
from benchmark.report.verdict import above_chance
from benchmark.results.read import StoredResults
from benchmark.results.schema import parameters_of

#: Probes of the site over all scans, in both coordinates.
PROBES: Sequence[Column] = [
    column
    for column in (*LEAKAGE, *LEAKAGE_EXTENDED)
    if column.metric == "balanced_accuracy" and "probe" in column.params
]

#: Longest name in a line of the terminal, and how many names it has.
_WIDTH, _NAMES = 20, 2
#: Longest list of methods in a sentence, and how many of a longer one are named at its beginning and its end.
_LONGEST, _FIRST, _LAST = 16, 6, 3


@dataclass(frozen=True)
class Reading:
    """What one probe or retrieval reads from a method's LDRs.

    Attributes
    ----------
    heading
        Of its column.
    value, low, high
        Mean over seeds and the ends of its 95 % interval, NaN where there is none.
    chance
        Its chance level.
    seeds
        Over which the mean is.
    """

    heading: str
    value: float
    low: float
    high: float
    chance: float
    seeds: int

    @property
    def above(self) -> bool:
        """Whether the interval lies above chance."""
        return self.low > self.chance

    @property
    def faultless(self) -> bool:
        """Whether a probe reads every scan right: no resample then differs, and there is no interval."""
        return math.isnan(self.low) and self.value == 1 > self.chance

    def above_of(self, tests: int) -> bool:
        """Whether it does so after correction for the number of tests."""
        return above_chance(self.value, self.low, self.chance, tests, self.seeds)


@dataclass(frozen=True)
class Findings:
    """What the runs of one protocol show.

    Attributes
    ----------
    protocol
        Its name.
    parts
        What each part is about, and its sentences.
    lines
        The same in three lines of at most 120 columns.
    """

    protocol: str
    parts: Sequence[tuple[str, str]]
    lines: Sequence[str]


def findings(results: StoredResults) -> list[Findings]:
    """Which methods remove the site, which find the disease, what differs beyond chance, and what cannot be told.

    Floor, ceiling and methods that see diagnoses do not compete and are left out. A site is *removed* where no 95 %
    interval of the :data:`PROBES` lies above the chance level and the permutation test finds nothing; nothing is
    corrected for their number, so that to hide from all of them is the harder claim. It is *found* where an interval
    lies above chance after correction for the number of probes (:func:`benchmark.report.verdict.above_chance`), or the
    permutation test says so. What is neither is *not settled*, as one of several intervals lies above chance now and
    then. Intervals are those of the statistics (over subjects and seeds) where there are any, and otherwise the means
    over runs of the ends of their intervals, which are wider, or Student's t over seeds where runs have none. P-values
    of permutation tests are joined over runs as twice their mean, which is a p-value however the runs depend on each
    other (Rüschendorf, Advances in Applied Probability 14, 1982). The disease is found where the interval of cross-site
    mAP lies above chance. Differences and what can be detected are those of :mod:`benchmark.report.statistics`.

    Parameters
    ----------
    results
        Of a sweep or of evaluate, with ``statistics_*.csv`` in its folder where there are any.

    Returns
    -------
    list of Findings
        One a protocol, in table order.

    Raises
    ------
    UserError
        If a file of the statistics cannot be used.
    """
    about, scores = About.of(results.provenance), results.scores
    folder = results.folder
    overall = scores[scores["subgroup"] == ""]
    intervals, detectable = (stored_statistics(folder, name) for name in ("intervals", "detectable"))
    comparisons, older = stored_comparisons(folder), made_by_older_release(folder)
    made = []
    for protocol in known_first(scores["protocol"]):
        there = overall[overall["protocol"] == protocol]
        methods = [name for name in about.order(there["method"].unique()) if name not in about.bounds]
        tables = (_of_protocol(table, protocol) for table in (intervals, comparisons, detectable))
        made.append(_Protocol(there, methods, about, older, *tables).findings(protocol))
    return made


def _of_protocol(table: pd.DataFrame | None, protocol: str) -> pd.DataFrame | None:
    return None if table is None else table[table["protocol"] == protocol]


def summary_lines(results: StoredResults) -> str:
    """The findings for the end of a command's output, three lines a protocol."""
    found = findings(results)
    return "\n".join(
        f"{each.protocol}, {line[0].lower()}{line[1:]}" if len(found) > 1 else line
        for each in found
        for line in each.lines
    )


@dataclass(frozen=True)
class _Protocol:
    scores: pd.DataFrame
    methods: Sequence[str]
    about: About
    older: bool
    intervals: pd.DataFrame | None
    comparisons: pd.DataFrame | None
    detectable: pd.DataFrame | None

    def findings(self, protocol: str) -> Findings:
        pair = pair_of(self.scores)
        what = "the disease" if pair == PAIR else pair
        site, hidden, first = self._site()
        disease, finding, second = self._disease(pair, what)
        worthless = [name for name in hidden if finding is not None and name not in finding]
        if worthless:
            disease += f" {_names(worthless)}: neither site nor {what}, so of no use."
        differences, tested = self._differences()
        limits, untold = self._limits()
        label = "Disease" if pair == PAIR else pair
        parts = [("Site", site), (label, disease), ("Differences", differences), ("What cannot be told", limits)]
        lines = [f"Site: {first}", f"{label}: {second}", f"Differences: {'; '.join(filter(None, (tested, untold)))}"]
        return Findings(protocol, parts, lines)

    def _readings(self, columns: Sequence[Column]) -> dict[str, list[Reading]]:
        found: dict[str, list[Reading]] = {method: [] for method in self.methods}
        for column in columns:
            rows = column.rows(self.scores)
            summaries = aggregate(rows.drop(columns=parameters_of(rows))) if len(rows) else pd.DataFrame()
            stored, seeds = self._stored(column.key), rows["seed"].nunique()
            for row in summaries.to_dict("records"):
                low, high = stored.get(row["method"], (row["ci_low"], row["ci_high"]))
                if math.isnan(low) and seeds >= LEAST_SEEDS:
                    # Runs that a probe reads without an error have no interval of their own.
                    reach = float(student.ppf(1 - LEVEL / 2, seeds - 1)) * row["sd"] / math.sqrt(seeds)
                    low, high = row["mean"] - reach, row["mean"] + reach
                if row["method"] in found and math.isfinite(row["mean"]) and math.isfinite(row["chance"]):
                    reading = Reading(column.heading, row["mean"], low, high, row["chance"], seeds)
                    found[row["method"]].append(reading)
        return {method: readings for method, readings in found.items() if readings}

    def _stored(self, score: str) -> dict[str, tuple[float, float]]:
        if self.intervals is None:
            return {}
        rows = self.intervals[(self.intervals["score"] == score) & self.intervals["ci_low"].notna()]
        return dict(zip(rows["method"], zip(rows["ci_low"], rows["ci_high"], strict=True), strict=True))

    def _permutation(self) -> dict[str, float]:
        """Smallest p of the coordinates times their number, joined over runs, by method; of methods that miss none."""
        rows = self.scores[(self.scores["table"] == "leakage") & (self.scores["metric"] == "p_value")]
        rows = rows[rows["given"] == "nothing"] if "given" in rows else rows
        p: dict[str, list[float]] = {}
        for column in LEAKAGE_EXTENDED:
            if column.metric == "p_value" and column.params.get("given") == "nothing":
                of_column = column.rows(rows) if len(rows) else rows
                for method, values in of_column.groupby("method")["value"]:
                    if values.notna().all():
                        mean = float(values.mean())
                        p.setdefault(str(method), []).append(2 * mean if len(values) > 1 else mean)
        return {method: len(values) * min(values) for method, values in p.items()}

    def _site(self) -> tuple[str, list[str], str]:
        readings, p = self._readings(PROBES), self._permutation()
        tested = [
            method
            for method in self.methods
            if method in p or any(math.isfinite(each.low) for each in readings.get(method, ()))
        ]
        if not tested:
            return "No probe of the site has an interval or a test.", [], "not tested"
        above = {name: any(each.above for each in readings.get(name, ())) for name in tested}
        still = [name for name in tested if self._found(readings.get(name, ()), p.get(name))]
        faultless = [
            name for name in tested if name not in still and any(each.faultless for each in readings.get(name, ()))
        ]
        hidden = [name for name in tested if not above[name] and name not in (*still, *faultless)]
        unsettled = [name for name in tested if name not in (*still, *hidden)]
        probes = {each.heading for part in readings.values() for each in part if math.isfinite(each.low)}
        by = [*([count(len(probes), "probe")] if probes else []), *(["a permutation test"] if p else [])]
        most = {name: max(part, key=lambda each: each.value - each.chance) for name, part in readings.items()}
        still.sort(key=lambda name: _value(most.get(name)))
        chance = _mean(each.chance for part in readings.values() for each in part)
        text = []
        if hidden:
            text.append(
                f"Removed by {_names(hidden)}, as far as {' and '.join(by)} can see: no interval lies above chance."
            )
            high = max((each.high for name in hidden for each in readings.get(name, ())), default=math.nan)
            if math.isfinite(high):
                text.append(f"A leakage of up to {high:.2f} (chance {chance:.2f}) is not ruled out.")
        elif unsettled:
            text.append("Removed by no method.")
        else:
            text.append(f"Removed by no method: {' or '.join(by)} finds it in each.")
        if faultless:
            text.append(
                f"Not settled for {_names(faultless)}: a probe names the site of every scan right, which has no "
                "interval, and the tests find nothing."
            )
        if near := [name for name in unsettled if name not in faultless]:
            text.append(
                f"Not settled for {_names(near)}: an interval lies above chance, as one of several does now and "
                "then where there is no site, and the tests that allow for this find nothing."
            )
        if still:
            shown = [name + (f" {most[name].value:.2f}" if name in most else "") for name in still]
            what = f"balanced accuracy over all sites, of the probe that reads most; chance {chance:.2f}"
            text.append(f"Found in {_ends(shown)} ({what}).")
        if silent := [name for name in self.methods if name not in tested]:
            text.append(f"Not tested: {_names(silent)}.")
        line = f"removed by {len(hidden)} of {count(len(tested), 'method')}"
        if hidden:
            line += f": {_few(hidden)}"
        elif still and still[0] in most:
            line += f"; least found in {shortened(still[0], _WIDTH)}, {most[still[0]].value:.2f} (chance {chance:.2f})"
        if unsettled:
            line += f"; not settled for {len(unsettled)}"
        return " ".join(text), hidden, line

    @staticmethod
    def _found(readings: Sequence[Reading], p: float | None) -> bool:
        """Whether a site is found by tests that allow for their number; p is that of the permutation test."""
        tests = [each for each in readings if math.isfinite(each.low)]
        return (p is not None and p <= LEVEL) or any(each.above_of(len(tests)) for each in tests)

    def _disease(self, pair: str, what: str) -> tuple[str, set[str] | None, str]:
        retrieval, probe = (self._readings(with_labels([column], pair)) for column in (CROSS_SITE_MAP, DISEASE_PROBE))
        shown = retrieval or probe
        with_interval = {name: each for name, (each,) in shown.items() if math.isfinite(each.low)}
        if not with_interval:
            return f"Whether {what} is found was not tested.", None, "not tested"
        ordered = sorted(with_interval, key=lambda name: -with_interval[name].value)
        found = [name for name in ordered if with_interval[name].above]
        others = [name for name in ordered if name not in found]
        chance = _mean(each.chance for each in with_interval.values())
        heading = next(iter(with_interval.values())).heading
        where = " at other sites" if retrieval else ""
        listed = _ends([f"{name} {with_interval[name].value:.3f}" for name in found])
        listed = listed or "no method"
        text = f"{heading}{where} is above chance ({chance:.3f}) for {listed}"
        if others:
            rest = _ends([f"{name} {with_interval[name].value:.3f}" for name in others])
            text += f"; not for {rest}" if found else f"; the values, whose intervals all reach down to it: {rest}"
        text += "."
        if retrieval and probe:
            by_probe = {name for name, (each,) in probe.items() if each.above}
            both = [name for name in ordered if name in probe]
            more = [name for name in both if name in by_probe and name in others]
            less = [name for name in both if name not in by_probe and name in found]
            text += f" A linear probe finds it in {_names(more)} too." if more else ""
            text += f" A linear probe does not find it in {_names(less)}." if less else ""
        ceilings = [name for name, why in self.about.bounds.items() if why == "ceiling"]
        for name, value in self._means(CROSS_SITE_MAP if retrieval else DISEASE_PROBE, ceilings).items():
            text += f" The ceiling, {name}, reaches {value:.3f}."
        line = f"found above chance by {len(found)} of {count(len(ordered), 'method')}"
        return text, set(found), line + (f"; not by {_few(others)}" if others and found else "")

    def _means(self, column: Column, methods: Sequence[str]) -> dict[str, float]:
        rows = column.rows(self.scores)
        means = (
            rows[rows["method"].isin(methods)].groupby("method")["value"].agg(lambda values: values.mean(skipna=False))
        )
        return {str(name): float(value) for name, value in means.items() if math.isfinite(value)}

    def _differences(self) -> tuple[str, str]:
        if len(self.methods) < 2:
            return "There is no other method to compare with.", "no other method to compare with"
        if self.comparisons is None or self.comparisons.empty:
            why = "an older release compared them" if self.older else "the folder holds no statistics between methods"
            return f"Not told here: {why}.", why
        primary = self.comparisons[self.comparisons["kind"] == PRIMARY]
        tested = primary[primary["p"].notna()]
        if tested.empty:
            return "No difference was declared beforehand and tested.", "no declared difference tested"
        reference, beyond = str(tested["method_a"].iloc[0]), int(tested["beyond_chance"].sum())
        text = [
            f"{beyond} of the {count(len(tested), 'difference')} of {reference} from the others that were declared "
            f"beforehand {'is' if beyond == 1 else 'are'} beyond chance after Holm's correction."
        ]
        text += [_of_score(self._heading(str(score)), rows) for score, rows in tested.groupby("score", sort=False)]
        if absent := len(primary) - len(tested):
            text.append(f"{absent} more could not be tested.")
        line = f"{beyond} of {len(tested)} declared ones of {shortened(reference, _WIDTH)} beyond chance"
        return " ".join(text), line

    def _limits(self) -> tuple[str, str]:
        if self.detectable is None or self.detectable.empty:
            return "How small a difference this design can find is not known: the folder holds no statistics.", ""
        corrected = self.detectable[self.detectable["detectable_corrected"].notna()]
        chosen, column = (corrected, "detectable_corrected") if len(corrected) else (self.detectable, "detectable")
        chosen = chosen[chosen[column].notna()]
        text = []
        sizes = [(self._heading(row["score"]), float(row[column])) for row in chosen.to_dict("records")]
        # All these scores lie in [0, 1].
        if none := [name for name, size in sizes if size > 1]:
            text.append(f"No difference in {_listed(none)} could be found, however large.")
        sizes = [(name, size) for name, size in sizes if size <= 1]
        if sizes:
            listed = _listed([f"{size:.3f} in {name}" for name, size in sizes])
            text.append(
                f"A true difference of two methods below {listed} is found with less than {POWER:.0%} power"
                f"{' after the correction' if len(corrected) else ''}: that none is shown does not mean there is none."
            )
        seeds = int(self.detectable["seeds"].max())
        if seeds == 1:
            text.append("One seed: another training or data set may differ by more than the intervals say.")
        if not text:
            return "How small a difference this design can find could not be estimated.", ""
        return " ".join(text), f"those in {sizes[0][0]} below {sizes[0][1]:.3f} cannot be told" if sizes else ""

    def _heading(self, score: str) -> str:
        columns = with_labels([column for column in EVERY_COLUMN if column.key == score], pair_of(self.scores))
        # Some headings end in a full stop.
        return columns[0].heading if columns else score


def _of_score(heading: str, rows: pd.DataFrame) -> str:
    reference = rows["method_a"].iloc[0]
    beyond = rows[rows["beyond_chance"]]
    groups: Mapping[str, list[str]] = {
        "better than": list(beyond.loc[beyond["better"] == reference, "method_b"]),
        "worse than": list(beyond.loc[beyond["better"] != reference, "method_b"]),
        "not told from": list(rows.loc[~rows["beyond_chance"], "method_b"]),
    }
    told = {words: _names(names) for words, names in groups.items() if names}
    # Who makes up the most of them is told by the rest.
    words = max(told, key=lambda each: len(groups[each]))
    if len(told) == 1 and len(rows) > 1:
        told[words] = f"{'any of the' if words == 'not told from' else 'all'} {len(rows)}"
    elif 2 * len(groups[words]) > len(rows):
        told[words] = "the others" if len(groups[words]) > 1 else told[words]
    ordered = sorted(told, key=lambda each: each == words)
    return f"{heading}: {'; '.join(f'{each} {told[each]}' for each in ordered)}."


def _value(reading: Reading | None) -> float:
    return reading.value if reading is not None else math.nan


def _mean(values: Iterator[float]) -> float:
    given = list(values)
    return sum(given) / len(given) if given else math.nan


def _names(names: Sequence[str]) -> str:
    return _listed(in_order(names, names))


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _ends(ordered: Sequence[str]) -> str:
    """Methods with their values, in order; of many those at both ends, as the tables have all."""
    if len(ordered) <= _LONGEST:
        return ", ".join(ordered)
    between = len(ordered) - _FIRST - _LAST
    return f"{', '.join(ordered[:_FIRST])}, {between} others, {', '.join(ordered[-_LAST:])}"


def _few(names: Sequence[str]) -> str:
    shown = [shortened(name, _WIDTH) for name in names[:_NAMES]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")
