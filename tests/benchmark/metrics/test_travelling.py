"""Identity of travelling subjects against a loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.travelling import scores

SETTINGS = EvaluationSettings(distances=("euclidean",), bootstrap=0)


def naive(table, query_sites):
    rows = table[table["split"] == "test"].to_dict("records")
    hits, shares = [], []
    for query in rows:
        gallery = [row for row in rows if row["site"] != query["site"]]
        own = [row for row in gallery if row["subject_id"] == query["subject_id"]]
        if not own or query["site"] not in query_sites:
            continue
        names = [name for name in query if name.startswith("z")]
        distance = [sum((row[n] - query[n]) ** 2 for n in names) for row in gallery]
        keys = [f"{row['site']}/{row['subject_id']}/{row['session_id']}" for row in gallery]
        nearest = min(range(len(gallery)), key=lambda i: (distance[i], keys[i]))
        hits.append(gallery[nearest]["subject_id"] == query["subject_id"])
        shares.append(len(own) / len(gallery))
    return float(np.mean(hits)), len(hits), float(np.mean(shares))


@pytest.mark.parametrize("query_sites", [None, ["site2"]])
@pytest.mark.parametrize("ties", [False, True])
def test_against_a_loop(make_table, set_vectors, query_sites, ties):
    table = make_table(site_strength=1.0)
    if ties:
        table = set_vectors(table, np.random.default_rng(1).integers(0, 3, size=(len(table), 2)).astype(float))
    (found,) = scores(scored_scans(table), SETTINGS, query_sites)
    value, n, chance = naive(table, query_sites or ["site0", "site1", "site2"])
    assert (found.value, found.n) == (pytest.approx(value), n)
    assert found.chance == pytest.approx(chance)
    assert ties or 0 < value < 1


def test_nobody_travelled(make_table):
    (found,) = scores(scored_scans(make_table(travelling=0)), SETTINGS)
    assert math.isnan(found.value)
    assert (found.n, found.note) == (0, "no subject has scored scans at two sites")


def test_two_sessions_at_one_site_are_no_journey(make_table):
    table = make_table(travelling=0)
    again = table[table["split"] == "test"].head(4).assign(session_id="ses-2")
    (found,) = scores(scored_scans(again), SETTINGS)
    assert math.isnan(found.value)
