"""Columns of the wide tables: which rows of the long score table each one shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from benchmark.metrics.rows import parse_key_values

#: Distance that the wide tables show where scores hold it; the first in the alphabet otherwise.
HEADLINE_DISTANCE = "cosine_centred"


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
    """

    key: str
    title: tuple[str, ...]
    table: str
    metric: str
    params: dict[str, str] = field(default_factory=dict)
    digits: int = 3
    terminal: bool = True

    @property
    def heading(self) -> str:
        """The title in one line."""
        return " ".join(self.title)

    def rows(self, scores: pd.DataFrame) -> pd.DataFrame:
        """The rows of a long score table that the column shows, with the headline distance."""
        chosen = scores[(scores["table"] == self.table) & (scores["metric"] == self.metric)]
        parsed = {text: parse_key_values(text) for text in chosen["params"].unique()}
        matching = {text for text, given in parsed.items() if self.params.items() <= given.items()}
        distances = {parsed[text]["distance"] for text in matching if "distance" in parsed[text]}
        if distances:
            headline = HEADLINE_DISTANCE if HEADLINE_DISTANCE in distances else min(distances)
            matching = {text for text in matching if parsed[text].get("distance") == headline}
        return chosen[chosen["params"].isin(matching)]


def _retrieval(
    key: str, title: tuple[str, ...], metric: str, gallery: str, label: str, terminal: bool = True
) -> Column:
    return Column(key, title, "retrieval", metric, {"gallery": gallery, "label": label}, terminal=terminal)


def _leakage(probe: str, name: str, coordinates: str, short: str) -> Column:
    params = {"probe": probe, "coordinates": coordinates}
    return Column(f"{probe}_{coordinates}", (name, short), "leakage", "balanced_accuracy", params)


CROSS_SITE_MAP = _retrieval("map_cn_ad", ("mAP", "CN/AD"), "mAP", "other_sites", "CN/AD")

#: Cross-site retrieval first, the headline; then other labels, other galleries, and identity.
RETRIEVAL: Sequence[Column] = (
    CROSS_SITE_MAP,
    _retrieval("p1_cn_ad", ("P@1",), "P@1", "other_sites", "CN/AD"),
    _retrieval("p5_cn_ad", ("P@5",), "P@5", "other_sites", "CN/AD", terminal=False),
    _retrieval("p10_cn_ad", ("P@10",), "P@10", "other_sites", "CN/AD"),
    _retrieval("r_precision_cn_ad", ("R-prec.",), "R-precision", "other_sites", "CN/AD"),
    _retrieval("ndcg10_cn_ad", ("nDCG", "@10"), "nDCG@10", "other_sites", "CN/AD"),
    _retrieval("map_all", ("mAP", "all diagn."), "mAP", "other_sites", "all"),
    _retrieval("map_own_site", ("mAP CN/AD", "own site"), "mAP", "own_site", "CN/AD"),
    _retrieval("map_all_sites", ("mAP CN/AD", "all sites"), "mAP", "all_sites", "CN/AD"),
    Column("travelling_top1", ("travelling", "top-1"), "identity", "top1"),
)

#: Site probes, and beside them what tells a clean LDR from a collapsed one.
LEAKAGE: Sequence[Column] = (
    _leakage("linear", "linear", "standardised", "std."),
    _leakage("knn", "kNN", "standardised", "std."),
    _leakage("mlp", "MLP", "standardised", "std."),
    _leakage("linear", "linear", "whitened", "white."),
    _leakage("knn", "kNN", "whitened", "white."),
    _leakage("mlp", "MLP", "whitened", "white."),
    Column("effective_rank", ("eff.", "rank"), "structure", "effective_rank", digits=1),
    Column("pc1_share", ("PC1", "share"), "structure", "pc1_share"),
    CROSS_SITE_MAP,
    Column("disease_linear", ("CN/AD", "probe"), "disease", "balanced_accuracy", terminal=False),
)
