"""Components of variance against statsmodels, in simulations, and without each subject against another computation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import mixedlm, ols
from statsmodels.stats.anova import anova_lm

from benchmark.metrics.arrays import scans_of
from benchmark.metrics.reliability.anova import crossed_components, nested_components

#: Standard deviations of subjects, sites, subjects by sites, and repeats.
SPREADS = (1.0, 0.6, 0.5, 0.4)


def drawn(subjects, sites, repeats, rng, dimensions=1, spreads=SPREADS):
    """Scans of every subject at every site, as often as the array ``repeats`` (subjects, sites) says."""
    cell = np.repeat(np.arange(subjects * sites), repeats.ravel())
    subject, site = np.divmod(cell, sites)
    parts = [(subject, subjects), (site, sites), (cell, subjects * sites), (np.arange(len(cell)), len(cell))]
    ldr = sum(s * rng.normal(size=(n, dimensions))[of] for s, (of, n) in zip(spreads, parts, strict=True))
    return scans_of(
        ldr + 7.0, site=np.char.add("site", site.astype(str)), subject=subject, scan=cell * 10 + parts[3][0]
    )[0]


def frame(scans, dimension=0):
    cell = np.char.add(scans.site, scans.subject)
    return pd.DataFrame({"y": scans.ldr[:, dimension], "subject": scans.subject, "site": scans.site, "cell": cell})


def test_without_repeats_against_a_two_way_analysis_of_variance():
    scans = drawn(7, 4, np.ones((7, 4), int), np.random.default_rng(0))
    squares = anova_lm(ols("y ~ C(subject) + C(site)", frame(scans)).fit())
    squares = squares["sum_sq"] / squares["df"]
    found = crossed_components(scans)
    assert found.residual[0, 0] == pytest.approx(squares["Residual"])
    assert found.subject[0, 0] == pytest.approx((squares["C(subject)"] - squares["Residual"]) / 4)
    assert found.site[0, 0] == pytest.approx((squares["C(site)"] - squares["Residual"]) / 7)
    assert np.isnan(found.session).all()


def test_with_as_many_repeats_everywhere_against_a_mixed_model():
    # In a balanced design whose components are all positive, restricted maximum likelihood is the method of moments.
    scans = drawn(10, 5, np.full((10, 5), 2), np.random.default_rng(1))
    parts = {name: f"0 + C({name})" for name in ("subject", "site", "cell")}
    model = mixedlm("y ~ 1", frame(scans).assign(one=1), groups="one", vc_formula=parts).fit(reml=True)
    expected = dict(zip(model.model.exog_vc.names, model.vcomp, strict=True)) | {"scan": model.scale}
    found = crossed_components(scans)
    for component, name in zip(found, ("subject", "site", "scan", "cell"), strict=True):
        assert component[0, 0] == pytest.approx(expected[name], rel=1e-3)
    assert found.within[0, 0] == pytest.approx(expected["cell"] + expected["scan"], rel=1e-3)


def test_components_are_unbiased_where_some_have_repeats():
    rng = np.random.default_rng(2)
    repeats = rng.integers(1, 4, size=(8, 4))
    found = np.array([[one[0, 0] for one in crossed_components(drawn(8, 4, repeats, rng))] for _ in range(2000)])
    expected = np.square([SPREADS[0], SPREADS[1], SPREADS[3], SPREADS[2]])
    error = found.std(axis=0) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - expected) < 4 * error).all()
    assert (error < 0.02).all()


def test_nested_against_an_analysis_of_variance_within_sites():
    rng = np.random.default_rng(3)
    # Subjects of two sites and one of a third, whose only subject says nothing of what subjects differ in.
    repeats = rng.integers(2, 5, size=(6, 3)) * np.array([[1, 1, 0]] * 5 + [[1, 0, 1]])
    scans = drawn(6, 3, repeats, rng)
    models = [ols(f"y ~ C({name})", frame(scans)).fit() for name in ("site", "cell")]
    squares = anova_lm(*models).loc[1]
    within = models[1].mse_resid
    # Expectation of the sum of squares: n0 between + freedom within, n0 = Σ_sites (n - Σ n_subject² / n).
    scale = sum(n.sum() - np.square(n).sum() / n.sum() for n in repeats.T)
    assert squares["df_diff"] == 5 + 4
    between, inside = nested_components(scans)
    assert inside[0, 0] == pytest.approx(within)
    assert between[0, 0] == pytest.approx((squares["ss_diff"] - 9 * within) / scale)


@pytest.mark.parametrize("components", [crossed_components, nested_components])
def test_without_each_subject(components):
    rng = np.random.default_rng(4)
    lowest = 1 if components is crossed_components else 2
    scans = drawn(6, 3, rng.integers(lowest, 4, size=(6, 3)), rng, dimensions=3)
    found = components(scans)
    for place, name in enumerate(np.unique(scans.subject), start=1):
        for here, alone in zip(found, components(scans.where(scans.subject != name)), strict=True):
            np.testing.assert_allclose(here[place], alone[0], rtol=1e-9)
