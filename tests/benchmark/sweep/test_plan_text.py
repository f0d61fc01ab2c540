"""What a sweep says before it starts and when it ends."""

from __future__ import annotations

from pathlib import Path

from benchmark.configs import SWEEPS
from benchmark.sweep import plan_text
from benchmark.sweep.config import read_sweep


def test_before_the_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sweep = read_sweep(SWEEPS / "smoke.yaml")
    lines, due = plan_text.start_text(sweep, Path("out"))
    assert due == 11
    assert lines[0].startswith("11 methods, 11 runs, 11 to do, ")
    assert lines[0].endswith("; results: out")
    assert lines[1] == "to be made first: 1 phantom, about 136 scans"
    assert lines[2].startswith("estimate: about ")
    assert "(rough: from earlier runs, else from volume sizes); phantoms, volume stores" in lines[2]
    assert len(lines) == 3
    assert list(tmp_path.iterdir()) == []


def test_long_sweeps_are_timed_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = []
    real = plan_text.make_plan

    def plan(*arguments, measure=True):
        asked.append(measure)
        return real(*arguments, measure=False)

    monkeypatch.setattr(plan_text, "make_plan", plan)
    monkeypatch.setattr(plan_text, "WORTH_TIMING", 1.0)
    lines, _ = plan_text.start_text(read_sweep(SWEEPS / "smoke.yaml"), Path("out"))
    assert asked == [False, True]
    assert "from finished runs or a few timed steps" in lines[2]


def test_at_the_end():
    out = Path("results/mine")
    page = "page: seada-bench tables results/mine writes results/mine/tables/report.html"
    assert plan_text.end_text(3, 0, 90, out) == f"3 runs done in 90 s; {page}"
    assert plan_text.end_text(3, 1, 600, out) == f"2 of 3 runs done in 10 min; {page}"
