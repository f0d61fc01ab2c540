"""The participant level: derivatives that others can read, made once, one scan independent of the others."""

from __future__ import annotations

import nibabel
import numpy as np
import pandas as pd
import pytest

from benchmark.bids_app.participant import first_stage
from benchmark.errors import UserError
from benchmark.search import load_model
from tests.benchmark.bids_app.conftest import content

pytestmark = [pytest.mark.slow, pytest.mark.needs("import")]

NAMES = ("sub-R901_ses-01", "sub-R901_ses-02", "sub-R902_run-1", "sub-R904_acq-a_run-2", "sub-R906")
SPACE = "_space-MNI152NLin2009aSym_"


def bytes_of(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("sub-*") if path.is_file()}


def test_every_scan_gets_its_derivatives_after_bids(made, whole, exported):
    out, said = made
    assert f"{out}: 5 scans made, 0 failed" in said
    assert "The model was trained on synthetic scans" in said
    assert sorted(path.name for path in out.glob("*_T1w.html") if path.name != "group_T1w.html") == [
        f"{name}_T1w.html" for name in NAMES
    ]
    about = content(out / "dataset_description.json")
    model = load_model(exported("pca_voxels")[0])
    assert about["DatasetType"] == "derivative"
    assert [one["Name"] for one in about["GeneratedBy"]] == ["seada-bench", f"seada-bench model {model.name}"]
    assert about["GeneratedBy"][1]["Version"] == model.digest
    assert about["SourceDatasets"] == [{"URL": whole.as_uri()}]
    assert (out / about["DatasetLinks"]["raw"]).resolve() == whole
    folder = out / "sub-R901" / "ses-02" / "anat"
    volume, mask = (
        nibabel.load(folder / f"{NAMES[1]}{SPACE}{end}.nii.gz") for end in ("desc-preproc_T1w", "desc-brain_mask")
    )
    grid = model.description["space"]["grids"][0]
    assert list(volume.shape) == list(mask.shape) == grid["shape"]
    np.testing.assert_allclose(volume.affine, grid["affine"])
    assert 0.05 < np.asarray(mask.dataobj).mean() < 0.95
    record = content(folder / f"{NAMES[1]}{SPACE}desc-preproc_T1w.json")
    assert record["Sources"] == [f"bids:raw:sub-R901/ses-02/anat/{NAMES[1]}_T1w.nii.gz"]
    assert record["SkullStripped"] is False
    assert record["Quality"]["overlap"] > 0.8


def test_the_embedding_is_the_models_own_of_the_prepared_volume(made, exported):
    folder = made[0] / "sub-R906" / "anat"
    table = pd.read_csv(folder / f"sub-R906{SPACE}desc-seada_embedding.tsv", sep="\t")
    model = load_model(exported("pca_voxels")[0])
    files = [folder / f"sub-R906{SPACE}desc-{end}.nii.gz" for end in ("preproc_T1w", "brain_mask")]
    np.testing.assert_array_equal(table.to_numpy(np.float32), model.embed_files(files[:1], files[1:]).to_numpy())
    record = content(folder / f"sub-R906{SPACE}desc-seada_embedding.json")
    assert record["Scan"]["site"] == "Memory-clinic-a-replica-South"
    assert record["Scan"]["diagnosis"] == ""
    assert set(record["Gate"]) == {"overlap", "size", "likeness", "low", "high", "mahalanobis"}
    assert record["Gate"]["overlap"]["Value"] > 0.8


def test_finished_scans_are_passed_over_and_an_interrupted_one_is_made_again(app, whole, out, made):
    before = bytes_of(made[0])
    (out / "sub-R902/anat" / f"{NAMES[2]}{SPACE}desc-seada_embedding.json").unlink()
    (out / f"{NAMES[2]}_T1w.html").write_text("half")
    state = {path: path.stat().st_mtime_ns for path in out.rglob("*.nii.gz")}
    said = app(whole, out, "participant", "--site-column", "centre").stdout
    assert "1 scans made, 4 were there, 0 failed" in said
    assert bytes_of(out) == before
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.nii.gz")} == state


def test_jobs_of_a_participant_each_make_the_same_bytes_as_one_of_all(app, whole, tmp_path, made):
    out = tmp_path / "apart"
    for label in ("sub-R906", "R902"):
        said = app(whole, out, "participant", "--site-column", "centre", "--participant-label", label).stdout
        assert "1 scans made, 0 failed" in said
        assert "R904" not in said
    apart = bytes_of(out)
    assert len(apart) == 2 * 7
    assert apart == {path: value for path, value in bytes_of(made[0]).items() if path in apart}


def test_a_scan_that_cannot_be_used_keeps_no_other_out(app, dataset, out):
    torn = dataset / "sub-R906/anat/sub-R906_T1w.nii.gz"
    torn.write_bytes(b"no image")
    sidecar = dataset / "sub-R902/anat/sub-R902_run-1_T1w.json"
    sidecar.write_text("{")
    done = app(dataset, out, "participant", "--site-column", "centre", check=False)
    assert done.returncode == 1
    *of_sidecar, last = done.stderr.strip().splitlines()
    # Whatever image of the session comes first, none takes the place of another in silence.
    assert len(of_sidecar) == 3
    assert of_sidecar[0].startswith("error: sub-R902/anat/sub-R902_run-10_T1w.nii.gz: ")
    assert all(f"{sidecar}: is no JSON file" in line for line in of_sidecar)
    assert last.startswith(f"error: {torn}: is no image that can be read")
    assert "0 scans made, 3 were there, 4 failed" in done.stdout
    assert not (out / "sub-R906/anat" / f"sub-R906{SPACE}desc-seada_embedding.json").exists()


def test_what_cannot_be_used_is_said_in_one_line(app, whole, out, made, exported, tmp_path, inside):
    for words, arguments, folder in (
        ("make benchmark", ("participant",), None),
        ("has no folder sub-R999", ("participant", "--participant-label", "R999"), tmp_path / "a"),
        ("no T1w image was found", ("participant", "--session-label", "77"), tmp_path / "b"),
        ("--site_column: is for the participant level", ("group", "--site-column", "centre"), out),
        ("lies among the raw data; name a folder elsewhere", ("participant",), whole),
        ("run the participant level first", ("group",), None),
    ):
        if folder is None:
            empty = tmp_path / "empty"
            empty.mkdir(exist_ok=True)
            (empty / "dataset_description.json").write_text((made[0] / "dataset_description.json").read_text())
            done = app(whole, empty, *arguments, check=False, model=False)
        else:
            done = app(whole, folder, *arguments, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert words in done.stderr
    other = exported("autoencoder")[0]
    for level, words in (("participant", "holds derivatives of another model"), ("group", "is not the model of")):
        done = inside("bids", whole, out, level, "--model", other, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert words in done.stderr
    (out / "dataset_description.json").write_text('{"Name": "fMRIPrep"}')
    done = app(whole, out, "participant", check=False)
    assert "does not say that 'seada-bench bids' made the folder" in done.stderr


def test_a_model_that_knows_how_its_scans_were_prepared_prepares_others_alike(exported):
    model = load_model(exported("pca_voxels")[0])
    stage, warnings = first_stage(model)
    assert stage["settings"]["shape"] == tuple(model.description["space"]["grids"][0]["shape"])
    assert len(warnings) == 2
    model.description |= {"raw": stage, "synthetic": False}
    assert first_stage(model) == (stage, [])
    model.description["raw"] = {**stage, "settings": {**stage["settings"], "brain": "mask"}}
    with pytest.raises(UserError, match="its training had brain masks of its own"):
        first_stage(model)
