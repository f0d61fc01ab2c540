"""What is found, against the benchmark's own ranks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.errors import UserError
from benchmark.metrics.order import most_similar_first
from benchmark.metrics.similarity import prepare, similarities
from benchmark.search.index import Index, IndexedModel, create, writing
from benchmark.search.nearest import nearest, percentile, random_similarities

SCANS, DIMENSIONS = 700, 8


def archive(folder, ldrs, sizes=(SCANS,)):
    """An index of scans of one subject per two, written in parts of some sizes."""
    count = len(ldrs)
    frame = pd.DataFrame(
        {
            "subject_id": [f"s{number // 2:05d}" for number in range(count)],
            "session_id": [f"v{number % 2}" for number in range(count)],
            "site": ["A" if number % 3 else "B" for number in range(count)],
            "diagnosis": "CN", "age": 70.0, "sex": "F", "image": "i", "mask": "",
            "content": [f"{number:064x}" for number in range(count)],
        }
    )  # fmt: skip
    create(folder, IndexedModel("mine", "ab" * 32, ldrs.astype(np.float64).mean(axis=0)))
    first = 0
    with writing(folder) as writer:
        for size in sizes:
            writer.add(frame[first : first + size], ldrs[first : first + size])
            first += size
    return Index(folder)


def by_the_metrics(index, query):
    """Scan keys in the order in which the metrics rank them: ties by scan key, which the rows are sorted by."""
    keys = np.array(index.scans["scan_key"].to_pylist())
    rows = np.argsort(keys)
    centre = index.model.centre
    gallery = prepare(index.ldrs(rows).astype(np.float64), centre, "cosine_centred")
    prepared = prepare(query[None].astype(np.float64), centre, "cosine_centred")
    return keys[rows][most_similar_first(similarities(prepared, gallery, "cosine_centred"))[0]]


@pytest.fixture(scope="module")
def ldrs():
    """LDRs in which many are equal, and many equal but for rounding."""
    rng = np.random.default_rng(3)
    values = rng.normal(5, 1, size=(SCANS, DIMENSIONS)).astype(np.float32)
    values[100:200] = values[0]
    values[200:300] = values[1] * (1 + 1e-7 * rng.normal(size=(100, DIMENSIONS)))
    return values


@pytest.fixture(scope="module")
def index(tmp_path_factory, ldrs):
    return archive(tmp_path_factory.mktemp("nearest") / "index", ldrs, sizes=(512, 128, 60))


@pytest.mark.parametrize("k", [1, 5, 10, 150, SCANS, 10 * SCANS])
@pytest.mark.parametrize("query", [0, 1, 2, 250, 699])
def test_ranks_are_those_of_the_metrics(index, ldrs, query, k):
    found = nearest(index, ldrs[query], k)
    keys = np.array(index.scans["scan_key"].to_pylist())[found.rows]
    np.testing.assert_array_equal(keys, by_the_metrics(index, ldrs[query])[:k])
    assert (np.diff(found.similarity) <= 0).all()
    assert found.similarity[0] == pytest.approx(1, abs=1e-6)


def test_only_scans_among_those_that_may_be_found_are(index, ldrs):
    site = np.array(index.scans["site"].to_pylist())
    found = nearest(index, ldrs[7], 50, among=site == "B")
    keys = np.array(index.scans["scan_key"].to_pylist())
    expected = [key for key in by_the_metrics(index, ldrs[7]) if key.startswith("B/")]
    assert keys[found.rows].tolist() == expected[:50]
    assert not len(nearest(index, ldrs[7], 5, among=site == "C").rows)


def test_one_hit_per_subject_is_the_most_similar_one(index, ldrs):
    found = nearest(index, ldrs[7], 40, one_per_subject=True)
    keys = np.array(index.scans["scan_key"].to_pylist())
    expected = pd.Series(by_the_metrics(index, ldrs[7]))
    expected = expected[~expected.str.split("/").str[1].duplicated()]
    assert keys[found.rows].tolist() == expected[:40].tolist()
    assert len(nearest(index, ldrs[7], SCANS, one_per_subject=True).rows) == SCANS // 2


def test_removed_scans_are_not_found(tmp_path, ldrs):
    index = archive(tmp_path / "index", ldrs[300:320], sizes=(20,))
    first = nearest(index, ldrs[310], 1).rows[0]
    with writing(tmp_path / "index") as writer:
        writer.remove(np.arange(20) == first)
    assert first not in nearest(Index(tmp_path / "index"), ldrs[310], 20).rows
    assert len(nearest(Index(tmp_path / "index"), ldrs[310], 20).rows) == 19


def test_an_empty_index_finds_nothing(tmp_path):
    create(tmp_path / "index", IndexedModel("mine", "ab" * 32, np.zeros(4)))
    index = Index(tmp_path / "index")
    assert not len(nearest(index, np.ones(4, np.float32), 3).rows)
    assert np.isnan(percentile(np.array([0.5]), random_similarities(index))).all()


@pytest.mark.parametrize(
    ("query", "k", "said"),
    [
        (np.ones(3, np.float32), 1, "8 finite numbers are needed"),
        (np.full(8, np.inf, np.float32), 1, "8 finite numbers are needed"),
        (np.ones(8, np.float32), 0, "k: 0 is not allowed"),
    ],
)
def test_what_cannot_be_searched_with_is_refused(index, query, k, said):
    with pytest.raises(UserError, match=said):
        nearest(index, query, k)


def test_a_similarity_is_compared_with_that_of_random_pairs(tmp_path):
    ldrs = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32)
    index = archive(tmp_path / "index", ldrs, sizes=(400,))
    pairs = random_similarities(index)
    np.testing.assert_array_equal(pairs, random_similarities(index))
    # In four dimensions the cosine of random directions has this standard deviation.
    assert pairs.std() == pytest.approx(0.5, abs=0.01)
    assert percentile(np.array([-2.0, 0.0, 2.0]), pairs) == pytest.approx([0, 50, 100], abs=2)


def test_approximate_search_finds_nearly_what_exact_search_finds(tmp_path):
    pytest.importorskip("usearch")
    values = np.random.default_rng(1).normal(size=(3000, DIMENSIONS)).astype(np.float32)
    archive(tmp_path / "index", values[:2900], sizes=(2900,))
    with writing(tmp_path / "index") as writer:
        writer.compact(graph=True)
        more = writer.opened().scans.slice(0, 100).to_pandas()
        more = more.assign(
            subject_id=[f"t{number:05d}" for number in range(100)],
            content=[f"{number:064x}" for number in range(5000, 5100)],
        )
        writer.add(more, values[2900:])
    index = Index(tmp_path / "index")
    assert [part.graph is not None for part in index.parts] == [True, False]
    recall = index.state.segments[0].recall
    assert recall.queries == 200
    assert recall.share >= 0.99
    shares = []
    for row in range(0, 3000, 50):
        exact, quick = nearest(index, values[row], 10), nearest(index, values[row], 10, approximate=True)
        shares.append(np.isin(quick.rows, exact.rows).mean())
        assert (np.diff(quick.similarity) <= 0).all()
    assert np.mean(shares) >= 0.99
    # Where a condition leaves few, nothing of these is missed.
    few = np.arange(3000) % 300 == 7
    for options in ({"among": few}, {"among": few, "one_per_subject": True}):
        exact = nearest(index, values[0], 5, **options)
        np.testing.assert_array_equal(nearest(index, values[0], 5, approximate=True, **options).rows, exact.rows)


def test_a_graph_has_the_same_bytes_again(tmp_path):
    pytest.importorskip("usearch")
    values = np.random.default_rng(1).normal(size=(300, DIMENSIONS)).astype(np.float32)
    digests = []
    for name in ("one", "two"):
        archive(tmp_path / name, values, sizes=(300,))
        with writing(tmp_path / name) as writer:
            writer.compact(graph=True)
        digests.append(writer.state.segments[0].files)
    assert "graph.usearch" in digests[0]
    assert digests[0] == digests[1]
