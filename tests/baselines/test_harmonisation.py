import numpy as np
import pandas as pd
import pytest
from neuroHarmonize import harmonizationApply, harmonizationLearn

from baselines.harmonisation import Harmonisation
from benchmark.methods.errors import MethodError


@pytest.fixture
def design():
    """Three sites with their own location and scale, and an age effect that must stay."""
    rng = np.random.default_rng(0)
    site = np.array(["A", "B", "C"] * 60)
    age = rng.uniform(50, 90, 180)
    features = rng.normal(size=(180, 6)) + 0.1 * (age - 70)[:, None]
    features[site == "A"] += 4
    features[site == "C"] = features[site == "C"] * 3 - 2
    covariates = pd.DataFrame({"age": age, "sex": rng.integers(0, 2, 180).astype(float)})
    return features, site, covariates


def site_spread(features, site):
    return np.ptp([features[site == name].mean(axis=0) for name in "ABC"], axis=0).max()


def test_location_and_scale_of_the_sites_go_and_age_stays(design):
    features, site, covariates = design
    harmonised = Harmonisation.fit(*design).apply(*design)
    residual = harmonised - 0.1 * (covariates["age"].to_numpy() - 70)[:, None]
    assert site_spread(features, site) > 3
    assert site_spread(residual, site) < 0.8
    assert np.corrcoef(harmonised[:, 0], covariates["age"])[0, 1] > 0.4


def test_fitted_scans_get_the_numbers_of_neuroharmonize(design):
    features, site, covariates = design
    # Whole years: the library takes covariates in single precision.
    covariates = covariates.round()
    table = covariates.assign(SITE=site)
    model, learnt = harmonizationLearn(features, table)
    applied = harmonizationApply(features, table, model)
    harmonised = Harmonisation.fit(features, site, covariates).apply(features, site, covariates)
    np.testing.assert_allclose(harmonised, applied, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(harmonised, learnt, rtol=1e-12, atol=1e-12)


def test_any_subset_of_rows_gets_the_same_numbers(design):
    features, site, covariates = design
    fitted = Harmonisation.fit(*design)
    whole = fitted.apply(*design)
    rows = [4, 5]  # two of the three sites
    part = fitted.apply(features[rows], site[rows], covariates.iloc[rows])
    np.testing.assert_array_equal(part, whole[rows])


def test_a_new_site_gets_location_and_scale_and_changes_nobody_else(design):
    rng = np.random.default_rng(1)
    fitted = Harmonisation.fit(*design)
    new = rng.normal(7, 2, size=(40, 6))
    where, covariates = np.array(["D"] * 40), design[2].iloc[:40]
    extended = fitted.extended(new, where, covariates)
    reference = extended.apply(*design)
    np.testing.assert_array_equal(reference, fitted.apply(*design))
    moved = extended.apply(new, where, covariates)
    assert abs(new.mean() - reference.mean()) > 5
    assert abs(moved.mean() - reference.mean()) < 0.6


def test_a_constant_feature_passes_unchanged(design):
    features, site, covariates = design
    features[:, 2] = 5.0
    harmonised = Harmonisation.fit(features, site, covariates).apply(features, site, covariates)
    assert (harmonised[:, 2] == 5.0).all()
    assert np.isfinite(harmonised).all()


def test_the_global_generator_is_left_alone(design):
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    Harmonisation.fit(*design)
    assert (np.random.get_state()[1] == before).all()


def broken(design, change):
    features, site, covariates = (part.copy() for part in design)
    return change(features, site, covariates)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, s, c: (f, np.array(["A"] * len(s)), c), "needs scans of at least 2 sites to fit, got only 'A'"),
        (lambda f, s, c: (f, np.array(["Z", *s[1:]]), c), "at least 2 training scans of every site; site 'Z' has 1"),
        (
            lambda f, s, c: (f, s, c.assign(age=c["age"].where(c.index != 7))),
            "covariate 'age' is missing for 1 scans, the first in row 7",
        ),
        (
            lambda f, s, c: (f, s, c.assign(sex=(s == "A").astype(float))),
            "covariate 'sex' is determined by the sites",
        ),
        (lambda f, s, c: (np.where(np.arange(len(f))[:, None] == 3, np.nan, f), s, c), "1 scans are not finite, .* 3"),
        (lambda f, s, c: (np.ones_like(f), s, c), "at least 2 features that vary .* collapsed"),
    ],
)
def test_a_design_that_combat_cannot_handle_is_named(design, change, message):
    with pytest.raises(MethodError, match=message):
        Harmonisation.fit(*broken(design, change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f, s, c: (f, np.array(["Q", *s[1:]]), c), "no parameters for site 'Q'; it was fitted on A, B, C"),
        (
            lambda f, s, c: (f, s, c[["sex", "age"]]),
            r"fitted with the covariates \['age', 'sex'\], got \['sex', 'age'\]",
        ),
        (lambda f, s, c: (f, s, c.assign(sex=np.nan)), "covariate 'sex' is missing for 180 scans"),
    ],
)
def test_scans_that_cannot_be_harmonised_are_named(design, change, message):
    fitted = Harmonisation.fit(*design)
    with pytest.raises(MethodError, match=message):
        fitted.apply(*broken(design, change))
