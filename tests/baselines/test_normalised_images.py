"""Normalisation of images before a method: as other implementations have it, undoing what a scanner does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from intensity_normalization import NyulNormalizer, WhiteStripeNormalizer
from intensity_normalization.adapters.images import create_image

from baselines.autoencoder import Autoencoder
from baselines.normalised_images import NormalisedImages
from baselines.quantile_map import QuantileMap
from baselines.white_stripe import WhiteStripe
from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.errors import MethodError

SHAPE = (12, 14, 12)


def scans(count=6, seed=0):
    """Three tissues with smooth borders in a ball, brighter and with another gamma from scan to scan; 0 outside."""
    draw = torch.Generator().manual_seed(seed)
    axes = torch.meshgrid(*[torch.linspace(-1, 1, n) for n in SHAPE], indexing="ij")
    radius = torch.stack(axes).square().sum(dim=0).sqrt()
    tissue = 0.2 + 0.5 * torch.sigmoid((0.8 - radius) * 20) + 0.3 * torch.sigmoid((0.55 - radius) * 20)
    volumes = []
    for number in range(count):
        look = (tissue + 0.02 * torch.randn(SHAPE, generator=draw)).clamp_min(0.01) ** (0.4 + 0.4 * number)
        look = (look - look[radius < 1].mean()) / look[radius < 1].std()
        volumes.append(look * (radius < 1))
    return torch.stack(volumes)[:, None].float()


def fitted(normaliser, volumes, sites=None):
    normaliser.fit([(volumes, sites or ["A"] * len(volumes))])
    return normaliser


def test_nyul_is_that_of_intensity_normalization():
    volumes = scans()
    ours = fitted(QuantileMap(), volumes)(volumes)
    theirs = NyulNormalizer(output_min_value=0.0, output_max_value=1.0)
    images = [create_image(one[0].numpy().astype(np.float64)) for one in volumes]
    masks = [create_image((one[0] != 0).numpy().astype(np.float64)) for one in volumes]
    theirs.fit_population(images, masks)
    for scan, image, mask in zip(ours, images, masks, strict=True):
        inside = mask.get_data().astype(bool)
        np.testing.assert_allclose(scan[0].numpy()[inside], theirs.transform(image, mask).get_data()[inside], atol=1e-4)
    assert (ours[volumes == 0] == 0).all()


def test_white_stripe_is_that_of_intensity_normalization():
    volumes = scans()
    ours = WhiteStripe()(volumes)
    for scan, made in zip(volumes, ours, strict=True):
        mask = create_image((scan[0] != 0).numpy().astype(np.float64))
        image = create_image(scan[0].numpy().astype(np.float64))
        theirs = WhiteStripeNormalizer().fit(image, mask).transform(image, mask).get_data()
        inside = (scan[0] != 0).numpy()
        # Their density is of the voxels, ours of bins: the peak may be the next of 80 places.
        assert np.corrcoef(theirs[inside], made[0].numpy()[inside])[0, 1] > 1 - 1e-9
        np.testing.assert_allclose(made[0].numpy()[inside].std(), theirs[inside].std(), rtol=0.15)


@pytest.mark.parametrize(
    "normaliser", [QuantileMap(), QuantileMap(list(range(1, 100)), reference_site="first"), QuantileMap([1.0, 99.0])]
)
def test_scans_that_differ_in_contrast_become_alike(normaliser):
    volumes = scans()
    sites = ["B", "A", "B", "A", "B", "A"]
    after = fitted(normaliser, volumes, sites)(volumes)

    def unlikeness(values):
        inside = values[:, volumes[0] != 0]
        return float((inside - inside.mean(dim=0)).square().mean() / inside.var())

    if len(normaliser.landmarks) > 2:
        assert unlikeness(after) < 0.5 * unlikeness(volumes)
    # Increasing: no two voxels of a scan change places.
    for before, scan in zip(volumes.flatten(1), after.flatten(1), strict=True):
        order = before[before != 0].argsort()
        assert (scan[before != 0][order].diff() >= -1e-6).all()


def test_histograms_are_matched_to_the_reference_site():
    volumes = scans()
    sites = ["B", "A", "B", "A", "B", "B"]
    matched = fitted(QuantileMap(list(range(1, 100)), reference_site="A"), volumes, sites)(volumes)
    at = torch.linspace(0.05, 0.95, 19)
    of_a = torch.stack([torch.quantile(one[one != 0], at) for one in matched[[1, 3]].flatten(1)]).mean(dim=0)
    of_b = torch.stack([torch.quantile(one[one != 0], at) for one in matched[[0, 2, 4, 5]].flatten(1)]).mean(dim=0)
    torch.testing.assert_close(of_a, of_b, atol=0.01, rtol=0)
    with pytest.raises(MethodError, match="reference_site: 'C' is not allowed; allowed: A, B, first"):
        fitted(QuantileMap(reference_site="C"), volumes, sites)


def test_what_is_not_allowed_is_said():
    with pytest.raises(MethodError, match=r"landmarks: \[5, 1\] is not allowed"):
        QuantileMap([5, 1])
    with pytest.raises(MethodError, match="not allowed in the base of NormalisedImages"):
        NormalisedImages(Autoencoder(blocks=BuildingBlocks(view_weight=1.0)), WhiteStripe())
