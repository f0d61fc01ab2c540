"""Distances whose statistics come from training scans: whitened and within-subject, against naive versions of them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import LedoitWolf

from benchmark.metrics.evaluate import score_all
from benchmark.metrics.order import most_similar_first
from benchmark.metrics.retrieval import scores
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import (
    repeats_of,
    same_age_repeats,
    similarities,
    vectors_of,
    within_subject_residuals,
)
from benchmark.metrics.travelling import scores as identity_scores

NO_REPEATS = "no training subject has two scans that differ"


@pytest.fixture
def repeated(make_table):
    """Training subjects with three scans, two and one, in dimensions of unequal size that depend on each other."""
    table = make_table(train=12)
    rng = np.random.default_rng(7)
    train = table[table["split"] == "train"]
    again = [train[train.index % 2 == 0].assign(session_id="ses-2"), train[train.index % 4 == 0]]
    table = pd.concat([table, again[0], again[1].assign(session_id="ses-3")], ignore_index=True)
    names = [name for name in table if name.startswith("z")]
    mixing = rng.normal(size=(6, 6)) * [5, 1, 1, 0.5, 1, 3]
    table[names] = (table[names].to_numpy() + 0.5 * rng.normal(size=(len(table), 6))) @ mixing + 4
    return scored_scans(table)


def taken(scans, distance):
    vectors = vectors_of(scans, distance).vectors
    return vectors, similarities(vectors, vectors, distance)


def naive_order(similarity, key):
    """Most similar first, equally similar scans by key, one query after the other."""
    return [sorted(range(len(key)), key=lambda j: (-row[j], key[j])) for row in similarity]


def within_subject_cosines(scans):
    """x' C^-1 y / sqrt(x' C^-1 x  y' C^-1 y), with x and y from the training mean, subject by subject."""
    residuals = []
    for subject in sorted(set(scans.reference_subject)):
        own = scans.reference[scans.reference_subject == subject]
        if len(own) > 1:
            residuals += [math.sqrt(len(own) / (len(own) - 1)) * (scan - own.mean(axis=0)) for scan in own]
    inverse = np.linalg.inv(LedoitWolf(assume_centered=True).fit(np.array(residuals)).covariance_)
    centred = scans.ldr - scans.reference.mean(axis=0)
    found = np.empty((len(scans), len(scans)))
    for i, x in enumerate(centred):
        for j, y in enumerate(centred):
            found[i, j] = x @ inverse @ y / math.sqrt((x @ inverse @ x) * (y @ inverse @ y))
    return found


def test_whitened_is_the_mahalanobis_distance_of_the_training_covariance(repeated):
    inverse = np.linalg.inv(np.cov(repeated.reference, rowvar=False, ddof=0))
    expected = [[-(mahalanobis(x, y, inverse) ** 2) for y in repeated.ldr] for x in repeated.ldr]
    vectors, found = taken(repeated, "whitened")
    assert found == pytest.approx(np.array(expected), rel=1e-6)
    order = most_similar_first(similarities(vectors, vectors, "whitened"))
    assert order.tolist() == naive_order(expected, repeated.key)
    # Another ranking than that of the plain distance, which the long dimensions rule.
    plain = most_similar_first(similarities(repeated.ldr, repeated.ldr, "euclidean"))
    assert (order != plain).mean() > 0.5


def test_within_subject_against_a_loop(repeated):
    expected = within_subject_cosines(repeated)
    vectors, found = taken(repeated, "within_subject")
    assert found == pytest.approx(expected)
    order = most_similar_first(similarities(vectors, vectors, "within_subject"))
    assert order.tolist() == naive_order(expected, repeated.key)


