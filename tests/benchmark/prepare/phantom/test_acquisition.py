from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from benchmark.prepare.phantom.acquisition import acquire, acquisition
from benchmark.prepare.phantom.biology import DRAWS, biology
from benchmark.prepare.phantom.brain import STRUCTURES
from benchmark.prepare.phantom.contrast import REFERENCE, Protocol, signals
from benchmark.prepare.phantom.fields import smooth_field
from benchmark.prepare.phantom.geometry import ELLIPSOID, displacement, millimetres, rms
from benchmark.prepare.phantom.kspace import blurred, moved
from benchmark.prepare.phantom.masks import MaskError, found_mask
from benchmark.prepare.phantom.settings import FAMILIES, PhantomSettings
from benchmark.prepare.phantom.template import template_brain

OFF = PhantomSettings(seed=2, spacing=6.0, **dict.fromkeys(FAMILIES, 0.0))
BRAIN = template_brain(OFF, "x", "train", biology("CN", "F", 71, 0, np.zeros(DRAWS), 0.0))
SITE, OTHER = "phantom-ADNI1", "phantom-OASIS4"


def image_and_mask(settings, site, key="scan"):
    return acquire(settings, BRAIN, acquisition(settings, site, key), key)


def test_without_any_family_all_scanners_see_the_same():
    first, mask = image_and_mask(OFF, SITE)
    second, other = image_and_mask(OFF, OTHER, "another scan")
    assert np.array_equal(first, second)
    assert np.array_equal(mask, other)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_alone_tells_scanners_apart_and_leaves_the_others_alone(family):
    settings = replace(OFF, **{family: 1.0})
    first, mask = image_and_mask(settings, SITE)
    second, other = image_and_mask(settings, OTHER)
    assert not np.array_equal(first, second)
    assert np.array_equal(mask, other) == (family not in ("mask", "gradient", "registration"))
    # The draws of one family do not depend on whether another is on.
    truth, all_on = (
        acquisition(settings, SITE, "scan").truth(),
        acquisition(replace(PhantomSettings(seed=2, spacing=6.0)), SITE, "scan").truth(),
    )
    own = {
        "contrast": "acq_cortex",
        "bias": "acq_bias_sd",
        "noise": "acq_noise",
        "resolution": "acq_blur_x_mm",
        "motion": "acq_motion_mm",
        "mask": "acq_mask_mm",
        "quantisation": "acq_levels",
    }
    if family in own:
        assert truth[own[family]] == all_on[own[family]]


@pytest.mark.parametrize("family", FAMILIES)
def test_site_and_scan_strength_are_apart(family):
    only_site = replace(OFF, within_site=0.0, **{family: 1.0})
    truths = [acquisition(only_site, SITE, key).truth() for key in ("a", "b")]
    assert truths[0] == truths[1]
    assert acquisition(only_site, OTHER, "a").truth() != truths[0]


def test_a_scan_is_the_same_whenever_it_is_made_and_scanners_of_a_site_differ():
    settings = PhantomSettings(seed=2, spacing=6.0, scanners=2)
    how = [acquisition(settings, SITE, "scan", scanner) for scanner in (0, 0, 1)]
    assert how[0].truth() == how[1].truth()
    assert how[0].truth()["acq_cortex"] != how[2].truth()["acq_cortex"]


def test_motion_can_follow_the_disease():
    settings = PhantomSettings(seed=2, spacing=6.0, motion_follows_diagnosis=0.5)
    still, ill = (acquisition(settings, SITE, "scan", severity=severity).motion for severity in (0.0, 2.0))
    assert ill == pytest.approx(2 * still)


def test_contrast_is_that_of_the_sequence():
    by_name = dict(zip(STRUCTURES, signals(REFERENCE), strict=True))
    assert by_name["white"] == 1
    assert by_name["csf"] < by_name["cortex"] < by_name["deep_grey"] < by_name["brainstem"] < 1
    spgr = dict(zip(STRUCTURES, signals(Protocol("SPGR", 3.0, 25.0, 18.0)), strict=True))
    # A spoiled gradient echo shows less contrast of grey and white matter than a prepared one.
    assert spgr["cortex"] > by_name["cortex"]


def test_a_spoiled_gradient_echo_is_strongest_at_the_ernst_angle():
    decay = np.exp(-15 / 646)
    ernst = np.rad2deg(np.arccos(decay))
    from benchmark.prepare.phantom.contrast import _spgr

    strength = {
        angle: float(_spgr(Protocol("SPGR", 1.5, angle, 15.0), np.array([646.0]), np.deg2rad(angle))[0])
        for angle in (ernst - 3, ernst, ernst + 3)
    }
    assert max(strength, key=strength.get) == ernst


