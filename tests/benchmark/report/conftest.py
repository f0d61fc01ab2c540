"""A small long score table with numbers that can be checked by hand."""

from __future__ import annotations

import math

import pytest

from benchmark.metrics.rows import key_values
from tests.tables import long_table

CROSS = key_values(distance="cosine_centred", gallery="other_sites", label="CN/AD")


def score(method, value, protocol="pooled", held_out_site="", seed=0, **changes):
    """One row of a long table; cross-site mAP CN/AD unless changed."""
    row = {
        "method": method,
        "protocol": protocol,
        "held_out_site": held_out_site,
        "seed": seed,
        "table": "retrieval",
        "metric": "mAP",
        "version": 1,
        "params": CROSS,
        "subgroup": "",
        "value": value,
        "n": 10,
        "note": "",
        "ci_low": math.nan,
        "ci_high": math.nan,
        "chance": 0.5,
        "higher_is_better": True,
    }
    return row | changes


@pytest.fixture
def scores():
    """Two methods and two seeds pooled; two held-out sites by two seeds, where `b` lacks one run."""
    rows = [
        score("a", 0.6, seed=1),
        score("a", 0.8, seed=2),
        score("b", 0.5, seed=1),
        score("b", math.nan, seed=2, note="no query", chance=math.nan),
        score("a", 0.1, "leave_one_site_out", "X", 1),
        score("a", 0.3, "leave_one_site_out", "Y", 1),
        score("a", 0.4, "leave_one_site_out", "X", 2),
        score("a", 0.6, "leave_one_site_out", "Y", 2),
        score("b", 0.1, "leave_one_site_out", "X", 1),
        score("b", 0.3, "leave_one_site_out", "Y", 1),
        score("b", 0.4, "leave_one_site_out", "X", 2),
        score("a", 2.0, seed=1, table="structure", metric="effective_rank", params="", chance=math.nan),
        score("a", 3.0, seed=2, table="structure", metric="effective_rank", params="", chance=math.nan),
        score("a", 0.55, seed=1, subgroup="query_site=X"),
        score("a", 0.65, seed=2, subgroup="query_site=X"),
    ]
    return long_table(rows)


@pytest.fixture
def make_score():
    return score