def test_within_subject_retrieval_is_that_of_the_loop(repeated):
    chosen = repeated.where(np.isin(repeated.diagnosis, ("CN", "AD")))
    by_site = {}
    for i, order in enumerate(naive_order(within_subject_cosines(chosen), chosen.key)):
        gallery = [j for j in order if chosen.site[j] != chosen.site[i] and chosen.subject[j] != chosen.subject[i]]
        relevant = [chosen.diagnosis[j] == chosen.diagnosis[i] for j in gallery]
        precisions = [sum(relevant[:rank]) / rank for rank, hit in enumerate(relevant, start=1) if hit]
        by_site.setdefault(chosen.site[i], []).append(np.mean(precisions))
    settings = EvaluationSettings(distances=("within_subject",), bootstrap=0)
    (found,) = [
        score
        for score in scores(repeated, settings)
        if (score.metric.name, score.subgroup) == ("mAP", "")
        and (score.params["gallery"], score.params["label"]) == ("other_sites", "CN/AD")
    ]
    assert found.value == pytest.approx(np.mean([np.mean(values) for values in by_site.values()]))


def test_residuals_by_hand():
    # Subject a: 0 and 2, deviations -1 and 1, times sqrt(2): mean square 2, which is its variance with n - 1. Subject
    # b: 0, 3 and 6, deviations -3, 0 and 3, times sqrt(3/2): mean square 9. Subject c, seen once, says nothing.
    found = within_subject_residuals(np.array([[0.0], [0], [2], [3], [6], [50]]), np.array(list("ababbc")))
    root = math.sqrt(2), 3 * math.sqrt(1.5)
    assert found[:, 0].tolist() == pytest.approx([-root[0], -root[1], root[0], 0, root[1]])
    assert np.square(found).mean() == pytest.approx((2 * 2 + 3 * 9) / 5)


def test_residuals_estimate_the_covariance_without_bias():
    # 3,000 subjects with two or three scans: the mean square has a standard error of about sqrt(2 / 7,500) = 1.6 %.
    rng = np.random.default_rng(0)
    subject = np.repeat(np.arange(3000), np.arange(3000) % 2 + 2)
    ldr = 10 * rng.normal(size=(3000, 1))[subject] + rng.normal(size=(len(subject), 1)) * 2
    assert np.square(within_subject_residuals(ldr, subject.astype(str))).mean() == pytest.approx(4, rel=0.07)


def test_directions_in_which_one_person_varies_count_less(make_table, set_vectors):
    # Three dimensions tell people apart, three others change from scan to scan, three times as much.
    table = make_table(subjects=20, travelling=12, train=40)
    train = table[table["split"] == "train"]
    table = pd.concat([table, train.assign(session_id="ses-2")], ignore_index=True)
    rng = np.random.default_rng(1)
    person = {name: rng.normal(size=3) for name in table["subject_id"].unique()}
    lasting = np.stack([person[name] for name in table["subject_id"]]) + 0.05 * rng.normal(size=(len(table), 3))
    scans = scored_scans(set_vectors(table, np.hstack([lasting, 3 * rng.normal(size=(len(table), 3))])))
    top1 = {}
    for distance in ("cosine_centred", "within_subject"):
        (found,) = identity_scores(scans, EvaluationSettings(distances=(distance,), bootstrap=0))
        top1[distance] = found.value
    assert top1["within_subject"] > top1["cosine_centred"] + 0.4


def test_units_and_axes_change_no_within_subject_similarity(repeated):
    _, before = taken(repeated, "within_subject")
    rotation = np.linalg.qr(np.random.default_rng(2).normal(size=(6, 6)))[0]
    for change in (1000.0 * np.eye(6), rotation):
        changed = replace(repeated, ldr=repeated.ldr @ change, reference=repeated.reference @ change, memo={})
        assert taken(changed, "within_subject")[1] == pytest.approx(before, abs=1e-9)


