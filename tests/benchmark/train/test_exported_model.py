"""An exported model embeds as its training did, by itself, and refuses what was changed or differs from it."""

from __future__ import annotations

import hashlib
import json

import nibabel
import numpy as np
import pandas as pd
import pytest
import safetensors.torch

import benchmark
from benchmark.data.manifest import read_manifests
from benchmark.errors import UserError
from benchmark.train.description import checksum_of, digest_of
from benchmark.train.exported_model import load_model


@pytest.fixture(scope="module")
def scans(phantom):
    """Three scans of the smoke phantom."""
    return read_manifests(sorted(phantom.glob("phantom-*.csv")), phantom).head(3)


def rewritten(folder, change):
    """Change the description of a model, and make its digests right again, as somebody who means it would."""
    path = folder / "model.json"
    content = json.loads(path.read_text())
    change(content)
    content["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in content["files"]}
    content["digest"] = digest_of(content)
    content["checksum"] = checksum_of(content)
    path.write_text(json.dumps(content))
    return folder


@pytest.mark.slow
def test_it_is_a_loaded_method_that_knows_its_training(exported, trained, scans):
    model = benchmark.load_method(exported("autoencoder")[0])
    assert isinstance(model, benchmark.LoadedMethod)
    of_run = benchmark.load_method(trained("autoencoder"))
    images, masks = scans["image"].tolist(), scans["mask"].tolist()
    got = model.embed_files(images, masks)
    pd.testing.assert_frame_equal(got, of_run.embed_files(images, masks), check_exact=True)
    assert np.array_equal(model.ldrs_of(scans), got.to_numpy())
    table = pd.read_parquet(trained("autoencoder") / "embeddings.parquet").query("split == 'train'")
    ldr = table.filter(regex=r"^z\d").to_numpy(np.float64)
    assert (model.centre.dtype, model.dimension) == (np.float64, 32)
    np.testing.assert_array_equal(model.centre, ldr.astype(np.float64).mean(axis=0))
    np.testing.assert_allclose(model.covariance, np.cov(ldr.T), rtol=1e-12)
    assert model.card.tried_settings == 8
    assert model.scores is None
    assert model.sites == of_run.sites


@pytest.mark.slow
def test_the_digest_is_of_what_changes_an_embedding_and_of_nothing_else(spoilt, exported):
    before = load_model(exported("pca_voxels")[0]).digest
    folder = spoilt("pca_voxels")
    assert load_model(rewritten(folder, lambda content: content.update(card=None, notes={"a": "b"}))).digest == before

    def smoother(content):
        content["preprocessing"]["mask_background"] = False

    other = load_model(rewritten(folder, smoother))
    assert other.digest != before
    assert len(other.digest) == 64
    weights = safetensors.torch.load_file(folder / "weights.safetensors")
    safetensors.torch.save_file({**weights, "mean": weights["mean"] + 1}, folder / "weights.safetensors")
    assert load_model(rewritten(folder, lambda content: None)).digest not in (before, other.digest)


@pytest.mark.slow
def test_files_that_are_not_like_the_training_are_refused_on_one_line(exported, scans, tmp_path):
    model = load_model(exported("autoencoder")[0])
    image = nibabel.load(scans["image"][0])
    head = nibabel.Nifti1Image(np.arange(24 * 24 * 20, dtype=np.int16).reshape(24, 24, 20), np.diag([8, 8, 9, 1.0]))
    moved = nibabel.Nifti1Image(np.asarray(image.dataobj), image.affine + np.eye(4, k=3) * 30)
    for name, other in (("head", head), ("moved", moved)):
        nibabel.save(other, tmp_path / f"{name}.nii.gz")
    masks = scans["mask"].head(1).tolist()
    for name, words in (
        ("head", r"is on a grid of 24 × 24 × 20 voxels of 8 × 8 × 9 mm, which is none of the prepared volumes"),
        ("moved", "lies elsewhere in space than the prepared volumes"),
    ):
        with pytest.raises(UserError, match=rf"{name}.nii.gz: {words}") as raised:
            model.embed_files([tmp_path / f"{name}.nii.gz"], masks)
        assert "prepare it as these were" in str(raised.value)
        assert "\n" not in str(raised.value)
    turned = image.as_reoriented(nibabel.orientations.axcodes2ornt("PSL"))
    nibabel.save(turned, tmp_path / "turned.nii.gz")
    got = model.embed_files([tmp_path / "turned.nii.gz"], masks).to_numpy()
    np.testing.assert_allclose(got, model.embed_files([scans["image"][0]], masks).to_numpy(), atol=1e-4)
    with pytest.raises(UserError, match="masks: none is given for"):
        model.embed_files([scans["image"][0]])


def _set(name, value):
    return lambda content: content.update({name: value})


def _model(**settings):
    return lambda content: content["model"]["init_args"].update(settings)


@pytest.mark.slow
def test_what_was_changed_or_would_import_something_is_refused_on_one_line(spoilt):
    folder = spoilt("combat")
    description, weights = folder / "model.json", folder / "weights.safetensors"
    kept = {path: path.read_bytes() for path in folder.iterdir()}

    def refused(words, trust=()):
        with pytest.raises(UserError, match=words) as raised:
            load_model(folder, trust)
        assert "\n" not in str(raised.value)
        for path, content in kept.items():
            path.write_bytes(content)

    assert load_model(folder)
    description.unlink()
    refused(r"model.json: there is no such file; the folder of an exported model is needed")
    description.write_text(description.name)
    refused("model.json: cannot be read: Expecting value")
    description.write_bytes(kept[description].replace(b'"masks": "all"', b'"masks": "none"'))
    refused("model.json: was changed after it was written")
    weights.write_bytes(kept[weights][:-1] + b"\0")
    refused("weights.safetensors: was changed after it was written: its sha256 is")
    weights.unlink()
    refused("weights.safetensors: cannot be read: No such file or directory; the model is not whole")
    (folder / "training.safetensors").unlink()
    refused("training.safetensors: cannot be read")
    rewritten(folder, _set("format", 99))
    refused("model.json: its format is 99, this seada-bench reads 1; use the one that wrote it")
    rewritten(folder, lambda content: content.pop("card"))
    refused("model.json: entry 'card' is missing")
    weights.write_bytes(b"torn")
    rewritten(folder, lambda content: None)
    refused("weights.safetensors: cannot be read as safetensors")
    safetensors.torch.save_file({}, weights)
    rewritten(folder, lambda content: None)
    refused("weights.safetensors: does not fit the method as this seada-bench has it")
    content = json.loads(kept[description])
    content["files"]["../outside"] = ""
    description.write_text(json.dumps(content | {"checksum": checksum_of(content)}))
    refused("model.json: names the file '../outside'; files of a model lie in its folder")
    for name, change in (
        ("os.system", lambda content: content["model"].update(class_path="os.system")),
        ("torch.nn.Linear", _model(base={"class_path": "torch.nn.Linear", "init_args": {}})),
        ("elsewhere.Base", _model(base="elsewhere.Base")),
        ("seadas.Base", _model(base="seadas.Base")),
        ("/tmp/base.yaml", _model(base="/tmp/base.yaml")),  # noqa: S108 (never opened)
    ):
        rewritten(folder, change)
        refused(f"model.json: names '{name}', which would be imported; allowed: classes of benchmark, baselines, seada")
    rewritten(folder, _model(base="elsewhere.Base"))
    refused(r"model.json: model.*elsewhere", trust=("elsewhere",))
    rewritten(folder, _model(file="../encoder.onnx"))
    refused("model.json: names the file '../encoder.onnx'; allowed: .onnx files of the model")
