"""`seada-bench manifest check` from the command line."""

from __future__ import annotations

import nibabel
import numpy as np
import pandas as pd
import pytest

from benchmark.cli import main
from benchmark.data.images import Image
from benchmark.prepare.checks.images import contrast
from benchmark.prepare.preprocess.template import template


@pytest.fixture
def collection(tmp_path):
    """Three sites with the template as every head; a function that lists them in manifests after a change."""
    t1, _ = template()
    array, affine = (1000 * t1.data[::2, ::2, ::2]).astype(np.int16), t1.affine @ np.diag([2, 2, 2, 1.0])
    rng = np.random.default_rng(0)

    def save(name, values=None, voxels=affine):
        noisy = (array if values is None else values) + rng.integers(0, 20, array.shape).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(noisy, voxels), tmp_path / name)
        return name

    def write(change=lambda rows: None):
        rows = [
            {"subject_id": f"{site}{i}", "session_id": "1", "image": save(f"{site}{i}.nii.gz"), "site": site}
            | {"diagnosis": ("CN", "AD")[i % 2], "age": 60 + i, "sex": "FM"[i % 2]}
            for site in "ABC"
            for i in range(2)
        ]
        change(rows)
        paths = []
        for site in "ABC":
            paths.append(tmp_path / f"{site}.csv")
            pd.DataFrame([row for row in rows if row["site"] == site]).to_csv(paths[-1], index=False)
        return [str(path) for path in paths]

    write.save, write.array, write.affine, write.folder = save, array, affine, tmp_path
    return write


def check(capsys, manifests, *options):
    status = main(["manifest", "check", "--manifests", *manifests, "--processes", "1", *options])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_a_clean_collection(capsys, collection):
    status, said, _ = check(capsys, collection(), "--images", "hash")
    assert status == 0
    assert "0 scans cannot be used, 0 remarks" in said
    assert "leave-one-site-out protocol" in said


def test_a_corrupt_file_is_named_and_is_not_the_end(capsys, collection):
    manifests = collection()
    path = collection.folder / "B1.nii.gz"
    path.write_bytes(path.read_bytes()[:500])
    (collection.folder / "C0.nii.gz").unlink()
    status, said, error = check(capsys, manifests, "--out", str(collection.folder / "found.csv"))
    assert (status, "Traceback" in said + error) == (1, False)
    assert "2 scans cannot be used" in said
    found = pd.read_csv(collection.folder / "found.csv").set_index("scan")
    assert "B1.nii.gz: is damaged or cut short" in found.loc["B/B1/1", "message"]
    assert "C0.nii.gz: there is no such file" in found.loc["C/C0/1", "message"]


def test_one_image_under_two_subjects(capsys, collection):
    manifests = collection()
    image = nibabel.load(collection.folder / "A0.nii.gz")
    # Another header and another compression, the same voxels.
    copy = nibabel.Nifti1Image(np.asarray(image.dataobj), image.affine)
    copy.header["descrip"] = b"copied"
    nibabel.save(copy, collection.folder / "C1.nii.gz")
    assert check(capsys, manifests, "--images", "read")[0] == 0
    status, said, _ = check(capsys, manifests, "--images", "hash")
    assert status == 1
    assert "C1.nii.gz: has the same voxels as another subject's scan A/A0/1" in said


def test_contrast_and_geometry_unlike_a_t1(capsys, collection):
    t1, brain = template()
    inverted = np.where(brain.data > 0, 1.2 - t1.data, 0)
    assert contrast(t1) > 0.85
    assert contrast(Image(inverted.astype(np.float32), t1.affine)) < -0.5
    shifted = t1.affine.copy()
    shifted[:3, 3] += (30, -20, 40)
    assert contrast(Image(t1.data, shifted)) > 0.85

    def spoil(rows):
        small = np.where(collection.array > 0, 1200 - collection.array, 0).astype(np.int16)
        rows[0]["image"] = collection.save("t2.nii.gz", small)
        rows[3]["image"] = collection.save("thick.nii.gz", voxels=collection.affine @ np.diag([1, 1, 2.2, 1]))

    status, said, _ = check(capsys, collection(spoil))
    assert status == 0
    assert "t2.nii.gz: its contrast is unlike T1: correlation with the template -" in said
    assert "thick.nii.gz: its voxels are 8.8 mm thick" in said


def test_manifest_problems_come_all_at_once(capsys, collection):
    def spoil(rows):
        rows[0]["age"], rows[2]["diagnosis"], rows[4]["sex"] = -3, "AC", "X"

    status, _, error = check(capsys, collection(spoil))
    assert status == 2
    for part in ("A.csv:2: column 'age': -3", "B.csv:2: column 'diagnosis': 'AC'", "C.csv:2: column 'sex': 'X'"):
        assert part in error


def test_findings_never_replace_a_file(capsys, collection):
    there = collection.folder / "there.csv"
    there.write_text("mine")
    status, _, error = check(capsys, collection(), "--out", str(there))
    assert (status, there.read_text()) == (2, "mine")
    assert "is already there" in error


def test_remarks_that_say_the_same_share_a_line(capsys, collection):
    def coarse(rows):
        for row in rows[:3]:
            turned = collection.affine @ np.diag([1.0, 1.0, 1.9, 1.0])
            row["image"] = collection.save(f"coarse{row['subject_id']}.nii.gz", voxels=turned)

    status, said, _ = check(capsys, collection(coarse), "--images", "read")
    assert (status, "0 scans cannot be used, 3 remarks" in said) == (0, True)
    (line,) = [line for line in said.splitlines() if line.startswith("  remark:")]
    assert line.startswith("  remark: its voxels are 7.6 mm thick; a 3D T1 has at most 6: 3 images, the first of them ")
