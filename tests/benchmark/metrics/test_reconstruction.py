"""Reconstruction quality is the mean over sites of what the embeddings say of each scan."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark.metrics.reconstruction import scores
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(bootstrap=50)


def test_mean_of_site_means(make_table):
    table = make_table(sites=2, subjects=9, travelling=0)
    # Nine scans of 0.8 and eight of 0.6 (one is dropped): the mean over sites is 0.7, over scans it is not.
    table["rec_ssim"] = np.where(table["site"] == "site0", 0.8, 0.6)
    table = table[(table["site"] == "site0") | (table["subject_id"] != "s1-0")]
    (found,) = scores(scored_scans(table), SETTINGS)
    assert found.value == pytest.approx(0.7)
    assert (found.n, found.metric.name, found.metric.higher_is_better) == (17, "ssim", True)
    # No subject changes the mean: an interval without width would claim that no new one could.
    assert np.isnan([found.ci_low, found.ci_high]).all()


def test_directions_and_gaps(make_table):
    table = make_table().assign(rec_rmse=0.3, rec_psnr=21.0)
    table.loc[table.index[0], "rec_psnr"] = np.inf
    rmse, psnr = scores(scored_scans(table), SETTINGS)
    assert (rmse.value, rmse.metric.higher_is_better) == (pytest.approx(0.3), False)
    assert (math.isnan(psnr.value), psnr.note) == (True, "1 of 36 scans have no finite value")


def test_no_columns_no_rows(make_table):
    assert scores(scored_scans(make_table()), SETTINGS) == []
