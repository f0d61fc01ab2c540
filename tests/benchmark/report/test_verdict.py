"""The lines at the end of `evaluate`: each number of them is one of the scores."""

from __future__ import annotations

import math
import re

import pandas as pd
import pytest

from benchmark.report.verdict import LEVEL, not_scored, verdicts


def probe(name, value, low, high, coordinates="standardised", chance=0.13, note="", method="mine"):
    row = {"method": method, "table": "leakage", "metric": "balanced_accuracy", "subgroup": "", "given": ""}
    return row | {
        "probe": name, "coordinates": coordinates, "value": value, "ci_low": low, "ci_high": high, "chance": chance,
        "note": note,
    }  # fmt: skip


def p_value(p, given="nothing", coordinates="standardised", method="mine"):
    row = probe("", p, math.nan, math.nan, coordinates, math.nan, method=method)
    return row | {"metric": "p_value", "given": given}


LINEAR, KNN = probe("linear", 0.82, 0.79, 0.85), probe("knn", 0.25, 0.1, 0.3, "whitened")
#: Above chance, but not by an interval that is widened for two probes: 0.22 - 1.144 * 0.08 = 0.128.
NEAR = probe("mlp", 0.22, 0.14, 0.3)
READ = "balanced accuracy 0.82 [0.79, 0.85] against chance 0.13 (worst of 2: linear probe, standardised)"
NEAR_READ = "balanced accuracy 0.22 [0.14, 0.30] against chance 0.13 (worst of 2: MLP, standardised)"


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        # Twice the smallest p, as there are two coordinates; the test given covariates is another question.
        (
            [LINEAR, KNN, p_value(0.005), p_value(0.3, coordinates="whitened"), p_value(0.001, "age+diagnosis")],
            f"site found: p 0.01; {READ}",
        ),
        # Trees and networks see sites that a linear test does not.
        ([LINEAR, KNN, p_value(0.3)], f"site found by a probe and not by the permutation test: p 0.3; {READ}"),
        ([NEAR, KNN | {"value": 0.1}, p_value(0.3)], f"site not settled: p 0.3; {NEAR_READ}"),
        ([NEAR, KNN | {"value": 0.1}], f"site not settled: no permutation test; {NEAR_READ}"),
        ([LINEAR, KNN], f"site found: no permutation test; {READ}"),
        (
            [probe("mlp", 1.0, math.nan, math.nan), KNN],
            "site not settled: no permutation test; balanced accuracy 1.00 against chance 0.13 (worst of 2: MLP, "
            "standardised)",
        ),
        (
            [probe("mlp", 0.2, 0.1, 0.3), p_value(0.6)],
            "site not found: p 0.6; balanced accuracy 0.20 [0.10, 0.30] against chance 0.13 (worst of 1: MLP, "
            "standardised)",
        ),
        (
            [probe("mlp", math.nan, math.nan, math.nan, note="fewer than two classes: A")],
            "site not tested: fewer than two classes: A",
        ),
    ],
)
def test_the_verdict(rows, line):
    assert verdicts(pd.DataFrame(rows)) == [line]


@pytest.mark.parametrize("p", [0.005, 0.0249, 0.025, 0.02502, 0.0251, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("others", [[LINEAR, KNN], [NEAR], [KNN]])
def test_the_word_never_contradicts_the_p_that_is_shown(p, others):
    (line,) = verdicts(pd.DataFrame([*others, p_value(p), p_value(1.0, coordinates="whitened")]))
    word, shown = re.match(r"([a-z ]+): p ([\d.e-]+);", line).groups()
    assert (word == "site found") == (float(shown) <= LEVEL) == (2 * p <= LEVEL)


def test_several_methods_have_a_line_each():
    lines = verdicts(pd.DataFrame([probe("mlp", 0.2, 0.1, 0.3), probe("mlp", 0.5, 0.4, 0.6, method="other")]))
    assert [line.split(";")[0] for line in lines] == [
        "mine: site not found: no permutation test",
        "other: site found: no permutation test",
    ]


def test_what_is_scored_for_one_method_is_not_listed():
    rows = [
        {"method": name, "table": "age", "metric": "mae_years", "subgroup": "", "value": value, "note": note}
        for name, value, note in (("a", math.nan, "too few"), ("b", 3.0, ""))
    ]
    assert not_scored(pd.DataFrame(rows)) == []
    assert not_scored(pd.DataFrame(rows[:1])) == ["not scored: age (too few)"]
    assert not_scored(pd.DataFrame(rows[:1]), ["age"]) == ["not scored: age (no age is known)"]
