"""A trained method embeds files as its training did, and refuses what differs from it."""

from __future__ import annotations

import os

import nibabel
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from lightning import Trainer

from baselines.autoencoder import Autoencoder
from benchmark.data.manifest import read_manifests
from benchmark.errors import UserError
from benchmark.methods.errors import MethodError
from benchmark.train import LoadedMethod, load_method
from benchmark.train import fit as fit_in_python


def scans(folder, phantom, chosen="split == 'test'"):
    """Test scans of a run, with their files, and their LDRs as they stand in its embeddings."""
    table = read_manifests(sorted(phantom.glob("phantom-*.csv")), phantom)
    got = pd.read_parquet(folder / "embeddings.parquet")
    merged = table.drop(columns=["split"], errors="ignore").merge(
        got[["site", "subject_id", "session_id", "split", *ldr_columns(got)]], on=["site", "subject_id", "session_id"]
    )
    assert len(merged) == len(got)
    merged = merged.query(chosen)
    assert len(merged) > 0
    return merged, merged[ldr_columns(merged)].to_numpy()


def ldr_columns(frame):
    return [column for column in frame if column[0] == "z" and column[1:].isdigit()]


def described(table):
    return {
        "masks": table["mask"].tolist(), "sites": table["site"].tolist(), "ages": table["age"].tolist(),
        "sexes": table["sex"].tolist(),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["seada_balanced", "autoencoder", "combat", "equalised_pca_combat", "pca_voxels"])
