"""The same embeddings in every format get the same scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.read import read_foreign
from benchmark.errors import UserError

anndata = pytest.importorskip("anndata")

NOTHING = ForeignOptions()


def h5ad(path, rows, x=None, **obsm):
    obs = rows.set_index(pd.Index([f"row{i}" for i in range(len(rows))]))
    anndata.AnnData(X=x, obs=obs, obsm=obsm).write_h5ad(path)
    return path


@pytest.mark.slow
def test_every_format_gives_the_scores_of_the_csv(table, rows, vectors, tmp_path, scores_of):
    table.to_csv(tmp_path / "flat.csv", index=False)
    expected = scores_of(tmp_path / "flat.csv")
    assert np.isfinite(expected.loc[expected["metric"] == "mAP", "value"]).all()

    table.to_parquet(tmp_path / "flat.parquet")
    np.savez(tmp_path / "archive.npz", ldr=vectors, other=vectors[:, ::-1])
    rows.to_csv(tmp_path / "archive.csv", index=False)
    for path in (
        tmp_path / "flat.parquet",
        tmp_path / "archive.npz",
        h5ad(tmp_path / "cells.h5ad", rows, vectors),
    ):
        pd.testing.assert_frame_equal(scores_of(path), expected)


def test_the_order_of_rows_has_no_effect(table, rows, vectors, tmp_path, scores_of):
    order = np.random.default_rng(1).permutation(len(rows))
    table.to_csv(tmp_path / "flat.csv", index=False)
    np.savez(tmp_path / "shuffled.npz", ldr=vectors[order])
    rows.iloc[order].to_csv(tmp_path / "shuffled.csv", index=False)
    pd.testing.assert_frame_equal(scores_of(tmp_path / "shuffled.npz"), scores_of(tmp_path / "flat.csv"))


@pytest.mark.parametrize(
    ("arrays", "key", "expected"),
    [
        ({"embeddings": 1.0, "other": 2.0}, None, 1.0),
        ({"embeddings": 1.0, "ldr": 2.0}, None, 2.0),
        ({"anything": 3.0}, None, 3.0),
        ({"ldr": 1.0, "style": 4.0}, "style", 4.0),
    ],
)
def test_which_array_is_taken(rows, vectors, tmp_path, arrays, key, expected):
    labels = np.arange(len(rows)), np.zeros((len(rows), 2), np.int64), np.array([{}], object)
    scaled = {name: vectors * factor for name, factor in arrays.items()}
    np.savez_compressed(tmp_path / "a.npz", names=labels[0], pairs=labels[1], pickled=labels[2], **scaled)
    rows.to_csv(tmp_path / "a.csv", index=False)
    frame = read_foreign(tmp_path / "a.npz", ForeignOptions(key=key)).frame
    np.testing.assert_array_equal(frame[[f"z{i}" for i in range(5)]], vectors * np.float32(expected))


def test_tabs_and_a_lone_array_are_read_as_the_csv(table, rows, vectors, tmp_path):
    table.to_csv(tmp_path / "flat.csv", index=False)
    table.to_csv(tmp_path / "tabs.tsv", index=False, sep="\t")
    expected = read_foreign(tmp_path / "flat.csv", NOTHING).frame
    pd.testing.assert_frame_equal(read_foreign(tmp_path / "tabs.tsv", NOTHING).frame, expected)
    np.save(tmp_path / "lone.npy", vectors)
    rows.to_csv(tmp_path / "lone.tsv", index=False, sep="\t")
    rows.to_csv(tmp_path / "scans.csv", index=False)
    for options in (NOTHING, ForeignOptions(rows=tmp_path / "scans.csv")):
        found = read_foreign(tmp_path / "lone.npy", options).frame
        pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    rows.head(3).to_csv(tmp_path / "scans.csv", index=False)
    with pytest.raises(UserError, match="array has 24 rows, but .*scans.csv has 3; one row per vector"):
        read_foreign(tmp_path / "lone.npy", ForeignOptions(rows=tmp_path / "scans.csv"))


def test_rows_in_another_file(rows, vectors, tmp_path):
    np.savez(tmp_path / "a.npz", ldr=vectors.astype(np.float16))
    rows.assign(z0=99.0).to_parquet(tmp_path / "scans.parquet")
    frame = read_foreign(tmp_path / "a.npz", ForeignOptions(rows=tmp_path / "scans.parquet")).frame
    assert frame["subject_id"].tolist() == rows["subject_id"].tolist()
    np.testing.assert_array_equal(frame["z0"], vectors[:, 0].astype(np.float16).astype(np.float32))


def test_vectors_in_obsm_dense_sparse_and_as_a_table(rows, vectors, tmp_path):
    from scipy.sparse import csr_matrix

    named = pd.DataFrame(vectors, columns=list("abcde"), index=[f"row{i}" for i in range(len(rows))])
    path = h5ad(tmp_path / "a.h5ad", rows, None, dense=vectors, sparse=csr_matrix(vectors), named=named)
    for key in ("dense", "sparse", "named"):
        frame = read_foreign(path, ForeignOptions(key=key)).frame
        np.testing.assert_array_equal(frame[[f"z{i}" for i in range(5)]], vectors)


def test_categories_nullable_numbers_and_a_named_index_of_obs(rows, vectors, tmp_path):
    obs = rows.assign(
        site=pd.Categorical(rows["site"]), tesla=pd.array([None, *rows["tesla"][1:]], "Int64"), age=rows["age"]
    ).set_index("subject_id")
    obs["session_id"] = obs["site"].astype(str)
    obs.index = pd.Index([f"p{i}" for i in range(len(obs))], name="subject_id")
    anndata.AnnData(X=vectors, obs=obs).write_h5ad(tmp_path / "a.h5ad")
    frame = read_foreign(tmp_path / "a.h5ad", NOTHING).frame
    assert frame["subject_id"].tolist() == [f"p{i}" for i in range(len(rows))]
    assert frame["site"].tolist() == rows["site"].tolist()
    assert frame["age"].tolist() == rows["age"].tolist()
    assert frame["tesla"].map(str).tolist()[:2] == ["<NA>", "0"]


def test_vectors_under_another_prefix(table, tmp_path, scores_of):
    table.to_csv(tmp_path / "z.csv", index=False)
    other = table.rename(columns={f"z{i}": f"emb_{i}" for i in range(5)}).assign(z0="text", z1=0.0)
    other.to_csv(tmp_path / "emb.csv", index=False)
    found = scores_of(tmp_path / "emb.csv", "--vectors", "emb_")
    pd.testing.assert_frame_equal(found, scores_of(tmp_path / "z.csv"))


def test_notes_of_a_parquet_file_are_kept(table, tmp_path):
    from benchmark.embeddings.table import write_embeddings

    write_embeddings(table, tmp_path / "a.parquet", {"transductive": "site B"})
    assert read_foreign(tmp_path / "a.parquet", NOTHING).notes == {"transductive": "site B"}


def test_h5ad_without_anndata(rows, vectors, tmp_path, monkeypatch, evaluate):
    path = h5ad(tmp_path / "a.h5ad", rows, vectors)
    monkeypatch.setitem(__import__("sys").modules, "anndata.io", None)
    status, error = evaluate("--embeddings", path, "--out", tmp_path / "out")
    assert status == 2
    assert error == (
        f"error: {path}: reading .h5ad needs anndata, which is not installed; pip install 'seada-bench[anndata]'\n"
    )
