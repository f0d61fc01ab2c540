import numpy as np
import pytest

from benchmark.prepare.phantom.biology import Biology
from benchmark.prepare.phantom.brain import STRUCTURES
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.prepare.phantom.template import VENTRICLES_ML, template_brain

SETTINGS = PhantomSettings(spacing=4.0)
HEALTHY = {"ventricles": 1.0, "hippocampus": 1.0, "cortex": 1.0, "deep_grey": 1.0}


def brain(extent=0.0, subject="somebody", **factors):
    state = Biology(71, 0, 0, extent, **(HEALTHY | factors), width=1, length=1, height=1)
    return template_brain(SETTINGS, subject, "train", state)


def of(shares, name):
    return shares[STRUCTURES.index(name)]


@pytest.mark.parametrize("factor", [0.4, 0.7, 1.0, 2.0, 4.0])
def test_ventricles_get_the_volume_asked_for(factor):
    assert brain(ventricles=factor).truth["ventricle_ml"] == pytest.approx(factor * VENTRICLES_ML, rel=0.1)


@pytest.mark.parametrize(("name", "of_truth"), [("hippocampus", "hippocampus_ml"), ("cortex", "cortex_ml")])
def test_what_is_lost_of_grey_matter_is_the_share_asked_for(name, of_truth):
    whole = brain().truth[of_truth]
    assert brain(**{name: 0.8}).truth[of_truth] / whole == pytest.approx(0.8, abs=0.02)


def test_fluid_takes_the_place_of_tissue_and_the_outline_stays():
    before, after = brain().shares(), brain(cortex=0.8, hippocampus=0.6).shares()
    assert of(after, "csf").sum() > of(before, "csf").sum()
    assert np.abs(before[:-1].sum(axis=0) - after[:-1].sum(axis=0)).max() < 0.05


def test_the_extent_moves_the_loss_along_the_brain():
    y = np.arange(SETTINGS.shape[1])[None, :, None]
    lost = {
        extent: of(brain().shares(), "cortex") - of(brain(extent=extent, cortex=0.85).shares(), "cortex")
        for extent in (-2.0, 2.0)
    }
    centre = {extent: float((amount * y).sum() / amount.sum()) for extent, amount in lost.items()}
    assert centre[2.0] > centre[-2.0] + 1
    assert lost[2.0].sum() == pytest.approx(lost[-2.0].sum(), rel=0.05)


def test_a_displacement_moves_what_a_voxel_shows():
    still = brain()
    shift = np.zeros((3, *SETTINGS.shape), np.float32)
    shift[0] = 4.0
    assert np.allclose(still.shares(shift)[:, 5:-5], np.roll(still.shares(), -1, axis=1)[:, 5:-5], atol=1e-3)
    assert np.allclose(still.shares(np.zeros_like(shift)), still.shares(), atol=1e-5)


def test_two_subjects_differ_and_one_does_not():
    assert np.array_equal(brain().shares(), brain().shares())
    assert np.abs(brain().shares() - brain(subject="somebody else").shares()).mean() > 0.01


def test_shares_are_shares():
    shares = brain(ventricles=3.0, cortex=0.8).shares()
    assert shares.shape == (len(STRUCTURES), *SETTINGS.shape)
    assert shares.min() >= 0
    assert shares.sum(axis=0).max() < 1.15
