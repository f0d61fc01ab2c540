"""BIDS trees as Clinica writes them are imported without an option."""

from __future__ import annotations

import pytest

from benchmark.prepare.importers.clinica import years_since
from benchmark.prepare.phantom.downloads import clinica


@pytest.mark.parametrize("describe", [clinica.describe_adni, clinica.describe_oasis])
def test_scans_are_those_of_the_tree(describe, build, tmp_path, tiny_volume, same_scans):
    replica = describe()
    tree = replica.write(tmp_path / "bids", tiny_volume)
    built = build("bids", "--images", tree)
    same_scans(built, replica.expected, tree)
    assert {row["site"] for row in built.rows} == {replica.dataset}
    # Each has its own age, at the day of the scan.
    assert "read one way" not in built.text
    if replica.dataset == "OASIS":
        assert (
            built.scan("OASIS_OASIS19002", "M000")["diagnosis_source"] == "sub-OASIS19002_sessions.tsv cdr_global=0.5"
        )
    else:
        assert built.reasons()["session without a T1w image that is used"] == 8


def test_an_age_at_baseline_grows_with_the_months_of_the_session():
    assert years_since("age_bl", "M018") == 1.5
    assert years_since("age", "M018") == years_since("age_bl", "single") == years_since("age_bl", "M000") == 0
