"""DICOM series of real sizes come out as the volume that was written."""

from __future__ import annotations

import datetime

import nibabel
import numpy as np
import pytest

from benchmark.prepare.phantom.downloads.dicom import write_series
from benchmark.prepare.preprocess.dicom import convert_series
from benchmark.prepare.preprocess.load import load
from tests.corpus.series import several_slices

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


@pytest.fixture
def volume():
    return np.random.default_rng(0).integers(0, 900, (64, 48, 20))


@pytest.fixture
def series(tmp_path, volume):
    folder = tmp_path / "series"
    folder.mkdir()
    paths = [folder / f"{number}.dcm" for number in range(volume.shape[2])]
    write_series(paths, volume, AFFINE, "s1", datetime.date(2020, 1, 2), ("SIEMENS", "Trio", 3.0), "MPRAGE")
    return folder


def test_a_series_of_slices_larger_than_a_page(series, volume):
    found = load(series)
    np.testing.assert_array_equal(found.data, volume)
    np.testing.assert_allclose(found.affine, AFFINE, atol=1e-5)


def test_files_of_other_kinds_are_passed_over(series, volume):
    (series / "readme.txt").write_text("Thank you for your interest")
    (series / ".DS_Store").write_bytes(b"x")
    (series / "derived").mkdir()
    assert load(series).data.shape == volume.shape


def test_a_file_of_several_slices(tmp_path):
    several_slices(tmp_path / "enhanced")
    (tmp_path / "out").mkdir()
    assert nibabel.load(convert_series(tmp_path / "enhanced", tmp_path / "out")).shape == (16, 20, 16)
