import json
import math
import re

import pandas as pd
import pytest

from benchmark.errors import UserError
from benchmark.metrics.settings import EvaluationSettings
from benchmark.sweep.config import read_sweep
from benchmark.sweep.machine import Machine
from benchmark.sweep.plan_text import Limits, advice, disk_of, gib, memory_of, plan_text
from benchmark.sweep.planning import Estimate, Plan, PlannedRun, PlanOptions, _from_timings, make_plan, planned_runs
from benchmark.sweep.timing import MIB, Timing, memory_mib

pytestmark = pytest.mark.slow

PLENTY = Limits(math.inf, math.inf, math.inf, math.inf)
NETWORK = "baselines.autoencoder.Autoencoder"
CLOSED = "baselines.pca_voxels.PCAVoxels"


def planned(
    method="m", base="", state="new", train=80, scans=100, epochs=10, batch=8, shape=(80, 96, 80), seed=1, kind=NETWORK
):
    config = {
        "model": {"class_path": kind},
        "trainer": {"max_epochs": epochs},
        "data": {"batch_size": batch, "preprocessing": {"shape": list(shape), "spacing": 2.0}},
    }
    return PlannedRun(method, "pooled", "", seed, state, "", config, train, scans, 4, base)


def estimate(seconds=10.0, memory=1000.0, gpu=0.0, disk=1.0, **fields):
    return Estimate(planned(**fields), seconds, 0.0, memory, gpu, disk, 2.0)


def plan(estimates, workers=2, gpus=0, store=0.0, cores=4):
    return Plan(list(estimates), Machine(workers, cores, 1, gpus), store)


def test_time_follows_from_steps_epochs_and_scans():
    timing = Timing(0.5, 4, fit_seconds=0.4, fitted=20, scan_seconds=0.01, fixed_seconds=3.0, epochs=True)
    scoring = Timing(fit_seconds=2.0, fitted=25)
    found = _from_timings(planned(), timing, scoring)
    # 10 epochs of 80 // 8 steps, each twice the timed one; then 80 training scans, 100 scans, once.
    assert found.training_seconds == pytest.approx(10 * 10 * 2 * 0.5 + 80 * 0.4 / 20 + 100 * 0.01 + 3.0)
    # Four times the scans.
    assert found.scoring_seconds == pytest.approx(2.0 * 4**1.5)
    # A base that another run trains takes no epochs.
    assert _from_timings(planned(base="a"), timing, scoring).training_seconds == pytest.approx(1.6 + 1.0 + 3.0)
    assert _from_timings(planned(), Timing(problem="no"), scoring).problem == "no"


def test_memory_follows_the_batch_or_all_training_scans():
    scoring, store = Timing(fitted=100), 100 * 80 * 96 * 80 * 2 / MIB
    network = _from_timings(planned(batch=8), Timing(batch=2, epochs=True, memory_mib=10, gpu_mib=5), scoring)
    closed = _from_timings(planned(kind=CLOSED), Timing(fitted=20, memory_mib=10), scoring)
    assert network.memory_mib - memory_mib() - store == pytest.approx(4 * 10, abs=1)
    assert closed.memory_mib - memory_mib() - store == pytest.approx(4 * 10, abs=1)
    assert network.gpu_mib == 20


def test_workers_take_the_longest_first_and_a_base_before_what_stands_on_it():
    four = plan([estimate(seconds, seed=seed) for seed, seconds in enumerate((5, 4, 3, 3))])
    assert four.wall_seconds(2) == 8
    assert four.wall_seconds(1) == 15
    # The other worker waits 6 s for the base.
    assert plan([estimate(6, method="base"), estimate(2, method="on it", base="base")]).wall_seconds(2) == 8
    assert plan([estimate(6, state="done"), estimate(2, seed=2)]).wall_seconds(2) == 2
    assert plan([]).wall_seconds(2) == 0


def test_all_that_fits_needs_no_advice():
    assert advice(plan([estimate(seed=seed) for seed in range(4)], workers=4), PLENTY) == []
    assert advice(plan([estimate(state="done")]), Limits(0, 0, 0, 0)) == []


def test_fewer_workers_where_memory_is_short():
    estimates = [estimate(memory=4500, seed=seed) for seed in range(4)]
    (line,) = advice(plan(estimates), Limits(8192, math.inf, math.inf, math.inf))
    assert line == "2 workers need 8.8 GiB of 8.0 GiB free memory: set workers 1 (about 40 s)"


def test_a_smaller_batch_where_not_even_one_worker_fits_and_else_a_coarser_grid():
    (line,) = advice(plan([estimate(memory=9000)]), Limits(6000, *[math.inf] * 3))
    # 5400 MiB may be used: 0.6 of the batch.
    assert line.endswith("set data.batch_size 4 with compute.accumulate 2, as many scans a step")
    for line in (
        *advice(plan([estimate(memory=9000)]), Limits(1500, *[math.inf] * 3)),
        *advice(plan([estimate(memory=9000, kind=CLOSED)]), Limits(4000, *[math.inf] * 3)),
    ):
        assert line.endswith("set data.preprocessing.shape [40, 48, 40] with data.preprocessing.spacing 4")


def test_the_gpu_s_memory_bounds_the_batch():
    (line,) = advice(plan([estimate(gpu=32768, batch=16)], gpus=1), Limits(1e9, 24576, 1e9, 1e9))
    assert line == (
        "a batch of 16 of m needs 32.0 GiB of the GPU's 24.0 GiB: set data.batch_size 8 with compute.accumulate 2, "
        "as many scans a step"
    )


