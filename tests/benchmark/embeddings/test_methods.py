"""A folder of embeddings is one comparison."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def folder(table, rows, vectors, tmp_path):
    """Three methods of the same scans in three formats, an archive's rows, and what is no method."""
    folder = tmp_path / "methods"
    (folder / "inner").mkdir(parents=True)
    table.to_csv(folder / "plain.csv", index=False)
    table.sample(frac=1.0, random_state=0).assign(z0=0.5).to_parquet(folder / "shuffled.parquet")
    np.savez(folder / "archive.npz", ldr=-vectors)
    rows.to_csv(folder / "archive.csv", index=False)
    (folder / "README.md").write_text("notes")
    (folder / ".hidden.csv").write_text("")
    (folder / "inner" / "deep.csv").write_text("")
    return folder


@pytest.mark.slow
def test_each_file_is_a_method_with_the_scores_that_it_has_alone(folder, tmp_path, evaluate, scores_of):
    status, error = evaluate("--embeddings", folder, "--out", tmp_path / "all")
    assert status == 0, error
    scores = pd.read_parquet(tmp_path / "all" / "scores.parquet")
    assert sorted(set(scores["method"])) == ["archive", "plain", "shuffled"]
    for name, file in (("archive", "archive.npz"), ("plain", "plain.csv"), ("shuffled", "shuffled.parquet")):
        alone = scores_of(folder / file)
        together = scores[scores["method"] == name].drop(columns="method").reset_index(drop=True)
        pd.testing.assert_frame_equal(together, alone)
    lines = (tmp_path / "all" / "retrieval.md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[0] for line in lines if line.startswith(("| archive", "| plain", "| shuffled"))] == [
        "| archive", "| plain", "| shuffled",
    ]  # fmt: skip


def test_one_table_of_rows_for_all_archives(folder, rows, vectors, tmp_path, evaluate):
    (folder / "archive.csv").rename(folder / "scans.csv")
    np.savez(folder / "second.npz", ldr=vectors * 2)
    status, error = evaluate("--embeddings", folder, "--out", tmp_path / "all", "--rows", folder / "scans.csv")
    assert status == 0, error
    assert set(pd.read_parquet(tmp_path / "all" / "scores.parquet")["method"]) == {
        "archive", "plain", "second", "shuffled",
    }  # fmt: skip


def test_methods_of_different_scans_are_not_comparable(folder, table, tmp_path, evaluate):
    changed = table.iloc[2:].copy()
    changed.loc[5, "subject_id"] = "other"
    changed.to_csv(folder / "plain.csv", index=False)
    status, error = evaluate("--embeddings", folder, "--out", tmp_path / "all")
    assert status == 2
    assert error == (
        f"error: {folder}: the files are not comparable: 3 scans (site0/s01/1, site0/s05/1, site0/travels/1) of "
        "'archive' not in 'plain', 1 scan (site0/other/1) of 'plain' not in 'archive'; give the same scans to every "
        "method, or --allow_different_scans true\n"
    )
    assert not (tmp_path / "all").exists()
    status, error = evaluate("--embeddings", folder, "--out", tmp_path / "all", "--allow_different_scans", "true")
    assert status == 0, error
    footer = (tmp_path / "all" / "retrieval.md").read_text(encoding="utf-8")
    assert "- plain: 22 rows; not comparable with methods of other scans." in footer


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"diagnosis": "MCI"}, "label of scan 'site0/s01/1' is 'AD' in 'archive' and 'MCI' in 'plain'"),
        ({"split": "test"}, "split of scan 'site0/s01/1' is '' in 'archive' and 'test' in 'plain'"),
    ],
)
def test_methods_of_different_labels_or_splits_are_not_comparable(folder, table, tmp_path, evaluate, changes, message):
    table.assign(**changes).to_csv(folder / "plain.csv", index=False)
    status, error = evaluate("--embeddings", folder, "--out", tmp_path / "all")
    assert status == 2
    assert message in error
    assert error.count("\n") == 1


def test_two_files_of_one_name(folder, table, tmp_path, evaluate):
    table.to_parquet(folder / "plain.parquet")
    assert evaluate("--embeddings", folder, "--out", tmp_path / "all") == (
        2,
        f"error: {folder}: plain.csv and plain.parquet are both method 'plain'\n",
    )


def test_a_folder_without_embeddings(folder, tmp_path, evaluate):
    empty = folder / "inner"
    (empty / "deep.csv").unlink()
    assert evaluate("--embeddings", empty, "--out", tmp_path / "all") == (
        2,
        f"error: {empty}: holds no embeddings; allowed: .parquet, .csv, .tsv, .npz, .npy, .h5ad files\n",
    )


def test_results_do_not_go_among_the_embeddings_or_over_others(folder, tmp_path, evaluate):
    status, error = evaluate("--embeddings", folder, "--out", folder)
    assert (status, error) == (2, f"error: --out: {folder} is the folder of the embeddings; name another folder\n")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "scores.csv").write_text("")
    status, error = evaluate("--embeddings", folder, "--out", tmp_path / "old")
    assert status == 2
    assert "already holds scores" in error
