import numpy as np

from benchmark.bids_app.pictures import OUTLINE, SLICES, mosaic, picture_uri


def test_left_is_left_the_front_is_up_and_the_mask_is_outlined():
    volume = np.zeros((10, 12, 8), np.float32)
    volume[:5] = 1
    volume[:, 6:] += 2
    mask = np.zeros(volume.shape, bool)
    mask[1:9, 1:11, 1:7] = True
    picture = mosaic(volume, mask)
    zoom = 150 // 12
    cell = 12 * zoom
    assert picture.shape == (3 * cell, SLICES * cell, 3)
    axial = picture[:cell, :cell]
    brightness = axial.mean(axis=2)
    # Brightest where x is low and y is high: at the upper left.
    assert brightness[cell // 4, cell // 3] == 255
    assert brightness[cell // 4, 2 * cell // 3] < 255
    assert brightness[3 * cell // 4, 2 * cell // 3] == 0
    outlined = (axial == OUTLINE).all(axis=2)
    # One pixel along the border of a mask of 8 by 10 voxels.
    assert outlined.sum() == 2 * (8 * zoom + 10 * zoom) - 4
    assert not (mosaic(volume, None) == OUTLINE).all(axis=2).any()
    assert picture_uri(picture).startswith("data:image/png;base64,")
