"""What leaving a subject out of galleries changes, against lists that are made anew without it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.metrics import left_out
from benchmark.metrics.first_ranks import effects_on_first
from benchmark.metrics.galleries import GALLERIES, Codes
from benchmark.metrics.left_out import MEASURES, effects_in_lists, site_weights
from benchmark.metrics.order import most_similar_first
from benchmark.metrics.ranking import NEEDS
from tests.benchmark.metrics.conftest import ranked_quality

NEEDED = np.array([NEEDS[name] for name in MEASURES])


@pytest.fixture
def made():
    """Three sites with subjects of one and two scans and three who travelled; every seventh scan is not searched."""
    rng = np.random.default_rng(0)
    rows = [(s, f"{s}-{i}") for s in range(3) for i in range(12) for _ in range(1 + (i < 3))]
    rows += [(s, f"t{i}") for s in range(3) for i in range(3)]
    rows.sort()
    site, name = np.array([s for s, _ in rows], np.int32), np.array([n for _, n in rows])
    names, subject = np.unique(name, return_inverse=True)
    label = rng.integers(2, size=len(names)).astype(np.int32)[subject]
    vectors = rng.normal(size=(len(site), 3)) + 0.8 * label[:, None]
    order = most_similar_first(vectors @ vectors.T).astype(np.int32)
    allowed = np.arange(len(site)) % 7 > 0
    return order, Codes(site, subject.astype(np.int32), label), allowed


def by_loop(order, codes, allowed, queries, gallery, gone):
    site, subject, label = codes.site, codes.subject, codes.label
    own, others = gallery in ("own_site", "all_sites"), gallery in ("other_sites", "all_sites")
    relevant, member = [], []
    for query in queries:
        ranked = order[query]
        near = site[ranked] == site[query]
        there = allowed[ranked] & (subject[ranked] != subject[query]) & (subject[ranked] != gone)
        member.append(there & np.where(near, own, others))
        relevant.append(label[ranked] == label[query])
    quality = ranked_quality(np.array(relevant), np.array(member))
    return np.stack([quality[name] for name in MEASURES], axis=1)


@pytest.mark.parametrize("looked_up", [16, 1])
@pytest.mark.parametrize("gallery", GALLERIES)
def test_every_subject_against_lists_without_it(made, monkeypatch, gallery, looked_up):
    # With 1, subjects of two scans take the way of those who have more than are looked up.
    monkeypatch.setattr(left_out, "LOOKED_UP", looked_up)
    order, codes, allowed = made
    site, subject = codes.site, codes.subject
    queries = np.argsort(subject, kind="stable")
    asking = queries[allowed[queries]]
    whole = np.full((len(queries), len(MEASURES)), np.nan)
    whole[allowed[queries]] = by_loop(order, codes, allowed, asking, gallery, -1)
    weight = site_weights(np.isfinite(whole), site[queries].astype(np.int64))
    stratum = np.arange(int(subject.max()) + 1) % 4
    effects = effects_in_lists(order[queries], queries, codes, allowed, gallery, weight, stratum)
    by_asker = np.zeros((int(subject.max()) + 1, int(subject.max()) + 1, len(MEASURES)))
    for gone in np.unique(subject[allowed]):
        without = np.full(whole.shape, np.nan)
        without[allowed[queries]] = by_loop(order, codes, allowed, asking, gallery, gone)
        change = np.where(subject[queries, None] == gone, 0.0, np.nan_to_num(without - whole)) * weight
        assert effects.change[gone] == pytest.approx(change.sum(axis=0), abs=1e-12)
        np.add.at(by_asker[:, gone], subject[queries], change)
    # Squares are taken after a querying subject's lists are summed, around the mean over those who are found.
    luck = np.zeros_like(effects.luck)
    for group in range(4):
        part = by_asker[:, stratum == group]
        luck[group] = np.square(part - part.mean(axis=1, keepdims=True)).sum(axis=(0, 1))
    assert effects.luck == pytest.approx(luck, abs=1e-12)


def test_first_scans_against_whole_lists(made):
    order, codes, _ = made
    site, subject, label = codes.site, codes.subject, codes.label
    everyone = np.ones(len(site), bool)
    queries = np.argsort(subject, kind="stable")
    weight = np.full((len(queries), len(MEASURES)), 1 / len(queries))
    stratum = np.arange(int(subject.max()) + 1) % 4
    expected = effects_in_lists(order[queries], queries, codes, everyone, "all_sites", weight, stratum)
    nearest = np.array([[one for one in order[q] if subject[one] != subject[q]][:8] for q in queries])

    def precision(places, which, gone):
        return (label[places] == label[queries[which], None]).mean(axis=1)

    value = precision(nearest[:, :5], np.arange(len(queries)), None)
    found = effects_on_first(nearest, queries, subject, value, weight[:, 0], stratum, 5, precision)
    column = MEASURES.index("P@5")
    assert found.change[:, 0] == pytest.approx(expected.change[:, column], abs=1e-12)
    assert found.luck[:, 0] == pytest.approx(expected.luck[:, column], abs=1e-12)


def test_weights_are_those_of_a_mean_of_site_means():
    # Site 0: two of three queries have a value. Site 1: its only one.
    defined = np.array([[True], [False], [True], [True]])
    assert site_weights(defined, np.array([0, 0, 0, 1]))[:, 0].tolist() == [0.25, 0, 0.25, 0.5]
