"""Files of a results folder."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.errors import UserError
from benchmark.methods.card import MethodCard
from benchmark.report.about import About
from benchmark.report.columns import LEAKAGE, LEAKAGE_EXTENDED, RELIABILITY, RETRIEVAL, extended_leakage, scored
from benchmark.report.results import load_results
from benchmark.report.tables import format_terminal, write_tables
from benchmark.results.schema import SCORE_COLUMNS, joined, with_parameters
from benchmark.results.write import write_scores
from tests.conftest import ROOT
from tests.tables import long_table

PARAMETERS = ["distance", "gallery", "label"]

#: With the parameters between the version and the subgroup.
COLUMNS = [*SCORE_COLUMNS[:7], *PARAMETERS, *SCORE_COLUMNS[7:]]

ABOUT = About(methods=["b", "a"], notes=["Model selection: none."])

FILES = {
    "retrieval.md", "retrieval.csv", "leakage.md", "leakage.csv", "preserved.md", "preserved.csv",
    "retrieval_by_site.csv",
}  # fmt: skip


def test_scores_come_back_exactly_and_bytes_do_not_depend_on_row_order(scores, tmp_path):
    write_scores(scores, tmp_path / "one")
    write_scores(scores.sample(frac=1, random_state=0)[COLUMNS[::-1]], tmp_path / "two")
    for name in ("scores.csv", "scores.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    stored = pd.read_parquet(tmp_path / "one" / "scores.parquet")
    text = pd.read_csv(tmp_path / "one" / "scores.csv", keep_default_na=False, na_values={"value": "", "chance": ""})
    assert list(stored.columns) == list(text.columns) == COLUMNS
    assert stored["value"].equals(text["value"])
    assert len(stored) == len(scores)


def test_methods_that_see_diagnoses_come_last_in_every_view(scores, tmp_path):
    about = About(methods=["b", "a"], cards={"b": MethodCard(uses=["diagnosis"])})
    write_tables(scores, tmp_path, about)
    text = (tmp_path / "retrieval.md").read_text()
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ")]
    assert rows[:6] == ["| method", "| ---", "| a", "| sees diagnoses of training subjects", "| b", "| chance"]
    assert "Trained with the diagnoses of training subjects: b." in text
    assert pd.read_csv(tmp_path / "retrieval.csv")["method"].tolist() == ["a", "b"] * 2
    terminal = format_terminal(scores, about).splitlines()
    place = terminal.index("sees diagnoses of training subjects:")
    assert [terminal[place - 1][0], terminal[place + 1][0]] == ["a", "b"]


def test_csv_text(scores, tmp_path):
    write_scores(scores[scores["method"] == "b"].head(2), tmp_path)
    assert (tmp_path / "scores.csv").read_text() == (
        ",".join(COLUMNS) + "\n"
        "b,pooled,,1,retrieval,mAP,1,cosine_centred,other_sites,CN/AD,,0.5,10,,,,0.5,True\n"
        "b,pooled,,2,retrieval,mAP,1,cosine_centred,other_sites,CN/AD,,,10,no query,,,,True\n"
    )


def test_table_files_are_the_same_every_time(scores, tmp_path):
    write_tables(scores, tmp_path / "one", ABOUT)
    write_tables(scores.sample(frac=1, random_state=0), tmp_path / "two", ABOUT)
    assert {path.name for path in (tmp_path / "one").iterdir()} == FILES
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_footers(scores, tmp_path):
    write_tables(scores, tmp_path, About(notes=["Model selection: none.", "combat: transductive"]))
    for name in ("retrieval.md", "leakage.md"):
        text = (tmp_path / name).read_text()
        for line in ("±: standard deviation over seeds", "- Model selection: none.", "- combat: transductive"):
            assert line in text
        assert "statistics=all" not in text
    text = (tmp_path / "retrieval.md").read_text()
    for line in ("Gallery: the held-out scans", "Ties go to the first scan key", "`cosine_centred`", "Chance: exact"):
        assert line in text
    assert "beside mAP CN/AD" in (tmp_path / "leakage.md").read_text()


def test_the_footer_says_which_scores_have_intervals(scores, make_score, tmp_path):
    write_tables(scores, tmp_path / "none", About())
    assert "No score was resampled, so there are no intervals." in (tmp_path / "none" / "leakage.md").read_text()
    some = {"ci_low": 0.1, "ci_high": 0.9}
    for table, metric in (("style", "site_balanced_accuracy"), ("age", "mae_years"), ("anatomy", "r2")):
        row = make_score(
            "a", 0.5, seed=1, table=table, metric=metric, params="", **(some if table != "anatomy" else {})
        )
        scores = joined([scores, long_table([row])])
    write_tables(
        scores.assign(**{"ci_low": scores["ci_low"].where(scores["table"] != "retrieval", 0.4)}),
        tmp_path / "some",
        About(),
    )
    text = (tmp_path / "some" / "leakage.md").read_text()
    assert "Resampled are all or some scores of: age, retrieval, style." in text
    assert "no other seed" in text


def test_further_measures_of_leakage_stand_beside_retrieval_and_rank(scores, make_score, tmp_path):
    p = {"table": "leakage", "metric": "mmd_p_value", "params": "coordinates=whitened;kernel=gaussian;permutations=199"}
    both = joined([scores, long_table([make_score("a", 0.25, seed=seed, **p) for seed in (1, 2)])])
    write_tables(both, tmp_path, About())
    wide = pd.read_csv(tmp_path / "leakage_extended.csv").set_index(["protocol", "method"])
    row = wide.loc[("pooled", "a")]
    assert (row["p_mmd_whitened"], row["effective_rank"]) == (0.25, 2.5)
    assert row["map_cn_ad"] == pytest.approx(0.7)
    # Nobody has a first component's share: a dash, for the column must be there.
    assert wide["pc1_share"].isna().all()
    assert "finds nothing is worthless" in (tmp_path / "leakage_extended.md").read_text()


def test_reliability_has_a_table_of_its_own(scores, make_score, tmp_path):
    rows = [
        make_score("a", value, seed=seed, table="reliability", metric=metric, params=params)
        for metric, params, value in (
            ("icc_between_sites", "coordinates=standardised", 0.4),
            ("subject_share", "coordinates=raw", 0.5),
            ("subject_share", "coordinates=standardised", 0.6),
            ("discriminability", "distance=cosine_centred;gallery=all_sites", 0.7),
            ("discriminability", "distance=euclidean;gallery=all_sites", 0.8),
        )
        for seed in (1, 2)
    ]
    write_tables(joined([scores, long_table(rows)]), tmp_path, About())
    wide = pd.read_csv(tmp_path / "reliability.csv").set_index(["protocol", "method"])
    shown = ["icc_between_sites", "subject_share", "discriminability", "map_cn_ad"]
    assert wide.loc[("pooled", "a"), shown].tolist() == pytest.approx([0.4, 0.5, 0.7, 0.7])
    assert "site_fingerprint" not in wide
    assert "Read it beside mAP CN/AD" in (tmp_path / "reliability.md").read_text()


def test_results_from_before_reliability_was_scored_have_no_table_of_it():
    results = load_results(ROOT / "results" / "archive" / "phantom-4" / "reference")
    assert set(results.table("preserved")["method"]) == set(results.scores["method"])
    with pytest.raises(UserError, match="table 'reliability' is not allowed; allowed: retrieval, leakage, "):
        results.table("reliability")


def test_p_values_of_every_test_are_shown(scores, make_score):
    given = [
        ("p_value", f"coordinates={coordinates};given={given};permutations=199;statistic=ridge")
        for coordinates in ("standardised", "whitened")
        for given in ("nothing", "age+diagnosis")
    ] + [("mmd_p_value", f"coordinates={coordinates};kernel=gaussian") for coordinates in ("standardised", "whitened")]
    rows = long_table(make_score("a", 0.5, table="leakage", metric=metric, params=params) for metric, params in given)
    shown = [column.rows(rows) for column in extended_leakage(rows)]
    texts = [text for each in shown for text in with_parameters(each)["parameters"]]
    assert sorted(texts) == sorted(params for _, params in given)


def test_statistics_of_the_scored_scans_are_confessed(scores, tmp_path):
    write_tables(scores.assign(centre="all"), tmp_path, About())
    assert "No row was marked as training" in (tmp_path / "retrieval.md").read_text()


def test_wide_csv(scores, tmp_path):
    write_tables(scores, tmp_path, ABOUT)
    wide = pd.read_csv(tmp_path / "retrieval.csv").set_index(["protocol", "method"])
    for column in scored(RETRIEVAL, scores):
        assert {column.key, f"{column.key}_sd", f"{column.key}_chance"} <= set(wide)
    assert wide.loc[("leave_one_site_out", "a"), "map_cn_ad"] == pytest.approx(0.35)
    assert wide.loc[("pooled", "a"), ["seeds", "map_cn_ad_chance"]].tolist() == [2, 0.5]
    assert pd.isna(wide.loc[("pooled", "b"), "map_cn_ad"])
    assert wide.loc[("pooled", "b"), "notes"].startswith("b, mAP CN/AD: – (1 of 2 runs: no query)")


def test_by_site(scores, tmp_path):
    write_tables(scores, tmp_path, About())
    table = pd.read_csv(tmp_path / "retrieval_by_site.csv")
    assert table[["protocol", "query_site", "method"]].to_numpy().tolist() == [
        ["pooled", "X", "a"],
        ["pooled", "X", "b"],
    ]
    assert table["map_cn_ad"].tolist() == pytest.approx([0.6, float("nan")], nan_ok=True)


def test_by_site_without_sites_has_a_header(scores, tmp_path):
    write_tables(scores[scores["subgroup"] == ""], tmp_path, About())
    assert (tmp_path / "retrieval_by_site.csv").read_text().startswith("protocol,query_site,method,map_cn_ad,")


def test_terminal_has_both_tables(scores):
    text = format_terminal(scores, ABOUT)
    assert "Retrieval. Pooled" in text
    assert "Leakage. Leave one site out" in text
    assert text.index("\nb ") < text.index("\na ")


def test_column_keys_are_unique():
    for columns in (RETRIEVAL, LEAKAGE, LEAKAGE_EXTENDED, RELIABILITY):
        assert len({column.key for column in columns}) == len({column.heading for column in columns}) == len(columns)


def test_a_methods_own_distance_is_the_one_that_is_shown(scores, tmp_path):
    # b declares the Euclidean distance; a's Euclidean rows are there and not shown.
    other = scores[scores["table"] == "retrieval"].copy()
    other["value"] += 0.05
    other["distance"] = "euclidean"
    other["headline"] = np.where(other["method"] == "b", "own", "")
    write_tables(joined([scores, other]), tmp_path, About())
    shown = pd.read_csv(tmp_path / "retrieval.csv").set_index(["protocol", "method"])["map_cn_ad"]
    assert shown["pooled", "a"] == pytest.approx((0.6 + 0.8) / 2)
    assert shown["leave_one_site_out", "a"] == pytest.approx((0.1 + 0.3 + 0.4 + 0.6) / 4)
    table = pd.read_csv(tmp_path / "retrieval_by_site.csv").set_index("method")["map_cn_ad"]
    assert table["a"] == pytest.approx((0.55 + 0.65) / 2)
    text = (tmp_path / "retrieval.md").read_text()
    assert "(`cosine_centred`) for a; euclidean for b." in text
    # b's run of seed 2 has no value under either distance: a gap, not the other distance's.
    assert pd.isna(shown["pooled", "b"])


def test_whitening_by_few_scans_is_remarked_on(scores, make_score, tmp_path):
    leak = {"table": "leakage", "metric": "balanced_accuracy", "params": "coordinates=whitened;folds=5;probe=knn"}
    note = "whitened with fewer than 10 scans per dimension (150 dimensions)"
    rows = [make_score("b", 0.25, seed=seed, **leak, note=note) for seed in (1, 2)]
    write_tables(joined([scores, long_table(rows)]), tmp_path / "few", About())
    text = (tmp_path / "few" / "leakage.md").read_text()
    assert f"- b, kNN white.: noted (2 of 2 runs: {note})" in text
    assert "- Whitened coordinates are unreliable for b: fewer than 10 training scans per dimension" in text
    write_tables(scores, tmp_path / "enough", About())
    assert "unreliable" not in (tmp_path / "enough" / "leakage.md").read_text()
