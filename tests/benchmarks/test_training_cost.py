"""Scripts that print what starting, training and scoring cost."""

from __future__ import annotations

import re

import pytest

from benchmarks import startup, training_cost

pytestmark = [pytest.mark.needs("train"), pytest.mark.slow]


@pytest.mark.parametrize("method", ["autoencoder", "seada_balanced"])
def test_training_is_timed_beside_the_bare_loop(method, capsys):
    training_cost.main((method,), scans=64, spacing=10.0, shape=(16, 24, 16), epochs=1, repeats=1, scored=0)
    out = capsys.readouterr().out
    suite, bare, ratio = map(float, re.search(rf"^{method} +([\d.]+) +([\d.]+) +([\d.]+)$", out, re.MULTILINE).groups())
    # Whatever the suite does beside the bare loop takes time.
    assert suite > bare > 0
    assert ratio == pytest.approx(suite / bare, rel=0.2)


def test_every_metric_is_timed(capsys):
    training_cost.main((), scans=64, spacing=10.0, shape=(16, 24, 16), scored=60)
    lines = capsys.readouterr().out.splitlines()
    assert {"retrieval", "leakage", "ilisi"} <= {line.split()[0] for line in lines if line.endswith("%")}


def test_work_of_a_command_is_counted(capsys, monkeypatch):
    assert startup.cpu_seconds("-c", "sum(range(10**7))") > startup.cpu_seconds("-c", "pass") > 0
    monkeypatch.setattr(startup, "COMMANDS", ("--help",))
    startup.main(repeats=1)
    assert re.search(r"^--help +\d+\.\d\d s +\d+$", capsys.readouterr().out, re.MULTILINE)
