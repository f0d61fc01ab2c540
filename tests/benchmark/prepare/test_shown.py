"""What is seen of work on many scans."""

from __future__ import annotations

import io
import re

from benchmark.prepare import shown
from benchmark.prepare.preprocess.parallel import mapped


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_log_gets_a_line_a_minute_with_the_time_left(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(shown.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    with shown.Shown(100, "phantom a", stream) as progress:
        for _ in range(5):
            now[0] += 30
            progress.update(10)
    lines = stream.getvalue().splitlines()
    assert [line[20:] for line in lines] == [
        "phantom a: 20/100 scans, about 4 min left",
        "phantom a: 40/100 scans, about 3 min left",
    ]
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", line) for line in lines)


def test_the_start_of_processes_is_no_part_of_the_pace(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(shown.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    with shown.Shown(130, "phantom a", stream) as progress:
        for seconds, scans in ((70, 10), (60, 60)):
            now[0] += seconds
            progress.update(scans)
    assert [line[20:] for line in stream.getvalue().splitlines()] == [
        "phantom a: 10/130 scans",
        "phantom a: 70/130 scans, about 1 min left",
    ]


def test_a_terminal_gets_a_bar():
    stream = Terminal()
    with shown.Shown(4, "phantom a", stream) as progress:
        progress.update(4)
    assert "phantom a: 100%" in stream.getvalue()


def test_work_on_many_scans_is_seen_in_a_log(monkeypatch, capsys):
    monkeypatch.setattr(shown, "LINE_EVERY", 0.0)
    assert mapped(lambda row: {"row": row}, [1, 2, 3], 1, "bids", progress=True) == [{"row": 1}, {"row": 2}, {"row": 3}]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0][20:] == "bids: 1/3 scans"
    assert len(lines) == 3
    mapped(lambda row: {"row": row}, [1], 1, "bids", progress=False)
    assert capsys.readouterr().err == ""
