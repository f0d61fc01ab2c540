"""The group level: tables of all scans, and scores where there is something to score."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmark.embeddings.table import read_embeddings
from benchmark.report.results import load_results

pytestmark = [pytest.mark.slow, pytest.mark.needs("import")]


def test_every_scan_is_a_row_of_both_tables(made):
    out, said = made
    table = pd.read_csv(out / "group_T1w.tsv", sep="\t", na_values="n/a")
    assert table["bids_name"].tolist() == [
        "sub-R901_ses-01_T1w", "sub-R901_ses-02_T1w", "sub-R902_run-1_T1w", "sub-R904_acq-a_run-2_T1w", "sub-R906_T1w",
    ]  # fmt: skip
    assert {"site", "overlap", "noise", "gate_overlap", "gate_mahalanobis", "warnings"} <= set(table)
    assert table["overlap"].between(0.8, 1).all()
    embeddings = read_embeddings(out / "embeddings.parquet").frame
    assert embeddings["diagnosis"].tolist() == ["CN", "MCI", "AD", "PD", ""]
    assert embeddings["site"].nunique() == 2
    assert f"scores: {out}/results/report.html" in said


def test_leakage_is_scored_and_the_pages_lead_to_each_other(made):
    out, _ = made
    results = load_results(out / "results")
    leakage = results.scores[results.scores["table"] == "leakage"]
    assert len(leakage) > 0
    assert any("trained on synthetic scans" in note for note in results.about.notes)
    page = (out / "group_T1w.html").read_text()
    for name in ("results/report.html", "group_T1w.tsv", "sub-R906_T1w.html"):
        assert f'href="{name}"' in page
        assert (out / name).is_file()


def test_scans_of_one_site_have_no_scores_and_it_is_said_why(app, dataset, out):
    for path in out.rglob("*_desc-seada_embedding.json"):
        path.write_text(path.read_text().replace("-South", "-North"))
    said = app(dataset, out, "group", model=False).stdout
    assert "no scores: all scans are of one site (Memory-clinic-a-replica-North)" in said
    assert "No scores: all scans are of one site" in (out / "group_T1w.html").read_text()


def test_a_dataset_without_participants_is_worked_through_and_what_is_unknown_is_said(app, dataset, tmp_path):
    (dataset / "participants.tsv").unlink()
    said = app(dataset, tmp_path / "new", "participant", "group", "--participant-label", "R901", "R902").stdout
    assert "there is no participants.tsv; diagnosis, age and sex are known from sessions.tsv at most" in said
    assert "no scores: all scans are of one site" in said
    table = pd.read_csv(tmp_path / "new" / "group_T1w.tsv", sep="\t", na_values="n/a")
    assert table["diagnosis"].fillna("").tolist() == ["", "MCI", ""]
    assert table["sex"].isna().all()
