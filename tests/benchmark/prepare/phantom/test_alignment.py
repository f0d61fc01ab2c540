import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import UserError
from benchmark.prepare.phantom.alignment import align
from benchmark.prepare.phantom.label_maps import TISSUES, read_label_map
from benchmark.prepare.phantom.prepared_anatomy import aligned, box

sys.path.insert(0, str(Path(__file__).parent))
from made_up_heads import head, oriented, write


def about(axis, degrees):
    angle, turn = np.radians(degrees), np.eye(4)
    first, second = [k for k in range(3) if k != axis]
    turn[first, first] = turn[second, second] = np.cos(angle)
    turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
    return turn


def middles(path):
    labels = read_label_map(path)
    alignment = align(labels)
    tissue = aligned(labels, alignment, 2.0)
    _, affine = box(2.0)
    return {
        name: affine[:3, :3] @ np.argwhere(tissue == TISSUES.index(name)).mean(axis=0) + affine[:3, 3]
        for name in ("lateral_ventricles", "medial_temporal", "cortex", "brainstem")
    }, alignment


def test_where_and_how_a_head_lies_does_not_matter(tmp_path):
    labels, affine = head()
    upright, plain = middles(write(tmp_path / "a.nii.gz", labels, affine))
    moved = about(0, 25) @ about(2, -10) @ affine
    moved[:3, 3] += (30, -40, 55)
    tilted, alignment = middles(write(tmp_path / "b.mgz", *oriented(labels, moved, "LIA")))
    for name, middle in upright.items():
        assert tilted[name] == pytest.approx(middle, abs=1.0)
    assert alignment.scale == pytest.approx(plain.scale, rel=0.02)
    assert alignment.rotation == pytest.approx(plain.rotation + 25, abs=8)


def test_a_small_head_is_scaled_to_the_template_and_the_scale_recorded(tmp_path):
    large = align(read_label_map(write(tmp_path / "a.nii.gz", *head())))
    small = align(read_label_map(write(tmp_path / "b.nii.gz", *head(size=0.9))))
    assert np.array(small.scale) / large.scale == pytest.approx([1 / 0.9] * 3, rel=0.02)
    assert small.volume == pytest.approx(np.prod(small.scale))
    # The cerebrum drawn is 132 x 168 x 120 mm, the template's 138 x 173 x 126; 0.1 % of an ellipsoid's volume is in the
    # outer 3.7 % of its half axis.
    assert np.array(large.scale) * 0.963 == pytest.approx((138 / 132, 173 / 168, 126 / 120), rel=0.03)


def test_a_wrong_orientation_is_refused(tmp_path):
    labels, affine = head()
    path = write(tmp_path / "upside_down.nii.gz", labels, about(0, 180) @ affine)
    with pytest.raises(UserError, match=r"upside_down\.nii\.gz: its structures lie 1[78]\d degrees from upright"):
        align(read_label_map(path))
