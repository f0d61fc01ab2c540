"""Harmonisers on a toy problem that each must win, beside an independent implementation where there is one."""

import numpy as np
import ot
import pandas as pd
import pytest
import torch
from concept_erasure import LeaceEraser
from neuroHarmonize import harmonizationApply, harmonizationLearn
from scipy.linalg import sqrtm
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.model_selection import cross_val_score

from baselines.combat import LocationScale
from baselines.covbat import CovBat
from baselines.harmony import Harmony
from baselines.leace import LEACE
from baselines.post_hoc import PostHoc
from baselines.random_vectors import RandomVectors
from baselines.site_maps import AlignMoments
from benchmark.methods.errors import MethodError
from benchmark.methods.harmoniser import fitted_from, state_of

SITES = ("A", "B", "C")
SPREAD = np.array([3.0, 2.0, 1.0, 1.0, 1.0, 1.0])
ALL = {
    "ComBat": LocationScale,
    "ComBat-GAM": lambda: LocationScale(smooth_age=True),
    "CovBat": CovBat,
    "LEACE": LEACE,
    "Harmony": Harmony,
    **{moments: lambda m=moments: AlignMoments(m) for moments in ("mean", "variances", "covariance", "transport")},
}
#: What a site does to an LDR, and the harmonisers after which neither means nor covariances show the site.
WINNERS = {
    # Harmony is made for brains of several kinds (tests/baselines/test_harmony.py).
    "offset": [name for name in ALL if name != "Harmony"],
    "scale": ["ComBat", "ComBat-GAM", "CovBat", "variances", "covariance", "transport"],
    # CovBat's axes are common to all sites: it finds one along which they differ, and does not undo a turn.
    "axis": ["CovBat", "covariance", "transport"],
    "rotation": ["covariance", "transport"],
    "covariance": ["covariance", "transport"],
}


