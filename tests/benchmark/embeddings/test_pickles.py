"""A pickle inside a file of embeddings never runs."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def bomb(tmp_path):
    sign = tmp_path / "exploded"
    return Bomb(sign), sign


def test_the_bomb_works(bomb):
    pickle.loads(pickle.dumps(bomb[0]))  # noqa: S301
    assert bomb[1].exists()


def objects(vectors, bomb):
    array = np.empty(vectors.shape, object)
    array[:] = bomb
    return array


@pytest.mark.parametrize("name", ["ldr", "embeddings", "anything"])
def test_an_array_of_objects(rows, vectors, bomb, tmp_path, evaluate, name):
    path = tmp_path / "a.npz"
    np.savez(path, **{name: objects(vectors, bomb[0])})
    rows.to_csv(tmp_path / "a.csv", index=False)
    for options in ((), ("--key", name)):
        status, error = evaluate("--embeddings", path, "--out", tmp_path / "out", *options)
        assert status == 2
        assert error.count("\n") == 1
        if options or name != "anything":
            assert error == (
                f"error: {path}: array '{name}': pickled Python objects are not allowed, nor loaded; it must hold "
                "numbers\n"
            )
    assert not bomb[1].exists()


def test_a_pickled_array_beside_the_vectors_is_left_alone(rows, vectors, bomb, tmp_path, scores_of):
    np.savez(tmp_path / "a.npz", mine=vectors, other=objects(vectors, bomb[0]))
    rows.to_csv(tmp_path / "a.csv", index=False)
    scores_of(tmp_path / "a.npz")
    assert not bomb[1].exists()


def test_pickles_under_the_suffix_and_as_a_member(rows, bomb, tmp_path, evaluate):
    path = tmp_path / "a.npz"
    rows.to_csv(tmp_path / "a.csv", index=False)
    path.write_bytes(pickle.dumps(bomb[0]))
    assert evaluate("--embeddings", path, "--out", tmp_path / "out")[0] == 2
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ldr", pickle.dumps(bomb[0]))
    status, error = evaluate("--embeddings", path, "--out", tmp_path / "out")
    assert status == 2
    assert error == f"error: {path}: array 'ldr': type 'bytes' is not allowed; it must be an array of numbers\n"
    assert not bomb[1].exists()


def test_a_pickle_in_annotated_data(rows, vectors, bomb, tmp_path, scores_of):
    anndata = pytest.importorskip("anndata")
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5ad"
    anndata.AnnData(X=vectors, obs=rows.set_index(rows.index.map(str))).write_h5ad(path)
    payload = np.void(pickle.dumps(bomb[0]))
    with h5py.File(path, "a") as file:
        file["uns"]["payload"] = payload
        file["obs"].attrs["payload"] = payload
        file["X"].attrs["pandas_type"] = payload
    scores_of(path)
    assert not bomb[1].exists()


def test_an_npy_file_of_objects(rows, vectors, bomb, tmp_path, evaluate):
    path = tmp_path / "a.npy"
    np.save(path, objects(vectors, bomb[0]), allow_pickle=True)
    rows.to_csv(tmp_path / "a.csv", index=False)
    status, error = evaluate("--embeddings", path, "--out", tmp_path / "out")
    assert (status, error) == (
        2,
        f"error: {path}: cannot be read as npy: pickled Python objects are not allowed, nor loaded; it must hold "
        "numbers\n",
    )
    assert not bomb[1].exists()
