"""Columns of the wide tables: which rows of the long score table each one shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from benchmark.metrics.rows import Metric
from benchmark.metrics.search import OWN
from benchmark.protocols import LEAVE_ONE_SITE_OUT
from benchmark.report.held_out import EXCESS, HELD_OUT, TRAINED_ON

#: Distance that the wide tables show of methods that declare none, where scores hold it; else the alphabet's first.
HEADLINE_DISTANCE = "cosine_centred"

#: The two labels of the headline. Where another column was retrieved by, its two most frequent ones take their place.
PAIR = "CN/AD"

#: Other values of the parameter ``label``.
_NO_PAIR = frozenset({"", "all", "diagnosis", "CN<MCI<AD"})


#: In which a site is read from an LDR, and their short names.
_COORDINATES = (("standardised", "std."), ("whitened", "white."))

#: Metrics that are p-values, of which none is better than another, whatever their rows say.
P_VALUES = frozenset({"p_value", "mmd_p_value"})

Reduction = Callable[[Sequence[float]], float]


@dataclass(frozen=True)
class Column:
    """A column of a wide table.

    Attributes
    ----------
    key
        Its name in the CSV.
    title
        Its header; lines in the terminal, words of one line elsewhere.
    table, metric
        Of the rows that it shows.
    params
        Parameters that those rows have; they may have others.
    digits
        Decimals that are shown.
    terminal
        Whether the terminal's narrow table has it.
    over_sites
        How a seed's value is made of :data:`CROSS_SITE_MAP` of its held-out sites, NaN if any of them is, for a column
        about several sites where every run has one query site; None for a column that no such run leaves undefined.
    protocol
        The only protocol whose part of a table shows it; empty for every one.
    best_distance
        Whether it shows, of all distances that were scored, that of each method and protocol with the best mean, in
        place of the headline distance. It is chosen by the scores that are shown, so it is optimistic.
    """

    key: str
    title: tuple[str, ...]
    table: str
    metric: str
    params: dict[str, str] = field(default_factory=dict)
    digits: int = 3
    terminal: bool = True
    over_sites: Reduction | None = None
    protocol: str = ""
    best_distance: bool = False

    @property
    def heading(self) -> str:
        """The title in one line."""
        return " ".join(self.title)

    def shown_in(self, protocol: str) -> bool:
        """Whether the part of a table that is about a protocol shows it."""
        return self.protocol in ("", protocol)

    def rows(self, scores: pd.DataFrame) -> pd.DataFrame:
        """The rows of a long score table that the column shows.

        Of several distances, those of a method's own, where it declares one, and of the headline distance otherwise.
        """
        chosen = scores[(scores["table"] == self.table) & (scores["metric"] == self.metric)]
        for name, wanted in self.params.items():
            value = pair_of(chosen) if (name, wanted) == ("label", PAIR) else wanted
            chosen = chosen[_of(chosen, name) == value]
        if self.best_distance:
            return _of_best_distance(chosen)
        distance = _of(chosen, "distance")
        distances = set(distance) - {""}
        if not distances:
            return chosen
        headline = HEADLINE_DISTANCE if HEADLINE_DISTANCE in distances else min(distances)
        own = _of(chosen, OWN[0]) == OWN[1]
        with_own = chosen["method"].isin(chosen.loc[own, "method"])
        return chosen[own | (~with_own & (distance == headline))]


def _of(scores: pd.DataFrame, parameter: str) -> pd.Series:
    """A column of a parameter; empty texts where no score of the table has it."""
    return scores[parameter] if parameter in scores else pd.Series("", scores.index)


def _of_best_distance(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the distance whose mean over a method's runs of a protocol is best; the first of equal ones.

    A method with a missing value by a distance cannot be best by it. Where only one distance was scored there is none
    to choose, and so no row.
    """
    if _of(rows, "distance").nunique() < 2:
        return rows.iloc[:0]
    keys = ["method", "protocol"]
    means = rows.groupby([*keys, "distance"])["value"].agg(lambda values: values.mean(skipna=False))
    signed = means if bool(rows["higher_is_better"].iloc[0]) else -means
    best = signed.dropna().groupby(level=keys).idxmax()
    if best.empty:
        return rows.iloc[:0]
    wanted = pd.MultiIndex.from_tuples(best.tolist(), names=[*keys, "distance"])
    return rows[pd.MultiIndex.from_frame(rows[[*keys, "distance"]]).isin(wanted)]


