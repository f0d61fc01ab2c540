"""Retrieval against a naive loop, its invariances, and designs that leave values undefined."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.errors import UserError
from benchmark.metrics import retrieval as module
from benchmark.metrics.ranking import NEEDS
from benchmark.metrics.retrieval import scores
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings
from tests.tables import frame_of

QUICK = EvaluationSettings(bootstrap=0)


def score(table, settings=QUICK, query_sites=None):
    return frame_of(scores(scored_scans(table), settings, query_sites))


def pick(frame, metric, gallery="other_sites", label="CN/AD", subgroup="", distance="cosine_centred"):
    params = frame["parameters"].str
    chosen = frame[
        (frame["metric"] == metric)
        & (frame["subgroup"] == subgroup)
        & params.contains(f"gallery={gallery};label={label}")
        & params.contains(f"distance={distance};")
    ]
    assert len(chosen) == 1
    return chosen.iloc[0]


def naive_ap_by_site(table, gallery, labels, similarity):
    """Mean over query sites of mean average precision, item by item."""
    rows = [row for row in table[table["split"] == "test"].to_dict("records") if row["diagnosis"] in labels]
    key = lambda row: f"{row['site']}/{row['subject_id']}/{row['session_id']}"  # noqa: E731
    by_site = {}
    for query in rows:
        items = []
        for other in rows:
            if other["subject_id"] == query["subject_id"]:
                continue
            if gallery == "other_sites" and other["site"] == query["site"]:
                continue
            if gallery == "own_site" and other["site"] != query["site"]:
                continue
            items.append((-similarity(query, other), key(other), other["diagnosis"] == query["diagnosis"]))
        hits, precisions = 0, []
        for rank, (_, _, relevant) in enumerate(sorted(items), start=1):
            if relevant:
                hits += 1
                precisions.append(hits / rank)
        if precisions:
            by_site.setdefault(query["site"], []).append(sum(precisions) / len(precisions))
    return float(np.mean([np.mean(values) for values in by_site.values()]))


def vector(row):
    return np.array([value for name, value in row.items() if name.startswith("z")])


@pytest.mark.parametrize("gallery", ["other_sites", "own_site", "all_sites"])
@pytest.mark.parametrize(("label", "labels"), [("CN/AD", {"CN", "AD"}), ("all", {"CN", "AD", "MCI"})])
@pytest.mark.parametrize("ties", [False, True])
def test_against_a_loop(make_table, set_vectors, gallery, label, labels, ties):
    table = make_table(subjects=7, travelling=2)
    if ties:
        # Few distinct integer points: distances are exact, and most are tied.
        table = set_vectors(table, np.random.default_rng(1).integers(0, 2, size=(len(table), 3)).astype(float))

    def similarity(a, b):
        return -float(np.square(vector(a) - vector(b)).sum())

    settings = EvaluationSettings(distances=("euclidean",), bootstrap=0)
    found = pick(score(table, settings), "mAP", gallery, label, distance="euclidean")
    assert found["value"] == pytest.approx(naive_ap_by_site(table, gallery, labels, similarity))


def test_centred_cosine_uses_the_training_mean(make_table):
    table = make_table()
    names = [name for name in table if name.startswith("z")]
    centre = table.loc[table["split"] == "train", names].to_numpy(float).mean(axis=0)

    def similarity(a, b):
        x, y = vector(a) - centre, vector(b) - centre
        return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))

    expected = naive_ap_by_site(table, "other_sites", {"CN", "AD"}, similarity)
    assert pick(score(table), "mAP")["value"] == pytest.approx(expected)


@pytest.mark.parametrize("constant", [-5.0, 5.0])
def test_a_constant_added_to_all_similarities_changes_nothing(make_table, monkeypatch, constant):
    table = make_table()
    before = score(table)
    original = module.similarities
    monkeypatch.setattr(module, "similarities", lambda *a: np.round(original(*a), 3))
    rounded = score(table)
    monkeypatch.setattr(module, "similarities", lambda *a: np.round(np.round(original(*a), 3) + constant, 3))
    pd.testing.assert_frame_equal(score(table), rounded)
    assert len(before) == len(rounded)


def test_the_order_of_rows_changes_nothing(make_table):
    table = make_table()
    settings = EvaluationSettings(distances=("cosine_centred", "cosine", "euclidean"))
    shuffled = table.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(score(table, settings), score(shuffled, settings))


def test_chunks_change_nothing(make_table, monkeypatch):
    table = make_table()
    whole = score(table)
    monkeypatch.setattr(module, "PAIRS_AT_A_TIME", 100)
    pd.testing.assert_frame_equal(score(table), whole, rtol=1e-12)


def test_own_subject_is_never_retrieved(make_table, set_vectors):
    # Every subject has two scans, at two sites, of one and the same vector, and of a vector unlike all others. If a
    # scan found its own subject, P@1 would be 1; opposite diagnoses lie together, so it is 0.
    rows = []
    for index in range(8):
        for site in ("A", "B"):
            rows.append((f"p{index}", "1", site, ("CN", "AD")[index % 2], 70.0, "F"))
    table = pd.DataFrame(rows, columns=["subject_id", "session_id", "site", "diagnosis", "age", "sex"])
    pairs = np.repeat(np.arange(8), 2)
    angle = pairs // 2 + 0.1 * (pairs % 2)
    table = set_vectors(table, np.stack([np.cos(angle), np.sin(angle)], axis=1))
    settings = EvaluationSettings(distances=("cosine",), bootstrap=0)
    for gallery in ("other_sites", "all_sites"):
        assert pick(score(table, settings), "P@1", gallery, distance="cosine")["value"] == 0.0


def test_mean_is_over_sites_not_queries(make_table):
    frame = score(make_table())
    for metric in NEEDS:
        sites = [pick(frame, metric, subgroup=f"query_site=site{index}") for index in range(3)]
        overall = pick(frame, metric)
        assert overall["value"] == pytest.approx(np.mean([row["value"] for row in sites]))
        assert overall["chance"] == pytest.approx(np.mean([row["chance"] for row in sites]))
        assert overall["n"] == sum(row["n"] for row in sites)


def test_query_sites_restrict_queries_not_the_gallery(make_table):
    table = make_table()
    everywhere, held_out = score(table), score(table, query_sites=["site1"])
    subgroup = "query_site=site1"
    assert set(held_out["subgroup"]) == {"", subgroup}
    for gallery in ("other_sites", "own_site", "all_sites"):
        alone = pick(held_out, "mAP", gallery)
        assert alone["value"] == pick(everywhere, "mAP", gallery, subgroup=subgroup)["value"]
        assert alone["value"] == pick(held_out, "mAP", gallery, subgroup=subgroup)["value"]


def test_unknown_query_site_is_answered_with_those_that_are_known(make_table):
    with pytest.raises(UserError, match=r"query site 'site9' has no scored scan; .*: site0, site1, site2"):
        score(make_table(), query_sites=["site9"])


def test_only_test_scans_are_scored(make_table):
    table = make_table()
    moved = table.copy()
    moved.loc[moved["split"] == "train", "split"] = "val"
    only_test = table[table["split"] == "test"]
    settings = EvaluationSettings(distances=("euclidean",))
    pd.testing.assert_frame_equal(score(moved, settings), score(only_test.drop(columns="split"), settings))


def test_without_training_rows_the_params_say_so(make_table):
    frame = score(make_table().drop(columns="split"))
    assert frame["parameters"].str.startswith("centre=all;distance=cosine_centred;").all()
    assert not score(make_table())["parameters"].str.contains("centre=").any()


def test_split_without_test_rows(make_table):
    table = make_table()
    table["split"] = "train"
    with pytest.raises(UserError, match=r"column 'split': no row is 'test'.*found: 'train'"):
        score(table)


def test_one_site_has_no_cross_site_retrieval(make_table):
    frame = score(make_table(sites=1, subjects=12, travelling=0))
    found = pick(frame, "mAP")
    assert np.isnan(found["value"])
    assert np.isnan(found["chance"])
    assert found["n"] == 0
    assert found["note"] == "8 of 8 queries have fewer than 1 scans in their gallery; no defined query at site0"
    assert np.isfinite(pick(frame, "mAP", "own_site")["value"])


def test_no_known_diagnosis(make_table):
    table = make_table()
    table["diagnosis"] = ""
    frame = score(table)
    assert frame["value"].isna().all()
    assert set(frame["note"]) == {"no query"}


def test_one_diagnosis_cannot_be_missed_and_measures_nothing(make_table):
    table = make_table()
    table["diagnosis"] = "CN"
    frame = score(table, EvaluationSettings(bootstrap=20))
    assert frame[["value", "chance", "ci_low", "ci_high"]].isna().all(axis=None)
    assert set(frame["n"]) == {0}
    assert set(frame["note"]) == {"one label alone: every scan of the gallery is relevant"}
    assert set(frame["subgroup"]) == {"", *(f"query_site=site{index}" for index in range(3))}


def test_gallery_smaller_than_k(make_table):
    # 3 sites × 3 subjects: other sites hold 6 scans, 4 of them CN or AD.
    frame = score(make_table(subjects=3, travelling=0))
    found = pick(frame, "P@5")
    assert np.isnan(found["value"])
    assert found["note"].startswith("6 of 6 queries have fewer than 5 scans in their gallery")
    assert np.isfinite(pick(frame, "P@5", label="all")["value"])
    assert np.isnan(pick(frame, "nDCG@10", label="all")["value"])


def test_lists_of_most_of_a_gallery_have_no_interval(make_table):
    # 14 subjects a site, one of three of them neither CN nor AD: P@10 sees most of what the own site holds.
    frame = score(make_table(subjects=14, travelling=0), EvaluationSettings(bootstrap=50))
    ten, one = (pick(frame, name, gallery="own_site", label="all") for name in ("P@10", "P@1"))
    assert np.isfinite(ten["value"])
    assert np.isnan(ten["ci_low"])
    assert ten["note"] == "no interval: lists are more than a third of their galleries"
    assert np.isfinite(one["ci_low"])
    assert one["note"] == ""


def test_query_without_relevant_scan_is_left_out_and_counted(make_table):
    table = make_table(travelling=0)
    # One PD scan in all: no other scan is relevant to it.
    table.loc[(table["site"] == "site0") & (table["subject_id"] == "s0-1"), "diagnosis"] = "PD"
    found = pick(score(table), "mAP", label="all")
    assert np.isfinite(found["value"])
    assert found["n"] == 26
    assert found["note"] == "1 of 27 queries have no relevant scan in their gallery"


def test_a_site_without_any_defined_query_leaves_the_mean_missing(make_table):
    table = make_table(travelling=0)
    table.loc[(table["site"] == "site0") & (table["split"] == "test"), "diagnosis"] = "PD"
    found = pick(score(table), "mAP", label="all")
    assert np.isnan(found["value"])
    assert np.isnan(found["ci_low"])
    assert found["note"].endswith("no defined query at site0")


@pytest.mark.parametrize("train", [0.1, None])
def test_collapsed_vectors_are_not_ranked(make_table, set_vectors, train):
    # Constant altogether, or over the scored scans alone.
    table = make_table()
    vectors = np.full((66, 4), 0.1)
    if train is None:
        vectors[table["split"] == "train"] = np.random.default_rng(0).normal(size=(30, 4))
    distances = ("cosine_centred", "cosine", "euclidean", "whitened")
    frame = score(set_vectors(table, vectors), EvaluationSettings(distances=distances, bootstrap=20))
    assert frame[["value", "ci_low", "chance"]].isna().all(axis=None)
    assert set(frame["n"]) == {0}
    assert set(frame["note"]) == {"all scored scans have the same vector"}


def test_random_vectors_score_at_chance(make_table, set_vectors):
    table = make_table(subjects=60, travelling=0, train=30)
    rng = np.random.default_rng(5)
    frame = score(set_vectors(table, rng.normal(size=(len(table), 8))))
    for metric in NEEDS:
        found = pick(frame, metric)
        assert found["value"] == pytest.approx(found["chance"], abs=0.05)


def test_interval_surrounds_the_value_and_does_not_depend_on_the_run(make_table):
    settings = EvaluationSettings(bootstrap=200)
    first, second = score(make_table(), settings), score(make_table(), settings)
    pd.testing.assert_frame_equal(first, second)
    found = pick(first, "mAP")
    assert found["ci_low"] < found["value"] < found["ci_high"]
    assert first.loc[first["subgroup"] != "", "ci_low"].isna().all()


def test_own_distance_is_scored_beside_the_others_and_named(make_table):
    table = make_table()
    every = score(table, EvaluationSettings(bootstrap=0, distances=("cosine_centred", "euclidean")))
    for distance in ("euclidean", "whitened"):
        settings = EvaluationSettings(bootstrap=0, distances=("cosine_centred",), own_distance=distance)
        found = score(table, settings)
        own = found["parameters"].str.contains("headline=own")
        assert set(found["parameters"].str.extract("distance=([a-z_]+)")[0]) == {"cosine_centred", distance}
        assert found.loc[own, "parameters"].str.contains(f"distance={distance}").all()
        assert own.sum() == len(found) / 2
        if distance == "euclidean":
            expected = pick(every, "mAP", distance="euclidean")["value"]
            chosen = found[own & (found["metric"] == "mAP") & (found["subgroup"] == "")]
            assert chosen.iloc[0]["value"] == expected
    with pytest.raises(UserError, match="own_distance: 'nearest' is not allowed"):
        EvaluationSettings(own_distance="nearest")


def test_galleries_of_one_label_measure_nothing_though_the_label_set_has_two(make_table):
    # Queries at site0 alone, which has both labels; of CN alone is what they are searched in.
    table = make_table(travelling=0)
    table = table[(table["site"] == "site0") | (table["diagnosis"] == "CN")]
    frame = score(table, query_sites=["site0"])
    found = pick(frame, "mAP")
    assert np.isnan(found["value"])
    assert np.isnan(found["chance"])
    assert found["note"] == "one label alone: every scan of the gallery is relevant"
    assert np.isfinite(pick(frame, "mAP", "own_site")["value"])
    # With the other sites' queries, which do see both labels, there is something to get wrong.
    assert np.isfinite(pick(score(table), "mAP")["value"])


def test_a_distance_that_cannot_be_taken_has_a_row_for_every_query_site(make_table):
    table = make_table()
    settings = EvaluationSettings(distances=("within_subject",), bootstrap=0)
    frame = score(table[table["split"] == "test"].drop(columns="split"), settings, ["site0", "site2"])
    assert frame["value"].isna().all()
    assert set(frame["note"]) == {"no training scans to take the within-subject covariance from"}
    assert set(frame["subgroup"]) == {"", "query_site=site0", "query_site=site2"}
    assert not frame.duplicated(["metric", "parameters", "subgroup"]).any()
