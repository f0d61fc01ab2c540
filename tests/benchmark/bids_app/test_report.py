"""The report on a scan: what it says, and that it asks for nothing."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmark.bids_app.report import MEASURED, POLICY, Report, render
from benchmark.bids_app.scans import BidsScan

EVIL = '"><script>alert(1)</script>'


def report(**changes):
    facts = {"subject_id": EVIL, "session_id": "1", "site": EVIL, "diagnosis": "", "age": None, "sex": "F"}
    given = {
        "scan": BidsScan(Path("x.nii.gz"), f"sub-1/anat/{EVIL}", "sub-1", facts),
        "model": SimpleNamespace(name=EVIL, digest="0" * 64),
        "space": "scanner",
        "prepared": {"Resolution": "8 x 8 x 8", "SourceSHA256": "1", "BrainMask": "template", "Settings": {"a_b": 1}},
        "quality": {**dict.fromkeys(MEASURED, 0.5), "noise": None},
        "numbers": {"overlap": 0.2, "size": 0.3},
        "limits": {"overlap": [0.9, 0.8, 0.95], "size": [0.3, 0.2, 0.4]},
        "warnings": [EVIL],
        "notes": [EVIL],
    }
    volume = np.random.default_rng(0).random((8, 8, 8)).astype(np.float32)
    return render(Report(**{**given, **changes}), volume, volume > 0.5)


def test_it_runs_nothing_and_loads_nothing():
    page = report()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert f'content="{POLICY}"'.replace("'", "&#39;") in page
    assert all(source.startswith("data:image/png") for source in re.findall(r'(?:src|href)="([^"]*)', page))
    assert "url(" not in page


def test_a_measure_is_shown_beside_the_trainings_with_a_verdict():
    page = report()
    overlap, size = re.findall(r"<tr>(.*?)</tr>", page, flags=re.S)[1:3]
    assert ">0.2<" in overlap
    assert "0.8 to 0.95" in overlap
    assert ">unlike<" in overlap
    assert ">like<" in size
    assert "Look at this scan." in page
    assert "Nothing stands out." in report(warnings=[])
    assert "does not say what its training" in report(numbers={}, limits={})
