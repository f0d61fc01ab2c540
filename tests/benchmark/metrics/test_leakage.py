"""Leakage of the site, and designs in which it cannot be measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.metrics.leakage import scores
from benchmark.metrics.scans import at_most, scored_scans
from benchmark.metrics.settings import EvaluationSettings
from tests.tables import frame_of

SETTINGS = EvaluationSettings(
    probes=("linear", "knn", "mlp"), permutations=3, mlp_permutations=1, inner_folds=0, bootstrap=50
)


def score(table, settings=SETTINGS):
    return frame_of(scores(scored_scans(table), settings))


def value(frame, probe, coordinates):
    chosen = frame[
        (frame["metric"] == "balanced_accuracy")
        & frame["parameters"].str.startswith(f"coordinates={coordinates};")
        & frame["parameters"].str.contains(f"probe={probe}")
    ]
    assert len(chosen) == 1
    return chosen["value"].iloc[0]


def test_sites_that_differ_leak_and_sites_that_do_not_are_at_chance(make_table):
    leaking = score(make_table(subjects=20, train=60, site_strength=2.0))
    clean = score(make_table(subjects=20, train=60, site_strength=0.0))
    for probe in ("linear", "knn", "mlp"):
        assert value(leaking, probe, "standardised") > 0.85
        assert value(clean, probe, "standardised") < 0.5
    chance = leaking.loc[leaking["metric"] == "balanced_accuracy", "chance"]
    assert chance.between(0.15, 0.55).all()


@pytest.mark.parametrize("coordinates", ["raw", "standardised"])
def test_whitening_exposes_what_an_inflated_direction_hides(make_table, set_vectors, coordinates):
    # One factor, free of the site and shared by all dimensions, a thousand times as large as the site.
    table = make_table(sites=3, subjects=40, travelling=0, train=80, dimensions=8)
    rng = np.random.default_rng(0)
    site = table["site"].str[-1].astype(int).to_numpy()
    hidden = rng.normal(size=(3, 8))[site] + 0.3 * rng.normal(size=(len(table), 8))
    frame = score(set_vectors(table, 1000 * rng.normal(size=(len(table), 1)) + hidden))
    assert value(frame, "knn", coordinates) < 0.5
    for probe in ("linear", "knn", "mlp"):
        assert value(frame, probe, "whitened") > 0.9


def test_recall_per_site_averages_to_the_balanced_accuracy(make_table):
    frame = score(make_table(site_strength=0.5))
    for params, rows in frame.groupby("parameters"):
        recall = rows[rows["metric"] == "recall"]
        assert recall["subgroup"].tolist() == ["site=site0", "site=site1", "site=site2"], params
        overall = rows.loc[rows["metric"] == "balanced_accuracy"].iloc[0]
        assert overall["value"] == pytest.approx(recall["value"].mean())
        assert overall["n"] == recall["n"].sum() == 36


def test_params_are_canonical(make_table):
    assert set(score(make_table())["parameters"]) == {
        f"coordinates={coordinates};folds=5;{k}probe={probe}"
        for coordinates in ("raw", "standardised", "whitened")
        for probe, k in (("linear", ""), ("knn", "k=10;"), ("mlp", ""))
    }
    without_train = make_table()
    without_train = without_train[without_train["split"] == "test"]
    assert score(without_train)["parameters"].str.endswith(";statistics=all").all()


def test_one_site(make_table):
    frame = score(make_table(sites=1))
    assert frame["value"].isna().all()
    assert set(frame["note"]) == {"fewer than two classes: site0"}


def test_site_with_one_subject(make_table):
    table = make_table(travelling=0)
    table = table[(table["site"] != "site1") | (table["subject_id"] == "s1-0") | (table["split"] == "train")]
    frame = score(table)
    assert frame["value"].isna().all()
    assert frame["chance"].isna().all()
    assert set(frame["note"]) == {"'site1' has one subject, too few to cross-validate"}
    assert frame.loc[frame["subgroup"] == "site=site1", "n"].eq(1).all()


def test_site_with_few_subjects_has_fewer_folds(make_table):
    table = make_table(travelling=0)
    few = ["s1-0", "s1-1", "s1-2"]
    table = table[(table["site"] != "site1") | table["subject_id"].isin(few) | (table["split"] == "train")]
    frame = score(table)
    assert frame["parameters"].str.contains("folds=3;").all()
    assert frame["value"].notna().all()


def test_constant_dimension_is_named(make_table):
    frame = score(make_table().assign(z2=np.float32(0.1)))
    assert frame["value"].notna().all()
    raw = frame["parameters"].str.startswith("coordinates=whitened")
    assert set(frame.loc[~raw, "note"]) == {"1 of 6 constant dimensions left out"}
    assert set(frame.loc[raw, "note"]) == {"1 of 6 directions without variance left out"}


def test_constant_ldr_is_undefined(make_table, set_vectors):
    frame = score(set_vectors(make_table(), np.full((66, 3), np.float32(0.1))))
    assert frame["value"].isna().all()
    assert set(frame["note"]) == {"the LDR is constant over the reference scans"}


def test_no_permutations(make_table):
    frame = score(make_table(), replace(SETTINGS, permutations=0, mlp_permutations=0))
    assert frame["chance"].isna().all()
    assert frame["value"].notna().all()


def test_nested_selection_and_trees(make_table):
    settings = replace(
        SETTINGS, probes=("linear", "knn", "boosting"), inner_folds=2, permutations=0, mlp_permutations=0
    )
    frame = score(make_table(subjects=20, train=60, site_strength=2.0), settings)
    found = frame[frame["metric"] == "balanced_accuracy"]
    assert (found["value"] > 0.7).all()
    boosted = found["parameters"].str.contains("boosting")
    assert found.loc[~boosted, "parameters"].str.contains("inner_folds=2").all()
    # Trees have one value, so that there is nothing for inner folds to choose.
    assert found.loc[boosted, "parameters"].tolist() == [
        f"coordinates={coordinates};folds=5;probe=boosting" for coordinates in ("standardised", "whitened")
    ]


def test_the_interval_holds_the_value_and_narrows_with_subjects(make_table):
    widths = []
    for subjects in (9, 90):
        frame = score(make_table(subjects=subjects, train=60, site_strength=0.7), replace(SETTINGS, probes=("linear",)))
        overall = frame[frame["metric"] == "balanced_accuracy"]
        assert (overall["ci_low"] <= overall["value"]).all()
        assert (overall["value"] <= overall["ci_high"]).all()
        widths.append((overall["ci_high"] - overall["ci_low"]).mean())
    assert widths[1] < 0.6 * widths[0]


def test_probes_see_at_most_so_many_scans_of_whole_subjects(make_table):
    settings = replace(SETTINGS, probes=("knn",), probe_scans=60)
    table = make_table(subjects=30)
    overall = score(table, settings).query("metric == 'balanced_accuracy'")
    assert overall["n"].between(50, 60).all()
    assert overall["parameters"].str.contains(r"scans=\d+").all()
    part = at_most(scored_scans(table), 60, 0)
    everyone = scored_scans(table)
    for subject in np.unique(part.subject):
        assert (part.subject == subject).sum() == (everyone.subject == subject).sum()


def test_the_mlps_params_say_that_one_inner_fold_decides(make_table):
    settings = replace(SETTINGS, probes=("mlp", "linear"), inner_folds=2, permutations=0, mlp_permutations=0)
    params = score(make_table(), settings)["parameters"]
    assert set(params) == {
        f"coordinates={coordinates};folds=5;inner_folds=2;{used}probe={probe}"
        for coordinates in ("raw", "standardised", "whitened")
        for probe, used in (("mlp", "inner_used=1;"), ("linear", ""))
    }


@pytest.mark.parametrize(("inner_folds", "asked", "most"), [(0, 24, 0), (0, 25, 24), (2, 6, 0), (2, 7, 12)])
def test_fewer_neighbours_than_asked_for_are_stated(make_table, inner_folds, asked, most):
    # 30 scans of as many subjects, 10 a site, five folds: training parts of 24; two inner folds halve them, and try
    # twice as many neighbours as well.
    settings = replace(SETTINGS, probes=("knn",), neighbours=asked, inner_folds=inner_folds, permutations=0)
    expected = f"at most {most} neighbours where a training part has no more scans" if most else ""
    assert set(score(make_table(subjects=10, travelling=0), settings)["note"]) == {expected}
