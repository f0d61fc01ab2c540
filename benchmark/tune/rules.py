"""Rules by which a trial is chosen among those of its method; none looks at a label of a test subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import kendalltau

from benchmark.metrics.similarity import prepare, similarities


@dataclass(frozen=True)
class Rule:
    """What a trial is judged by.

    Attributes
    ----------
    terms
        Columns of the measurements, each of the same weight; a term in :data:`LOWER_IS_BETTER` is better if lower.
    meaning
        In words.
    """

    terms: tuple[str, ...]
    meaning: str


LOWER_IS_BETTER = ("site_probe",)
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
}
#: All terms of all rules, in the order of the table.
TERMS = tuple(dict.fromkeys(term for rule in RULES.values() for term in rule.terms))


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


def chosen(ranks: pd.Series) -> dict[str, int]:
    """Method to the trial of its lowest mean rank; the first of equal ones."""
    return dict(ranks.groupby(level="method", sort=False).idxmin().tolist())


def agreement(ranks: pd.Series, others: pd.Series) -> pd.Series:
    """Kendall's tau-b between two rules' ranks of a method's trials, by method; NaN where one tells none apart."""
    return pd.Series(
        {
            method: float(kendalltau(of_method, others[method]).statistic) if len(of_method) > 1 else np.nan
            for method, of_method in ranks.groupby(level="method", sort=False)
        }
    )
