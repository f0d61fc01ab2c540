"""The wide tables of a long score table, and what stands below them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from benchmark.metrics.feature_scaling import SCANS_PER_DIMENSION, WHITENED_BY_FEW
from benchmark.report.about import About
from benchmark.report.columns import (
    LEAKAGE,
    MAP_BEST_DISTANCE,
    OF_HELD_OUT_SITE,
    OUTLINE,
    P_VALUES,
    PAIR,
    PRESERVED,
    RETRIEVAL,
    Column,
    extended_leakage,
    pair_of,
    present,
    reliability,
    scored,
    with_labels,
)
from benchmark.report.held_out import with_held_out
from benchmark.report.summary import Section, sections
from benchmark.report.text import statistics_note

_COMMON_FOOTER = (
    "±: standard deviation over seeds (sample SD); none for one seed. A dash is a mean with a missing run. Where "
    "sites are held out, the mean over them is taken first, then mean and SD over seeds.",
)

_RETRIEVAL_FOOTER = (
    "Gallery: the held-out scans (all scans of a file without a `split` column), without those of the query's own "
    "subject. Other sites' scans only, unless a column says own site or all sites. Values are means over query sites.",
    "CN/AD: queries and gallery have these two labels; all diagn.: every known label. Relevant: the query's label.",
    "worst site, site range: lowest mAP of a query site, and highest minus lowest. Where sites are held out, over the "
    "held-out sites of a seed, each searched for by the model that did not see it, then mean and SD over seeds; a dash "
    "where one of these runs is missing.",
    "travelling top-1: share of travelling subjects' scans whose nearest scan of another site is of the same person.",
    "Ties go to the first scan key. Chance: exact expectation under random ranking.",
)

_WORTHLESS = (
    "An LDR that leaks nothing and finds nothing is worthless: read leakage beside mAP CN/AD (other sites), effective "
    "rank (exponential of the entropy of the covariance's eigenvalues) and the first component's share of variance."
)

_OUTLINE_FOOTER = (
    "mask share: share of the LDR's variance that principal components of the brain masks explain, out of sample; 0 by "
    "chance. top-1 common mask: travelling subjects' top-1 when all scans are cut to the voxels that 99 % of the "
    "training scans' masks hold; undefined where nothing but the outline tells scans apart.",
)

_LEAKAGE_FOOTER = (
    "linear, kNN, MLP: balanced accuracy of classifiers that were not part of training, for the site of the held-out "
    "scans, cross-validated with subjects kept together; lower is better. std.: each dimension standardised; "
    "white.: whitened principal components; statistics from training scans.",
    "Chance: mean over refits with permuted labels, over all methods.",
    _WORTHLESS,
    "CN/AD probe: balanced accuracy, linear, standardised.",
)

_HELD_OUT_FOOTER = (
    "held-out site: share of the held-out site's scans that a probe names right (recall) from the LDRs of a model that "
    "did not see that site; same site trained on: the same from the pooled run of the same seed, which saw it; "
    "difference: the first minus the second. Mean over held-out sites, then over seeds. All other columns of this part "
    "are about all sites, of which one was held out. Intervals and tests: leakage_held_out.csv.",
)


_EXTENDED_FOOTER = (
    "boosting: as the probes of the leakage table, by gradient-boosted trees. given covariates: gain in balanced "
    "accuracy over a classifier that sees only age, sex and diagnosis; 0 is best. within strata: balanced accuracy "
    "within diagnosis and age. site pairs: mean balanced accuracy over pairs of sites, 0.5 by chance. All for the "
    "site; lower is better.",
    "p: permutation test of the site over subjects; p given: within strata of diagnosis and age; p MMD: with MMD² as "
    "the statistic. Means over runs of p-values are no p-values: read them as 'never seen' (about 0.5) to 'always "
    "seen' (the smallest possible).",
    "iLISI, kBET, BRAS: mixing of sites among neighbours and within diagnoses, in [0, 1]; higher is better. MMD²: "
    "squared maximum mean discrepancy between a site and the others; MI: mutual information with the site in bits; "
    "lower is better.",
    "same-site@10: share of the query's own site among its ten nearest scans; best at chance. style site, style CN/AD: "
    "linear probes of the style code, where a method has one; it is meant to know the site and not the disease.",
    "std.: each dimension standardised; white.: whitened principal components.",
    _WORTHLESS,
)

_PRESERVED_FOOTER = (
    "CN/AD probe: linear, balanced accuracy, within all sites; across sites: trained on the other sites, tested on "
    "each. Age: mean absolute error in years. RMSE, PSNR, SSIM: reconstruction inside the mask; a dash for methods "
    "that do not reconstruct. R²: share of the variance of the phantom's true anatomy that ridge regression on the LDR "
    "explains, out of fold. top-1: identity of travelling subjects. collapsed: share of runs with an effective rank "
    "below 4 or a first component above 60 %.",
)

_RELIABILITY_FOOTER = (
    "ICC between sites: ICC(2,1), absolute agreement of single scans of one person at different sites, over subjects "
    "who were at all of the same sites; ICC consistency: ICC(3,1), which lets sites differ by a constant; ICC within "
    "site: ICC(1,1) of repeat scans at one site. Medians over dimensions; 0 by chance.",
    "subject, site, session, residual share: components of the variance of these scans, summed over dimensions; they "
    "add up to 1. Without repeat scans at one site the session's is in the residual.",
    "discriminability: share of comparisons in which two scans of one person are closer than one of them and another "
    "person's; 0.5 by chance. site fingerprint: share of scans whose nearest scan of another person is of the same "
    "site; best at chance. Both among travelling subjects alone. All intervals are over subjects, with the sites as "
    "they are.",
    "Reliability is no merit by itself: the outline of the brain is reliable. Read it beside mAP CN/AD (other sites).",
)


@dataclass(frozen=True)
class WideTable:
    """A wide table.

    Attributes
    ----------
    name
        Of its files.
    title
        Its heading.
    columns
        What it shows.
    footer
        Lines below it.
    sections
        Its numbers, a section per protocol (:func:`benchmark.report.summary.sections`).
    directions
        Whether higher values are better, by column key; None where the rows say nothing or contradict each other.
    """

    name: str
    title: str
    columns: Sequence[Column]
    footer: Sequence[str]
    sections: Sequence[Section]
    directions: Mapping[str, bool | None]


def wide_tables(scores: pd.DataFrame, about: About) -> list[WideTable]:
    """The wide tables: ``retrieval``, ``leakage``, ``leakage_extended``, ``preserved`` and ``reliability``.

    The latter three leave out columns that no method has, and are left out themselves where there is none. Headers name
    the two labels that take the place of CN and AD where another column was retrieved by.

    Parameters
    ----------
    scores
        Long score table, rows in any order.
    about
        What else readers are told. Methods come in its order, others follow, and those that see diagnoses are last;
        one without any score gets a row of dashes. Titles and footers say of synthetic data that they are.
    """
    scores = with_held_out(scores)
    pair = pair_of(scores)
    common = (*_COMMON_FOOTER, _where_numbers_are(scores))
    outline = present(OUTLINE, scores)
    of_outline = _OUTLINE_FOOTER if outline else ()
    held_out = _HELD_OUT_FOOTER if present(OF_HELD_OUT_SITE, scores) else ()
    methods = about.order(scores["method"].unique())
    told = about.lines(methods)
    last = (*statistics_note(scores), *few_for_whitening(scores), *told, *about.notes, _versions(scores))
    return [
        WideTable(
            name,
            about.title(title),
            with_labels(columns, pair),
            (*(line.replace(PAIR, pair) for line in (*common, *footer)), *last),
            [_with_facts(part, about) for part in sections(scores, columns, methods)],
            {
                column.key: None if column.metric in P_VALUES else direction(column.rows(scores)["higher_is_better"])
                for column in columns
            },
        )
        for name, title, columns, footer in (
            (
                "retrieval",
                "Retrieval",
                scored(RETRIEVAL, scores),
                (*_RETRIEVAL_FOOTER, *_best_distance(scores), f"Distance: {_distance(scores)}."),
            ),
            ("leakage", "Leakage", [*scored(LEAKAGE, scores), *outline], (*_LEAKAGE_FOOTER, *held_out, *of_outline)),
            ("leakage_extended", "Leakage, further measures", extended_leakage(scores), (*_EXTENDED_FOOTER, *held_out)),
            ("preserved", "What is preserved", present(PRESERVED, scores), (*_PRESERVED_FOOTER, *of_outline)),
            (
                "reliability",
                "Reliability",
                reliability(scores),
                (*_RELIABILITY_FOOTER, f"Distance: {_distance(scores)}."),
            ),
        )
        if columns
    ]


def direction(said: pd.Series) -> bool | None:
    """What rows say about the direction; None where they say nothing or contradict each other."""
    found = {bool(value) for value in said.dropna().unique()}
    return found.pop() if len(found) == 1 else None


def _with_facts(part: Section, about: About) -> Section:
    seconds = {method: taken.training for method, taken in about.seconds.get(part.protocol, {}).items()}
    return replace(part, train_seconds=seconds, bounds=about.bounds)


def few_for_whitening(scores: pd.DataFrame) -> list[str]:
    """Which methods' whitened coordinates are mostly noise, and what to read in their place; one line, or none."""
    flagged = scores[scores["note"].str.contains(WHITENED_BY_FEW, regex=False)]
    if flagged.empty:
        return []
    return [
        f"Whitened coordinates are unreliable for {', '.join(sorted(flagged['method'].unique()))}: fewer than "
        f"{SCANS_PER_DIMENSION} training scans per dimension give them, so directions of mere noise are blown up, and "
        "kNN and mixing see little else. Read the standardised coordinates there, and the linear probe."
    ]


