"""What must not change a score: names of sites, order of rows, units, origin and axes of an LDR, scale of similarities.

All scores at once, so that a new metric is held to the same; what is exempt is named below, with the reason.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from benchmark.metrics import graded, retrieval, same_site, site_matrix, travelling
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings
from tests.tables import evaluated, frame_of

#: One neighbour, for among several a vote can be tied, and goes to the first site in the alphabet.
SETTINGS = EvaluationSettings(
    distances=("cosine_centred", "cosine", "euclidean", "whitened", "within_subject"),
    neighbours=1, permutations=1, mlp_permutations=1, inner_folds=0, test_permutations=9, bootstrap=20,
)  # fmt: skip

KEY = ["table", "metric", "version", "parameters", "subgroup"]
NUMBERS = ["value", "n", "ci_low", "ci_high", "chance"]


def everything(make_table, travelling_subjects):
    """Every column that a metric reads, and training subjects with repeat scans."""
    table = make_table(subjects=20, travelling=travelling_subjects, train=14, site_strength=0.5)
    rng = np.random.default_rng(0)
    names = [name for name in table if name.startswith("z")]
    again = table[(table["split"] == "train") & (table.index % 2 == 0)].assign(session_id="ses-2")
    again[names] += 0.3 * rng.normal(size=again[names].shape)
    table = pd.concat([table, again], ignore_index=True).astype(dict.fromkeys(names, float))
    table["age"] = table["subject_id"].map({name: rng.uniform(55, 90) for name in table["subject_id"].unique()})
    table["anatomy_width"] = table["z0"] + rng.normal(size=len(table))
    for name in ("s0", "s1", "rec_ssim"):
        table[name] = rng.uniform(size=len(table))
    return table


@pytest.fixture(scope="module")
def scored():
    """Scores of a table, made once for all tests of this module."""
    kept = {}

    def of(make_table, travelling_subjects):
        if travelling_subjects not in kept:
            table = everything(make_table, travelling_subjects)
            kept[travelling_subjects] = table, evaluated(table, SETTINGS)
        return kept[travelling_subjects]

    return of


def with_vectors(table, change):
    names = [name for name in table if name.startswith("z")]
    changed = table.copy()
    changed[names] = change(table[names].to_numpy())
    return changed


def differing(before, after, columns=NUMBERS):
    """Keys of the rows in which a number differs by more than rounding."""
    assert before[KEY].equals(after[KEY])
    same = np.isclose(before[columns], after[columns], rtol=1e-9, atol=1e-9, equal_nan=True).all(axis=1)
    return before.loc[~same, KEY]


def without(scores, pattern):
    return scores[~scores["parameters"].str.contains(pattern)].reset_index(drop=True)


@pytest.mark.slow
def test_the_order_of_rows(make_table, scored):
    table, before = scored(make_table, 4)
    pd.testing.assert_frame_equal(evaluated(table.sample(frac=1, random_state=2), SETTINGS), before)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [4.0, 1e-3])
def test_units_of_the_ldr(make_table, scored, factor):
    table, before = scored(make_table, 4)
    assert differing(before, evaluated(with_vectors(table, lambda z: factor * z), SETTINGS)).empty


def test_origin_of_the_ldr(make_table, scored):
    table, before = scored(make_table, 4)
    after = evaluated(with_vectors(table, lambda z: z + 5.0 * np.arange(6)), SETTINGS)
    changed = differing(before, after)
    # The cosine that is not centred is the one score with an origin.
    assert changed["parameters"].str.contains("distance=cosine;").all()
    assert len(changed)


@pytest.mark.slow
def test_axes_of_the_ldr(make_table, scored):
    table, before = scored(make_table, 4)
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))[0]
    after = evaluated(with_vectors(table, lambda z: z @ rotation), SETTINGS)
    # Standardised coordinates are about axes. An MLP starts from weights that are, and trees cut along them.
    axes = r"coordinates=standardised|probe=mlp|probe=boosting"
    assert differing(without(before, axes), without(after, axes)).empty
    assert not differing(before, after).empty
    for coordinates in ("raw", "whitened"):
        assert before["parameters"].str.contains(f"coordinates={coordinates}").any()


@pytest.mark.slow
@pytest.mark.parametrize("travelling_subjects", [0, 4])
def test_names_of_sites(make_table, scored, travelling_subjects):
    table, before = scored(make_table, travelling_subjects)
    renamed = table.assign(site=table["site"].map({"site0": "y", "site1": "b", "site2": "a"}))
    before, after = (
        one[one["subgroup"] == ""].reset_index(drop=True) for one in (before, evaluated(renamed, SETTINGS))
    )
    # The names decide three things. Labels are permuted over scans in the order of their keys, and so are sites over
    # the scans of a travelling subject: other draws of the same chance. A probe that has no preference names the first
    # site. And the MLP's initial weights go to the sites in order.
    drawn = r"folds=\d+" if travelling_subjects == 0 else r"folds=\d+|coordinates=(?:standardised|whitened)"
    columns = ["value", "n", "ci_low", "ci_high"]
    exempt = r"probe=(?:mlp|boosting)" if travelling_subjects == 0 else r"probe=(?:mlp|boosting)|permutations="
    assert differing(without(before, exempt), without(after, exempt), columns).empty
    assert differing(without(before, drawn), without(after, drawn)).empty
    # The mean of n answers, each right or wrong, has a standard error of at most sqrt(1 / 4n); the difference of two
    # is sqrt(2) of that, four times of which is not left by chance.
    probed = before["parameters"].str.contains("probe=(?:mlp|boosting)")
    assert probed.sum() == 5
    far = (before["value"] - after["value"]).abs()[probed] > 4 * np.sqrt(2 / (4 * before["n"][probed]))
    assert not far.any()


@pytest.mark.parametrize("factor", [1e-6, 3.0, 1e6])
def test_scale_of_similarities(make_table, monkeypatch, factor):
    scans = scored_scans(everything(make_table, 4))

    def rankings():
        scans.memo.clear()
        modules = (retrieval, same_site, graded, site_matrix, travelling)
        return frame_of([score for module in modules for score in module.scores(scans, SETTINGS)])

    before, original = rankings(), retrieval.similarities
    monkeypatch.setattr(retrieval, "similarities", lambda *given: factor * original(*given))
    pd.testing.assert_frame_equal(rankings(), before)
    # That the rankings are read from what was scaled: turned over, they are others.
    monkeypatch.setattr(retrieval, "similarities", lambda *given: -original(*given))
    assert math.isfinite(before["value"].sum())
    assert differing(before, rankings(), ["value"])["metric"].nunique() >= 12
