"""Rules by which a trial is chosen among those of its method; none looks at a label of a test subject."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import kendalltau

from benchmark.metrics.similarity import prepare, similarities
from benchmark.protocols import LEAVE_ONE_SITE_OUT, POOLED


@dataclass(frozen=True)
class Rule:
    """What a trial is judged by.

    Attributes
    ----------
    terms
        Columns of the measurements, each of the same weight; a term in :data:`LOWER_IS_BETTER` is better if lower.
    meaning
        In words.
    protocol
        Of the trainings that the terms are measured on.
    """

    terms: tuple[str, ...]
    meaning: str
    protocol: str = POOLED


LOWER_IS_BETTER = ("site_probe", "unseen_site_probe", "test_site_probe")
RULES = {
    "unsupervised": Rule(
        ("ssim", "site_probe", "own_view_found"),
        "reconstruction (SSIM), site leakage (MLP, standardised and whitened) and own view found, of held-out training "
        "subjects; no diagnosis",
    ),
    "diagnoses": Rule(
        ("map_cn_ad", "site_probe"),
        "retrieval by disease across sites (mAP CN/AD) and site leakage (MLP, standardised and whitened), of held-out "
        "training subjects",
    ),
    "leave_one_training_site_out": Rule(
        ("unseen_map_cn_ad", "unseen_site_probe"),
        "of held-out training subjects of a site that the training did not see: retrieval by disease from the other "
        "sites (mAP CN/AD) and how often the MLP that names the sites of all scans names it (recall, standardised and "
        "whitened); means over the sites that are held out",
        LEAVE_ONE_SITE_OUT,
    ),
}
#: All terms of all rules, in the order of the table.
TERMS = tuple(dict.fromkeys(term for rule in RULES.values() for term in rule.terms))
#: What rules are compared with; it looks at labels of test subjects and chooses nothing that is used.
ORACLE = Rule(
    ("test_map_cn_ad", "test_site_probe"),
    "retrieval by disease across sites (mAP CN/AD) and site leakage (MLP, standardised and whitened), of test subjects",
)


def view_match(
    ldr: npt.NDArray[np.float64], of_views: npt.NDArray[np.float64], centre: npt.NDArray[np.float64]
) -> float:
    """Share of scans whose most similar view, by centred cosine, is their own.

    Parameters
    ----------
    ldr, of_views
        LDRs of scans and of a view of each, shape (scans, dimensions).
    centre
        Mean LDR of the training scans, shape (dimensions,).
    """
    cosines = similarities(
        prepare(ldr, centre, "cosine_centred"), prepare(of_views, centre, "cosine_centred"), "cosine_centred"
    )
    return float((cosines.argmax(axis=1) == np.arange(len(ldr))).mean())


def mean_ranks(measured: pd.DataFrame, terms: Sequence[str]) -> pd.Series:
    """Mean over seeds and terms of a trial's rank among its method's trials, 1 being the best.

    Equal values share the mean of their ranks; an undefined one comes last. A term that all trials of a method lack,
    such as the reconstruction of a method without a decoder, counts for none of them.

    Parameters
    ----------
    measured
        One row per method, trial and seed, with these columns and those of the terms.
    terms
        Those of a rule.

    Returns
    -------
    pandas.Series
        Indexed by method and trial, in the order of the rows.
    """
    among = measured.groupby(["method", "seed"], sort=False)
    ranks = [among[term].rank(ascending=term in LOWER_IS_BETTER, na_option="bottom") for term in terms]
    # Sums of halves are exact, so that equal trials stay equal.
    total = pd.concat(ranks, axis=1).sum(axis=1)
    return total.groupby([measured["method"], measured["trial"]], sort=False).mean() / len(terms)


def chosen(ranks: pd.Series, failed: Collection[tuple[str, int]] = ()) -> dict[str, int]:
    """Method to the trial of its lowest mean rank, the first of equal ones; none of a method whose trials all failed.

    Parameters
    ----------
    ranks
        :func:`mean_ranks`.
    failed
        Method and trial of those that cannot be chosen, as a training of them failed.
    """
    able = ranks[~ranks.index.isin(list(failed))] if failed else ranks
    if able.empty:
        return {}
    return dict(able.groupby(level="method", sort=False).idxmin().tolist())


def method_ranks(measured: pd.DataFrame, picked: Mapping[str, int], terms: Sequence[str]) -> pd.Series:
    """Mean over seeds and terms of a method's rank among all methods, each with the trial that was chosen of it.

    A term that one of the methods lacks counts for none of them.

    Parameters
    ----------
    measured
        As for :func:`mean_ranks`.
    picked
        Method to its trial.
    terms
        What methods are ranked by.

    Returns
    -------
    pandas.Series
        Indexed by method; NaN where no term is left.
    """
    trials = measured["method"].map(picked)
    rows = measured[trials == measured["trial"]]
    counted = [term for term in terms if rows.groupby("method")[term].count().all()]
    if not counted or rows.empty:
        return pd.Series(np.nan, list(picked), dtype=float)
    return mean_ranks(rows.assign(trial=rows["method"], method=""), counted).droplevel(0)


def order_agreement(ranks: pd.Series, others: pd.Series) -> float:
    """Kendall's tau-b between two orders of the methods that both have; NaN where one tells none apart."""
    both = ranks.index.intersection(others.index)
    return float(kendalltau(ranks[both], others[both]).statistic) if len(both) > 1 else np.nan


def agreement(ranks: pd.Series, others: pd.Series) -> pd.Series:
    """Kendall's tau-b between two rules' ranks of a method's trials, by method; NaN where one tells none apart."""
    return pd.Series(
        {
            method: order_agreement(of_method[method], others[method])
            for method, of_method in ranks.groupby(level="method", sort=False)
        }
    )
