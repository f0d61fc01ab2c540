"""From a query to its answer, as text, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmark.errors import UserError
from benchmark.search.filters import Filter
from benchmark.search.index import Index, IndexedModel, create, writing
from benchmark.search.output import as_csv, as_json, as_text, visible
from benchmark.search.query import Query, Searcher, Wanted, query_of_scan

MODEL = {
    "method": "mine", "synthetic": True,
    "scores": {"rows": [
        {"key": "map_cn_ad", "title": "mAP CN/AD", "value": 0.6, "chance": 0.5},
        {"key": "travelling_top1", "title": "top-1", "value": 0.9, "chance": 0.01},
    ]},
}  # fmt: skip


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """Sixty scans of thirty subjects at three sites; the LDRs of a site point in one direction."""
    folder = tmp_path_factory.mktemp("query") / "index"
    rng = np.random.default_rng(0)
    site = np.repeat(["A", "B", "C"], 20)
    ldrs = (rng.normal(size=(60, 4)) + 20 * (site[:, None] == np.array(["A", "B", "C", "D"]))).astype(np.float32)
    frame = pd.DataFrame(
        {
            "subject_id": [f"s{number // 2}" for number in range(60)], "session_id": ["v0", "v1"] * 30, "site": site,
            "diagnosis": ["CN", "CN", "AD"] * 20, "age": np.linspace(50, 90, 60), "sex": "F",
            "image": [f"/{number}.nii" for number in range(60)], "mask": "",
            "content": [f"{number:064x}" for number in range(60)],
        }
    )  # fmt: skip
    create(folder, IndexedModel("mine", "ab" * 32, ldrs.mean(axis=0).astype(np.float64)))
    with writing(folder) as writer:
        writer.add(frame, ldrs)
    return Index(folder)


@pytest.fixture(scope="module")
def searcher(index):
    return Searcher(index)


def test_a_scan_of_the_index_never_finds_its_own_subject(index, searcher):
    answer = searcher.answer(query_of_scan(index, "A/s3/v1"), Wanted(k=60))
    assert "s3" not in set(answer.hits["subject_id"])
    assert (len(answer.hits), answer.could, answer.left_out) == (58, 58, 2)
    assert answer.hits["rank"].tolist() == list(range(1, 59))
    assert "2 of the query's own subject s3 left out" in as_text([answer], MODEL)


def test_a_search_that_sees_the_site_is_told(index, searcher):
    answer = searcher.answer(query_of_scan(index, "B/s12/v0"), Wanted(k=10))
    assert set(answer.hits["site"]) == {"B"}
    assert answer.own_site.share == 1.0
    assert answer.own_site.base == pytest.approx(18 / 58)
    text = as_text([answer], MODEL)
    assert "own site B 1.00 [0.72, 1.00], blind to sites 0.31; beyond chance: the site shows" in text


def test_a_filter_is_applied_before_ranking(index, searcher):
    query = query_of_scan(index, "A/s3/v1")
    answer = searcher.answer(query, Wanted(5, Filter('age > 70 and diagnosis == "AD"')))
    assert len(answer.hits) == 5
    assert (answer.hits["age"] > 70).all()
    assert set(answer.hits["diagnosis"]) == {"AD"}
    assert answer.could == ((np.linspace(50, 90, 60) > 70) & (np.arange(60) % 3 == 2)).sum()


def test_sites_are_left_out_and_subjects_found_once(index, searcher):
    query = query_of_scan(index, "A/s3/v1")
    answer = searcher.answer(query, Wanted(20, exclude_sites=["A"], one_per_subject=True))
    assert set(answer.hits["site"]) == {"B", "C"}
    assert not answer.hits["subject_id"].duplicated().any()
    assert answer.own_site is None
    with pytest.raises(UserError, match="no scan is of site 'X'; sites: A, B, C"):
        searcher.answer(query, Wanted(exclude_sites=["X"]))


def test_what_is_not_known_of_a_query_is_said(searcher):
    answer = searcher.answer(Query("new.nii.gz", np.ones(4, np.float32), warnings=["it is dim"]), Wanted(3))
    text = as_text([answer], MODEL)
    assert "WARNING: it is dim" in text
    assert "the query's subject is not known" in text
    assert "own site" not in text
    assert "Model mine, as measured on its test scans, synthetic data: mAP CN/AD 0.600, chance 0.500; top-1" in text
    assert "no diagnosis" in text
    assert "exported without scores" in as_text([answer], {"method": "mine", "scores": None, "synthetic": False})


def test_nothing_found_is_an_answer(index, searcher):
    answer = searcher.answer(query_of_scan(index, "A/s3/v1"), Wanted(3, Filter("age > 200")))
    assert answer.hits.empty
    assert "nothing is found" in as_text([answer], MODEL)
    assert json.loads(as_json([answer], MODEL))["queries"][0]["hits"] == []
    assert as_csv([answer]).count("\n") == 1


def test_csv_and_json_say_the_same_as_the_table(index, searcher):
    answers = [searcher.answer(query_of_scan(index, key), Wanted(3)) for key in ("A/s3/v1", "C/s25/v0")]
    rows = list(csv.DictReader(io.StringIO(as_csv(answers))))
    values = json.loads(as_json(answers, MODEL))["queries"]
    assert [row["query"] for row in rows] == ["A/s3/v1"] * 3 + ["C/s25/v0"] * 3
    for row, hit in zip(rows, [hit for one in values for hit in one["hits"]], strict=True):
        assert row["subject_id"] == hit["subject_id"]
        assert float(row["similarity"]) == pytest.approx(hit["similarity"])
        assert f"{hit['similarity']:.3f}" in as_text(answers, MODEL)


def test_no_cell_of_a_csv_is_a_formula_to_a_spreadsheet_and_json_has_what_the_manifest_says(index, searcher):
    answer = searcher.answer(query_of_scan(index, "A/s3/v1"), Wanted(5))
    bad = ["=HYPERLINK(1)", "+1", "-1+2", "@SUM(A1)", "\t=1"]
    hits = answer.hits.assign(subject_id=bad, similarity=-0.5, query="=1.nii")
    answer = replace(answer, hits=hits, query=replace(answer.query, warnings=["=1"]))
    rows = list(csv.DictReader(io.StringIO(as_csv([answer]))))
    assert [row["subject_id"] for row in rows] == [f"'{text}" for text in bad]
    assert {(row["query"], row["warning"], row["similarity"], row["site"]) for row in rows} == {
        ("'=1.nii", "'=1", "-0.5", "A")
    }
    assert [hit["subject_id"] for hit in json.loads(as_json([answer], MODEL))["queries"][0]["hits"]] == bad


def test_unknown_scans_and_impossible_numbers_of_hits_are_refused(index):
    with pytest.raises(UserError, match=r"no scan is called 'nobody'; a scan is called site/subject/session"):
        query_of_scan(index, "nobody")
    with pytest.raises(UserError, match="--k: 0 is not allowed"):
        Wanted(0)


def test_names_do_not_steer_the_terminal():
    assert visible("a\x1b[31m\u202eb\nc") == "a\\x1b[31m\\u202eb\\nc"
    assert visible("Zoë 7") == "Zoë 7"