@pytest.mark.parametrize(
    ("twice", "changes", "reason"),
    [
        (False, {}, NO_REPEATS),
        # The same vector twice: nothing varies within a subject.
        (True, {}, NO_REPEATS),
        (True, {"split": "test"}, "no training scans to take the within-subject covariance from"),
    ],
)
def test_without_repeat_scans_there_is_no_within_subject_distance(make_table, twice, changes, reason):
    table = make_table()
    again = table[table["split"] == "train"].assign(session_id="ses-2", age=71.0)
    scans = scored_scans(pd.concat([table, again] if twice else [table], ignore_index=True).assign(**changes))
    assert vectors_of(scans, "within_subject").vectors is None
    assert vectors_of(scans, "within_subject").reason == reason
    found = scores(scans, EvaluationSettings(distances=("within_subject", "cosine_centred")))
    missing = [score for score in found if score.params.get("distance") == "within_subject"]
    assert {score.note for score in missing} == {reason}
    assert all(math.isnan(score.value) and score.n == 0 for score in missing)
    # The other distance is scored all the same.
    assert any(math.isfinite(score.value) for score in found if score.params.get("distance") == "cosine_centred")


def test_every_ranking_without_repeat_scans_has_a_reason(make_table):
    settings = EvaluationSettings(
        distances=("within_subject",), probes=("linear",), permutations=0, inner_folds=0, test_permutations=0
    )
    found = [score for score in score_all(make_table(), settings) if score.params.get("distance") == "within_subject"]
    assert all(math.isnan(score.value) and score.note for score in found)
    named = {score.metric.name for score in found if score.note == NO_REPEATS}
    assert named >= {"mAP", "P@1", "same_site@10", "graded_nDCG@10", "top1"}


def with_repeats(make_table, drift, jitter):
    """Every training subject scanned twice at one age, and a year later, when ``drift`` has moved its first number."""
    table = make_table(train=12, disease_strength=0.0)
    train = table[table["split"] == "train"]
    rng = np.random.default_rng(3)
    again, later = train.assign(session_id="ses-1b"), train.assign(session_id="ses-2", age=71.0)
    names = [name for name in table if name.startswith("z")]
    again[names] += jitter * rng.normal(size=(len(again), len(names)))
    later["z0"] += drift * rng.normal(size=len(later))
    return scored_scans(pd.concat([table, again, later], ignore_index=True))


def test_repeats_of_one_age_alone_say_what_to_discount(make_table):
    # What a year changes in a person is not discounted: the distances are those without the yearly scans.
    scans = with_repeats(make_table, drift=50.0, jitter=0.1)
    assert same_age_repeats(scans)
    calm = with_repeats(make_table, drift=0.0, jitter=0.1)
    residuals = within_subject_residuals(scans.reference, repeats_of(scans))
    assert residuals == pytest.approx(within_subject_residuals(calm.reference, repeats_of(calm)))
    assert len(residuals) == 2 * 36
    settings = EvaluationSettings(distances=("within_subject",), bootstrap=0)
    found = [score for score in scores(scans, settings) if score.params.get("distance") == "within_subject"]
    assert found
    assert all(score.params.get("repeats") == "same_age" for score in found)


def test_where_repeats_of_one_age_do_not_differ_nothing_is_discounted(make_table):
    scans = with_repeats(make_table, drift=5.0, jitter=0.0)
    expected = vectors_of(scans, "cosine_centred").vectors
    assert np.array_equal(vectors_of(scans, "within_subject").vectors, expected)


def test_few_repeats_of_one_age_leave_all_repeats_in(make_table):
    table = make_table(train=12)
    train = table[table["split"] == "train"]
    names = [name for name in table if name.startswith("z")]
    again, later = train.iloc[:5].assign(session_id="ses-1b"), train.iloc[6:].assign(session_id="ses-2", age=71.0)
    for part in (again, later):
        part[names] += 1.0
    scans = scored_scans(pd.concat([table, again, later], ignore_index=True))
    assert not same_age_repeats(scans)
    assert np.array_equal(repeats_of(scans), scans.reference_subject)


def test_scans_of_unknown_age_are_nobodys_repeats(make_table):
    table = make_table(train=30).assign(age=np.nan)
    train = table[table["split"] == "train"].assign(session_id="ses-2")
    assert not same_age_repeats(scored_scans(pd.concat([table, train], ignore_index=True)))
