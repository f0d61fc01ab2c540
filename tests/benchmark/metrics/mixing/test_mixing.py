"""iLISI, kBET, BRAS, MMD and mutual information: against other software, by hand, and on data with known answers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chisquare, kstest
from sklearn.feature_selection import mutual_info_classif
from sklearn.neighbors import NearestNeighbors

from benchmark.metrics.mixing import bras, ilisi, kbet, mmd, mutual_information, neighbours
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(test_permutations=19)
MODULES = (ilisi, kbet, bras, mmd, mutual_information)
RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(120, 4))
SITE = np.repeat([0, 1, 2], 40)
MIXED = FEATURES + 0.7 * np.eye(4)[:3][SITE]


def overall(module, scans, settings=SETTINGS):
    return [score for score in module.scores(scans, settings) if score.params["coordinates"] == "standardised"]


def test_neighbours_against_scikit_learn_without_the_own_subject():
    index, distance = neighbours.nearest(MIXED, np.arange(120), 7)
    expected = NearestNeighbors(n_neighbors=8).fit(MIXED).kneighbors(MIXED)
    np.testing.assert_array_equal(index, expected[1][:, 1:])
    np.testing.assert_allclose(distance, expected[0][:, 1:])
    owner = np.arange(120) // 2
    index, _ = neighbours.nearest(MIXED, owner, 7)
    assert (owner[index] != owner[:, None]).all()
    assert neighbours.most_neighbours(owner, 500) == 118


def test_chunks_change_no_neighbour(monkeypatch):
    whole = neighbours.nearest(MIXED, np.arange(120), 7)[0]
    monkeypatch.setattr(neighbours, "PAIRS_AT_A_TIME", 300)
    assert (neighbours.nearest(MIXED, np.arange(120), 7)[0] == whole).all()


@pytest.mark.slow
def test_against_scib_metrics():
    scib = pytest.importorskip("scib_metrics")
    from scib_metrics.nearest_neighbors import NeighborsResults

    index, distance = neighbours.nearest(MIXED, np.arange(120), 30)
    # It keeps a scan as its own first neighbour, which LISI leaves out and kBET counts.
    own = np.arange(120)[:, None]
    given = NeighborsResults(
        indices=np.hstack([own, index]), distances=np.hstack([np.zeros((120, 1)), distance]).astype(np.float32)
    )
    weights = ilisi.neighbour_weights(distance, 10)
    found = ilisi.inverse_simpson(weights, index, SITE)
    np.testing.assert_allclose(found, scib.lisi_knn(given, SITE, perplexity=10), rtol=2e-3)
    assert ilisi.scaled(found, 3) == pytest.approx(scib.ilisi_knn(given, SITE, perplexity=10), abs=2e-3)
    without = NeighborsResults(indices=index, distances=distance)
    _, _, p = scib.kbet(without, SITE)
    np.testing.assert_allclose(kbet.neighbourhood_p(index, SITE), p, atol=1e-4)
    label = RNG.choice(["CN", "AD"], size=120)
    value, counted = bras.silhouettes(MIXED, label, SITE)
    assert (value, counted) == (pytest.approx(scib.metrics.bras(MIXED, label, SITE), abs=1e-4), 120)


def test_weights_have_the_perplexity_and_the_index_by_hand():
    weights = ilisi.neighbour_weights(RNG.uniform(1, 3, size=(20, 30)), 9)
    entropy = -(weights * np.log(weights)).sum(axis=1)
    np.testing.assert_allclose(np.exp(entropy), 9, rtol=1e-4)
    # Weights 1/2 for site 0 and 1/4, 1/4 for site 1: 1 / (1/4 + 1/4) = 2; all for site 0: 1.
    site = np.array([0, 0, 1, 1])
    weights = np.array([[0.5, 0.25, 0.25], [0.5, 0.5, 0.0]])
    index = np.array([[1, 2, 3], [0, 0, 2]])
    assert ilisi.inverse_simpson(weights, index, site).tolist() == [2.0, 1.0]


def test_neighbourhood_p_against_scipy():
    index = np.array([RNG.permutation(120)[:20] for _ in range(120)])
    found = kbet.neighbourhood_p(index, SITE)
    for row, p in zip(index, found, strict=True):
        observed = np.bincount(SITE[row], minlength=3)
        assert p == pytest.approx(chisquare(observed, [20 / 3] * 3).pvalue)


def test_mmd_against_a_loop():
    kernel = mmd.gaussian_kernel(MIXED)
    site = np.repeat([0, 1, 2], [20, 40, 60])
    values = []
    for one in range(3):
        x, y = np.flatnonzero(site == one), np.flatnonzero(site != one)
        xx = np.mean([kernel[i, j] for i in x for j in x if i != j])
        yy = np.mean([kernel[i, j] for i in y for j in y if i != j])
        values.append(xx + yy - 2 * kernel[np.ix_(x, y)].mean())
    assert mmd.mean_mmd2(kernel, site) == pytest.approx(np.mean(values))


def test_mmd_p_is_uniform_under_the_null(make_table, set_vectors):
    # 60 draws, 19 permutations: p in steps of 1/20, so the comparison is with a uniform on the steps.
    table = make_table(sites=2, subjects=12, travelling=2, train=6)
    rng = np.random.default_rng(1)
    found = []
    for draw in range(60):
        scans = scored_scans(set_vectors(table, rng.normal(size=(len(table), 2))))
        p = [s for s in overall(mmd, scans, replace(SETTINGS, seed=draw)) if s.metric.name == "mmd_p_value"]
        found.append(p[0].value)
    assert kstest(np.array(found) - rng.uniform(0, 1 / 20, size=60), "uniform").pvalue > 0.01


def test_mutual_information_against_scikit_learn_and_the_truth():
    rng = np.random.default_rng(2)
    site = rng.integers(3, size=600)
    values = rng.normal(size=600) + 1.5 * site
    expected = mutual_info_classif(values[:, None], site, n_neighbors=3, random_state=0)[0] / math.log(2)
    # scikit-learn scales its input and adds a little noise.
    assert mutual_information.site_bits(values[:, None], site) == pytest.approx(expected, abs=0.02)
    # Sites that do not overlap: the whole entropy, log2(3).
    apart = mutual_information.site_bits((rng.normal(size=(600, 2)) + 100 * site[:, None]), site)
    assert apart == pytest.approx(math.log2(3), abs=0.02)
    assert mutual_information.site_bits(rng.normal(size=(600, 2)), site) < 0.1


def values_of(scans):
    return {s.metric.name: s for module in MODULES for s in overall(module, scans)}


def test_known_answers(make_table):
    apart = values_of(scored_scans(make_table(subjects=40, travelling=0, train=40, site_strength=40.0)))
    assert apart["ilisi"].value < 0.01
    assert apart["kbet"].value == 0.0
    assert apart["mmd_p_value"].value == 1 / 20
    assert apart["mutual_information"].value == pytest.approx(math.log2(3), abs=0.05)
    assert apart["mmd2"].value > 0.3
    mixed = values_of(scored_scans(make_table(subjects=40, travelling=0, train=40)))
    for name in ("ilisi", "kbet", "bras", "mmd2", "mutual_information"):
        assert mixed[name].value == pytest.approx(mixed[name].chance, abs=0.15), name
    for name in ("ilisi", "kbet", "bras"):
        assert mixed[name].value > apart[name].value + 0.2


def test_names_of_sites_and_order_of_scans_change_nothing(make_table):
    table = make_table(site_strength=0.5)
    renamed = table.assign(site=table["site"].map({"site0": "x", "site1": "y", "site2": "z"}))
    before, after = values_of(scored_scans(table)), values_of(scored_scans(renamed.sample(frac=1, random_state=0)))
    assert {name: s.value for name, s in before.items()} == pytest.approx({n: s.value for n, s in after.items()})


@pytest.mark.parametrize("module", MODULES)
def test_undefined(make_table, set_vectors, module):
    one_site = module.scores(scored_scans(make_table(sites=1)), SETTINGS)
    assert all(math.isnan(s.value) and s.note == "fewer than two sites" for s in one_site)
    table = make_table(travelling=0)
    constant = module.scores(scored_scans(set_vectors(table, np.full((len(table), 2), 0.1))), SETTINGS)
    assert {s.note for s in constant} == {"the LDR is constant over the reference scans"}
    lonely = table[(table["site"] != "site1") | (table["subject_id"] == "s1-0") | (table["split"] == "train")]
    assert {s.note for s in module.scores(scored_scans(lonely), SETTINGS)} == {"a site has one scan"}


def test_diagnoses_that_cannot_be_compared_do_not_count():
    label = np.repeat(["CN", "", "AD"], 40)
    assert math.isnan(bras.silhouettes(MIXED, label, SITE)[0])
    both = np.where(np.arange(120) % 2, "CN", "")
    assert bras.silhouettes(MIXED, both, SITE)[1] == 60


def test_no_permutations(make_table):
    found = {s.metric.name: s for s in overall(mmd, scored_scans(make_table()), replace(SETTINGS, test_permutations=0))}
    assert (math.isnan(found["mmd_p_value"].value), found["mmd_p_value"].note) == (
        True,
        "no permutations were asked for",
    )
    assert math.isfinite(found["mmd2"].value)