def test_files_of_test_scans_get_the_ldrs_of_the_embeddings(fit, phantom, name):
    folder = fit(name)
    table, expected = scans(folder, phantom)
    got = load_method(folder).embed_files(table["image"].tolist(), **described(table))
    assert got.columns.tolist() == [f"z{number}" for number in range(expected.shape[1])]
    assert got.index.tolist() == table["image"].tolist()
    np.testing.assert_allclose(got.to_numpy(), expected, atol=1e-6, rtol=1e-6)
    assert np.ptp(expected, axis=0).max() > 0.01


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_precision_and_preprocessing_are_those_of_the_training(fit, phantom, precision):
    folder = fit(
        "autoencoder", f"--trainer.precision={precision}", "--data.preprocessing.normalisation=percentile",
        "--data.preprocessing.crop_to_mask=true",
    )  # fmt: skip
    table, expected = scans(folder, phantom)
    got = load_method(folder).embed_files(table["image"].tolist(), table["mask"].tolist())
    np.testing.assert_allclose(got.to_numpy(), expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("job", [{}, {"SLURM_NTASKS": "2", "SLURM_JOB_NAME": "train", "SLURM_JOB_ID": "1"}])
def test_beside_slurm_it_is_one_process_and_says_nothing_of_srun(fit, phantom, tmp_path, monkeypatch, recwarn, job):
    folder = fit("autoencoder")
    (tmp_path / "srun").write_text("#!/bin/sh\n")
    (tmp_path / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for name, value in job.items():
        monkeypatch.setenv(name, value)
    table, expected = scans(folder, phantom)
    recwarn.clear()
    got = load_method(folder).embed_files(table["image"].tolist()[:2], table["mask"].tolist()[:2])
    np.testing.assert_allclose(got.to_numpy(), expected[:2], atol=1e-6, rtol=1e-6)
    assert [str(warning.message) for warning in recwarn if "srun" in str(warning.message)] == []


def test_without_masks(data, phantom, tmp_path):
    manifests = []
    for file in sorted(phantom.glob("phantom-*.csv")):
        manifests.append(str(tmp_path / file.name))
        pd.read_csv(file, dtype=str).drop(columns=["mask"]).to_csv(manifests[-1], index=False)
    folder = fit_in_python(Autoencoder(), data(manifests=manifests), Trainer(max_epochs=1), tmp_path / "out")
    table, expected = scans(folder, phantom)
    method = load_method(folder)
    got = method.embed_files(table["image"].tolist())
    np.testing.assert_allclose(got.to_numpy(), expected, atol=1e-6, rtol=1e-6)
    with pytest.raises(UserError, match="masks: they are not allowed; the method was trained on scans without masks"):
        method.embed_files(table["image"].tolist(), table["mask"].tolist())


def test_orientation_and_size_of_a_file_do_not_matter(fit, phantom, tmp_path):
    folder = fit("pca_voxels")
    table, expected = scans(folder, phantom)
    row = table.iloc[0]
    paths = []
    for kind in ("image", "mask"):
        image = nibabel.load(row[kind])
        paths.append(tmp_path / f"{kind}.nii.gz")
        turned = image.as_reoriented(nibabel.orientations.axcodes2ornt(("P", "S", "L")))
        nibabel.save(turned, paths[-1])
    got = load_method(folder).embed_files(paths[:1], paths[1:])
    np.testing.assert_allclose(got.to_numpy()[0], expected[0], atol=1e-4)


def test_what_differs_from_the_training_is_refused_on_one_line(fit, phantom, tmp_path):
    folder = fit("combat", "--data.held_out_site=phantom-PPMI")
    table, expected = scans(folder, phantom, "split == 'test' and site == 'phantom-PPMI'")
    method = load_method(folder)
    assert isinstance(method, LoadedMethod)
    assert "phantom-PPMI" not in method.sites
    images, about = table["image"].tolist(), described(table)
    # The held-out site, whose parameters were fitted, and no other site.
    np.testing.assert_allclose(method.embed_files(images, **about).to_numpy(), expected, atol=1e-6, rtol=1e-6)
    one = np.zeros((8, 8, 8, 2), np.float32)
    nibabel.save(
        nibabel.Nifti1Image(one + np.arange(8)[:, None, None, None], np.diag([20, 20, 20, 1])), tmp_path / "4d.nii"
    )
    for changes, words in (
        ({"masks": None}, "masks: none is given for .*; the method was trained on scans with a mask each"),
        ({"sites": None}, "sites: one a file is needed; the LDR depends on the site of a scan; allowed: phantom-"),
        ({"sites": ["elsewhere"] * len(images)}, "sites: 'elsewhere' is not allowed; .* phantom-ADNI1"),
        ({"sites": ["phantom-ADNI1"]}, f"sites: 1 are given for {len(images)} files"),
        ({"ages": None}, "covariate 'age' is missing"),
        ({"sexes": ["x"] * len(images)}, "sexes: 'x' is not allowed; it must be F, M, or empty"),
        ({"paths": []}, "masks: .* are given for 0 files"),
        ({"paths": [tmp_path / "4d.nii", *images[1:]]}, "4d.nii: has shape 8 × 8 × 8 × 2, 2 volumes; one is needed"),
    ):
        with pytest.raises((UserError, MethodError), match=words) as raised:
            method.embed_files(**{"paths": images, **about, **changes})
        assert "\n" not in str(raised.value)


def test_a_site_is_not_needed_where_the_ldr_does_not_depend_on_it(fit, phantom):
    folder = fit("autoencoder")
    table, expected = scans(folder, phantom)
    got = load_method(folder).embed_files(table["image"][:2].tolist(), table["mask"][:2].tolist(), ["new", "newer"])
    np.testing.assert_allclose(got.to_numpy(), expected[:2], atol=1e-6, rtol=1e-6)


def test_a_ceiling_of_a_phantom_has_nothing_to_say_of_files(fit, phantom):
    folder = fit("true_anatomy")
    table, _ = scans(folder, phantom)
    with pytest.raises(MethodError, match="TrueAnatomy needs data.truth"):
        load_method(folder).embed_files(table["image"].tolist(), table["mask"].tolist())


def test_a_folder_that_is_no_finished_run(fit, tmp_path):
    with pytest.raises(UserError, match="config.yaml: there is no such file; the folder of a finished training"):
        load_method(tmp_path)
    folder = fit("pca_voxels")
    state = torch.load(folder / "model.ckpt", weights_only=True)
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(config | {"model": {"class_path": "nowhere.Mine"}}))
    with pytest.raises(UserError, match=r"config.yaml: model: .*No module named 'nowhere'"):
        load_method(folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    del state["SiteDataModule"]
    torch.save(state, folder / "model.ckpt")
    with pytest.raises(UserError, match="model.ckpt: does not say how its scans were preprocessed; train it again"):
        load_method(folder)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data.preprocessing.normalisation=percentile"],
         "data.preprocessing.normalisation: percentile is not allowed; the model was trained with zscore"),
        (["--data.preprocessing.spacing=9"], "spacing: 9.0 is not allowed; the model was trained with 10.0"),
    ],
)  # fmt: skip
def test_predict_refuses_another_preprocessing(fit, arguments, inside, options, words):
    model = fit("pca_voxels")
    _, given = arguments("pca_voxels", folder="again")
    given = [one for one in given if not one.startswith("--trainer.max_epochs")]
    done = inside("predict", *given[1:], f"--ckpt_path={model}/model.ckpt", *options, check=False)
    assert done.returncode == 2
    assert words in done.stderr


def test_predict_refuses_scans_without_the_masks_of_the_training(fit, arguments, inside, phantom, tmp_path):
    model = fit("pca_voxels")
    for file in sorted(phantom.glob("phantom-*.csv")):
        pd.read_csv(file, dtype=str).drop(columns=["mask"]).to_csv(tmp_path / file.name, index=False)
    _, given = arguments("pca_voxels", folder="again")
    given = [one for one in given if not one.startswith("--trainer.max_epochs")]
    manifests = f"--data.manifests=[{tmp_path}/phantom-*.csv]"
    done = inside("predict", *given[1:], f"--ckpt_path={model}/model.ckpt", manifests, check=False)
    assert "none of the scans have a mask; the model was trained on scans of which all had one" in done.stderr
