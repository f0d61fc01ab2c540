"""Every score of the long table, summarised over its runs in one pass."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pandas as pd

from benchmark.metrics.rows import parse_key_values
from benchmark.report.columns import P_VALUES
from benchmark.report.text import counted
from benchmark.results.schema import PARAMETERS, parameters_of, with_parameters

#: What names a summary, apart from the method.
WHAT = ["protocol", "table", "metric", PARAMETERS, "subgroup"]


def aggregate(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean and SD over seeds of the mean over held-out sites, for every metric, subgroup and method at once.

    The numbers are those of :func:`benchmark.report.summary.entries_of`: a method is expected to have every run that
    any method has for the same protocol, metric, parameters and subgroup, and a mean with a missing or undefined run
    is missing.

    Parameters
    ----------
    scores
        Long score table without repeated rows, in any order.

    Returns
    -------
    pandas.DataFrame
        A row per method that has any row, sorted: :data:`WHAT`, ``method``, ``mean``, ``sd`` (NaN for one seed),
        ``runs``, ``ci_low`` and ``ci_high`` (means of the runs' ends, NaN unless every run has both), ``chance``
        (mean of the runs that have one), ``n_low`` and ``n_high`` (smallest and largest n of a run), ``higher``
        (True, False or None for no direction, as of p-values), ``note``, and the columns of the parameters.
    """
    each = [*WHAT, "method"]
    rows = with_parameters(scores)
    numbers = ["value", "ci_low", "ci_high", "chance"]
    rows[numbers] = rows[numbers].astype(float).where(np.isfinite(rows[numbers].astype(float)))
    runs = rows[[*WHAT, "held_out_site", "seed"]].drop_duplicates()
    expected = runs.groupby([*WHAT, "seed"]).size().rename("expected").reset_index()
    by_seed = rows.groupby([*each, "seed"])["value"].agg(["sum", "count"]).reset_index()
    wanted = rows[each].drop_duplicates().merge(expected, on=WHAT).merge(by_seed, on=[*each, "seed"], how="left")
    whole = wanted["count"] == wanted["expected"]
    wanted["value"] = (wanted["sum"] / wanted["expected"]).where(whole)
    groups = wanted.groupby(each)
    complete = groups["value"].count() == groups.size()
    result = pd.DataFrame(
        {
            "mean": groups["value"].mean().where(complete),
            "sd": groups["value"].std(ddof=1).where(complete),
            "runs": groups["expected"].sum().astype(int),
        }
    )
    of_method = rows.groupby(each)
    for end in ("ci_low", "ci_high"):
        result[end] = of_method[end].mean().where(of_method[end].count() == result["runs"])
    result["chance"] = of_method["chance"].mean()
    result["n_low"], result["n_high"] = of_method["n"].min(), of_method["n"].max()
    result["higher"] = _directions(rows, each)
    result["note"] = _reasons(rows, each, result["runs"])
    given = rows[[PARAMETERS, *parameters_of(scores)]].drop_duplicates(PARAMETERS).set_index(PARAMETERS)
    return result.reset_index().join(given, on=PARAMETERS)


def only_keys(subgroup: str) -> dict[str, str]:
    """Keys and values of a subgroup; under the key ``subgroup`` as it is, where it is no list of them."""
    try:
        return parse_key_values(subgroup)
    except ValueError:
        return {"subgroup": subgroup}


def _directions(rows: pd.DataFrame, each: list[str]) -> pd.Series:
    directed = rows[~rows["metric"].isin(list(P_VALUES))]
    said = directed.dropna(subset=["higher_is_better"]).groupby(each)["higher_is_better"].agg(["min", "max"])
    return said["min"].where(said["min"] == said["max"]).astype(object)


def _reasons(rows: pd.DataFrame, each: list[str], expected: pd.Series) -> pd.Series:
    texts = rows["note"].fillna("").where(rows["note"].fillna("") != "", "undefined")
    told = rows.assign(note=texts)[(rows["note"].fillna("") != "") | rows["value"].isna()]
    found = {key: Counter(group) for key, group in told.groupby(each)["note"]}
    absent = (expected - rows.groupby(each).size()).to_dict()
    return pd.Series(
        {
            key: counted(found.get(key, Counter()) + Counter({"no result": absent[key]}), expected[key])
            for key in expected.index
        }
    )


def span(low: float, high: float) -> str:
    """A range of whole numbers as text: one number where both ends agree, nothing where there is none."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{low:g}" if low == high else f"{low:g}–{high:g}"
