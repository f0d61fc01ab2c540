"""Volumes cut to a common mask show nothing of their outline."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from baselines.mask_pca import MaskPCA
from benchmark.data.common_mask import CommonMask
from benchmark.data.preprocessing import Preprocessing

COMMON = np.zeros((8, 8, 8), bool)
COMMON[2:6, 2:6, 2:6] = True


def scan(low, high, scale=1.0, offset=0.0):
    """A volume of one interior, in a cubic mask."""
    inside = torch.randn((8, 8, 8), generator=torch.Generator().manual_seed(0)) * scale + offset
    volume = torch.zeros(1, 1, 8, 8, 8)
    part = (0, 0, *[slice(low, high)] * 3)
    volume[part] = inside[part[2:]]
    return volume


@pytest.mark.parametrize("normalisation", ["zscore", "percentile"])
def test_the_same_interior_in_two_masks_is_the_same_volume(normalisation):
    common = CommonMask(COMMON, Preprocessing(normalisation=normalisation))
    # Each was normalised in its own mask.
    small, large = common.cut(scan(2, 6)), common.cut(scan(1, 7, 1.7, 0.3))
    torch.testing.assert_close(small, large, atol=1e-5, rtol=1e-5)
    assert small.any()
    assert not small[0, 0, ~torch.from_numpy(COMMON)].any()


def test_it_is_normalised_in_the_common_mask():
    values = CommonMask(COMMON, Preprocessing()).cut(scan(0, 8, 3.0, 5.0))[0, 0, torch.from_numpy(COMMON)]
    assert abs(values.mean()) < 1e-5
    assert abs(values.std() - 1) < 1e-5
    shares = CommonMask(COMMON, Preprocessing(normalisation="percentile")).cut(scan(0, 8, 3.0, 5.0))[
        0, 0, torch.from_numpy(COMMON)
    ]
    assert (shares.min(), shares.max()) == (0, 1)


def test_a_voxel_that_a_scan_lacks_is_neither_background_nor_an_edge():
    volume = scan(0, 8)
    volume[0, 0, 2, 2, 2:4] = 0
    cut = CommonMask(COMMON, Preprocessing()).cut(volume)
    inside = cut[0, 0, torch.from_numpy(COMMON)]
    others = inside[2:]
    assert inside[0] == inside[1] == others.median()
    assert abs(others.mean()) < 1e-5
    # To what sees the mask alone, all scans are one.
    both = torch.cat([cut, CommonMask(COMMON, Preprocessing()).cut(scan(0, 8))])
    features = MaskPCA().features({"volume": both})
    assert torch.equal(features[0], features[1])


@pytest.mark.parametrize("normalisation", ["zscore", "percentile"])
def test_a_scan_without_contrast_in_it_is_empty(normalisation):
    for volume in (torch.zeros(1, 1, 8, 8, 8), scan(0, 2), torch.ones(1, 1, 8, 8, 8)):
        assert not CommonMask(COMMON, Preprocessing(normalisation=normalisation)).cut(volume).any()
