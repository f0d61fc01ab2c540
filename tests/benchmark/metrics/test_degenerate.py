"""Designs in which some scores are undefined, through every metric and every table."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from benchmark.metrics.evaluate import score_all
from benchmark.metrics.settings import EvaluationSettings
from benchmark.report.about import About
from benchmark.report.tables import format_terminal, write_tables
from benchmark.results.schema import SCORE_COLUMNS
from benchmark.results.write import write_scores
from tests.tables import frame_of

pytestmark = pytest.mark.slow

SETTINGS = EvaluationSettings(
    distances=("cosine_centred", "euclidean", "whitened", "within_subject"),
    probes=("linear", "knn", "mlp", "boosting"),
    permutations=1, mlp_permutations=0, inner_folds=0, test_permutations=9, bootstrap=20,
)  # fmt: skip


def site_with_one_subject(table, scans):
    """The scored scans of site1 are of one subject who was nowhere else."""
    kept = table[(table["site"] != "site1") | (table["split"] == "train")]
    alone = table[table["subject_id"] == "s1-0"]
    again = [alone.assign(session_id=f"ses-{number + 2}") for number in range(scans - 1)]
    return pd.concat([kept, alone, *again], ignore_index=True)


def constant(table, names):
    return table.assign(**dict.fromkeys(names, np.float32(0.1)))


def scored_diagnosis(table, change):
    diagnosis = table["diagnosis"].where(table["split"] != "test", change(table))
    return table.assign(diagnosis=diagnosis)


VECTOR = [f"z{index}" for index in range(6)]

DESIGNS = {
    "plain": lambda make: make(),
    "one site": lambda make: make(sites=1, travelling=0),
    "one diagnosis": lambda make: make().assign(diagnosis="CN"),
    "one diagnosis that is neither CN nor AD": lambda make: make().assign(diagnosis="PD"),
    "no diagnosis": lambda make: make().assign(diagnosis=""),
    "site with one scan": lambda make: site_with_one_subject(make(travelling=0), 1),
    "site with three scans of one subject": lambda make: site_with_one_subject(make(travelling=0), 3),
    "every site with one subject": lambda make: make(subjects=1, travelling=0),
    "one scan": lambda make: make(sites=1, subjects=1, travelling=0),
    "constant dimension": lambda make: constant(make(), ["z2"]),
    "constant LDR": lambda make: constant(make(), VECTOR),
    "LDR that is constant over the training scans alone": lambda make: make().pipe(
        lambda table: table.assign(**{name: table[name].where(table["split"] == "test", 0.1) for name in VECTOR})
    ),
    "one dimension": lambda make: make().drop(columns=VECTOR[1:]),
    # Each site has a diagnosis of its own: nothing relevant at the others.
    "no relevant scan": lambda make: scored_diagnosis(
        make(travelling=0), lambda table: table["site"].map({"site0": "CN", "site1": "AD", "site2": "PD"})
    ),
    "no relevant scan for one query": lambda make: scored_diagnosis(
        make(travelling=0), lambda table: table["diagnosis"].mask(table["subject_id"] == "s0-0", "OTHER")
    ),
    # Measures at 5 and 10 want more scans than a gallery has.
    "k larger than the gallery": lambda make: make(sites=2, subjects=3, travelling=0),
    "everybody travels": lambda make: make(subjects=0, travelling=6),
    "no training scans": lambda make: make().query("split == 'test'"),
    "unknown age and sex": lambda make: make().assign(age=np.nan, sex=""),
    "style and truth that do not vary": lambda make: make().assign(s0=1.0, anatomy_width=2.0, rec_ssim=np.nan),
}


@pytest.fixture(scope="module")
def evaluated():
    """Long table of a design, made once for all tests of this module."""
    kept = {}

    def of(make_table, design):
        if design not in kept:
            kept[design] = frame_of(score_all(DESIGNS[design](make_table), SETTINGS))
        return kept[design]

    return of


@pytest.mark.parametrize("design", DESIGNS)
def test_undefined_is_nan_with_a_reason_and_a_count(make_table, evaluated, design):
    scores = evaluated(make_table, design)
    undefined = scores["value"].isna()
    assert (scores.loc[undefined, "note"] != "").all()
    assert not np.isinf(scores[["value", "ci_low", "ci_high", "chance"]].to_numpy()).any()
    assert (scores["n"] >= 0).all()
    assert (scores.loc[~undefined, "n"] > 0).all()
    assert scores.loc[undefined, ["ci_low", "ci_high"]].isna().all(axis=None)
    assert not scores.duplicated(["table", "metric", "parameters", "subgroup"]).any()
    # What is undefined is not left out: every metric has a row, but for a matrix of sites without any query.
    missing = set(evaluated(make_table, "plain")["metric"]) - set(scores["metric"])
    assert missing <= ({"mAP_site_to_site"} if (scores["note"] == "no query").any() else set())


@pytest.mark.parametrize("design", DESIGNS)
def test_tables_of_it_can_be_written(make_table, evaluated, tmp_path, design):
    scores = evaluated(make_table, design).assign(method="m", protocol="pooled", held_out_site="", seed=0)
    write_scores(scores[list(SCORE_COLUMNS)], tmp_path)
    write_tables(scores, tmp_path, About(methods=["m"]))
    for name in ("retrieval.md", "leakage.md", "preserved.md"):
        text = (tmp_path / name).read_text()
        assert "| m " in text
        assert not re.search(r"\b(nan|inf|None)\b", text)
    assert not re.search(r"\b(nan|inf|None)\b", format_terminal(scores, About()))
    stored = pd.read_parquet(tmp_path / "scores.parquet")
    assert stored["value"].isna().sum() == scores["value"].isna().sum()


@pytest.mark.parametrize("design", ["constant LDR", "one dimension"])
def test_a_worthless_ldr_is_never_called_sound(make_table, evaluated, design):
    scores = evaluated(make_table, design)
    (collapsed,) = scores.loc[scores["metric"] == "collapsed", "value"]
    assert collapsed != 0
    if design == "constant LDR":
        # It says nothing of the site; a leakage of 0 or of chance would look like a success.
        leakage = scores[scores["table"] == "leakage"]
        assert leakage["value"].isna().all()


@pytest.mark.parametrize("scans", ["one scan", "three scans of one subject"])
def test_a_mean_over_sites_with_one_missing_is_missing(make_table, evaluated, scans):
    scores = evaluated(make_table, f"site with {scans}")
    overall = scores[scores["subgroup"] == ""]
    leakage = overall[overall["table"] == "leakage"]
    for metric in ("balanced_accuracy", "pair_balanced_accuracy", "p_value"):
        assert leakage.loc[leakage["metric"] == metric, "value"].isna().all()
    assert overall.loc[overall["metric"] == "cross_site_balanced_accuracy", "value"].isna().all()
    # Some of the pairs are defined all the same.
    assert scores.loc[scores["metric"] == "pair_balanced_accuracy", "value"].notna().any()
