"""Same-site share against a loop, and against what a site-blind ranking gives."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark.metrics.same_site import scores
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(distances=("euclidean",), bootstrap=50)


def test_against_a_loop(make_table):
    scans = scored_scans(make_table(subjects=12))
    overall, *by_site = scores(scans, SETTINGS)
    shares = {}
    for i in range(len(scans)):
        distance = np.square(scans.ldr - scans.ldr[i]).sum(axis=1)
        others = [j for j in np.lexsort((scans.key, distance)) if scans.subject[j] != scans.subject[i]]
        shares.setdefault(scans.site[i], []).append(np.mean([scans.site[j] == scans.site[i] for j in others[:10]]))
    means = [np.mean(shares[site]) for site in sorted(shares)]
    assert [score.value for score in by_site] == pytest.approx(means)
    assert overall.value == pytest.approx(np.mean(means))


def test_site_alone_and_no_site(make_table):
    only, *_ = scores(scored_scans(make_table(subjects=20, site_strength=50.0)), SETTINGS)
    assert only.value == 1.0
    none, *_ = scores(scored_scans(make_table(subjects=60)), SETTINGS)
    assert none.value == pytest.approx(none.chance, abs=0.05)
    assert none.ci_low < none.value < none.ci_high


def test_chance_by_hand(make_table):
    # 3 sites of 9 own subjects and 3 travelling ones. A query with one scan: 11 of 35 others are of its site. A
    # travelling one: its own three scans are out, 11 of 33. Mean over a site: (9 * 11/35 + 3 * 11/33) / 12.
    overall, *_ = scores(scored_scans(make_table()), SETTINGS)
    assert overall.chance == pytest.approx((9 * 11 / 35 + 3 * 11 / 33) / 12)


def test_small_gallery(make_table):
    found = scores(scored_scans(make_table(sites=2, subjects=4, travelling=0)), SETTINGS)
    assert all(math.isnan(score.value) for score in found)
    assert {score.note for score in found} == {"a query has fewer than 10 scans of other subjects"}
    assert [(score.subgroup, score.n) for score in found] == [("", 8), ("query_site=site0", 4), ("query_site=site1", 4)]
