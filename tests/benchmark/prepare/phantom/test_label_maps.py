import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from benchmark.errors import UserError
from benchmark.prepare.phantom.label_maps import TISSUES, folder_digest, map_files, read_label_map

sys.path.insert(0, str(Path(__file__).parent))
from made_up_heads import head, oriented, write, write_people


def ellipsoid_ml(*half):
    return 4 / 3 * np.pi * np.prod(half) / 1000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("axes", "spacing"),
    [("RAS", (2.0, 2.0, 2.0)), ("LIA", (1.0, 1.0, 1.0)), ("PSR", (1.0, 1.5, 2.0)), ("ALI", (1.5,) * 3)],
)
def test_orientation_and_resolution_do_not_matter(tmp_path, axes, spacing):
    labels = read_label_map(write(tmp_path / "a.nii.gz", *oriented(*head(spacing), axes)))
    assert labels.millilitres["lateral_ventricles"] == pytest.approx(2 * ellipsoid_ml(7, 32, 9), rel=0.04)
    hippocampus = 2 * (ellipsoid_ml(7, 18, 6.5) + ellipsoid_ml(6, 6, 6))
    assert labels.millilitres["medial_temporal"] == pytest.approx(hippocampus, rel=0.04)
    assert labels.middles[17] == pytest.approx([-27, -23, -16], abs=0.7)
    assert labels.middles[53] == pytest.approx([27, -23, -16], abs=0.7)


def test_mgh_files_and_whole_floats_are_read(tmp_path):
    labels, affine = head()
    plain = read_label_map(write(tmp_path / "a.nii", labels, affine))
    for path, kind in (("a.mgz", np.int32), ("b.nii.gz", np.float32)):
        again = read_label_map(write(tmp_path / path, labels.astype(kind), affine))
        assert np.array_equal(again.tissue, plain.tissue)


def test_parcellations_are_cortex_and_white_matter(tmp_path):
    labels, affine = head()
    plain = read_label_map(write(tmp_path / "aseg.nii.gz", labels, affine))
    front = np.arange(labels.shape[1])[:, None] > labels.shape[1] // 2
    for name, left, right, white in (
        ("aparc", (1002, 1035), (2002, 2035), (2, 41)),
        ("a2009s", (11101, 11175), (12101, 12175), (2, 41)),
        ("wmparc", (1002, 1035), (2002, 2035), (3002, 4002)),
    ):
        parcels = labels.astype(np.int32)
        parcels[labels == 3] = np.broadcast_to(np.where(front, *left), labels.shape)[labels == 3]
        parcels[labels == 42] = np.broadcast_to(np.where(front, *right), labels.shape)[labels == 42]
        parcels[labels == 2], parcels[labels == 41] = white
        assert np.array_equal(read_label_map(write(tmp_path / f"{name}.mgz", parcels, affine)).tissue, plain.tissue)


def without(labels, *numbers):
    return np.where(np.isin(labels, numbers), 2, labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: np.where(a == 17, 4321.5, a), "holds values that are not whole numbers"),
        (lambda a: np.where(a == 17, 5555, a), r"label 5555 in \d+ voxels is not known; FreeSurfer's aseg"),
        (lambda a: np.where(a == 17, -3, np.where(a == 53, 20000, a)), r"label -3 in \d+ voxels and 1 more labels are"),
        (lambda a: without(a, 53), r"has no right hippocampus \(label 53\)"),
        (lambda a: without(a, 3), r"has no left cerebral cortex \(label 3\)"),
        (lambda a: a[::-1], r"the left hippocampus \(label 17\) lies to the right of the right one"),
        (lambda a: np.stack([a, a], axis=-1), "a label map has three dimensions"),
    ],
)
def test_what_cannot_be_used_is_named_on_one_line(tmp_path, change, message):
    labels, affine = head()
    path = write(tmp_path / "bad.nii.gz", change(labels.astype(np.float32)).astype(np.float32), affine)
    with pytest.raises(UserError, match=message) as error:
        read_label_map(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_brain_as_small_as_none_is_refused(tmp_path):
    path = write(tmp_path / "small.nii.gz", *head(size=0.5))
    with pytest.raises(UserError, match=r"small\.nii\.gz: holds \d+ ml of brain; at least 250 ml are needed"):
        read_label_map(path)


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"a\.nii\.gz: cannot be read as a label map"):
        read_label_map(tmp_path / "a.nii.gz")


def test_a_folder_needs_four_maps(tmp_path):
    with pytest.raises(UserError, match="nowhere is not a folder"):
        map_files(tmp_path / "nowhere")
    people = tmp_path / "people"
    people.mkdir()
    (people / "README.md").write_text("about them")
    with pytest.raises(UserError, match="holds 0 label maps"):
        map_files(people)
    for number in range(3):
        (people / f"{number}.nii").write_bytes(b"")
    with pytest.raises(UserError, match="holds 3 label maps .* at least 4 are needed, two people for training"):
        folder_digest(people)


@pytest.mark.slow
def test_the_digest_is_of_names_and_contents_of_the_maps(tmp_path):
    paths = write_people(tmp_path / "people")
    digest = folder_digest(tmp_path / "people")
    (tmp_path / "people" / "README.md").write_text("about them")
    assert folder_digest(tmp_path / "people") == digest
    labels = nibabel.load(paths[0])
    content = paths[0].read_bytes()
    nibabel.save(nibabel.Nifti1Image(np.asarray(labels.dataobj) * 1, labels.affine + 0.1), paths[0])
    assert folder_digest(tmp_path / "people") != digest
    paths[0].write_bytes(content)
    assert folder_digest(tmp_path / "people") == digest
    paths[0].rename(paths[0].with_name("somebody.nii.gz"))
    assert folder_digest(tmp_path / "people") != digest


def test_tissues_that_flow_come_first():
    assert TISSUES[:3] == ("lateral_ventricles", "medial_temporal", "deep_grey")
