"""Anybody's embeddings, from file to tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.cli import main
from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.table import write_embeddings
from benchmark.errors import UserError
from benchmark.metrics.evaluate import EvaluationSettings
from benchmark.report.columns import LEAKAGE, RETRIEVAL, scored
from benchmark.report.evaluate import evaluate
from benchmark.report.summary import sections

pytestmark = pytest.mark.slow

SETTINGS = EvaluationSettings(
    probes=("linear", "knn", "mlp"),
    permutations=1,
    mlp_permutations=1,
    inner_folds=0,
    test_permutations=19,
    bootstrap=20,
)


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    rows = [
        (f"t{i}" if i < 3 else f"s{site}-{i}", "1", f"site{site}", ("CN", "AD", "MCI")[i % 3], 70.0, "F")
        for site in range(3)
        for i in range(15)
    ]
    frame = pd.DataFrame(rows, columns=["subject_id", "session_id", "site", "diagnosis", "age", "sex"])
    frame[[f"z{i}" for i in range(4)]] = rng.normal(size=(len(frame), 4)).astype(np.float32)
    return frame


def test_scores_and_tables(table, tmp_path):
    table.to_csv(tmp_path / "mine.csv", index=False)
    results = evaluate(tmp_path / "mine.csv", settings=SETTINGS)
    results.save(tmp_path / "out")
    scores = results.scores
    place = scores[["method", "protocol", "held_out_site", "seed"]].drop_duplicates()
    assert place.to_numpy().tolist() == [["mine", "foreign", "", 0]]
    for columns in (scored(RETRIEVAL, scores), scored(LEAKAGE, scores)):
        (part,) = sections(scores, columns, None)
        assert all(np.isfinite(entry.mean) for entry in part.entries["mine"].values())
    assert "No row was marked as training" in (tmp_path / "out" / "leakage.md").read_text()
    assert (tmp_path / "out" / "scores.csv").is_file()
    replicates = pd.read_parquet(tmp_path / "out" / "replicates.parquet")
    assert set(replicates["method"]) == {"mine"}
    assert {len(row) for row in replicates["replicates"]} == {SETTINGS.bootstrap}


def test_same_file_same_bytes(table, tmp_path):
    write_embeddings(table, tmp_path / "mine.parquet", {"site_label": "needs the site", "transductive": "saw it"})
    for name in ("one", "two"):
        evaluate(tmp_path / "mine.parquet", settings=SETTINGS).save(tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    text = (tmp_path / "one" / "leakage.md").read_text()
    assert "- mine: needs the site" in text
    assert "- mine: transductive: saw it" in text
    assert "- Model selection and search of hyper-parameters: embeddings do not say." in text


def test_errors_name_the_file(table, tmp_path):
    path = tmp_path / "mine.csv"
    table.assign(split="train").to_csv(path, index=False)
    with pytest.raises(UserError, match=r"mine.csv: column 'split': no row is 'test'"):
        evaluate(path, settings=SETTINGS).save(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    table.to_csv(path, index=False)
    with pytest.raises(UserError, match="cannot write into"):
        evaluate(path, settings=SETTINGS).save(path / "out")


def test_tables_of_another_label_are_filled_and_name_it(table, tmp_path):
    table["genotype"] = np.where(table["subject_id"].str.len() % 2, "e3", "e4")
    table["genotype"] = table.groupby("subject_id")["genotype"].transform("first")
    (tmp_path / "methods").mkdir()
    for name in ("one", "two"):
        table.drop(columns="diagnosis").to_csv(tmp_path / "methods" / f"{name}.csv", index=False)
    evaluate(tmp_path / "methods", settings=SETTINGS, options=ForeignOptions(label="genotype")).save(tmp_path / "out")
    wide = pd.read_csv(tmp_path / "out" / "retrieval.csv")
    assert wide[["map_cn_ad", "p1_cn_ad", "map_own_site"]].notna().all(axis=None)
    assert pd.read_csv(tmp_path / "out" / "preserved.csv")["disease_linear"].notna().all()
    for name in ("retrieval.md", "leakage.md", "preserved.md", "statistics.md"):
        text = (tmp_path / "out" / name).read_text()
        assert "CN/AD" not in text
        assert "e3/e4" in text


@pytest.fixture
def three(table, tmp_path):
    """A folder of three methods on the same scans, one with the diagnosis in it, one random."""
    folder = tmp_path / "methods"
    folder.mkdir()
    vectors = [f"z{i}" for i in range(4)]
    sick = (table["diagnosis"] == "AD").to_numpy()[:, None]
    random = np.random.default_rng(1).normal(size=(len(table), 4)).astype(np.float32)
    for name, values in (("seeing", table[vectors] + 3 * sick), ("blind", table[vectors]), ("random_vectors", random)):
        table.assign(**dict(zip(vectors, np.asarray(values).T, strict=True))).to_csv(folder / f"{name}.csv")
    return folder


def test_a_folder_is_compared_as_a_sweep_compares_but_over_subjects_alone(three, tmp_path):
    evaluate(three, settings=SETTINGS).save(tmp_path / "out")
    text = (tmp_path / "out" / "statistics.md").read_text()
    assert "## foreign (1 seed)" in text
    assert "Covers resampled subjects of one seed; another seed (training, data set) may differ by more" in text
    intervals = pd.read_csv(tmp_path / "out" / "statistics_intervals.csv").set_index(["score", "method"])
    # A score that no subject changes has no interval.
    assert set(intervals.dropna(subset=["ci_low"])["covers"]) == {"subjects"}
    assert set(intervals.index.get_level_values("method")) == {"blind", "random_vectors", "seeing"}
    scores = pd.read_parquet(tmp_path / "out" / "scores.parquet")
    of_map = scores.query("metric == 'mAP' and subgroup == '' and method == 'seeing'")
    of_map = of_map.query("gallery == 'other_sites' and label == 'CN/AD'").iloc[0]
    assert intervals.loc[("map_cn_ad", "seeing"), "value"] == pytest.approx(of_map["value"])
    # One seed: the percentiles of its own resamples, which are those of the run's interval.
    ends = intervals.loc[("map_cn_ad", "seeing"), ["ci_low", "ci_high"]].tolist()
    assert ends == pytest.approx([of_map["ci_low"], of_map["ci_high"]], abs=1e-6)
    comparison = pd.read_csv(tmp_path / "out" / "statistics_comparisons.csv").set_index("score").loc["map_cn_ad"]
    (comparison,) = [
        row for _, row in comparison.iterrows() if {row["method_a"], row["method_b"]} == {"blind", "seeing"}
    ]
    assert (comparison["better"], comparison["seeds"], comparison["covers"]) == ("seeing", 1, "subjects")
    for name in ("ranks", "detectable"):
        assert len(pd.read_csv(tmp_path / "out" / f"statistics_{name}.csv"))


def test_no_statistics_where_there_is_nothing_to_compare(table, three, tmp_path):
    (three / "seeing.csv").unlink()
    (three / "random_vectors.csv").unlink()
    evaluate(three, settings=SETTINGS).save(tmp_path / "one")
    assert not list((tmp_path / "one").glob("statistics*"))
    table.iloc[1:].to_csv(three / "fewer.csv", index=False)
    evaluate(three, settings=SETTINGS, allow_different_scans=True).save(tmp_path / "other")
    assert not list((tmp_path / "other").glob("statistics*"))
    assert "No statistics between methods" in (tmp_path / "other" / "retrieval.md").read_text()


def test_the_page_of_compared_files_has_their_statistics_and_figures(three, tmp_path):
    evaluate(three, settings=SETTINGS).save(tmp_path / "out")
    assert main(["tables", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "tables" / "report.html").read_text(encoding="utf-8")
    assert '<section id="statistics">' in page
    assert "Covers resampled subjects of one seed" in page
    assert '<section id="figures">' in page
    assert "mAP CN/AD, foreign: means with intervals" in page


def test_evaluate_can_be_verified(table, tmp_path, capsys):
    table.to_csv(tmp_path / "mine.csv", index=False)
    evaluate(tmp_path / "mine.csv", settings=SETTINGS).save(tmp_path / "out")
    again = ["verify", str(tmp_path / "out"), "--out", str(tmp_path / "again")]
    assert main(again) == 0
    assert "verified: 1 of 1 run repeated, scores within" in capsys.readouterr().out
    table.assign(z0=table["z0"] * 3 + table["z1"]).to_csv(tmp_path / "mine.csv", index=False)
    assert main(again) == 1
    assert "1 of 1 differ, in embeddings" in capsys.readouterr().out
    (tmp_path / "mine.csv").unlink()
    assert main(again) == 2
    assert "mine.csv, which is not there; they cannot be scored again" in capsys.readouterr().err


def test_arrays_and_tables_give_the_scores_of_their_file(table, tmp_path):
    table.to_csv(tmp_path / "mine.csv", index=False)
    read = pd.read_csv(tmp_path / "mine.csv")
    names = [name for name in read if name.startswith("z")]
    by_file = evaluate(tmp_path / "mine.csv", settings=SETTINGS)
    for given in ({"mine": read}, {"mine": read[names].to_numpy()}):
        found = evaluate(given, read.drop(columns=names), SETTINGS)
        assert found.scores.equals(by_file.scores)
    with pytest.raises(UserError, match="mine: an array says nothing of its scans"):
        evaluate({"mine": read[names].to_numpy()}, settings=SETTINGS)


def test_saved_results_are_not_replaced(table, tmp_path):
    results = evaluate(table, settings=SETTINGS)
    results.save(tmp_path / "out")
    with pytest.raises(UserError, match="already holds scores"):
        results.save(tmp_path / "out")
    results.save(tmp_path / "out", overwrite=True)


def test_tables_and_plot_of_results(table):
    results = evaluate({"one": table, "two": table}, settings=SETTINGS)
    assert results.table("leakage")["method"].tolist() == ["one", "two"]
    with pytest.raises(UserError, match="table 'leak' is not allowed; allowed: retrieval, leakage"):
        results.table("leak")
    (axes,) = results.plot("linear_standardised").axes
    assert axes.get_xlabel().startswith("site leakage, linear std.")
    with pytest.raises(UserError, match="leakage 'p1_cn_ad' is not allowed"):
        results.plot("p1_cn_ad")
