"""A few steps and one scoring on noise."""

from __future__ import annotations

import itertools

import pytest
import torch

from benchmark.configs import METHODS
from benchmark.metrics.settings import EvaluationSettings
from benchmark.sweep.machine import Machine
from benchmark.sweep.noise import NoiseData, noise_embeddings, noise_scans
from benchmark.sweep.timing import time_method, time_scoring, timings
from benchmark.train.resolve import resolve

SIZE = {"data.preprocessing.shape": [16, 24, 16], "data.preprocessing.spacing": 10.0}
LIGHT = EvaluationSettings(probes=("linear",), permutations=0, test_permutations=2, bootstrap=2, inner_folds=0)


def test_a_few_steps_on_noise_tell_what_a_method_takes():
    found = time_method(resolve(METHODS / "seada_balanced.yaml", SIZE), 8)
    assert 0 < found.training_seconds < 1
    assert 0 < found.embedding_seconds < 1
    assert found.disk_mib > 0.1
    fitted = time_method(resolve(METHODS / "pca_voxels.yaml", SIZE), 8)
    assert fitted.training_seconds == 0
    assert fitted.embedding_seconds > 0


def test_of_a_batch_of_large_volumes_a_part_is_timed(monkeypatch):
    batches = []

    class Watched(NoiseData):
        def __init__(self, config, train, sites, batch):
            batches.append((train, batch))
            super().__init__(config, train, sites, batch)

    monkeypatch.setattr("benchmark.sweep.timing.BATCH_VOXELS", 3 * 16 * 24 * 16)
    monkeypatch.setattr("benchmark.sweep.timing.NoiseData", Watched)
    assert time_method(resolve(METHODS / "autoencoder.yaml", SIZE | {"data.batch_size": 8}), 4).training_seconds > 0
    assert batches == [(12, 3)]


def test_made_up_embeddings_are_scored_like_real_ones():
    scans = noise_scans(80, 80, 4)
    assert scans.groupby("site")["split"].value_counts().eq(20).all()
    assert {"z31", "s7", "m19", "c31", "rec_ssim"} <= set(noise_embeddings(scans))
    found = time_scoring(80, 80, 4, LIGHT, one_site=True)
    assert found.scoring_seconds > 0
    assert found.disk_mib > 0


def test_of_many_scans_a_part_is_scored(monkeypatch):
    monkeypatch.setattr("benchmark.sweep.timing.SCORED_SCANS", 80)
    monkeypatch.setattr("benchmark.sweep.timing._now", itertools.count(step=2).__next__)
    # Twice the scans that are scored, in what the clock says are 2 s.
    assert time_scoring(80, 80, 4, LIGHT, one_site=False).scoring_seconds == pytest.approx(2 * 2**1.5)


@pytest.mark.slow
def test_what_was_measured_is_kept_and_what_failed_is_said(tmp_path):
    wrong = resolve(METHODS / "pca_voxels.yaml", SIZE)
    wrong["model"]["init_args"]["ldr_dim"] = 5000
    tasks = {"a" * 64: (time_scoring, (30, 30, 2, LIGHT, False)), "b" * 64: (time_method, (wrong, 8))}
    machine = Machine(2, 2, torch.get_num_threads(), 0)
    assert timings(tasks, machine, tmp_path, measure=False) == {}
    found = timings(tasks, machine, tmp_path, measure=True)
    assert found["a" * 64].scoring_seconds > 0
    assert found["b" * 64].problem.startswith("MethodError: PCAVoxels: ldr_dim 5000")
    assert timings(tasks, machine, tmp_path, measure=False) == {"a" * 64: found["a" * 64]}
    (file,) = tmp_path.glob("timing/*.json")
    file.write_text("{")
    assert timings(tasks, machine, tmp_path, measure=False) == {}