def test_a_coarser_grid_where_the_store_does_not_fit_the_disk():
    (line,) = advice(plan([estimate(shape=(160, 192, 160))], store=120 * 1024), Limits(1e9, 1e9, 80 * 1024, 80 * 1024))
    # Three quarters of each axis are 0.42 of the voxels.
    assert line == (
        "volume stores of 120.0 GiB do not fit the 80.0 GiB free at data.cache_dir: set data.preprocessing.shape "
        "[120, 144, 120] with data.preprocessing.spacing 2.67, or another data.cache_dir"
    )
    (line,) = advice(plan([estimate(disk=2e6)]), Limits(1e9, 1e9, 1e6, 1e6))
    assert line.startswith("results of 1953.1 GiB do not fit")


def test_more_workers_where_cores_are_idle_and_fewer_where_they_are_shared():
    estimates = [estimate(seed=seed) for seed in range(4)]
    assert advice(plan(estimates), PLENTY) == ["workers 4 would fit too: about 10 s, were each as fast as now"]
    assert advice(plan(estimates, workers=8), PLENTY) == ["8 workers share 4 cores: set workers 4"]


def test_memory_and_disk_add_up():
    found = plan([estimate(memory=100, seed=1), estimate(memory=300, seed=2), estimate(memory=200, seed=3)])
    assert memory_of(found, 2) == 500
    assert disk_of(found) == 3 * 1 + 2 * 2
    assert gib(2048) == "2.0 GiB"
    assert "GPU-hours: 1.00" in plan_text(plan([estimate(3600)], gpus=1), PLENTY)
    assert "GPU-hours" not in plan_text(found, PLENTY)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"scans": 3}, "--scans: 3 is not allowed; it must be an integer >= 50"),
        ({"sites": 8}, "--sites: only with --scans"),
        ({"scans": 100, "sites": 1}, "--sites: 1 is not allowed; it must be an integer >= 2"),
    ],
)
def test_options_that_make_no_sense_are_refused(asked, message):
    with pytest.raises(UserError, match=re.escape(message)):
        PlanOptions(**asked)


def test_scans_that_are_not_there_can_be_asked_for(smoke, tmp_path):
    sweep = read_sweep(smoke(seeds={"pooled": [1], "leave_one_site_out": [1]}, methods=["combat", "autoencoder"]))
    options = PlanOptions(scans=1000, sites=4, shape=(160, 192, 160))
    runs = planned_runs(options.of(sweep), tmp_path, options)
    assert len(runs) == 2 * (1 + 4)
    assert {run.voxels for run in runs} == {160 * 192 * 160}
    assert {(run.protocol, run.scans, run.train, run.sites) for run in runs} == {
        ("pooled", 1000, 750, 4), ("leave_one_site_out", 1000, 562, 4),
    }  # fmt: skip
    assert {run.base for run in runs if run.method == "combat"} == {"autoencoder"}
    assert plan([Estimate(run, 5.0) for run in runs if run.protocol == "pooled"]).wall_seconds(8) == 10


def test_a_phantom_that_is_not_there_is_not_made_for_a_plan(smoke, tmp_path, inside):
    config = smoke(methods=["autoencoder", "random_vectors"], phantom={"out": str(tmp_path / "none")})
    done = inside("sweep", "--config", config, "--out", tmp_path / "out", "--plan")
    assert done.stdout.count(" new ") == 2
    assert not (tmp_path / "none").exists()
    assert not (tmp_path / "out").exists()
    for text in ("wall time: about", "memory: up to", "disk: volume stores to build", "a few steps on noise"):
        assert text in done.stdout
    wrong = inside("sweep", "--config", config, "--scans", 100, check=False)
    assert (wrong.returncode, wrong.stderr) == (2, "error: --scans: only with --plan\n")


def test_finished_runs_tell_what_others_of_their_method_take(smoke, tmp_path, monkeypatch):
    """Twice the epochs on eight times the voxels, and nothing is timed."""
    monkeypatch.setattr("benchmark.sweep.planning.timings", None)
    options = PlanOptions(shape=(32, 48, 32))
    sweep = read_sweep(smoke(methods=["autoencoder"], overrides={"trainer.max_epochs": 6}))
    (run,) = planned_runs(options.of(sweep), tmp_path, options)
    folder = tmp_path / "runs" / "0"
    folder.mkdir(parents=True)
    config = {
        "trainer": {"max_epochs": 3},
        "data": {"batch_size": run.batch, "preprocessing": {"shape": [16, 24, 16]}},
    }
    marker = {
        "method": "autoencoder", "protocol": "pooled", "run_parts": {"config": config}, "training_seconds": 3.0,
        "scoring_seconds": 2.0, "peak_memory_mib": memory_mib() + 100, "peak_gpu_memory_mib": 7,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(marker))
    splits = ["train"] * (2 * run.train) + ["test"] * (run.scans - 2 * run.train)
    pd.DataFrame({"split": splits}).to_parquet(folder / "embeddings.parquet")
    (found,) = make_plan([run], tmp_path, EvaluationSettings(), 1).estimates
    assert found.training_seconds == pytest.approx(3.0 * 2 * 8 / 2)
    assert found.scoring_seconds == pytest.approx(2.0 * (run.scans / len(splits)) ** 1.5)
    assert found.memory_mib == pytest.approx(memory_mib() + 8 * 100, abs=20)
    assert found.gpu_mib == 8 * 7
