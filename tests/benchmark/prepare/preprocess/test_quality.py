"""Numbers of a scan's quality, and what is flagged."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.prepare.preprocess.quality import NUMBERS, flags, quality
from benchmark.prepare.preprocess.scan import _template_on

SHAPE, SPACING = (40, 48, 40), 4.0


def test_the_template_itself_is_flawless():
    t1, brain = _template_on(SHAPE, SPACING)
    found = quality(t1, brain, t1, brain)
    assert found.overlap > 0.95
    assert found.template_correlation == pytest.approx(1.0)
    assert found.foreground_share == pytest.approx(brain.mean())


def test_a_shifted_head_overlaps_less():
    t1, brain = _template_on(SHAPE, SPACING)
    overlaps = [quality(np.roll(t1, by, axis=2), brain, t1, brain).overlap for by in (0, 3, 6, 10)]
    assert overlaps == sorted(overlaps, reverse=True)
    assert overlaps[-1] < 0.85


@pytest.mark.parametrize("sd", [0.02, 0.1])
def test_noise_is_measured(sd):
    t1, brain = _template_on(SHAPE, SPACING)
    flat = np.ones(SHAPE, np.float32)
    noisy = flat + np.random.default_rng(0).normal(0, sd, SHAPE).astype(np.float32)
    assert quality(noisy, brain, t1, brain).noise == pytest.approx(sd, rel=0.05)
    assert quality(flat, brain, t1, brain).noise == pytest.approx(0)


def test_flags():
    rng = np.random.default_rng(0)
    rows = [{"site": site, **dict.fromkeys(NUMBERS, 0.9)} for site in "aaaaaaaabb"]
    report = pd.DataFrame(rows)
    report["noise"] = 0.02 + 0.001 * rng.random(len(report))
    report.loc[2, "noise"] = 0.08
    report.loc[9, "overlap"] = 0.5
    report.loc[8, "overlap"] = float("nan")
    found = flags(report)
    assert found[2].startswith("noise 0.08 is far from the site's median 0.02")
    assert found[9] == "overlap 0.50 is below 0.8"
    assert found[8] == "overlap nan is below 0.8"
    assert (found.drop([2, 8, 9]) == "").all()


def test_what_is_better_than_its_site_or_hardly_different_is_no_flag():
    report = pd.DataFrame([{"site": "a", **dict.fromkeys(NUMBERS, 0.9)} for _ in range(8)])
    report["template_correlation"] = [0.9, 0.9, 0.9001, 0.9, 0.9, 0.88, 0.99, 0.5]
    report["noise"] = [0.02, 0.02, 0.02, 0.02, 0.021, 0.001, 0.025, 0.02]
    found = flags(report)
    assert found[7] == "template_correlation 0.5 is far from the site's median 0.9"
    assert (found[:7] == "").all()
