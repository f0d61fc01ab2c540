"""Grids of a training's files: the same one in any order of axes, and no other."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from benchmark.errors import UserError
from benchmark.train.space import MOST, check_space, space_of


@pytest.fixture
def volume(tmp_path):
    """Write an image of zeros; its path."""

    def write(name="a", shape=(8, 10, 12), spacing=2.0, origin=(0.0, 0.0, 0.0), codes="RAS"):
        affine = np.diag([spacing, spacing, spacing, 1.0])
        affine[:3, 3] = origin
        image = nibabel.Nifti1Image(np.zeros(shape, np.uint8), affine)
        image = image.as_reoriented(nibabel.orientations.axcodes2ornt(codes))
        nibabel.save(image, tmp_path / f"{name}.nii.gz")
        return tmp_path / f"{name}.nii.gz"

    return write


def test_one_grid_in_any_order_of_axes_is_one_grid(volume):
    space = space_of([volume(), volume("b", codes="PIL")])
    assert (space["placed"], [grid["shape"] for grid in space["grids"]]) == (True, [[8, 10, 12]])
    check_space(volume("c", codes="LSA"), space, "")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"shape": (8, 10, 13)}, "is on a grid of 8 × 10 × 13 voxels of 2 × 2 × 2 mm, which is none of"),
        ({"spacing": 2.1, "codes": "PIL"}, "is on a grid of 8 × 10 × 12 voxels of 2.1 × 2.1 × 2.1 mm, which is none"),
        ({"origin": (0, 0, 1)}, "lies elsewhere in space than the prepared volumes"),
    ],
)
def test_another_grid_is_refused(volume, other, words):
    space = space_of([volume()])
    with pytest.raises(UserError, match=words) as raised:
        check_space(volume("other", **other), space, "do this")
    assert str(raised.value).endswith("of the training (8 × 10 × 12 voxels of 2 × 2 × 2 mm); do this")
    assert "other.nii.gz: " in str(raised.value)


def test_where_volumes_lie_does_not_count_where_they_lie_at_several_places(volume):
    space = space_of([volume(str(place), origin=(place, 0, 0)) for place in range(3)])
    assert (space["placed"], len(space["grids"])) == (False, 1)
    check_space(volume("far", origin=(0, 0, 77), codes="LIP"), space, "")
    with pytest.raises(UserError, match="is on a grid of 9 × 10 × 12"):
        check_space(volume("larger", shape=(9, 10, 12)), space, "")


def test_volumes_of_many_sizes_say_nothing(volume):
    assert space_of([volume(str(size), shape=(size, 10, 12)) for size in range(8, 9 + MOST)]) is None
    assert space_of([]) is None


def test_a_file_that_cannot_be_read_is_for_others_to_refuse(volume, tmp_path):
    (tmp_path / "torn.nii.gz").write_bytes(b"no image")
    space = space_of([volume(), tmp_path / "torn.nii.gz"])
    assert len(space["grids"]) == 1
    check_space(tmp_path / "torn.nii.gz", space, "")
    check_space(volume("larger", shape=(9, 10, 12)), None, "")
