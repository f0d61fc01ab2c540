"""Raw images go the way that the training's went, and become the same volumes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from benchmark.data.manifest import read_manifests
from benchmark.errors import UserError
from benchmark.search.first_stage import apply, recorded

pytestmark = [pytest.mark.slow, pytest.mark.needs("import")]

SITES = ("phantom-ADNI1", "phantom-ADNI2")


def raw_manifests(phantom, folder, scans=3):
    """Manifests of a few of the phantom's scans, which stand for raw images."""
    made = []
    for site in SITES:
        table = pd.read_csv(phantom / f"{site}.csv", dtype=str).groupby("split").head(scans).copy()
        for name in ("image", "mask"):
            table[name] = [str(phantom / value) for value in table[name]]
        folder.mkdir(exist_ok=True)
        made.append(folder / f"{site}.csv")
        table.to_csv(made[-1], index=False)
    return made


@pytest.fixture
def preprocessed(phantom, inside, tmp_path):
    """Raw and prepared scans, row for row."""

    def run(*options, scans=3):
        raw = raw_manifests(phantom, tmp_path / "raw", scans)
        inside(
            "preprocess", "--manifests", *raw, "--out", tmp_path / "prepared", "--processes", 1, "--shape",
            "[16,20,16]", "--spacing", 10, "--registration", "none", "--bias_correction", "false", *options,
        )  # fmt: skip
        made = read_manifests([tmp_path / "prepared" / path.name for path in raw])
        return read_manifests(raw), made.assign(mask=made.get("mask", ""))

    return run


def arrays(paths):
    return [np.asarray(nibabel.load(path).dataobj) for path in paths]


@pytest.mark.parametrize(
    "options",
    [
        ("--brain", "mask"),
        ("--brain", "none", "--intensity", "percentile"),
        ("--brain", "mask", "--intensity", "nyul"),
        ("--brain", "auto"),
        ("--brain", "template", "--registration", "affine", "--bias_correction", "true"),
    ],
)
def test_a_raw_image_becomes_the_volume_that_preprocess_made_of_it(preprocessed, tmp_path, options):
    raw, prepared = preprocessed(*options, scans=1 if "affine" in options else 3)
    training = prepared[prepared["split"] == "train"]
    record, why = recorded(training)
    assert why == ""
    record = json.loads(json.dumps(record))
    chosen = raw[raw["split"] == "test"]
    given = chosen.assign(mask="") if options[1] == "none" else chosen
    made = apply(record, given, tmp_path / "work")
    before = prepared.loc[chosen.index]
    for one, other in zip(arrays(made["image"]), arrays(before["image"]), strict=True):
        np.testing.assert_array_equal(one, other)
    if options[1] == "none":
        assert set(made["mask"]) == {""}
    else:
        for one, other in zip(arrays(made["mask"]), arrays(before["mask"]), strict=True):
            np.testing.assert_array_equal(one, other)
    if options[1] == "auto":
        assert record["settings"]["brain"] == "mask"


def test_what_is_there_is_not_made_again_and_every_bad_file_is_named(preprocessed, tmp_path):
    raw, prepared = preprocessed("--brain", "mask")
    record, _ = recorded(prepared[prepared["split"] == "train"])
    (tmp_path / "torn.nii").write_bytes(b"no image")
    scans = raw.head(3).copy()
    scans.loc[scans.index[1], "image"] = str(tmp_path / "torn.nii")
    scans.loc[scans.index[2], "mask"] = ""
    with pytest.raises(UserError, match="2 of 3 raw images cannot be used:") as raised:
        apply(record, scans, tmp_path / "work")
    lines = str(raised.value).splitlines()
    assert "torn.nii: is no image that can be read" in lines[1]
    assert "has no mask in its manifest; brain 'mask' needs one" in lines[2]
    (made,) = (tmp_path / "work").glob("*_T1w.nii.gz")
    before = made.stat().st_mtime_ns
    assert apply(record, raw.head(1), tmp_path / "work")["image"].tolist() == [str(made)]
    assert made.stat().st_mtime_ns == before
    with pytest.raises(UserError, match="prepares raw images by another version or template than the training"):
        apply({**record, "template": "0"}, raw.head(1), tmp_path / "work")


def test_what_is_not_recorded_is_said(preprocessed, phantom, tmp_path):
    phantoms = read_manifests([phantom / f"{SITES[0]}.csv"])
    assert recorded(phantoms) == (
        None,
        "scans must be prepared already: nothing beside the training's manifests says how they were",
    )
    _, prepared = preprocessed("--brain", "mask", "--intensity", "nyul")
    training = prepared[prepared["split"] == "train"]
    assert recorded(training)[0] is not None
    shutil.rmtree(Path(training["manifest"].iloc[0]).parent / "work")
    record, why = recorded(training)
    assert record is None
    assert why.endswith("by Nyul's scale, which their folder does not hold any more")
