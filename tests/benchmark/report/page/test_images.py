"""Pictures of volumes."""

from __future__ import annotations

import base64
import io

import matplotlib.image
import numpy as np
import pytest

from benchmark.errors import UserError
from benchmark.report.page.images import middle_slices, png_uri


def decoded(uri):
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    return np.rint(matplotlib.image.imread(io.BytesIO(data), format="png") * 255).astype(int)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (48, 128)])
def test_png_against_matplotlib(shape):
    grey = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    assert np.array_equal(decoded(png_uri(grey)), grey)
    assert png_uri(grey) == png_uri(np.asfortranarray(grey))


def test_orientation():
    # A bright cube right of, in front of or above the middle, seen by the one slice that it lies in.
    def bright(x, y, z):
        volume = np.random.default_rng(0).random((9, 11, 13)) / 10
        volume[x - 1 : x + 2, y - 1 : y + 2, z - 1 : z + 2] = 100
        picture = middle_slices(volume)
        assert picture.shape == (13, 9 + 9 + 11)
        return tuple(np.argwhere(picture == 255).mean(axis=0))

    # Axial, x to the right and y up: 11 rows, centred in 13 by one row above and one below.
    assert bright(7, 8, 6) == (1 + (10 - 8), 7)
    # Coronal, x to the right and z up.
    assert bright(7, 5, 10) == (12 - 10, 9 + 7)
    # Sagittal, y to the right and z up.
    assert bright(4, 9, 10) == (12 - 10, 18 + 9)


def test_background_is_black_and_does_not_count():
    volume = np.full((10, 10, 10), -3.0)
    volume[3:7, 3:7, 3:7] = np.linspace(-9, 9, 64).reshape(4, 4, 4)
    picture = middle_slices(volume)
    assert picture[0, 0] == 0
    assert picture.max() >= 240


def test_large_and_odd_volumes():
    assert middle_slices(np.random.default_rng(0).random((200, 100, 97))).shape == (34, 67 + 67 + 34)
    assert middle_slices(np.ones((4, 4, 4))).shape == (4, 12)
    holes = np.random.default_rng(0).random((4, 4, 4))
    holes[2] = np.nan
    assert middle_slices(holes).dtype == np.uint8


@pytest.mark.parametrize("volume", [np.zeros((2, 2)), np.zeros((0, 2, 2)), np.full((2, 2, 2), np.nan)])
def test_volumes_that_cannot_be_drawn(volume):
    with pytest.raises(UserError, match="a scan of X"):
        middle_slices(volume, "a scan of X")
