"""Scanner fingerprinting against a loop, at chance and at its worst."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark import metrics
from benchmark.metrics.reliability.site_fingerprint import scores
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings


def scans(site_strength, seed=0, subjects=12, sites=4, alone=8):
    """Travelling subjects, and others who were at one site each."""
    rng = np.random.default_rng(seed)
    subject, site = (each.ravel() for each in np.indices((subjects, sites)))
    subject, site = np.r_[subject, 100 : 100 + alone], np.r_[site, np.arange(alone) % sites]
    ldr = rng.normal(size=(100 + alone, 5))[subject] + site_strength * rng.normal(size=(sites, 5))[site]
    return ldr + 0.3 * rng.normal(size=ldr.shape), {"site": site, "subject": subject, "distance": "euclidean"}


def test_against_a_loop():
    ldr, where = scans(0.7)
    subject, site = where["subject"], where["site"]
    travelling = np.flatnonzero(subject < 100)
    same = []
    for query in travelling:
        others = [one for one in travelling if subject[one] != subject[query]]
        nearest = min(others, key=lambda one: np.linalg.norm(ldr[one] - ldr[query]))
        same.append(site[nearest] == site[query])
    found = metrics.site_fingerprint(ldr, **where)
    assert found.value == pytest.approx(np.mean(same))
    assert (found.n, found.chance) == (48, 0.25)
    assert found.ci_low < found.value < found.ci_high
    # The mean over sites of each site's own.
    assert found.value == pytest.approx(np.mean([part.value for part in found.parts.values()]))


def test_an_ldr_without_the_site_is_at_chance_and_one_of_the_site_at_one():
    values = [metrics.site_fingerprint(ldr, **where).value for ldr, where in (scans(0.0, seed) for seed in range(20))]
    # 20 data sets of 48 queries: a standard error of at most 1.4 points if they were independent; pairs are not.
    assert np.mean(values) == pytest.approx(0.25, abs=4 * 0.02)
    ldr, where = scans(100.0)
    assert metrics.site_fingerprint(ldr, **where).value == 1.0


def test_undefined():
    ldr, where = scans(0.7)
    alone = where["subject"] >= 100
    found = metrics.site_fingerprint(ldr[alone], site=where["site"][alone], subject=where["subject"][alone])
    assert math.isnan(found.value)
    assert (found.n, found.note) == (0, "no subject has scored scans at two sites")


def test_all_sites_query_where_one_is_held_out(make_table):
    table = scored_scans(make_table(site_strength=0.5))
    settings = EvaluationSettings(distances=("euclidean",), bootstrap=20)
    assert scores(table, settings, ["site2"]) == scores(table, settings)
