"""Galleries, their ranked lists, first scans and counts, against loops."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.metrics.galleries import GALLERIES, Codes, gallery_counts, gallery_lists, nearest_members

SCANS = 40


@pytest.fixture
def codes():
    rng = np.random.default_rng(1)
    return Codes(*(rng.integers(size, size=SCANS).astype(np.int32) for size in (4, 15, 3)))


@pytest.fixture
def similarity():
    return np.round(np.random.default_rng(2).normal(size=(SCANS, SCANS)), 1)


def members(codes, gallery, query, site=None):
    """The definition, one scan after the other."""
    found = []
    for scan in range(SCANS):
        same_site = codes.site[scan] == codes.site[query]
        fits = {
            "other_sites": not same_site,
            "own_site": same_site,
            "all_sites": site is None or codes.site[scan] == site,
        }[gallery]
        if fits and codes.subject[scan] != codes.subject[query]:
            found.append(scan)
    return found


@pytest.mark.parametrize(("gallery", "site"), [*((gallery, None) for gallery in GALLERIES), ("all_sites", 2)])
def test_lists(codes, similarity, gallery, site):
    allowed = np.random.default_rng(3).random(SCANS) < 0.7
    queries = np.array([5, 0, 17, 33])
    order = np.argsort(-similarity[queries], axis=1, kind="stable").astype(np.int32)
    found = gallery_lists(order, queries, codes, allowed, gallery, site)
    ranks, total, size = [], [], []
    for row, query in enumerate(queries):
        if not allowed[query]:
            continue
        inside = set(members(codes, gallery, query, site)) & set(np.flatnonzero(allowed))
        ranked = [scan for scan in order[row] if scan in inside]
        here = [rank for rank, scan in enumerate(ranked, 1) if codes.label[scan] == codes.label[query]]
        ranks += here
        total.append(len(here))
        size.append(len(ranked))
    assert 0 < len(total) < len(queries)
    assert found.rank.tolist() == ranks
    assert (found.total.tolist(), found.size.tolist()) == (total, size)


@pytest.mark.parametrize("gallery", GALLERIES)
def test_first_scans_and_counts(codes, similarity, gallery):
    queries = np.arange(SCANS)
    found = nearest_members(similarity, queries, codes, gallery, 12)
    counts = gallery_counts(queries, codes, gallery, codes.label.astype(np.int64))
    short = 0
    for query in queries:
        inside = members(codes, gallery, query)
        best = sorted(inside, key=lambda scan: (-similarity[query, scan], scan))[:12]
        short += len(best) < 12
        assert found[query].tolist() == best + [-1] * (12 - len(best))
        assert counts[query].tolist() == np.bincount(codes.label[inside], minlength=3).tolist()
    assert (short > 0) == (gallery == "own_site")
