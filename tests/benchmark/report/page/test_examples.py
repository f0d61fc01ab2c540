"""Example retrievals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.errors import UserError
from benchmark.metrics.scans import scored_scans
from benchmark.report.page.examples import choose_queries, examples, top


def test_queries_are_one_cn_and_one_ad_of_the_first_two_sites(make_examples):
    frame = make_examples(site="A").embeddings["plain"]
    scans = scored_scans(frame)
    chosen = choose_queries(scans)
    assert [(scans.site[place], scans.diagnosis[place]) for place in chosen] == [
        ("A", "CN"), ("A", "AD"), ("B", "CN"), ("B", "AD"),
    ]  # fmt: skip
    shuffled = scored_scans(frame.sample(frac=1, random_state=0))
    assert scans.key[chosen].tolist() == shuffled.key[choose_queries(shuffled)].tolist()
    one_sided = frame[(frame["site"] != "A") | (frame["diagnosis"] == "CN")]
    scans = scored_scans(one_sided)
    assert {scans.site[place] for place in choose_queries(scans)} == {"B", "C"}


def test_top_against_plain_cosines(make_examples):
    frame = make_examples(site="A").embeddings["plain"]
    # The query's subject was also scanned at another site, where it must not be found.
    frame.loc[frame["site"] == "C", "subject_id"] = frame.loc[frame["site"] == "A", "subject_id"].to_numpy()
    scans = scored_scans(frame)
    vectors = scans.ldr - scans.ldr.mean(axis=0)
    for query in range(len(scans)):
        allowed = [
            place
            for place in range(len(scans))
            if scans.site[place] != scans.site[query] and scans.subject[place] != scans.subject[query]
        ]
        cosines = {
            place: vectors[place] @ vectors[query] / np.linalg.norm(vectors[place]) / np.linalg.norm(vectors[query])
            for place in allowed
        }
        assert top(scans, query, 5) == sorted(allowed, key=lambda place: -cosines[place])[:5]


def test_what_is_shown(make_examples):
    given = make_examples(site="A", method="m")
    found = examples([given])
    (each,) = found.sets
    assert each.title == "pooled, seed 1"
    assert len(each.queries) == 4
    for query in each.queries:
        assert list(query.found) == ["m", "plain"]
        for hits in query.found.values():
            assert len(hits) == 5
            for hit in hits:
                assert hit.site != query.scan.site
                assert hit.right == (hit.diagnosis == query.scan.diagnosis)
    # A scan that both methods find is one picture.
    shown = {(hit.image) for query in each.queries for hits in query.found.values() for hit in hits}
    assert len(found.images) <= len(given.embeddings["m"])
    assert max(shown) < len(found.images)
    assert "secret" not in repr(found)


def test_other_splits_and_diagnoses_are_left_out(make_examples):
    given = make_examples(site="A")
    tables = {name: frame.copy() for name, frame in given.embeddings.items()}
    for frame in tables.values():
        frame.loc[(frame["site"] == "C") & (frame["diagnosis"] == "AD"), "diagnosis"] = "MCI"
        frame.loc[(frame["site"] == "C") & (frame["diagnosis"] == "CN"), "split"] = "train"
    found = examples([replace(given, embeddings=tables)])
    hits = [hit for query in found.sets[0].queries for each in query.found.values() for hit in each]
    assert hits
    assert {hit.site for hit in hits} == {"A", "B"}


def test_errors(make_examples):
    given = make_examples()
    with pytest.raises(UserError, match="no method"):
        examples([replace(given, embeddings={})])
    first, second = given.embeddings
    shorter = {first: given.embeddings[first], second: given.embeddings[second].iloc[1:]}
    with pytest.raises(UserError, match="differ"):
        examples([replace(given, embeddings=shorter)])
    with pytest.raises(UserError, match="three axes") as error:
        examples([replace(given, volume_of=lambda _: np.zeros((3, 3)))])
    assert "secret" not in str(error.value)


def test_too_few_scans(make_examples):
    given = make_examples(site="A")
    few = {name: frame[frame["diagnosis"] == "CN"] for name, frame in given.embeddings.items()}
    assert examples([replace(given, embeddings=few)]).sets[0].queries == []


def test_a_methods_own_distance_ranks_its_examples_and_the_caption_says_so(make_examples):
    given = make_examples(site="A", method="m")
    common, own = (examples([replace(given, distances=each)]) for each in ({}, {"m": "euclidean"}))

    def found(each, method):
        return [[each.images[hit.image] for hit in query.found[method]] for query in each.sets[0].queries]

    assert common.sets[0].caption == "Labels: CN, AD. Distance: cosine_centred."
    assert own.sets[0].caption == "Labels: CN, AD. Distance: euclidean for m; cosine_centred for plain."
    assert found(own, "plain") == found(common, "plain")
    assert found(own, "m") != found(common, "m")
    scans = scored_scans(given.embeddings["m"])
    for query in choose_queries(scans):
        others = np.flatnonzero((scans.site != scans.site[query]) & (scans.subject != scans.subject[query]))
        nearest = others[np.argsort(np.square(scans.ldr[others] - scans.ldr[query]).sum(axis=1), kind="stable")]
        assert top(scans, query, 5, "euclidean") == nearest[:5].tolist()


def test_two_other_labels_take_the_place_of_cn_and_ad(make_examples):
    given = make_examples(site="A")
    other = {
        name: frame.assign(diagnosis=frame["diagnosis"].map({"CN": "low", "AD": "high"}))
        for name, frame in given.embeddings.items()
    }
    (found,) = examples([replace(given, embeddings=other)]).sets
    assert found.caption == "Labels: high, low. Distance: cosine_centred."
    assert [query.scan.diagnosis for query in found.queries] == ["high", "low", "high", "low"]