def test_the_steady_state_of_mp_rage_is_what_simulated_inversions_tend_to():
    from benchmark.prepare.phantom.contrast import ECHO_SPACING, READOUTS, _mp_rage

    protocol, time, flip = Protocol("MP-RAGE", 1.5, 8.0, 2300.0, 950.0), 646.0, np.deg2rad(8.0)
    train = READOUTS * ECHO_SPACING
    before, after = protocol.inversion - train / 2, protocol.repetition - protocol.inversion - train / 2
    magnetisation = 1.0
    for _ in range(20):
        magnetisation = 1 - (1 + magnetisation) * np.exp(-before / time)
        for pulse in range(READOUTS):
            if pulse == READOUTS // 2:
                signal = magnetisation * np.sin(flip)
            magnetisation = 1 - (1 - magnetisation * np.cos(flip)) * np.exp(-ECHO_SPACING / time)
        magnetisation = 1 - (1 - magnetisation) * np.exp(-after / time)
    assert float(_mp_rage(protocol, np.array([time]), flip)[0]) == pytest.approx(signal, rel=0.01)


def test_distortion_has_no_affine_part_in_the_brain_and_the_stated_size():
    settings = replace(OFF, gradient=1.0, within_site=0.0)
    sizes = []
    for number in range(30):
        field = displacement(settings, f"scanner {number}", "scan")
        sizes.append(rms(field))
        where = millimetres(settings.shape, settings.spacing).reshape(3, -1)
        inside = ((where / np.array(ELLIPSOID)[:, None]) ** 2).sum(axis=0) < 1
        affine = np.vstack([np.ones(inside.sum()), where[:, inside]]).T
        fitted = np.linalg.lstsq(affine, field.reshape(3, -1)[:, inside].T, rcond=None)[0]
        assert np.abs(affine @ fitted).max() < 0.01
    assert np.median(sizes) == pytest.approx(1.0, abs=0.2)


def test_registration_leaves_a_small_affine_map():
    settings = replace(OFF, registration=1.0)
    sizes = [rms(displacement(settings, SITE, f"scan {number}")) for number in range(40)]
    assert 0.8 < np.median(sizes) < 2.5
    assert displacement(OFF, SITE, "scan") is None


def test_motion_of_nothing_changes_nothing_and_keeps_the_mean():
    image = np.abs(smooth_field(np.random.default_rng(0), (20, 24, 20), (6, 7, 6))[0]) + 1
    assert np.allclose(moved(image, np.random.default_rng(1), 0.0, 4.0), image, atol=1e-4)
    shaken = moved(image, np.random.default_rng(1), 3.0, 4.0)
    assert not np.allclose(shaken, image, atol=1e-2)
    assert shaken.mean() == pytest.approx(image.mean(), rel=0.05)


def test_the_blur_is_gaussian_along_each_axis():
    image = np.abs(smooth_field(np.random.default_rng(0), (32, 32, 32), (12, 12, 12))[0])
    expected = gaussian_filter(image, (0.0, 1.5, 1.0), mode="wrap")
    assert np.allclose(blurred(image, (0.0, 6.0, 4.0), 4.0), expected, atol=0.01)
    assert np.allclose(blurred(image, (0.0, 0.0, 0.0), 4.0), image, atol=1e-5)


def test_masks_lie_as_far_outside_as_they_are_said_to():
    spacing, shape = 4.0, (40, 40, 40)
    where = np.linalg.norm(millimetres(shape, spacing), axis=0)
    brain = np.clip((50 - where) / spacing + 0.5, 0, 1).astype(np.float32)
    radius = {}
    for outwards in (-3.0, 0.0, 3.0):
        error = MaskError(np.full(shape, outwards, np.float32), np.zeros(shape, bool))
        radius[outwards] = (found_mask(brain, error, spacing).sum() * spacing**3 * 3 / (4 * np.pi)) ** (1 / 3)
    assert radius[0.0] == pytest.approx(50, abs=0.5)
    assert radius[3.0] - radius[0.0] == pytest.approx(3, abs=0.7)
    assert radius[0.0] - radius[-3.0] == pytest.approx(3, abs=0.7)


def test_images_are_zero_outside_of_the_mask_and_nowhere_inside():
    image, mask = image_and_mask(PhantomSettings(seed=2, spacing=6.0), SITE)
    assert (image[mask] > 0).all()
    assert (image[~mask] == 0).all()
    assert np.percentile(image[mask], 99) == pytest.approx(2000, abs=2)
