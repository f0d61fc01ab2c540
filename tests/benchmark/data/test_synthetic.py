"""Whether scans are the phantom's."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmark.data.manifest import read_manifests
from benchmark.data.synthetic import is_synthetic
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("sites", "makers", "synthetic"),
    [
        (["phantom-ADNI1", "phantom-PPMI"], None, True),
        (["ADNI1", "phantom-PPMI"], None, True),
        (["A", "B"], ["Siemens", "phantom"], True),
        (["A", "B"], ["Siemens", ""], False),
        (["ADNI1", "my-phantom-site"], None, False),
    ],
)
def test_by_site_and_manufacturer(sites, makers, synthetic):
    scans = pd.DataFrame({"site": sites})
    assert is_synthetic(scans if makers is None else scans.assign(scanner_manufacturer=makers)) is synthetic


def test_the_shipped_manifests_are_and_are_by_either_column():
    scans = read_manifests([ROOT / "data_manifests/phantom/phantom-OASIS3.csv"], check_images=False)
    assert is_synthetic(scans)
    assert is_synthetic(scans.assign(site="somewhere"))
    assert is_synthetic(scans.drop(columns="scanner_manufacturer"))
