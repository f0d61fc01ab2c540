"""Quality of single rankings, against scikit-learn, loops, hand-made numbers and enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from benchmark.metrics.ranking import NEEDS, expected_quality
from tests.benchmark.metrics.conftest import ranked_quality


def quality_of(relevant, member=None):
    relevant = np.atleast_2d(np.array(relevant, dtype=bool))
    member = np.ones_like(relevant) if member is None else np.atleast_2d(np.array(member, dtype=bool))
    return {name: values[0] for name, values in ranked_quality(relevant, member).items()}


def naive(relevant):
    """The textbook's definitions, one item after the other."""
    hits, precisions, total = 0, [], sum(relevant)
    for rank, is_relevant in enumerate(relevant, start=1):
        if is_relevant:
            hits += 1
            precisions.append(hits / rank)
    dcg = sum(1 / math.log2(rank + 1) for rank, one in enumerate(relevant[:10], start=1) if one)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(total, 10) + 1))
    return {
        "mAP": sum(precisions) / total,
        "P@1": sum(relevant[:1]) / 1,
        "P@5": sum(relevant[:5]) / 5,
        "P@10": sum(relevant[:10]) / 10,
        "R-precision": sum(relevant[:total]) / total,
        "nDCG@10": dcg / ideal,
        "recall@10": sum(relevant[:10]) / total,
        "MRR": 1 / (relevant.index(True) + 1),
    }


def test_by_hand():
    # Relevant at ranks 1, 3 and 6 of 10: AP = (1/1 + 2/3 + 3/6) / 3 = 13/18. Three relevant: two in the first three.
    # DCG = 1 + 1/2 + 1/log2(7), ideal = 1 + 1/log2(3) + 1/2.
    found = quality_of([1, 0, 1, 0, 0, 1, 0, 0, 0, 0])
    assert found["mAP"] == pytest.approx(13 / 18)
    assert (found["P@1"], found["P@5"], found["P@10"]) == (1.0, 0.4, 0.3)
    assert found["R-precision"] == pytest.approx(2 / 3)
    assert found["nDCG@10"] == pytest.approx((1.5 + 1 / math.log2(7)) / (1.5 + 1 / math.log2(3)))
    assert (found["recall@10"], found["MRR"]) == (1.0, 1.0)
    # First relevant scan at rank 4 of 11, the other one at rank 11: MRR 1/4, one of two within the first ten.
    found = quality_of([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1])
    assert (found["MRR"], found["recall@10"]) == (0.25, 0.5)


@pytest.mark.parametrize("seed", range(20))
def test_naive_and_sklearn(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(10, 40))
    relevant = rng.random(size) < rng.uniform(0.05, 0.95)
    relevant[rng.integers(size)] = True
    found = quality_of(relevant)
    assert found == pytest.approx(naive(relevant.tolist()))
    # All similarities negative: where torchmetrics takes relevant scans for absent.
    similarity = -np.arange(1, size + 1, dtype=float)
    assert found["mAP"] == pytest.approx(average_precision_score(relevant, similarity))
    assert found["nDCG@10"] == pytest.approx(ndcg_score([relevant], [similarity], k=10))


def test_against_trec_eval():
    pytrec_eval = pytest.importorskip("pytrec_eval")
    rng = np.random.default_rng(3)
    relevant = rng.random((30, 25)) < 0.3
    relevant[:, 7] = True
    names = {
        "mAP": "map", "P@1": "P_1", "P@5": "P_5", "P@10": "P_10", "R-precision": "Rprec",
        "nDCG@10": "ndcg_cut_10", "recall@10": "recall_10", "MRR": "recip_rank",
    }  # fmt: skip
    assert set(names) == set(NEEDS)
    judged = {f"q{q}": {f"d{d:02}": int(r) for d, r in enumerate(row)} for q, row in enumerate(relevant)}
    run = {q: {name: 25.0 - d for d, name in enumerate(sorted(row))} for q, row in judged.items()}
    measures = {"map", "P.1,5,10", "Rprec", "ndcg_cut.10", "recall.10", "recip_rank"}
    by_query = pytrec_eval.RelevanceEvaluator(judged, measures).evaluate(run)
    found = ranked_quality(relevant, np.ones_like(relevant))
    for name, theirs in names.items():
        expected = [by_query[f"q{q}"][theirs] for q in range(len(relevant))]
        assert found[name].tolist() == pytest.approx(expected, abs=1e-6), name


def test_scans_outside_the_gallery_take_no_rank():
    relevant = [0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    member = [0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    kept = [r for r, m in zip(relevant, member, strict=True) if m]
    assert quality_of(relevant, member) == pytest.approx(quality_of(kept))


def test_undefined_is_nan_never_zero():
    assert all(math.isnan(value) for value in quality_of([0] * 12).values())
    found = quality_of([1, 0, 1, 0])
    assert {name for name, value in found.items() if math.isnan(value)} == {"P@5", "P@10", "nDCG@10", "recall@10"}
    empty = quality_of([1, 1], [0, 0])
    assert all(math.isnan(value) for value in empty.values())


@pytest.mark.parametrize(("size", "total"), [(1, 1), (2, 1), (6, 1), (7, 3), (10, 4), (11, 10), (12, 12), (13, 2)])
def test_chance_is_the_mean_over_every_order(size, total):
    placements = list(itertools.combinations(range(size), total))
    relevant = np.zeros((len(placements), size), bool)
    for row, placement in enumerate(placements):
        relevant[row, list(placement)] = True
    every = ranked_quality(relevant, np.ones_like(relevant))
    expected = expected_quality(np.array([total]), np.array([size]))
    for name in NEEDS:
        assert expected[name][0] == pytest.approx(every[name].mean(), nan_ok=True), name


def test_chance_by_simulation():
    rng = np.random.default_rng(0)
    relevant = np.tile(np.arange(60) < 17, (4000, 1))
    relevant = rng.permuted(relevant, axis=1)
    simulated = ranked_quality(relevant, np.ones_like(relevant))
    expected = expected_quality(np.array([17]), np.array([60]))
    for name in NEEDS:
        error = simulated[name].std() / math.sqrt(4000)
        assert abs(expected[name][0] - simulated[name].mean()) < 4 * error, name


def test_chance_of_an_undefined_query_is_nan():
    expected = expected_quality(np.array([0, 2, 0]), np.array([5, 4, 0]))
    assert np.isnan(expected["mAP"]).tolist() == [True, False, True]
    assert np.isnan(expected["P@5"]).tolist() == [True, True, True]
