"""What differs between two sets of results, by how much, and whether that is more than chance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm, ttest_rel
from statsmodels.stats.multitest import multipletests

from benchmark.results.read import StoredResults
from benchmark.results.schema import PARAMETERS, RUN_COLUMNS, run_name, with_parameters

RUN = list(RUN_COLUMNS)
SCORE = ["table", "metric", PARAMETERS, "subgroup"]

#: What a claim is made of: a score of a method, over the runs of a protocol.
CLAIM = ["method", "protocol", *SCORE]

#: What stands beside a value and is compared where both have it: exactly, or within the tolerance.
EXACT, CLOSE = ("n",), ("chance", "ci_low", "ci_high")

_COLUMNS = [*RUN, *SCORE, "version", "value", "note", *EXACT, *CLOSE]

#: Level of the tests, over all claims together.
LEVEL = 0.05

#: Entries of the provenance that differ between any two runs.
_ALWAYS_DIFFERENT = (
    "seconds_of_this_call",
    "seconds_of_preparation",
    "seconds_of_all_runs",
    "peak_memory_mib",
    "largest_waiting_share",
)
#: And parts of it of which every entry does.
_ALWAYS_DIFFERENT_PARTS = ("about.seconds.",)


@dataclass(frozen=True)
class Comparison:
    """Two sets of results, side by side.

    Attributes
    ----------
    values
        A row per score that both have: the run and the score, ``a``, ``b``, ``difference`` (b - a; NaN where
        either is undefined), ``note_a``, ``note_b``, ``beyond_tolerance`` (true also where one alone is
        undefined), ``undefined_in`` (``A`` or ``B`` where that one alone is undefined, else empty) and ``beside``
        (which of n, chance, ci_low and ci_high differ, as text).
    claims
        A row per overall score of a method and protocol: ``runs``, mean ``a``, ``b`` and ``difference`` over them,
        ``test``, ``p``, ``p_holm``, ``beyond_chance``, ``untestable`` (differs beyond the tolerance, and no test can
        say whether by chance).
    only_a, only_b
        Runs that one alone has, as text.
    scores_only_a, scores_only_b
        Scores that one alone has in runs that both have, as text.
    versions
        Metrics whose version differs; their values are not comparable.
    provenance
        Entries that differ: name, value in A, value in B.
    tolerance
        Largest difference that counts as none.
    """

    values: pd.DataFrame
    claims: pd.DataFrame
    only_a: list[str]
    only_b: list[str]
    scores_only_a: list[str]
    scores_only_b: list[str]
    versions: list[str]
    provenance: list[tuple[str, str, str]]
    tolerance: float

    @property
    def same(self) -> bool:
        """Whether both have the same scores within the tolerance, with the same n, chance and interval beside them."""
        values = self.values
        return not (self._absent or values["beyond_tolerance"].any() or (values["beside"] != "").any())

    @property
    def same_but_for_chance(self) -> bool:
        """Whether both have the same scores, the same of them defined, and no claim that differs by more than chance.

        A claim that differs and cannot be tested counts as one that does: nobody has shown that it is chance.
        """
        changed = (self.values["undefined_in"] != "").any() or self.claims[["beyond_chance", "untestable"]].any(
            axis=None
        )
        return not (self._absent or changed)

    @property
    def _absent(self) -> bool:
        return bool(self.only_a or self.only_b or self.scores_only_a or self.scores_only_b or self.versions)


def compare(a: StoredResults, b: StoredResults, tolerance: float = 1e-6) -> Comparison:
    """Compare two sets of results, score by score and claim by claim.

    A claim's difference is tested over the runs that both have. p is 1 where no run differs beyond the tolerance.
    Otherwise it is that of a paired t-test where there are two or more runs whose differences vary; for one run with
    95 % intervals on both sides, of a normal test with the standard errors that these imply, as if the sets were
    independent, which is conservative where they share test subjects. Over all claims that can be tested p is
    corrected after Holm (1979). Runs that hold out sites of the same phantom are not independent, so a p from them
    alone is too small; n is given for that reason.

    Parameters
    ----------
    a, b
        The results.
    tolerance
        Absolute difference up to which two values are the same, and two chance levels and two ends of intervals where
        both sets have them; n must be equal.
    """
    runs_a, runs_b = _runs(a.scores), _runs(b.scores)
    left, right = (with_parameters(each.scores)[_COLUMNS] for each in (a, b))
    both = left.merge(right, on=[*RUN, *SCORE], how="outer", suffixes=("_a", "_b"), indicator=True)
    shared = pd.MultiIndex.from_frame(both[RUN]).isin(runs_a.intersection(runs_b))
    paired = both[both["_merge"] == "both"].reset_index(drop=True)
    versions = paired.loc[paired["version_a"] != paired["version_b"], ["table", "metric", "version_a", "version_b"]]
    return Comparison(
        values=_values(paired, tolerance),
        claims=_claims(paired, tolerance),
        only_a=_named(runs_a.difference(runs_b)),
        only_b=_named(runs_b.difference(runs_a)),
        scores_only_a=_scores(both[shared & (both["_merge"] == "left_only")]),
        scores_only_b=_scores(both[shared & (both["_merge"] == "right_only")]),
        versions=[
            f"{table} {metric}: {int(old)} and {int(new)}"
            for table, metric, old, new in versions.drop_duplicates().sort_values(["table", "metric"]).itertuples(False)
        ],
        provenance=_differing(a.provenance, b.provenance),
        tolerance=tolerance,
    )


def _runs(scores: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(scores[RUN].drop_duplicates())


def _named(runs: pd.MultiIndex) -> list[str]:
    return [run_name(*run) for run in sorted(runs)]


def score_name(table: str, metric: str, parameters: str, subgroup: str = "") -> str:
    """A score as text."""
    return f"{table} {metric} [{parameters}]{f' of {subgroup}' if subgroup else ''}"


def _scores(rows: pd.DataFrame) -> list[str]:
    return [
        f"{run_name(*row[: len(RUN)])}: {score_name(*row[len(RUN) :])}"
        for row in rows[[*RUN, *SCORE]].sort_values([*RUN, *SCORE]).itertuples(index=False, name=None)
    ]


def _values(paired: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    values = paired[[*RUN, *SCORE]].copy()
    values["a"], values["b"] = paired["value_a"], paired["value_b"]
    values["difference"] = values["b"] - values["a"]
    values["note_a"], values["note_b"] = paired["note_a"], paired["note_b"]
    one_undefined = values["a"].isna() != values["b"].isna()
    values["beyond_tolerance"] = one_undefined | (values["difference"].abs() > tolerance)
    values["undefined_in"] = np.where(one_undefined, np.where(values["a"].isna(), "A", "B"), "")
    values["beside"] = _beside(paired, tolerance)
    return values


def _beside(paired: pd.DataFrame, tolerance: float) -> list[str]:
    differing = {
        name: ((paired[f"{name}_b"] - paired[f"{name}_a"]).abs() > (0 if name in EXACT else tolerance)).tolist()
        for name in (*EXACT, *CLOSE)
    }
    return [", ".join(name for name, here in differing.items() if here[row]) for row in range(len(paired))]


def _claims(paired: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    rows = []
    for claim, runs in paired[paired["subgroup"] == ""].groupby(CLAIM, sort=True):
        defined = runs[runs["value_a"].notna() & runs["value_b"].notna()]
        test, p = _test(defined, tolerance)
        means = defined["value_a"].mean(), defined["value_b"].mean()
        rows.append((*claim, len(defined), *means, means[1] - means[0], test, p))
    claims = pd.DataFrame(rows, columns=[*CLAIM, "runs", "a", "b", "difference", "test", "p"])
    tested = claims["p"].notna()
    claims["p_holm"] = math.nan
    if tested.any():
        claims.loc[tested, "p_holm"] = multipletests(claims.loc[tested, "p"], method="holm")[1]
    claims["beyond_chance"] = claims["p_holm"] < LEVEL
    claims["untestable"] = ~tested & (claims["difference"].abs() > tolerance)
    return claims


def _test(runs: pd.DataFrame, tolerance: float) -> tuple[str, float]:
    a, b = runs["value_a"].to_numpy(float), runs["value_b"].to_numpy(float)
    if len(runs) and (np.abs(b - a) <= tolerance).all():
        # Rounding errors of one sign would else be significant.
        return "equal", 1.0
    if len(runs) >= 2 and np.ptp(b - a) > 0:
        return "paired t", float(ttest_rel(a, b).pvalue)
    if len(runs) == 1:
        widths = [float((runs[f"ci_high_{side}"] - runs[f"ci_low_{side}"]).iloc[0]) for side in "ab"]
        error = math.hypot(*widths) / (2 * norm.ppf(0.975))
        if error > 0:
            return "intervals", float(2 * norm.sf(abs(b[0] - a[0]) / error))
    return "none", math.nan


def _differing(a: dict[str, Any], b: dict[str, Any]) -> list[tuple[str, str, str]]:
    left, right = dict(_flat(a)), dict(_flat(b))
    names = sorted(set(left) | set(right))
    pairs = [(name, left.get(name, "not given"), right.get(name, "not given")) for name in names]
    return [pair for pair in pairs if pair[1] != pair[2] and not _always_different(pair[0])]


def _always_different(name: str) -> bool:
    return name in _ALWAYS_DIFFERENT or name.startswith(_ALWAYS_DIFFERENT_PARTS)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, str(value)
