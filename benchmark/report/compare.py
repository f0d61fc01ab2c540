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

from benchmark.report.results import Results
from benchmark.report.tables import CELL as _CELL

CELL = list(_CELL)
SCORE = ["table", "metric", "params", "subgroup"]

#: What a claim is made of: a score of a method, over the cells of a protocol.
CLAIM = ["method", "protocol", *SCORE]

#: Level of the tests, over all claims together.
LEVEL = 0.05

#: Entries of the provenance that differ between any two runs.
_ALWAYS_DIFFERENT = (
    "seconds_of_this_call",
    "seconds_of_preparation",
    "seconds_of_all_cells",
    "peak_memory_mib",
    "largest_waiting_share",
)


@dataclass(frozen=True)
class Comparison:
    """Two sets of results, side by side.

    Attributes
    ----------
    values
        A row per score that both have: the cell and the score, ``a``, ``b``, ``difference`` (b - a; NaN where
        either is undefined), ``reason_a``, ``reason_b``, ``beyond_tolerance`` (true also where one alone is
        undefined).
    claims
        A row per overall score of a method and protocol: ``cells``, mean ``a``, ``b`` and ``difference`` over them,
        ``test``, ``p``, ``p_holm``, ``beyond_chance``.
    only_a, only_b
        Cells that one alone has, as text.
    scores_only_a, scores_only_b
        Scores that one alone has in cells that both have.
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
    scores_only_a: int
    scores_only_b: int
    versions: list[str]
    provenance: list[tuple[str, str, str]]
    tolerance: float

    @property
    def same(self) -> bool:
        """Whether both have the same scores, within the tolerance."""
        absent = self.only_a or self.only_b or self.scores_only_a or self.scores_only_b or self.versions
        return not absent and not self.values["beyond_tolerance"].any()

    @property
    def same_but_for_chance(self) -> bool:
        """Whether both have the same cells and no claim differs by more than chance."""
        return not (self.only_a or self.only_b or self.versions or self.claims["beyond_chance"].any())


def compare(a: Results, b: Results, tolerance: float = 1e-6) -> Comparison:
    """Compare two sets of results, score by score and claim by claim.

    A claim's difference is tested over the cells that both have: a paired t-test where there are two or more whose
    differences vary; for one cell with 95 % intervals on both sides, a normal test with the standard errors that
    these imply, as if the sets were independent, which is conservative where they share test subjects. Over all
    claims that can be tested p is corrected after Holm (1979). Cells that hold out sites of the same phantom are
    not independent, so a p from them alone is too small; n is given for that reason.

    Parameters
    ----------
    a, b
        The results.
    tolerance
        Absolute difference up to which two values are the same.
    """
    cells_a, cells_b = _cells(a.scores), _cells(b.scores)
    both = a.scores.merge(b.scores, on=[*CELL, *SCORE], how="outer", suffixes=("_a", "_b"), indicator=True)
    shared = pd.MultiIndex.from_frame(both[CELL]).isin(cells_a.intersection(cells_b))
    paired = both[both["_merge"] == "both"].reset_index(drop=True)
    versions = paired.loc[paired["version_a"] != paired["version_b"], ["table", "metric", "version_a", "version_b"]]
    return Comparison(
        values=_values(paired, tolerance),
        claims=_claims(paired),
        only_a=_named(cells_a.difference(cells_b)),
        only_b=_named(cells_b.difference(cells_a)),
        scores_only_a=int((shared & (both["_merge"] == "left_only")).sum()),
        scores_only_b=int((shared & (both["_merge"] == "right_only")).sum()),
        versions=[
            f"{table} {metric}: {int(old)} and {int(new)}"
            for table, metric, old, new in versions.drop_duplicates().sort_values(["table", "metric"]).itertuples(False)
        ],
        provenance=_differing(a.provenance, b.provenance),
        tolerance=tolerance,
    )


def _cells(scores: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(scores[CELL].drop_duplicates())


def _named(cells: pd.MultiIndex) -> list[str]:
    return [
        f"{method}, {protocol}{f' without {site}' if site else ''}, seed {seed}"
        for method, protocol, site, seed in sorted(cells)
    ]


def _values(paired: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    values = paired[[*CELL, *SCORE]].copy()
    values["a"], values["b"] = paired["value_a"], paired["value_b"]
    values["difference"] = values["b"] - values["a"]
    values["reason_a"], values["reason_b"] = paired["reason_a"], paired["reason_b"]
    one_undefined = values["a"].isna() != values["b"].isna()
    values["beyond_tolerance"] = one_undefined | (values["difference"].abs() > tolerance)
    return values


def _claims(paired: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for claim, cells in paired[paired["subgroup"] == ""].groupby(CLAIM, sort=True):
        defined = cells[cells["value_a"].notna() & cells["value_b"].notna()]
        test, p = _test(defined)
        means = defined["value_a"].mean(), defined["value_b"].mean()
        rows.append((*claim, len(defined), *means, means[1] - means[0], test, p))
    claims = pd.DataFrame(rows, columns=[*CLAIM, "cells", "a", "b", "difference", "test", "p"])
    tested = claims["p"].notna()
    claims["p_holm"] = math.nan
    if tested.any():
        claims.loc[tested, "p_holm"] = multipletests(claims.loc[tested, "p"], method="holm")[1]
    claims["beyond_chance"] = claims["p_holm"] < LEVEL
    return claims


def _test(cells: pd.DataFrame) -> tuple[str, float]:
    a, b = cells["value_a"].to_numpy(float), cells["value_b"].to_numpy(float)
    if len(cells) and np.array_equal(a, b):
        return "equal", 1.0
    if len(cells) >= 2 and np.ptp(b - a) > 0:
        return "paired t", float(ttest_rel(a, b).pvalue)
    if len(cells) == 1:
        widths = [float((cells[f"ci_high_{side}"] - cells[f"ci_low_{side}"]).iloc[0]) for side in "ab"]
        error = math.hypot(*widths) / (2 * norm.ppf(0.975))
        if error > 0:
            return "intervals", float(2 * norm.sf(abs(b[0] - a[0]) / error))
    return "none", math.nan


def _differing(a: dict[str, Any], b: dict[str, Any]) -> list[tuple[str, str, str]]:
    left, right = dict(_flat(a)), dict(_flat(b))
    names = sorted(set(left) | set(right))
    pairs = [(name, left.get(name, "not given"), right.get(name, "not given")) for name in names]
    return [pair for pair in pairs if pair[1] != pair[2] and pair[0] not in _ALWAYS_DIFFERENT]


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, str(value)
