import numpy as np
import pytest

from benchmark.prepare.phantom.biology import DRAWS, biology

AVERAGE = np.zeros(DRAWS)


def state(diagnosis, age=71.0, years=0.0, normals=AVERAGE):
    return biology(diagnosis, "F", age, years, normals, 0.008)


def many(diagnosis, name, count=4000):
    rng = np.random.default_rng(0)
    return np.array([getattr(state(diagnosis, normals=rng.standard_normal(DRAWS)), name) for _ in range(count)])


@pytest.mark.parametrize(
    ("name", "diagnosis", "change", "effect"),
    [
        # Shi et al. 2009: volumes of both sides, and effect sizes, means of left and right.
        ("hippocampus", "AD", -0.236, -1.56),
        ("hippocampus", "MCI", -0.12, -0.85),
        # Bakkour et al. 2013: 2.20 ± 0.12 and 2.05 ± 0.11 mm.
        ("cortex", "AD", -0.068, -1.3),
    ],
)
def test_effects_have_the_size_of_the_literature(name, diagnosis, change, effect):
    well, ill = many("CN", name), many(diagnosis, name)
    assert ill.mean() / well.mean() - 1 == pytest.approx(change, abs=0.015)
    pooled = np.sqrt((well.var() + ill.var()) / 2)
    assert (ill.mean() - well.mean()) / pooled == pytest.approx(effect, abs=0.2)


def test_ventricles_are_half_as_large_again_in_disease_and_grow_with_age():
    assert np.median(many("AD", "ventricles")) / np.median(many("CN", "ventricles")) == pytest.approx(1.5, abs=0.05)
    assert state("CN", age=81.0).ventricles / state("CN", age=71.0).ventricles == pytest.approx(np.exp(0.4))


def test_disease_progresses_and_health_ages_only():
    ill, well = [state("AD", years=years) for years in (0, 2)], [state("CN", years=years) for years in (0, 2)]
    assert ill[1].severity == pytest.approx(ill[0].severity + 0.54)
    assert well[1].severity == well[0].severity
    assert ill[1].age == 73
    # 3.3 % a year more than the healthy (Barnes et al. 2009).
    rate = (ill[1].hippocampus - ill[0].hippocampus) - (well[1].hippocampus - well[0].hippocampus)
    assert rate / 2 == pytest.approx(-0.032, abs=0.003)


def test_subtypes_share_the_loss_differently_and_only_the_ill_have_any():
    limbic, sparing = AVERAGE.copy(), AVERAGE.copy()
    limbic[1], sparing[1] = 1.0, -1.0
    assert state("AD", normals=limbic).hippocampus < state("AD", normals=sparing).hippocampus
    assert state("AD", normals=limbic).cortex > state("AD", normals=sparing).cortex
    assert state("CN", normals=limbic).cortex == state("CN", normals=sparing).cortex


def test_parkinson_changes_the_deep_grey_matter_alone():
    well, ill = state("CN"), state("PD")
    assert ill.deep_grey == pytest.approx(well.deep_grey - 0.04)
    assert (ill.hippocampus, ill.ventricles) == (well.hippocampus, well.ventricles)


def test_factors_stay_within_what_can_be_made():
    extreme = np.full(DRAWS, 6.0)
    assert state("AD", normals=extreme).ventricles == 4.5
    assert state("AD", normals=-extreme).hippocampus >= 0.45
