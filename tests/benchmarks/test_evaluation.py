"""The comparison with other software is on the same scans, and says on how many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.metrics.evaluate import EvaluationSettings
from benchmark.metrics.scans import at_most, scored_scans
from benchmarks.evaluation import made_up, main, mixing_rivals, retrieval_rivals

pytest.importorskip("ranx")
pytest.importorskip("scib_metrics")

LIGHT = EvaluationSettings(
    probes=("knn",), permutations=0, mlp_permutations=0, test_permutations=0, inner_folds=0, probe_scans=60
)


def test_measures_of_mixing_are_timed_on_the_scans_that_ours_look_at():
    scans = scored_scans(made_up(200, 4, 3))
    seen = len(at_most(scans, LIGHT.probe_scans, LIGHT.seed))
    rivals = mixing_rivals(scans, LIGHT)
    assert {rival.scans for rival in rivals} == {seen}
    assert seen <= 60
    for rival in rivals:
        if rival.name.startswith("ours"):
            assert {score.n for score in rival.work()} <= set(range(1, seen + 1))


def test_retrieval_is_timed_on_the_headlines_labels():
    scans = scored_scans(made_up(1500, 4, 3))
    rivals = retrieval_rivals(scans)
    assert {rival.scans for rival in rivals} == {int(np.isin(scans.diagnosis, ("CN", "AD")).sum())}
    assert all(rival.times >= 1 for rival in rivals)


def test_every_line_says_how_many_scans(monkeypatch, capsys):
    rivals = [replace(one, work=lambda: None) for one in mixing_rivals(scored_scans(made_up(90, 4, 3)), LIGHT)]
    monkeypatch.setattr("benchmarks.evaluation.EvaluationSettings", lambda: LIGHT)
    monkeypatch.setattr("benchmarks.evaluation.retrieval_rivals", lambda scans: [])
    monkeypatch.setattr("benchmarks.evaluation.mixing_rivals", lambda scans, settings: rivals)
    main(scans=90, dimensions=4, sites=3, bootstrap=0, compare=True)
    lines = capsys.readouterr().out.splitlines()[2:]
    assert len(lines) == 4
    assert all(f", {rivals[0].scans} scans " in line for line in lines)
