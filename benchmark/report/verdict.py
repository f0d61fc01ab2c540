"""What a table of scores says in a line or two: whether the site was found, and what could not be scored."""

from __future__ import annotations

import math
from collections.abc import Collection

import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from benchmark.report.text import grouped

#: p-values up to which a test counts as having found something.
LEVEL = 0.05

_PROBES = {"linear": "linear probe", "knn": "kNN", "mlp": "MLP", "boosting": "boosted trees"}
#: What the tables of scores hold that some data leave undefined, and which of a scan's facts each needs.
_NEEDING = {
    "retrieval": ("retrieval by diagnosis", "diagnosis"),
    "disease": ("the diagnosis probe", "diagnosis"),
    "age": ("age", "age"),
    "identity": ("identity across sites", ""),
    "reliability": ("reliability", ""),
}
#: Scores of these tables that need none of it.
_WITHOUT = ("same_site@10",)


def verdicts(scores: pd.DataFrame) -> list[str]:
    """Whether each method's site was found, in a line.

    It is found where the permutation test finds it: its smallest p over the coordinates, times their number
    (Bonferroni), is at most :data:`LEVEL`; or where the interval of the worst probe, that is the one of the highest
    balanced accuracy, lies above chance when it is widened for the number of probes (:func:`above_chance`), which the
    line says, as a linear test does not see every site. Where the interval lies above chance only before that, the line
    says that this is not settled: the worst of several probes is above chance now and then. Nor is it
    where a probe reads every scan right, which has no interval, and the test finds nothing. Where there is no
    site, test and probes together find one in at most 7.5 % (5 % and 2.5 %), if the intervals cover what they say.

    Parameters
    ----------
    scores
        Long score table with one run a method.
    """
    overall = scores[scores["subgroup"] == ""]
    lines = []
    for method in overall["method"].unique():
        leakage = overall[(overall["method"] == method) & (overall["table"] == "leakage")]
        lines.append(f"{method}: {_verdict(leakage)}" if overall["method"].nunique() > 1 else _verdict(leakage))
    return lines


def above_chance(value: float, low: float, chance: float, tests: int, seeds: int = 1) -> bool:
    """Whether the interval of one of several tests lies above chance after correction for their number (Bonferroni).

    Its distance from value to lower end is stretched by the quantile of the normal distribution or, over seeds, of
    Student's t at 1 - 0.025 / tests, over that at 0.975, so that one of so many lies above chance in 2.5 % if all are
    at chance.

    Parameters
    ----------
    value, low, chance
        The value, the lower end of its 95 % interval, NaN where there is none, and chance.
    tests
        How many, at least 1.
    seeds
        Over which the interval is; 1 for one over subjects alone.
    """
    of = norm if seeds < 2 else student(seeds - 1)
    stretch = float(of.ppf(1 - LEVEL / 2 / tests) / of.ppf(1 - LEVEL / 2))
    return value - stretch * (value - low) > chance


def _verdict(leakage: pd.DataFrame) -> str:
    probes = leakage[leakage["metric"] == "balanced_accuracy"]
    defined = probes[probes["value"].notna()]
    if defined.empty:
        return f"site not tested: {next(iter(probes['note']), 'no probe was asked for')}"
    worst = defined.nlargest(1, "value").iloc[0]
    low, high, chance = (float(worst[name]) for name in ("ci_low", "ci_high", "chance"))
    interval = "" if math.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    against = "" if math.isnan(chance) else f" against chance {chance:.2f}"
    which = f"{_PROBES.get(str(worst['probe']), worst['probe'])}, {worst['coordinates']}"
    read = f"balanced accuracy {worst['value']:.2f}{interval}{against} (worst of {len(defined)}: {which})"
    # A probe that reads every scan right has no interval, and is no sign that there is no site.
    above = low > chance or (math.isnan(low) and worst["value"] == 1 > chance)
    found = above_chance(float(worst["value"]), low, chance, len(defined))
    tests = leakage[(leakage["metric"] == "p_value") & leakage["value"].notna()]
    if "given" in tests:
        tests = tests[tests["given"] == "nothing"]
    if tests.empty:
        word = "site found" if found else "site not settled" if above else "site not found"
        return f"{word}: no permutation test; {read}"
    p = min(1.0, float(tests["value"].min()) * len(tests))
    if p <= LEVEL:
        word = "site found"
    elif found:
        word = "site found by a probe and not by the permutation test"
    else:
        word = "site not settled" if above else "site not found"
    shown = f"{p:.2g}"
    # Rounded to the other side of the level it would contradict the word.
    return f"{word}: p {shown if (float(shown) <= LEVEL) == (p <= LEVEL) else f'{p:g}'}; {read}"


def not_scored(scores: pd.DataFrame, unknown: Collection[str] = ()) -> list[str]:
    """What is undefined for every method, and why, in one line; none where all is scored.

    Parameters
    ----------
    scores
        Long score table.
    unknown
        Facts, such as ``diagnosis``, of which nothing is known of any scan.
    """
    overall = scores[(scores["subgroup"] == "") & ~scores["metric"].isin(_WITHOUT)]
    reasons = {}
    for table, (name, needed) in _NEEDING.items():
        rows = overall[overall["table"] == table]
        if len(rows) and rows["value"].isna().all():
            fact = f"no {needed} is known" if needed in unknown else str(rows["note"].mode().iloc[0])
            reasons[name] = fact
    if {"age", "diagnosis"} <= set(unknown):
        reasons["leakage given age and diagnosis"] = "nothing is known of them, so it is that given nothing"
    told = "; ".join(f"{' and '.join(names)} ({reason})" for reason, names in grouped(reasons).items())
    return [f"not scored: {told}"] if told else []