def _retrieval(
    key: str, title: tuple[str, ...], metric: str, gallery: str, label: str, terminal: bool = True
) -> Column:
    return Column(key, title, "retrieval", metric, {"gallery": gallery, "label": label}, terminal=terminal)


def _leakage(probe: str, name: str, coordinates: str, short: str) -> Column:
    params = {"probe": probe, "coordinates": coordinates}
    return Column(f"{probe}_{coordinates}", (name, short), "leakage", "balanced_accuracy", params)


def _fairness(key: str, title: str, metric: str, reduce: Reduction) -> Column:
    return Column(key, ("mAP CN/AD", title), "retrieval", metric, terminal=False, over_sites=reduce)


def _held_out(probe: str, name: str, coordinates: str, short: str, metric: Metric) -> Column:
    words = {HELD_OUT: ("held-out", "site"), TRAINED_ON: ("same site", "trained on"), EXCESS: ("difference",)}
    key = f"{probe}_{coordinates}_{metric.name.removesuffix('_recall')}"
    params = {"probe": probe, "coordinates": coordinates}
    title = (name, short, *words[metric])
    return Column(key, title, metric.table, metric.name, params, protocol=LEAVE_ONE_SITE_OUT)


CROSS_SITE_MAP = _retrieval("map_cn_ad", ("mAP", "CN/AD"), "mAP", "other_sites", "CN/AD")

MAP_BEST_DISTANCE = replace(
    CROSS_SITE_MAP,
    key="map_cn_ad_best_distance",
    title=("mAP CN/AD", "best distance"),
    terminal=False,
    best_distance=True,
)

DISEASE_PROBE = Column("disease_linear", ("CN/AD", "probe"), "disease", "balanced_accuracy", terminal=False)

TRAVELLING_TOP1 = Column("travelling_top1", ("travelling", "top-1"), "identity", "top1")

#: Cross-site retrieval first, the headline; then other labels, other galleries, and identity.
RETRIEVAL: Sequence[Column] = (
    CROSS_SITE_MAP,
    MAP_BEST_DISTANCE,
    _retrieval("p1_cn_ad", ("P@1",), "P@1", "other_sites", "CN/AD"),
    _retrieval("p5_cn_ad", ("P@5",), "P@5", "other_sites", "CN/AD", terminal=False),
    _retrieval("p10_cn_ad", ("P@10",), "P@10", "other_sites", "CN/AD"),
    _retrieval("r_precision_cn_ad", ("R-prec.",), "R-precision", "other_sites", "CN/AD"),
    _retrieval("ndcg10_cn_ad", ("nDCG", "@10"), "nDCG@10", "other_sites", "CN/AD"),
    _retrieval("map_all", ("mAP", "all diagn."), "mAP", "other_sites", "all"),
    _retrieval("map_own_site", ("mAP CN/AD", "own site"), "mAP", "own_site", "CN/AD"),
    _retrieval("map_all_sites", ("mAP CN/AD", "all sites"), "mAP", "all_sites", "CN/AD"),
    TRAVELLING_TOP1,
    _retrieval("recall10_cn_ad", ("recall", "@10"), "recall@10", "other_sites", "CN/AD", terminal=False),
    _retrieval("mrr_cn_ad", ("MRR",), "MRR", "other_sites", "CN/AD", terminal=False),
    Column("graded_ndcg10", ("graded", "nDCG@10"), "retrieval", "graded_nDCG@10", terminal=False),
    _fairness("map_worst_site", "worst site", "mAP_worst_site", np.min),
    _fairness("map_site_range", "site range", "mAP_site_range", np.ptp),
)