def _where_numbers_are(scores: pd.DataFrame) -> str:
    resampled = sorted(scores.loc[scores["ci_low"].notna(), "table"].unique())
    intervals = (
        "Where a score is resampled, its run's 95 % interval is there too; it covers the resampling of the run's "
        f"scored subjects and no other seed. Resampled are all or some scores of: {', '.join(resampled)}."
        if resampled
        else "No score was resampled, so there are no intervals."
    )
    return f"Every number, with n, note and chance, is in scores.parquet and scores.csv. {intervals}"


def _best_distance(scores: pd.DataFrame) -> list[str]:
    rows = MAP_BEST_DISTANCE.rows(scores)
    if rows.empty:
        return []
    rows = rows[["method", "protocol", "distance"]].drop_duplicates()
    parts = []
    for distance, part in rows.groupby("distance"):
        of_method = part.groupby("method")["protocol"].agg(set)
        everywhere = rows.groupby("method")["protocol"].agg(set)
        names = [
            method if of_method[method] == everywhere[method] else f"{method} ({', '.join(sorted(of_method[method]))})"
            for method in of_method.index
        ]
        parts.append(f"{distance} for {', '.join(names)}")
    return [
        "best distance: mAP by that of the scored distances by which the method's mean is highest. It is picked by "
        f"these very scores (an oracle), so it is optimistic: {'; '.join(parts)}. All other columns: the one below."
    ]


def _distance(scores: pd.DataFrame) -> str:
    rows = RETRIEVAL[0].rows(scores)
    given = rows[["method", "distance"]].drop_duplicates() if len(rows) else rows.assign(distance="")
    words = {"cosine_centred": "cosine after subtracting the training scans' mean (`cosine_centred`)"}
    parts = {str(distance): ", ".join(sorted(part["method"].unique())) for distance, part in given.groupby("distance")}
    if len(parts) < 2:
        return "".join(words.get(distance, distance) for distance in parts) or "none"
    return "; ".join(f"{words.get(distance, distance)} for {methods}" for distance, methods in parts.items())


def _versions(scores: pd.DataFrame) -> str:
    found = scores.groupby("table")["version"].unique()
    return "Metric versions: " + ", ".join(
        f"{table} {'/'.join(str(version) for version in sorted(versions))}" for table, versions in found.items()
    )
