"""All scores together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark import metrics
from benchmark.errors import UserError
from benchmark.metrics.evaluate import EvaluationSettings, process_aside, score_all, scorers
from benchmark.metrics.rows import COLUMNS, key_values, parse_key_values
from benchmark.results.schema import parameters_of
from tests.tables import evaluated, frame_of

QUICK = EvaluationSettings(
    probes=("linear", "knn"), permutations=1, mlp_permutations=1, inner_folds=0, test_permutations=9, bootstrap=20
)


def test_columns_tables_and_uniqueness(make_table):
    scores = evaluated(make_table(), QUICK)
    assert set(scores.columns) == {*COLUMNS, "parameters", *parameters_of(scores)}
    assert {"gallery", "label", "distance", "coordinates", "probe"} <= set(parameters_of(scores))
    assert set(scores["table"]) >= {"retrieval", "identity", "leakage", "disease", "structure"}
    assert not scores.duplicated(["table", "metric", "parameters", "subgroup"]).any()
    for text in scores["parameters"]:
        assert key_values(**parse_key_values(text)) == text


def test_the_order_of_rows_changes_nothing(make_table):
    table = make_table()
    shuffled = table.sample(frac=1, random_state=1).reset_index(drop=True)
    pd.testing.assert_frame_equal(evaluated(table, QUICK), evaluated(shuffled, QUICK))


def test_undefined_values_have_a_reason_and_are_not_zero(make_table, set_vectors):
    table = make_table(sites=1, subjects=2, travelling=0, train=0)
    scores = evaluated(set_vectors(table, np.ones((2, 2))), QUICK)
    assert scores.loc[scores["metric"] != "collapsed", "value"].isna().all()
    assert scores.loc[scores["metric"] == "collapsed", "value"].tolist() == [1.0]
    assert (scores["note"] != "").all()


def test_values_are_within_the_bounds_that_each_metric_declares(make_table):
    table = make_table().assign(s0=np.arange(66) % 7.0, rec_rmse=0.3, rec_psnr=21.0, rec_ssim=0.8, anatomy_width=1.0)
    found = score_all(table, QUICK)
    assert {"leakage", "retrieval", "style", "reconstruction", "anatomy"} <= {score.metric.table for score in found}
    for score in found:
        if np.isfinite(score.value):
            assert score.metric.lowest - 1e-9 <= score.value <= score.metric.highest + 1e-9, score
        if np.isfinite(score.ci_low):
            assert score.ci_low <= score.ci_high, score


def test_scores_of_fewer_scans_say_how_many(make_table):
    table = make_table(subjects=40).assign(s0=np.arange(159) % 7.0, anatomy_width=np.arange(159) % 5.0)
    table["age"] = np.arange(159) % 31 + 50.0
    found = score_all(table, replace(QUICK, probes=("linear",), bootstrap=0, probe_scans=50))
    fewer = [one for one in found if one.metric.table in ("age", "anatomy", "disease", "leakage", "style")]
    assert len({one.metric.table for one in fewer}) == 5
    for one in fewer:
        assert one.n <= 50
        # Of subgroups, n is a part of those; so is it of tests over subjects and of strata that count.
        assert int(one.params["scans"]) in range(one.n, 51), one
    assert not [one for one in score_all(table, QUICK) if "scans" in one.params]


def test_leakage_sees_all_sites_whatever_site_queries(make_table):
    table = make_table()
    everywhere, held_out = evaluated(table, QUICK), evaluated(table, QUICK, ["site0"])
    apart = ["leakage", "disease", "structure"]
    pd.testing.assert_frame_equal(
        everywhere[everywhere["table"].isin(apart)].reset_index(drop=True),
        held_out[held_out["table"].isin(apart)].reset_index(drop=True),
    )


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            {"distances": ("manhattan",)},
            "distances: 'manhattan' is not allowed; allowed: cosine_centred, cosine, euclidean",
        ),
        ({"distances": ()}, "distances: none given"),
        ({"folds": 1}, "folds: 1 is not allowed; it must be an integer >= 2"),
        ({"permutations": -1}, "permutations: -1 is not allowed"),
        ({"neighbours": 2.5}, "neighbours: 2.5 is not allowed"),
    ],
)
def test_settings_say_what_is_allowed(settings, text):
    with pytest.raises(UserError, match=text):
        EvaluationSettings(**settings)


@pytest.mark.slow
def test_a_process_aside_changes_no_score(make_table, monkeypatch):
    table = make_table()
    monkeypatch.setattr("benchmark.metrics.evaluate.PAYS", 0)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    alone = frame_of(score_all(table, QUICK))
    with process_aside(len(table)) as aside:
        assert aside is not None
        pd.testing.assert_frame_equal(frame_of(score_all(table, QUICK, aside=aside)), alone)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with process_aside(len(table)) as aside:
        assert aside is None


def test_scored_scans_that_are_all_alike_leave_every_score_undefined(make_table, set_vectors):
    table = make_table(subjects=12).assign(age=np.linspace(60, 80, 75), anatomy_width=np.arange(75) % 7.0)
    vectors = np.random.default_rng(0).normal(size=(75, 4))
    vectors[table["split"] == "test"] = 0.3
    scores = evaluated(set_vectors(table, vectors), QUICK)
    defined = scores[scores["value"].notna()]
    assert (defined["metric"].tolist(), defined["value"].tolist()) == (["collapsed"], [1.0])
    assert set(scores["note"].str.removeprefix("site0: ").str.split(";").str[0]) == {
        "all scored scans have the same vector",
        "the LDR is constant",
        "the LDR is constant over the scored scans",
        "subjects with two scored scans at one site: 0",
    }


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_answered_with_its_scan_and_column(make_table, value):
    table = make_table()
    table.loc[[4, 7], "z3"] = value
    table.loc[7, "z1"] = value
    with pytest.raises(UserError) as error:
        evaluated(table, QUICK)
    assert str(error.value) == (
        f"embeddings: scan 'site0/s0-4/ses-1', column 'z3': {value} is not allowed; it must be a finite number; "
        "2 of 66 scans have such values: embed them again, or leave them out"
    )


@pytest.mark.parametrize("scorer", scorers(), ids=lambda one: one.__module__.rpartition(".")[2])
def test_every_metric_states_shapes_direction_source_and_when_it_is_undefined(scorer):
    functions = [getattr(metrics, name) for name in metrics.__all__]
    described = [scorer, *(one for one in functions if one.__module__ == scorer.__module__)]
    text = " ".join(" ".join(one.__doc__ for one in described).split())
    assert "NaN with a reason" in text or "NaN with a note" in text
    for phrase in ("shape", "is better"):
        assert phrase in text
    table = (Path(__file__).parents[3] / "docs/bibliography.md").read_text(encoding="utf-8").splitlines()[4:]
    authors = [line.split("|")[1].split()[0] for line in table]
    # The measures of retrieval are in a file of their own, which names theirs.
    assert any(author in text for author in authors) or "benchmark.metrics.ranking" in text


def test_scores_whitened_by_few_scans_are_noted_and_no_others(make_table):
    # 6 dimensions: 59 training scans are too few, 60 are enough. The vectors have 3 sites by `train` training scans.
    quick = replace(QUICK, distances=("cosine_centred", "whitened"), bootstrap=0)
    table = make_table(train=20)
    for scans, flagged in ((60, False), (59, True)):
        rows = table.drop(index=table.index[table["split"] == "train"][: 60 - scans])
        found = evaluated(rows, quick)
        whitened = found["parameters"].str.contains("=whitened") & found["value"].notna()
        assert {"leakage", "retrieval"} <= set(found.loc[whitened, "table"])
        noted = found["note"].str.contains(
            "whitened with fewer than 10 scans per dimension (6 dimensions)", regex=False
        )
        assert noted[whitened].all() == noted[whitened].any() == flagged
        assert not noted[~whitened].any()
