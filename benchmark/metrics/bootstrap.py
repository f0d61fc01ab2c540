"""Intervals over resampled subjects, whose scans query and are found as often as the subject is drawn.

A score of a search depends on the drawn subjects twice: they query, and they are what queries find. So a resample
gives each subject one multiplicity, which weighs its queries and its places in every other subject's gallery alike; a
resample of queries in a gallery that stays as it is spreads about half as much as new data would.

The multiplicities enter to first order: a replicate is the score plus the sum over subjects of (multiplicity - 1) times
what the subject adds to it as query and as one who is found, which leaving it out of both tells (the jackknife; Efron &
Stein, Annals of Statistics 1981). Writing a scan that is drawn twice into the lists twice would be another way; it is
not taken, since copies would stand side by side and the first ranks hold fewer different scans. How often intervals
made in this way cover the truth is counted by :mod:`benchmarks.simulation`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from benchmark.seeds import generator

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Text = npt.NDArray[np.str_]

#: Share of resamples that may be undefined before there is no interval.
UNDEFINED_SHARE = 0.05


#: Factor on the variance of resampled predictions that a probe made which new data would train anew, as (a, b) of a + b
#: / subjects. There is no unbiased estimate of it (Bengio & Grandvalet, JMLR 5, 2004): chosen so that intervals and
#: tests hold in :mod:`benchmarks.simulation` from 60 to 1,000 subjects. LOCAL is for kNN, MLP and boosting.
LINEAR, LOCAL, REGRESSION = (1.15, 60.0), (1.55, 15.0), (1.25, 60.0)


#: What Satterthwaite's degrees of freedom are divided by, which are those of normal contributions: what subjects add to
#: a search is not, as those of a third diagnosis add next to nothing and few of the others much. In simulated data sets
#: of 8 sites of 20 subjects and 10 who travel, the estimated variance of mAP varies like one of 10 degrees, where
#: Satterthwaite's are 27.
TAILS = 3.0


@dataclass(frozen=True)
class Strata:
    """Subjects that are drawn with replacement within strata.

    Attributes
    ----------
    owner
        Subject of each item (scan, query), numbers from 0 in the order of their names, shape (items,).
    stratum
        Stratum of each subject, numbers from 0, shape (subjects,): its site, or that of all subjects who were at
        several.
    """

    owner: Integers
    stratum: Integers

    @classmethod
    def of(cls, subject: Text, site: Text) -> Strata:
        """Strata of items with their subject and site, shape (items,).

        Sites are given and people drawn from each; travelling subjects are a draw of their own. A stratum of one
        subject joins the others of one, and if it is still alone the largest: what cannot be estimated within is
        then counted as spread (collapsed strata, Wolter, Introduction to variance estimation, 2007, section 2.5).
        """
        owner = np.unique(subject, return_inverse=True)[1].astype(np.int64)
        place = np.unique(site, return_inverse=True)[1].astype(np.int64)
        subjects = int(owner.max(initial=-1)) + 1
        low, high = np.full(subjects, np.iinfo(np.int64).max), np.full(subjects, -1)
        np.minimum.at(low, owner, place)
        np.maximum.at(high, owner, place)
        travelling = int(place.max(initial=-1)) + 1
        stratum = _by_first_subject(np.where(low == high, low, travelling))
        sizes = np.bincount(stratum)
        alone = sizes[stratum] == 1
        stratum[alone] = len(sizes)
        if alone.sum() == 1 and subjects > 1:
            stratum[alone] = sizes.argmax()
        return cls(owner, _by_first_subject(stratum))

    @property
    def subjects(self) -> int:
        """How many there are."""
        return len(self.stratum)


def _by_first_subject(stratum: Integers) -> Integers:
    """Strata numbered by the first subject of each: what is drawn must not depend on how sites are called."""
    _, first, code = np.unique(stratum, return_index=True, return_inverse=True)
    numbers: Integers = np.argsort(np.argsort(first))[code].astype(np.int64)
    return numbers


def mean_of_site_means(value: Floats, site: Text) -> float:
    """Mean over sites of the mean of each site's defined values; NaN if a site has none.

    Parameters
    ----------
    value
        Per query, shape (queries,); NaN where undefined.
    site
        Shape (queries,).
    """
    means = []
    for name in np.unique(site):
        here = value[(site == name) & np.isfinite(value)]
        means.append(float(here.mean()) if len(here) else math.nan)
    return float(np.mean(means)) if means else math.nan


def replicates_of(
    value: Floats,
    left_out: Floats,
    strata: Strata,
    resamples: int,
    seed: int,
    effects: tuple[Floats, Floats] | None = None,
) -> Floats:
    """Scores on resamples of subjects with replacement, within strata, to first order in the multiplicities.

    With θ the value, q_i that without the queries of subject i, g_i the change of θ when i is left out of all
    galleries, and m_i the multiplicity of i, a replicate is

        θ + k Σ_i (m_i - 1) sqrt((n - 1) / n) (Q_i + λ G_i)

    where Q_i and G_i are -q_i and -g_i, less their means over the n subjects of the stratum. With λ = 1 its variance
    over draws is the stratified jackknife's (Efron & Tibshirani, An introduction to the bootstrap, 1993, chapters 11
    and 20). That counts twice what is between one querying subject and one subject that it finds: the luck of this pair
    is in Q of the first and in G of the second. So λ is what takes Σ_s Σ_i G_is² (n - 1) / n from the variance, G_is
    being the part of G_i that is in the lists of subject s: what is left of the galleries' share are the products of
    G_is and G_it of different querying subjects, whose values one found subject makes alike. Where no λ takes as much,
    it is the one that takes most.

    k, drawn for each resample, is sqrt(d / χ²) with χ² of d degrees of freedom: a percentile interval of few subjects
    then has the width of Student's t in place of the normal distribution's. d is that of Satterthwaite (Biometrics
    Bulletin 2, 1946), (Σ_h v_h)² / Σ_h (v_h² / (n_h - 1)) with v_h the variance that stratum h adds, over
    :data:`TAILS` for a score with galleries: few travelling subjects with many scans each are few, however many others
    there are.

    Parameters
    ----------
    value
        On all subjects, shape (scores,); NaN where undefined.
    left_out
        Without the queries of each subject, shape (subjects, scores); NaN where undefined then.
    strata
        Of the subjects.
    resamples, seed
        Number of resamples, and the seed of the draws, which are the same for every score and method with the same
        subjects.
    effects
        Changes g, shape (subjects, scores), and Σ_s Σ_i G_is² of each stratum, shape (strata, scores), as
        :class:`benchmark.metrics.left_out.GalleryEffects` has them; None for a score without galleries.

    Returns
    -------
    numpy.ndarray
        Shape (resamples, scores); NaN throughout for a score that is undefined on the whole data or without one of
        the subjects, or if no stratum has two subjects; no rows for fewer than two resamples.
    """
    if resamples < 2:
        return np.zeros((0, len(value)))
    if strata.subjects == len(np.unique(strata.stratum)):
        return np.full((resamples, len(value)), math.nan)
    draws, luck_of_draw = _drawn(strata.stratum.tobytes(), resamples, seed)
    share = _shares(left_out, strata)
    # Rounding must not look like spread.
    tails = 1.0 if effects is None else TAILS
    share = np.where(np.abs(share) < 1e-13 * np.maximum(1.0, np.abs(value)), 0.0, share)
    if effects is not None:
        change, luck = effects
        of_gallery, size = _shares(change, strata), np.bincount(strata.stratum)[:, None]
        share = share + _shrinkage(share, of_gallery, (luck * (size - 1) / size).sum(axis=0)) * of_gallery
    replicates: Floats = value + (draws @ share) * _few_subjects(share, strata, luck_of_draw, tails)
    return replicates


def _shares(left_out: Floats, strata: Strata) -> Floats:
    """What each subject adds to a score, from the score without it, shapes (subjects, scores)."""
    size = np.bincount(strata.stratum)
    sums = np.zeros((len(size), left_out.shape[1]))
    np.add.at(sums, strata.stratum, left_out)
    own = size[strata.stratum][:, None]
    shares: Floats = np.sqrt((own - 1) / own) * ((sums / size[:, None])[strata.stratum] - left_out)
    return shares


def _shrinkage(share: Floats, of_gallery: Floats, luck: Floats) -> Floats:
    """Factors λ, shape (scores,), with Σ (Q + λ G)² = Σ (Q + G)² - luck, or the λ of the smallest Σ (Q + λ G)²."""
    together, galleries = (share * of_gallery).sum(axis=0), np.square(of_gallery).sum(axis=0)
    some = galleries > 0
    root = np.square(together) + galleries * (2 * together + galleries - luck)
    lowest = -together / np.where(some, galleries, 1.0)
    factor = lowest + np.sqrt(np.maximum(root, 0.0)) / np.where(some, galleries, 1.0)
    clipped: Floats = np.where(some, np.clip(factor, 0.0, 1.0), 0.0)
    return clipped


@lru_cache(maxsize=2)
def _drawn(strata: bytes, resamples: int, seed: int) -> tuple[Floats, Floats]:
    # Multiplicities less one, shape (resamples, subjects), and a number in (0, 1) for each resample. Kept, for every
    # gallery and distance of the same subjects asks for the same draws again.
    stratum = np.frombuffer(strata, np.int64)
    random = generator(seed, "bootstrap")
    draws = np.empty((resamples, len(stratum)))
    for place in range(int(stratum.max()) + 1):
        here = np.flatnonzero(stratum == place)
        draws[:, here] = random.multinomial(len(here), np.full(len(here), 1 / len(here)), resamples) - 1
    quantile = random.uniform(size=resamples)
    draws.flags.writeable = quantile.flags.writeable = False
    return draws, quantile


def _few_subjects(share: Floats, strata: Strata, quantile: Floats, tails: float) -> Floats:
    """The factor k of each resample and score, shape (resamples, scores); of one resample, all are as likely."""
    size = np.bincount(strata.stratum)[:, None]
    variance = np.zeros((len(size), share.shape[1]))
    np.add.at(variance, strata.stratum, np.square(share))
    with np.errstate(divide="ignore", invalid="ignore"):
        by_strata = np.square(variance.sum(axis=0)) / (np.square(variance) / np.maximum(size - 1, 1)).sum(axis=0)
    freedom = np.minimum(by_strata, np.maximum(by_strata / tails, 2.0))
    # A score that no subject changes has none; to that of others more than a thousand make no difference.
    freedom = np.clip(np.where(np.isfinite(freedom), freedom, 1.0), 1.0, 1000.0)
    # In whole numbers: two methods that hardly differ get the same factor.
    factors = {number: np.sqrt(number / chi2.ppf(quantile, number)) for number in np.unique(np.round(freedom))}
    columns: Floats = np.stack([factors[number] for number in np.round(freedom)], axis=1)
    return columns


def mean_replicates(
    values: Floats,
    subject: Text,
    site: Text,
    resamples: int,
    seed: int,
    group: Text | None = None,
    refitted: tuple[float, float] | None = None,
) -> Floats:
    """Replicates of a mean over groups of the groups' means, for values that stay as they are whoever is drawn.

    Parameters
    ----------
    values
        Of each scan, shape (scans,); NaN where undefined.
    subject, site
        Shape (scans,). All scans of a subject are drawn together, at all its sites.
    resamples, seed
        As for :func:`replicates_of`.
    group
        What is averaged first, shape (scans,), such as the classes of a balanced accuracy; None for the sites.
    refitted
        Where a probe that was trained on the same subjects made the values, what new probes add to the variance, such
        as :data:`LINEAR`; None for values that are the scans' own.

    Returns
    -------
    numpy.ndarray
        As for :func:`replicates_of`, shape (resamples,).
    """
    names = np.unique(subject)
    value, left_out = means_without(values[:, None], subject, site if group is None else group, names)
    replicates = replicates_of(value, left_out, Strata.of(subject, site), resamples, seed)[:, 0]
    if refitted is None or len(subject) == 0:
        return replicates
    constant, per_subject = refitted
    widened: Floats = value[0] + math.sqrt(constant + per_subject / len(names)) * (replicates - value[0])
    return widened


def means_without(values: Floats, subject: Text, group: Text, names: Text) -> tuple[Floats, Floats]:
    """Means over groups of the groups' means of defined values, on all items and without each subject.

    Parameters
    ----------
    values
        Per item and score, shape (items, scores); NaN where undefined.
    subject, group
        Shape (items,).
    names
        Subjects to leave out one after the other, in the alphabet's order, all those of the items among them, shape
        (subjects,).

    Returns
    -------
    tuple of numpy.ndarray
        Shapes (scores,) and (subjects, scores); NaN where a group has no defined value left.
    """
    groups = np.unique(group, return_inverse=True)[1].astype(np.int64)
    number = int(groups.max(initial=-1)) + 1
    if number == 0:
        return np.full(values.shape[1], math.nan), np.full((len(names), values.shape[1]), math.nan)
    owner = np.searchsorted(names, subject)
    defined = np.isfinite(values)
    total, count = np.zeros((2, number, values.shape[1]))
    np.add.at(total, groups, np.where(defined, values, 0.0))
    np.add.at(count, groups, defined.astype(np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        means = total / count
        value = means.mean(axis=0)
        # Few groups have scans of a subject: the others' means stay.
        left_out = np.tile(value, (len(names), 1))
        pair, where = np.unique(owner * number + groups, return_inverse=True)
        sums, counts = np.zeros((2, len(pair), values.shape[1]))
        np.add.at(sums, where, np.where(defined, values, 0.0))
        np.add.at(counts, where, defined.astype(np.float64))
        at = pair % number
        left = count[at] - counts
        new = np.where(left > 0.5, (total[at] - sums) / left, math.nan)
        np.add.at(left_out, pair // number, (new - means[at]) / number)
    return value, left_out


def interval(replicates: Floats) -> tuple[float, float]:
    """95 % percentile interval of one score's replicates, shape (resamples,).

    NaN where too many are undefined, and where all are equal: a value that no subject changes, such as a share of 1,
    may still be another in new data, and an interval without width would deny it.
    """
    defined = replicates[np.isfinite(replicates)]
    if len(defined) == 0 or len(defined) < (1 - UNDEFINED_SHARE) * len(replicates) or np.ptp(defined) == 0:
        return math.nan, math.nan
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high)


def bounded_interval(replicates: Floats, lowest: float = 0.0, highest: float = 1.0) -> tuple[float, float]:
    """:func:`interval` cut at the bounds of the score."""
    low, high = interval(replicates)
    return max(low, lowest) if low == low else low, min(high, highest) if high == high else high
