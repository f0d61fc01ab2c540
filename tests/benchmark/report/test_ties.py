"""Who is tied for best: by tests, never by digits."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmark.report.columns import CROSS_SITE_MAP
from benchmark.report.statistics.paired import EXPLORATORY, PRIMARY
from benchmark.report.summary import Entry
from benchmark.report.ties import p_values, tied, with_ties
from tests.tables import long_table, wide_table

#: By seed. `b` is below `a` by 0.01, -0.01 and 0.01, `c` by about 0.2: t = 40, p < 0.001.
VALUES = {"a": (0.70, 0.72, 0.71), "b": (0.69, 0.73, 0.70), "c": (0.51, 0.51, 0.51)}


def entries(values):
    return {
        name: Entry(float(np.mean(each)), 0.01, len(each), len(each), 0.5, by_seed=tuple(each))
        for name, each in values.items()
    }


def test_what_a_test_over_seeds_does_not_tell_from_the_best_is_tied():
    assert tied(entries(VALUES), True) == {"a", "b"}
    assert tied(entries(VALUES), False) == {"c"}
    assert tied(entries(VALUES), None) == set()


def test_nothing_is_marked_without_a_test_or_a_competitor():
    assert tied(entries({name: each[:2] for name, each in VALUES.items()}), True) == set()
    assert tied(entries({"a": VALUES["a"]}), True) == set()


def test_nothing_is_marked_where_nobody_is_told_from_the_best():
    assert tied(entries({name: VALUES[name] for name in "ab"}), True) == set()


def test_p_is_multiplied_by_the_number_of_other_methods():
    # Differences 0.02, 0.03, 0.04: t = 5.196 with 2 degrees of freedom, p = 0.035.
    near = {"a": (0.70, 0.72, 0.71), "b": (0.68, 0.69, 0.67)}
    assert tied(entries(near), True) == {"a"}
    assert tied(entries(near | {"c": VALUES["c"]}), True) == {"a", "b"}


def test_seeds_that_share_subjects_tell_less():
    near = {"a": (0.70, 0.72, 0.71), "b": (0.68, 0.69, 0.67)}
    # t = 5.196 / sqrt(1 + 3 * 0.25 / 0.75) = 3.674 with 2 degrees of freedom: p = 0.067.
    assert p_values(entries(near), "a", 0.25)["b"] == pytest.approx(0.0668, abs=1e-4)
    assert tied(entries(near), True, shared=0.25) == set()
    # Of one test set, values of seeds alone say nothing of other people.
    assert tied(entries(near), True, shared=1.0) == set()


def test_the_statistics_decide_where_they_compare():
    def difference(other, kind, p, p_holm):
        return {"method_a": "a", "method_b": other, "kind": kind, "p": p, "p_holm": p_holm}

    # Exploratory 0.03 becomes 0.06; the primary 0.04 has been corrected already.
    stored = pd.DataFrame([difference("b", PRIMARY, 0.001, 0.04), difference("c", EXPLORATORY, 0.03, math.nan)])
    assert tied(entries(VALUES), True, stored) == {"a", "c"}
    assert tied(entries(VALUES), True, stored.assign(p=math.nan)) == {"a", "b"}


def test_floor_and_ceiling_and_methods_that_see_diagnoses_are_never_best(make_score):
    values = VALUES | {"true_anatomy": (0.9, 0.91, 0.92), "supervised": (0.8, 0.83, 0.81)}
    rows = [make_score(name, value, seed=seed) for name, each in values.items() for seed, value in enumerate(each)]
    table = wide_table(long_table(rows), [CROSS_SITE_MAP])
    bounds = {"true_anatomy": "ceiling", "supervised": "sees diagnoses"}
    (made,) = with_ties([replace(table, sections=[replace(part, bounds=bounds) for part in table.sections])])
    assert made.sections[0].best == {CROSS_SITE_MAP.key: {"a", "b"}}
