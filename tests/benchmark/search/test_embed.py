"""`seada-bench embed`: a file of embeddings, of a manifest or of files, from a model alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.data.manifest import read_manifests
from benchmark.embeddings.table import load_table, read_embeddings
from benchmark.errors import UserError
from benchmark.search import load_model
from benchmark.search.embed import embed_scans
from benchmark.search.scans import scans_of_images, scans_of_manifests
from tests.benchmark.search.test_first_stage import raw_manifests

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def manifests(phantom):
    return sorted(phantom.glob("phantom-*.csv"))


def z(frame):
    return frame.filter(regex=r"^z\d").to_numpy()


def test_manifests_get_the_embeddings_of_the_run(exported, trained, inside, manifests, phantom, tmp_path):
    folder, _ = exported("combat")
    done = inside("embed", "--model", folder, "--manifest", *manifests, "--out", tmp_path / "new" / "e.parquet")
    assert "dimensions, model " in done.stdout
    made = read_embeddings(tmp_path / "new" / "e.parquet")
    before = read_embeddings(trained("combat") / "embeddings.parquet")
    columns = ["subject_id", "session_id", "site", "diagnosis", "age", "sex"]
    pd.testing.assert_frame_equal(made.frame[columns], before.frame[columns])
    np.testing.assert_allclose(z(made.frame), z(before.frame), atol=1e-5)
    assert made.notes == {**before.notes, "model": load_model(folder).digest}
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "e.parquet"]
    inside("embed", "--model", folder, "--manifest", *manifests, "--out", tmp_path / "e.csv")
    of_csv = read_embeddings(tmp_path / "e.csv").frame
    np.testing.assert_array_equal(z(of_csv).astype(np.float32), z(made.frame))


def test_files_get_them_too_named_after_the_files(exported, inside, manifests, phantom, tmp_path):
    table = read_manifests(manifests, phantom).head(2)
    images = [shutil.copy(path, tmp_path / f"{name}.nii.gz") for name, path in zip("ab", table["image"], strict=True)]
    folder, _ = exported("autoencoder")
    given = ("--model", folder, "--images", *images, "--masks", *table["mask"])
    inside("embed", *given, "--sites", "new", "--ages", 61, 62, "--out", tmp_path / "e.parquet")
    made, _ = load_table(tmp_path / "e.parquet")
    assert made["subject_id"].tolist() == ["a", "b"]
    assert made["site"].tolist() == ["new", "new"]
    assert made["age"].tolist() == [61, 62]
    assert made["image"].tolist() == [str(path) for path in images]
    model = load_model(folder)
    assert np.array_equal(z(made), model.embed_files(images, table["mask"].tolist()).to_numpy())


def test_an_interrupted_call_goes_on_and_gives_the_same_bytes(exported, manifests, phantom, tmp_path, monkeypatch):
    model = load_model(exported("pca_voxels")[0])
    scans = scans_of_manifests(manifests, phantom).head(40)
    whole = embed_scans(model, scans, tmp_path / "one")
    calls, embed = [], model.ldrs_of

    def twice(batch):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(len(batch))
        return embed(batch)

    monkeypatch.setattr(model, "ldrs_of", twice)
    with pytest.raises(KeyboardInterrupt):
        embed_scans(model, scans, tmp_path / "two")
    assert calls == [16, 16]
    calls.clear()
    again = embed_scans(model, scans, tmp_path / "two")
    assert calls == [8]
    pd.testing.assert_frame_equal(again, whole, check_exact=True)


def test_mistakes_are_refused_on_one_line_and_nothing_is_overwritten(exported, inside, manifests, phantom, tmp_path):
    folder, _ = exported("autoencoder")
    image = str(read_manifests(manifests, phantom)["image"][0])
    (tmp_path / "there.csv").write_text("mine")
    (tmp_path / "sub").mkdir()
    twin = shutil.copy(image, tmp_path / "sub")
    new = tmp_path / "new.parquet"
    for words, arguments in (
        ("give either --images or --manifest", ("--out", new)),
        ("give either --images", ("--images", image, "--manifest", manifests[0], "--out", new)),
        ("--sites: is for --images", ("--manifest", manifests[0], "--sites", "A", "--out", new)),
        ("is already there; name another file", ("--images", image, "--out", tmp_path / "there.csv")),
        ("'new.txt' is not allowed; its name must end in", ("--images", image, "--out", tmp_path / "new.txt")),
        ("--masks: 2 are given for 1 files", ("--images", image, "--masks", image, image, "--out", new)),
        ("have one name; name their subjects in a manifest", ("--images", image, twin, "--out", new)),
        ("masks: none is given for", ("--images", image, "--out", new)),
        ("--raw: the model cannot prepare raw images; scans must", ("--images", image, "--raw", "--out", new)),
    ):
        done = inside("embed", "--model", folder, *arguments, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert words in done.stderr
    done = inside("embed", "--model", tmp_path, "--images", image, "--out", new, check=False)
    assert "holds no model.json; give a folder that seada-bench export wrote" in done.stderr
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert not list(tmp_path.glob("new*"))
    assert scans_of_images([tmp_path / "a.nii"])["site"].tolist() == ["unknown"]


@pytest.mark.needs("import")
def test_raw_images_get_the_embeddings_of_the_prepared_ones(phantom, inside, tmp_path):
    raw = raw_manifests(phantom, tmp_path / "raw")
    prepared, run = tmp_path / "prepared", tmp_path / "run"
    inside(
        "preprocess", "--manifests", *raw, "--out", prepared, "--processes", 1, "--shape", "[16,20,16]", "--spacing",
        10, "--registration", "none", "--bias_correction", "false", "--brain", "mask",
    )  # fmt: skip
    inside(
        "fit", "--config", "benchmark/configs/methods/pca_voxels.yaml", f"--data.manifests=[{prepared}/phantom-*.csv]",
        f"--data.data_root={prepared}", "--data.truth=null", f"--data.cache_dir={tmp_path}/cache",
        "--data.preprocessing.shape=[16,24,16]", "--data.preprocessing.spacing=10", "--model.init_args.ldr_dim=4",
        "--data.batch_size=4", f"--trainer.default_root_dir={run}", "--trainer.enable_progress_bar=false",
    )  # fmt: skip
    said = inside("export", run, "--out", tmp_path / "model").stdout
    assert "raw images cannot be embedded" not in said
    inside("embed", "--model", tmp_path / "model", "--manifest", *raw, "--raw", "--out", tmp_path / "e.parquet")
    made, before = read_embeddings(tmp_path / "e.parquet").frame, read_embeddings(run / "embeddings.parquet").frame
    assert made["subject_id"].tolist() == before["subject_id"].tolist()
    np.testing.assert_allclose(z(made), z(before), atol=1e-4)
    assert np.ptp(z(before), axis=0).max() > 0.1
    table = pd.concat([pd.read_csv(path, dtype=str) for path in raw]).assign(site="A")
    table.loc[table.index[-1], "sex"] = "X"
    model, scans = load_model(tmp_path / "model"), scans_of_images([Path(path) for path in table["image"]])
    scans["mask"], scans["sex"] = table["mask"].tolist(), table["sex"].tolist()
    with pytest.raises(UserError, match="sexes: 'X' is not allowed"):
        embed_scans(model, scans, tmp_path / "parts", raw=True)
    assert len(list((tmp_path / "parts" / "prepared").glob("*_T1w.nii.gz"))) == 1
