"""Leakage of the site that was held out, beside that of the same site when it was trained on.

Balanced accuracy over all sites says little of the one site that a model has not seen: the others make up most of it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from benchmark.metrics.leakage import ACCURACY, RECALL
from benchmark.metrics.rows import Metric, parse_key_values
from benchmark.protocols import LEAVE_ONE_SITE_OUT, POOLED
from benchmark.report.statistics.shared_subjects import inflation
from benchmark.results.schema import PARAMETERS, with_parameters

#: Recall of the held-out site by a probe of the LDRs of the model that did not see it.
HELD_OUT = Metric("leakage", "held_out_site_recall", version=1, higher_is_better=False)
#: Recall of the same site in the pooled run of the same method and seed, whose model has seen it.
TRAINED_ON = Metric("leakage", "trained_on_site_recall", version=1, higher_is_better=False)
#: The first minus the second.
EXCESS = Metric("leakage", "held_out_site_excess", version=1, higher_is_better=False, lowest=-1.0)

#: Fewest seeds for an interval and a test.
LEAST_SEEDS = 3

_RUN = ["method", "held_out_site", "seed", PARAMETERS]


def with_held_out(scores: pd.DataFrame) -> pd.DataFrame:
    """A long score table with rows of :data:`HELD_OUT`, :data:`TRAINED_ON` and :data:`EXCESS` for its held-out runs.

    They are taken from the rows of recall by site (subgroup ``site=...``) that the table has: nothing is measured
    again. ``TRAINED_ON`` and ``EXCESS`` are there where the method has a pooled run of the same seed. Chance is that
    of the run's balanced accuracy: the mean over sites of recall with permuted sites.

    Parameters
    ----------
    scores
        Long table, rows in any order.

    Returns
    -------
    pandas.DataFrame
        The rows of the table, then the new ones.
    """
    keyed = with_parameters(scores)
    found = keyed[(keyed["table"] == RECALL.table) & (keyed["metric"] == RECALL.name)]
    sites = {text: parse_key_values(text).get("site", "") for text in found["subgroup"].unique()}
    found = found.assign(site=found["subgroup"].map(sites))
    unseen = found[(found["protocol"] == LEAVE_ONE_SITE_OUT) & (found["site"] == found["held_out_site"])]
    if unseen.empty:
        return scores
    seen = found.loc[found["protocol"] == POOLED, ["method", "site", "seed", PARAMETERS, "value"]]
    seen = seen.rename(columns={"site": "held_out_site", "value": "seen"})
    overall = keyed[(keyed["table"] == ACCURACY.table) & (keyed["metric"] == ACCURACY.name) & (keyed["subgroup"] == "")]
    overall = overall.loc[overall["protocol"] == LEAVE_ONE_SITE_OUT, [*_RUN, "chance"]]
    rows = unseen.drop(columns="chance").merge(overall, how="left", on=_RUN).merge(seen, how="left", on=_RUN)
    paired = rows[rows["seen"].notna()]
    kinds = (
        (HELD_OUT, rows, rows["value"], rows["chance"]),
        (TRAINED_ON, paired, paired["seen"], paired["chance"]),
        (EXCESS, paired, paired["value"] - paired["seen"], math.nan),
    )
    added = [
        part.assign(metric=metric.name, version=metric.version, subgroup="", value=value, chance=chance)
        for metric, part, value, chance in kinds
    ]
    return pd.concat([scores, *(part[list(scores.columns)] for part in added)], ignore_index=True)


def held_out_comparison(scores: pd.DataFrame, shared: float = 0.0) -> pd.DataFrame:
    """Held-out site against the same site when trained on, with an interval of the difference and a test.

    The difference is the mean over held-out sites, then over seeds. Sites of a seed share subjects and scanners, so
    the seed is the unit: Student's t over the seeds' differences, from :data:`LEAST_SEEDS` seeds on, with a standard
    error that is inflated where seeds share test subjects
    (:func:`benchmark.report.statistics.shared_subjects.inflation`). The p-values are not corrected for the number of
    methods and probes.

    Parameters
    ----------
    scores
        Long table, rows in any order.
    shared
        Share of test subjects that two seeds have in common.

    Returns
    -------
    pandas.DataFrame
        A row per ``method``, ``probe`` and ``coordinates``: ``held_out_site``, ``same_site_trained_on``, ``chance``,
        their ``difference``, ``ci_low``, ``ci_high``, ``p``, ``seeds``, ``runs`` and ``note``; no row where no site
        is held out.
    """
    scores = with_held_out(scores)
    chosen = scores[scores["metric"].isin([HELD_OUT.name, EXCESS.name]) & (scores["table"] == HELD_OUT.table)]
    rows = []
    for (method, _), part in with_parameters(chosen).groupby(["method", PARAMETERS], sort=True):
        unseen, excess = (part[part["metric"] == metric.name] for metric in (HELD_OUT, EXCESS))
        by_seed = excess.groupby("seed")["value"].mean()
        mean = float(unseen.groupby("seed")["value"].mean().mean())
        difference = float(by_seed.mean()) if len(by_seed) else math.nan
        low, high, p, note = _t_test(by_seed.to_numpy(float), shared)
        paired = unseen[unseen["seed"].isin(by_seed.index)].groupby("seed")["value"].mean().mean()
        rows.append(
            {
                "method": method,
                "probe": part["probe"].iloc[0],
                "coordinates": part["coordinates"].iloc[0],
                "held_out_site": mean,
                "same_site_trained_on": float(paired) - difference,
                "chance": float(unseen["chance"].mean()),
                "difference": difference,
                "ci_low": low,
                "ci_high": high,
                "p": p,
                "seeds": len(by_seed),
                "runs": len(excess),
                "note": note,
            }
        )
    return pd.DataFrame(rows)


def _t_test(differences: npt.NDArray[np.float64], shared: float) -> tuple[float, float, float, str]:
    """95 % interval of the mean and its two-sided p against 0, or why there are none."""
    count = len(differences)
    if count < LEAST_SEEDS:
        return math.nan, math.nan, math.nan, f"fewer than {LEAST_SEEDS} seeds with a pooled run"
    if shared == 1:
        return math.nan, math.nan, math.nan, "all seeds have the same test subjects"
    mean, error = float(differences.mean()), float(differences.std(ddof=1)) / math.sqrt(count)
    error *= inflation(count, shared)
    if error == 0:
        return mean, mean, 1.0 if mean == 0 else math.nan, "" if mean == 0 else "the same difference in every seed"
    reach = float(student.ppf(0.975, count - 1)) * error
    return mean - reach, mean + reach, float(2 * student.sf(abs(mean / error), count - 1)), ""