#: What the outline of the brain explains of an LDR, and what is left of identity without it; beside other columns
#: where scans have masks.
OUTLINE: Sequence[Column] = (
    Column("mask_share", ("mask", "share"), "outline", "mask_share", terminal=False),
    Column("top1_common_mask", ("top-1", "common mask"), "outline", "top1_common_mask", terminal=False),
)

#: What stands in every leakage table: a collapsed LDR leaks nothing and finds nothing.
BESIDE_LEAKAGE: Sequence[Column] = (
    Column("effective_rank", ("eff.", "rank"), "structure", "effective_rank", digits=1),
    Column("pc1_share", ("PC1", "share"), "structure", "pc1_share"),
    CROSS_SITE_MAP,
)

_HELD_OUT_PROBES = tuple(
    (probe, name, *where) for where in _COORDINATES for probe, name in (("linear", "linear"), ("mlp", "MLP"))
)

#: Leakage of the held-out site alone, and of the same site when it was trained on; where sites are held out.
OF_HELD_OUT_SITE: Sequence[Column] = tuple(
    _held_out(*probe, metric) for probe in _HELD_OUT_PROBES for metric in (HELD_OUT, TRAINED_ON)
)

#: The first of each pair minus the second.
HELD_OUT_EXCESS: Sequence[Column] = tuple(_held_out(*probe, EXCESS) for probe in _HELD_OUT_PROBES)

#: Site probes, and beside them what tells a clean LDR from a collapsed one.
LEAKAGE: Sequence[Column] = (
    *(
        _leakage(probe, name, *where)
        for where in _COORDINATES
        for probe, name in (("linear", "linear"), ("knn", "kNN"), ("mlp", "MLP"))
    ),
    *(replace(column, terminal=False) for column in OF_HELD_OUT_SITE if column.params["coordinates"] == "standardised"),
    *BESIDE_LEAKAGE,
    DISEASE_PROBE,
)

#: What methods are compared by, in pairs and in ranks: the more scores, the less each test can see.
HEADLINES: Sequence[Column] = (
    CROSS_SITE_MAP,
    TRAVELLING_TOP1,
    *(_leakage(probe, name, *where) for where in _COORDINATES for probe, name in (("knn", "kNN"), ("mlp", "MLP"))),
    DISEASE_PROBE,
)


def _measure(key: str, title: tuple[str, ...], metric: str, table: str = "leakage", **params: str) -> Column:
    return Column(key, title, table, metric, params, terminal=False)


def _both(key: str, name: str, metric: str, **params: str) -> list[Column]:
    """A measure in both coordinates."""
    return [
        _measure(f"{key}_{coordinates}", (name, short), metric, coordinates=coordinates, **params)
        for coordinates, short in _COORDINATES
    ]


#: Leakage by other means, and what is left of it once age, sex and diagnosis are known.
LEAKAGE_EXTENDED: Sequence[Column] = (
    *_both("boosting", "boosting", "balanced_accuracy", probe="boosting"),
    *_both("gain", "given covariates", "gain_over_covariates"),
    *_both("within", "within strata", "within_strata"),
    _measure("pairs", ("site pairs", "std."), "pair_balanced_accuracy"),
    *_both("p", "p", "p_value", given="nothing"),
    *_both("p_given", "p given", "p_value", given="age+diagnosis"),
    *_both("ilisi", "iLISI", "ilisi"),
    *_both("kbet", "kBET", "kbet"),
    _measure("bras_standardised", ("BRAS", "std."), "bras", coordinates="standardised"),
    *_both("mmd2", "MMD²", "mmd2"),
    *_both("p_mmd", "p MMD", "mmd_p_value"),
    _measure("mi_standardised", ("MI bits", "std."), "mutual_information", coordinates="standardised"),
    _measure("same_site10", ("same-site", "@10"), "same_site@10", "retrieval"),
    _measure("style_site", ("style", "site"), "site_balanced_accuracy", "style"),
    _measure("style_disease", ("style", "CN/AD"), "disease_balanced_accuracy", "style"),
    *(replace(column, terminal=False) for column in (*OF_HELD_OUT_SITE, *HELD_OUT_EXCESS)),
    *BESIDE_LEAKAGE,
)

