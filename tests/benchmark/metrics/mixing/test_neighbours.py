"""Nearest neighbours among other subjects, against a loop and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.metrics.arrays import by_coordinates, options_of
from benchmark.metrics.mixing import neighbours
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings


def test_against_a_loop_with_repeat_scans():
    rng = np.random.default_rng(0)
    features, owner = rng.normal(size=(60, 5)), rng.integers(25, size=60)
    index, distance = neighbours.nearest(features, owner, 8)
    for scan in range(60):
        others = [
            (float(np.linalg.norm(features[scan] - features[j])), j) for j in range(60) if owner[j] != owner[scan]
        ]
        expected = sorted(others)[:8]
        assert index[scan].tolist() == [j for _, j in expected]
        np.testing.assert_allclose(distance[scan], [d for d, _ in expected])


def test_by_hand_on_a_line():
    # Subjects 0, 0, 1, 2 at 0, 1, 3, 7. The scan at 0 sees 3 and 7, not 1, which is its own subject's; the one at 3
    # sees 1, 0 and then 7 at distances 2, 3, 4.
    features, owner = np.array([[0.0], [1.0], [3.0], [7.0]]), np.array([0, 0, 1, 2])
    assert neighbours.most_neighbours(owner, 90) == 2
    index, distance = neighbours.nearest(features, owner, 2)
    assert index.tolist() == [[2, 3], [2, 3], [1, 0], [2, 1]]
    assert distance.tolist() == pytest.approx(np.array([[3, 7], [2, 6], [2, 3], [4, 6]], float))


def test_a_far_origin_changes_no_neighbour():
    rng = np.random.default_rng(1)
    features, owner = rng.normal(size=(80, 4)), np.arange(80)
    near, far = (neighbours.nearest(features + shift, owner, 10)[0] for shift in (0.0, 1e5))
    assert (near == far).all()


def test_scans_in_another_order_have_the_same_neighbours():
    rng = np.random.default_rng(2)
    features, owner, order = rng.normal(size=(80, 4)), rng.integers(40, size=80), rng.permutation(80)
    index, distance = neighbours.nearest(features, owner, 6)
    moved, moved_distance = neighbours.nearest(features[order], owner[order], 6)
    assert (order[moved] == index[order]).all()
    np.testing.assert_allclose(moved_distance, distance[order])


def test_no_more_neighbours_than_the_subject_with_most_scans_leaves():
    assert neighbours.most_neighbours(np.array([0, 0, 0, 1, 2]), 90) == 2
    assert neighbours.most_neighbours(np.arange(200), 90) == 90


def test_a_subsample_is_of_whole_subjects_and_the_params_say_so(make_table):
    scans = scored_scans(make_table(subjects=30, travelling=3))
    whole, _, params = next(by_coordinates(scans, EvaluationSettings()))
    assert (len(whole), "scans" in params) == (len(scans), False)
    part, _, params = next(by_coordinates(scans, EvaluationSettings(probe_scans=50)))
    assert len(part) <= 50
    assert params["scans"] == str(len(part))
    for subject in np.unique(part.subject):
        assert (part.subject == subject).sum() == (scans.subject == subject).sum()


def test_params_say_where_statistics_come_from(make_table):
    table = make_table()
    with_train, without = scored_scans(table), scored_scans(table.drop(columns="split"))
    found = [[params for *_, params in by_coordinates(scans, EvaluationSettings())] for scans in (with_train, without)]
    assert found[0] == [{"coordinates": "standardised"}, {"coordinates": "whitened"}]
    assert found[1][0] == {"coordinates": "standardised", "statistics": "all"}


def test_ties_go_to_the_first_scans():
    # All others are equally far from scan 0; the last two scans are alike.
    features = np.vstack([np.zeros((1, 4)), np.eye(4), -np.eye(4)])
    index, _ = neighbours.nearest(features - features.mean(axis=0), np.arange(9), 3)
    assert index[0].tolist() == [1, 2, 3]
    same, _ = neighbours.nearest(np.zeros((6, 2)), np.arange(6), 2)
    assert same.tolist() == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1], [0, 1]]


def test_scored_scans_that_are_all_alike_have_a_reason(make_table, set_vectors):
    table = make_table()
    vectors = np.random.default_rng(3).normal(size=(len(table), 3))
    vectors[table["split"] == "test"] = 0.1
    scans = scored_scans(set_vectors(table, vectors))
    for coordinates in ("standardised", "whitened"):
        options = options_of(scans, EvaluationSettings())
        mixing = neighbours.Mixing.of(scans.ldr, scans.site, coordinates=coordinates, **options)
        assert mixing.reason == "the LDR is constant over the scored scans"