def toy(effect, scans=300, seed=0):
    """LDRs (scan, 6) with an effect of age in the first and second dimension, and an effect of the site on all."""
    rng = np.random.default_rng(seed)
    site = np.repeat(SITES, scans // 3)
    age = rng.uniform(50, 90, scans)
    covariates = pd.DataFrame({"age": age, "sex": rng.integers(0, 2, scans).astype(float)})
    ldr = rng.normal(size=(scans, 6)) * SPREAD
    ldr[:, :2] += 0.1 * (age - 70)[:, None]
    for number, name in enumerate(SITES):
        here = site == name
        if effect == "offset":
            ldr[here] += 4 * number * np.array([1, 0, 1, 1, 0, 1])
        elif effect == "scale":
            ldr[here] *= 1.6**number
        elif effect == "axis":
            along = np.array([0, 0, 0.5, 0.5, 0.5, 0.5])
            ldr[here] += (2.0**number - 1) * (ldr[here] @ along)[:, None] * along
        elif effect == "rotation":
            turn = np.eye(6)
            cosine, sine = np.cos(0.8 * number), np.sin(0.8 * number)
            turn[np.ix_([0, 2], [0, 2])] = [[cosine, -sine], [sine, cosine]]
            ldr[here] = ldr[here] @ turn
        elif effect == "covariance":
            ldr[here, 2] += 0.9 * (number - 1) * ldr[here, 3]
    return ldr, site, covariates


def leakage(ldr, site):
    """Balanced accuracy of a classifier that knows means and covariances, cross-validated; chance is 1/3."""
    probe = QuadraticDiscriminantAnalysis(reg_param=1e-3)
    return cross_val_score(probe, ldr, site, cv=5, scoring="balanced_accuracy").mean()


@pytest.mark.parametrize("effect", WINNERS)
def test_each_wins_the_problem_it_is_made_for(effect):
    ldr, site, covariates = toy(effect)
    assert leakage(ldr, site) > 0.5
    after = {name: leakage(make().fit(ldr, site, covariates).apply(ldr, site, covariates), site)
             for name, make in ALL.items()}  # fmt: skip
    assert {name for name, score in after.items() if score < 0.41} >= set(WINNERS[effect]), after
    if effect != "offset":
        # And what does not see such an effect leaves it.
        assert after["mean"] > 0.45


def test_the_effect_of_age_stays():
    ldr, site, covariates = toy("offset")
    for name, make in ALL.items():
        harmonised = make().fit(ldr, site, covariates).apply(ldr, site, covariates)
        assert np.corrcoef(harmonised[:, 1], covariates["age"])[0, 1] > 0.35, name


@pytest.mark.parametrize("name", ALL)
def test_rows_do_not_depend_on_each_other_and_a_checkpoint_keeps_all(name):
    ldr, site, covariates = toy("covariance")
    harmoniser = ALL[name]()
    fitted = harmoniser.fit(ldr, site, covariates)
    whole, rows = fitted.apply(ldr, site, covariates), [7, 250]
    np.testing.assert_allclose(fitted.apply(ldr[rows], site[rows], covariates.iloc[rows]), whole[rows], atol=1e-12)
    loaded = fitted_from(harmoniser.fitted_type, state_of(fitted))
    np.testing.assert_array_equal(loaded.apply(ldr, site, covariates), whole)


@pytest.mark.parametrize("name", [name for name in ALL if name not in ("LEACE", "Harmony")])
def test_a_further_site_becomes_like_the_others_and_changes_none(name):
    ldr, site, covariates = toy("covariance")
    fitted = ALL[name]().fit(ldr, site, covariates)
    rng = np.random.default_rng(5)
    age = pd.DataFrame({"age": rng.uniform(50, 90, 120), "sex": rng.integers(0, 2, 120).astype(float)})
    new = rng.normal(size=(120, 6)) * SPREAD * 2 + 7
    new[:, :2] += 0.1 * (age["age"].to_numpy() - 70)[:, None]
    of_new = np.array(["D"] * 120)
    with pytest.raises(MethodError, match="no parameters for site 'D'"):
        fitted.apply(new, of_new, age)
    extended = fitted.extended(new, of_new, age)
    np.testing.assert_allclose(extended.apply(ldr, site, covariates), fitted.apply(ldr, site, covariates), atol=1e-9)
    both = np.concatenate([fitted.apply(ldr, site, covariates), extended.apply(new, of_new, age)])
    where = np.concatenate([np.zeros(300), np.ones(120)])
    probe = LinearDiscriminantAnalysis()
    assert cross_val_score(probe, both, where, cv=5, scoring="balanced_accuracy").mean() < 0.6
    with pytest.raises(MethodError, match="one new site at a time"):
        fitted.extended(ldr, site, covariates)


def test_leace_without_covariates_is_that_of_its_authors():
    ldr, site, covariates = toy("offset")
    none = covariates.iloc[:, :0]
    code = torch.as_tensor(pd.factorize(site, sort=True)[0])
    ours = LEACE(covariates=[]).fit(ldr, site, none).apply(ldr, site, none)
    plain = {"shrinkage": False, "constrain_cov_trace": False}
    theirs = LeaceEraser.fit(torch.as_tensor(ldr), torch.nn.functional.one_hot(code).double(), **plain)
    np.testing.assert_allclose(ours, theirs(torch.as_tensor(ldr)).numpy(), atol=1e-6)


def test_the_transport_is_that_of_pot_and_the_other_map_gives_the_covariance_too():
    ldr, site, covariates = toy("covariance", scans=60000)
    for moments in ("covariance", "transport"):
        fitted = AlignMoments(moments).fit(ldr, site, covariates)
        mapped = fitted.apply(ldr, site, covariates)
        for name in SITES:
            np.testing.assert_allclose(np.cov(mapped[site == name].T, bias=True), fitted.within, atol=0.05)
    around = ldr[site == "C"] - ldr[site == "C"].mean(axis=0)
    theirs, _ = ot.gaussian.bures_wasserstein_mapping(
        np.zeros(6), np.zeros(6), around.T @ around / len(around), fitted.within
    )
    # Theirs has no shrinkage, which is small for so many scans.
    np.testing.assert_allclose(fitted.maps[2], theirs, atol=0.03)
    source = np.cov(around.T, bias=True)
    np.testing.assert_allclose(theirs @ sqrtm(source) @ sqrtm(source) @ theirs, fitted.within, atol=1e-6)


def test_a_smooth_effect_of_age_is_that_of_neuroharmonize():
    ldr, site, covariates = toy("offset")
    covariates["age"] = covariates["age"].round()
    ldr[:, 0] += 0.02 * (covariates["age"] - 70).to_numpy() ** 2
    table = covariates.assign(SITE=site)
    model, _ = harmonizationLearn(ldr, table, smooth_terms=["age"], smooth_term_bounds=(0, 110), seed=0)
    ours = LocationScale(smooth_age=True).fit(ldr, site, covariates)
    np.testing.assert_allclose(
        ours.apply(ldr, site, covariates), harmonizationApply(ldr, table, model), rtol=1e-9, atol=1e-9
    )
    linear = LocationScale().fit(ldr, site, covariates)
    assert ours.pooled_variance[0] < 0.9 * linear.pooled_variance[0]
    # Beyond all ages of the training the effect goes on, and beyond the splines it stays.
    old = covariates.assign(age=150.0)
    np.testing.assert_array_equal(ours.apply(ldr, site, old), ours.apply(ldr, site, covariates.assign(age=110.0)))


def test_covbat_is_combat_then_location_and_scale_of_principal_components():
    ldr, site, _ = toy("covariance")
    none = pd.DataFrame(index=range(300))
    fitted = CovBat(covariates=[], variance=1.0).fit(ldr, site, none)
    table = pd.DataFrame({"SITE": site})
    first, adjusted = harmonizationLearn(ldr, table)
    spread = np.sqrt(first["var_pooled"][:, 0])
    pca = PCA().fit((adjusted - first["stand_mean"][:, 0]) / spread)
    scores = pca.transform((adjusted - first["stand_mean"][:, 0]) / spread)
    _, moved = harmonizationLearn(scores, table, eb=False)
    expected = pca.inverse_transform(moved) * spread + first["stand_mean"][:, 0]
    np.testing.assert_allclose(fitted.apply(ldr, site, none), expected, atol=1e-8)


def test_ignoring_an_unseen_site_is_for_harmonisers_that_need_none():
    base = RandomVectors()
    assert PostHoc(base, LEACE(), unseen_site="ignore").unseen_site == "ignore"
    with pytest.raises(MethodError, match="unseen_site: ignore is not allowed with LocationScale"):
        PostHoc(base, LocationScale(), unseen_site="ignore")


@pytest.mark.parametrize("name", ALL)
def test_rows_that_cannot_be_used_are_refused(name):
    ldr, site, covariates = toy("offset")
    with pytest.raises(MethodError, match="got none"):
        ALL[name]().fit(ldr[:0], site[:0], covariates.iloc[:0])
    site[0] = "D"
    with pytest.raises(MethodError, match="site 'D' has 1"):
        ALL[name]().fit(ldr, site, covariates)
    site[0], ldr[3, 1] = "A", np.nan
    with pytest.raises(MethodError, match="not finite, the first in row 3"):
        ALL[name]().fit(ldr, site, covariates)


def test_a_smooth_effect_of_age_takes_any_age_and_says_where_ages_are_too_few():
    ldr, site, covariates = toy("offset")
    covariates.loc[0, "age"], covariates.loc[1, "age"] = 900.0, -5.0
    smooth = LocationScale(smooth_age=True)
    assert np.isfinite(smooth.fit(ldr, site, covariates).apply(ldr, site, covariates)).all()
    covariates["age"] = 60.0 + 10 * (np.arange(300) % 3)
    with pytest.raises(MethodError, match="a smooth effect of 'age' needs at least 10 different values .* got 3"):
        smooth.fit(ldr, site, covariates)