#: What an LDR must not lose with the site.
PRESERVED: Sequence[Column] = (
    DISEASE_PROBE,
    _measure("disease_across", ("CN/AD", "across sites"), "cross_site_balanced_accuracy", "disease"),
    Column("age_mae", ("age MAE", "years"), "age", "mae_years", digits=2, terminal=False),
    _measure("rmse", ("RMSE",), "rmse", "reconstruction"),
    Column("psnr", ("PSNR", "dB"), "reconstruction", "psnr_db", digits=1, terminal=False),
    _measure("ssim", ("SSIM",), "ssim", "reconstruction"),
    _measure("r2_severity", ("R²", "severity"), "r2", "anatomy", target="severity"),
    _measure("r2_ventricle", ("R²", "ventricle"), "r2", "anatomy", target="ventricle_ml"),
    _measure("r2_hippocampus", ("R²", "hippocampus"), "r2", "anatomy", target="hippocampus_ml"),
    TRAVELLING_TOP1,
    *OUTLINE,
    Column("effective_rank", ("eff.", "rank"), "structure", "effective_rank", digits=1, terminal=False),
    Column("collapsed", ("collapsed",), "structure", "collapsed", digits=2, terminal=False),
)

#: How far scans of one person agree, at several sites and at one; beside them what is retrieved.
RELIABILITY: Sequence[Column] = (
    _measure("icc_between_sites", ("ICC", "between sites"), "icc_between_sites", "reliability"),
    _measure("icc_consistency", ("ICC", "consistency"), "icc_consistency", "reliability"),
    _measure("icc_within_site", ("ICC", "within site"), "icc_within_site", "reliability"),
    *(
        _measure(f"{name}_share", (name, "share"), f"{name}_share", "reliability", coordinates="raw")
        for name in ("subject", "site", "session", "residual")
    ),
    _measure("discriminability", ("discriminability",), "discriminability", "reliability"),
    _measure("site_fingerprint", ("site", "fingerprint"), "site_fingerprint", "reliability"),
)

#: Columns of all wide tables.
EVERY_COLUMN: Sequence[Column] = (*RETRIEVAL, *LEAKAGE, *LEAKAGE_EXTENDED, *PRESERVED, *RELIABILITY)


def pair_of(scores: pd.DataFrame) -> str:
    """The two labels that :data:`PAIR` stands for in these scores."""
    found = set(_of(scores, "label").unique()) - _NO_PAIR
    return PAIR if PAIR in found or len(found) != 1 else found.pop()


def with_labels(columns: Sequence[Column], pair: str) -> Sequence[Column]:
    """Columns whose titles name a pair of labels in place of :data:`PAIR`."""
    return [replace(column, title=tuple(part.replace(PAIR, pair) for part in column.title)) for column in columns]


def scored(columns: Sequence[Column], scores: pd.DataFrame) -> Sequence[Column]:
    """Columns without that of each method's best distance, and those of held-out sites, where no score is theirs."""
    return [column for column in columns if not (column.best_distance or column.protocol) or len(column.rows(scores))]


def extended_leakage(scores: pd.DataFrame) -> Sequence[Column]:
    """Those of :data:`LEAKAGE_EXTENDED` that a long score table has, with all that must stand beside them.

    None where it holds no measure of leakage but those of :data:`LEAKAGE`.
    """
    beside = {column.key for column in BESIDE_LEAKAGE}
    measures = present([column for column in LEAKAGE_EXTENDED if column.key not in beside], scores)
    return [*measures, *BESIDE_LEAKAGE] if measures else []


def reliability(scores: pd.DataFrame) -> Sequence[Column]:
    """:data:`RELIABILITY` and what is found beside it; none where a long score table has none of it."""
    measures = present(RELIABILITY, scores)
    return [*measures, TRAVELLING_TOP1, CROSS_SITE_MAP] if measures else []


def present(columns: Sequence[Column], scores: pd.DataFrame) -> Sequence[Column]:
    """Those columns of which a long score table has any row."""
    return [column for column in columns if len(column.rows(scores))]
