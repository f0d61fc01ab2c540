"""Scores of a fixed table are what they were: a metric whose numbers change gets a new version."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.metrics.evaluate import score_all
from benchmark.metrics.rows import key_values
from benchmark.metrics.settings import EvaluationSettings

#: Made by this module's :func:`scored`; to be made anew where a version goes up.
EXPECTED = Path(__file__).with_name("unchanged_scores.csv")

SETTINGS = EvaluationSettings(
    distances=("cosine_centred", "within_subject"), probes=("knn",), permutations=1, test_permutations=9,
    inner_folds=0, bootstrap=30, folds=3, neighbours=5, seed=1,
)  # fmt: skip


def table():
    """Scans from arithmetic alone, so that no generator can change them."""
    number = np.arange(150)
    rows = pd.DataFrame(
        {
            "subject_id": [f"s{one % 130:03d}" for one in number],
            "session_id": "m00",
            "site": np.array(["A", "B", "C", "D"])[number * 7 % 4],
            "diagnosis": np.array(["CN", "MCI", "AD"])[number % 130 % 3],
            "age": 60.0 + number % 130 % 29,
            "sex": np.where(number % 130 % 2, "F", "M"),
            "split": np.where(number % 130 % 5 == 4, "train", "test"),
        }
    )
    for dimension in range(5):
        wave = np.sin((number % 130 + 1) * (dimension + 1.7)) + 0.2 * np.cos(number * (2.3 + dimension))
        rows[f"z{dimension}"] = wave + 0.6 * (rows["diagnosis"] == "AD") * (dimension == 0) + 0.1 * (number % 4)
    return rows.assign(anatomy_width=rows["z1"] ** 2, rec_ssim=0.8 + 0.1 * np.sin(number), s0=np.cos(number * 1.3))


def scored():
    """Rows of all scans: what a metric is, and its numbers.

    Without logistic regression, which depends on the libraries' rounding, and without intervals of retrieval, of which
    some are left out by rules of their own.
    """
    for score in score_all(table(), SETTINGS):
        if not score.subgroup and score.params.get("probe") != "linear":
            metric = score.metric
            bounds = (math.nan, math.nan) if metric.table == "retrieval" else (score.ci_low, score.ci_high)
            what = (metric.table, metric.name, str(metric.version), key_values(**score.params))
            yield what, (score.value, float(score.n), score.chance, *bounds)


def test_scores_are_what_they_were():
    with EXPECTED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    expected = {tuple(row[:4]): [float(one) for one in row[4:]] for row in rows}
    found = dict(scored())
    assert found.keys() == expected.keys()
    for key, numbers in found.items():
        np.testing.assert_allclose(numbers, expected[key], rtol=1e-7, atol=1e-9, err_msg=str(key))
