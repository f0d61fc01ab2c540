"""What a collection could measure, against hand-made designs and SciPy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import association

from benchmark.prepare.checks.design import _cramers_v, design_of


def scans(sites=("A", "B", "C"), per=24, labels=("CN", "MCI", "AD"), travelling=3):
    rows = [
        (f"{site}{i}", site, labels[i % len(labels)], 60.0 + i % 7, order)
        for order, site in enumerate(sites)
        for i in range(per)
    ]
    rows += [(f"t{i}", site, "CN", 65.0, o) for o, site in enumerate(sites) for i in range(travelling)]
    table = pd.DataFrame(rows, columns=["subject_id", "site", "diagnosis", "age", "manifest_order"])
    return table.assign(scan_key=table["site"] + "/" + table["subject_id"] + "/1", split="", sex="F")


def test_counts_of_a_balanced_collection():
    found = design_of(scans())
    assert found.counts.loc["A"].to_dict() == {"AD": 8, "CN": 11, "MCI": 8}
    assert found.travelling == 3
    assert found.confounding == pytest.approx(0.0, abs=0.1)
    assert found.age_explained == pytest.approx(0.0, abs=0.01)
    assert all(fine for fine, _ in list(found.measurable.values())[:4])
    assert "fewer than 10 of either at A, B, C" in found.measurable["retrieval CN/AD across sites"][1]


def test_site_and_diagnosis_in_one():
    table = scans(travelling=0)
    table["diagnosis"] = table["site"].map({"A": "CN", "B": "AD", "C": "MCI"})
    found = design_of(table)
    assert found.confounding == pytest.approx(1.0, abs=0.02)
    assert found.measurable["retrieval CN/AD across sites"] == (
        False,
        "CN and AD in the test part of fewer than two sites",
    )
    assert found.measurable["identity of travelling subjects"] == (False, "no test subject has scans at two sites")


@pytest.mark.parametrize("seed", range(5))
def test_cramers_v_before_its_correction_is_scipys(seed):
    # With n large the correction vanishes.
    rng = np.random.default_rng(seed)
    table = rng.integers(2000, 9000, (4, 3)).astype(float)
    assert _cramers_v(table) == pytest.approx(association(table.astype(int), method="cramer"), abs=0.005)


def test_cramers_v_of_chance_is_about_zero():
    rng = np.random.default_rng(0)
    values = [_cramers_v(rng.multinomial(60, np.full(12, 1 / 12)).reshape(4, 3).astype(float)) for _ in range(200)]
    assert np.median(values) < 0.1


def test_age_that_tells_the_site():
    table = scans(travelling=0)
    table["age"] = table["site"].map({"A": 60.0, "B": 70.0, "C": 80.0}) + np.arange(len(table)) % 3
    found = design_of(table)
    assert found.age_explained > 0.95
    assert found.age_p < 1e-6


def test_one_site_and_nothing_known():
    found = design_of(scans(sites=("A",), travelling=0).assign(age=np.nan, diagnosis=""))
    assert np.isnan([found.confounding, found.age_explained]).all()
    assert {name: fine for name, (fine, _) in found.measurable.items()} == {
        "pooled protocol": True,
        "leave-one-site-out protocol": False,
        "retrieval CN/AD across sites": False,
        "leakage probes": False,
        "identity of travelling subjects": False,
        "age regression": False,
    }
