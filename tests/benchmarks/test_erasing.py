"""What linear harmonisation leaves of the site, for want of scans."""

from __future__ import annotations

import pytest

from benchmarks.erasing import HARMONISERS, left


@pytest.mark.parametrize("harmoniser", HARMONISERS)
def test_more_training_scans_leave_less_of_the_site(harmoniser):
    few, many = (left(scans, 8, harmoniser, 0)["linear"] for scans in (10, 500))
    assert few > 0.25
    # A standard error of a probe's accuracy over 1,344 scans is 0.01.
    assert many < 0.17


def test_more_dimensions_leave_more_of_the_site():
    assert left(25, 16, "leace", 0)["linear"] > left(25, 4, "leace", 0)["linear"] + 0.05
