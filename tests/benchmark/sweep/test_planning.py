import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmark.errors import UserError
from benchmark.metrics.settings import EvaluationSettings
from benchmark.sweep.config import read_sweep
from benchmark.sweep.cost import MIB, Cost, Size
from benchmark.sweep.keys import RunParts, ScoreParts
from benchmark.sweep.machine import Machine
from benchmark.sweep.plan_text import Limits, advice, gib, plan_text
from benchmark.sweep.planning import Plan, PlannedRun, make_plan, planned_runs
from benchmark.sweep.run import Run
from benchmark.sweep.runs import runs_of
from benchmark.sweep.timing import memory_mib

pytestmark = pytest.mark.slow

PLENTY = Limits(math.inf, math.inf, math.inf, math.inf)
NETWORK = "baselines.autoencoder.Autoencoder"
CLOSED = "baselines.pca_voxels.PCAVoxels"


def planned(
    seconds=10.0, memory=1000.0, gpu=0.0, disk=1.0, method="m", base="", state="new", batch=8, shape=(80, 96, 80),
    seed=1, kind=NETWORK,
):  # fmt: skip
    """A run whose key is its method's name and seed."""
    config = {
        "model": {"class_path": kind},
        "trainer": {"max_epochs": 10},
        "data": {"batch_size": batch, "preprocessing": {"shape": list(shape), "spacing": 2.0}},
    }
    keys, parts = (f"{method}-{seed}", "", Path("none"), f"{base}-{seed}"), RunParts(config, {}, {}, {})
    run = Run(method, "pooled", "", seed, config, *keys, 80, parts, ScoreParts())
    cost = Cost() if state == "done" else Cost(seconds, 0.0, 0.0, memory, gpu, disk)
    return PlannedRun(run, state, Size.of(config, 80, 100), 4, bool(base), cost)


def plan(runs, workers=2, gpus=0, store=0.0, cores=4):
    return Plan(list(runs), Machine(workers, cores, 1, gpus), store)


def test_costs_grow_with_scans_epochs_and_voxels():
    cost = Cost(3.0, 2.0, 1.0, memory_mib=10, gpu_mib=5, disk_mib=7)
    small = Size(train=20, scans=25, epochs=3, voxels=100, held=4)
    assert cost.scaled(small, small) == cost
    # Four times the scans, twice the epochs, eight times the voxels, twice the batch.
    larger = cost.scaled(small, Size(80, 100, 6, 800, 8))
    assert larger == Cost(3.0 * 4 * 2 * 8, 2.0 * 4 * 8, 1.0 * 4**1.5, 10 * 8 * 2, 5 * 8 * 2, 7)


def test_costs_add_up_unless_one_is_not_known():
    assert Cost.combined([Cost(1.0, disk_mib=2.0), Cost(scoring_seconds=3.0, disk_mib=1.0)], sum) == Cost(
        1.0, 0.0, 3.0, disk_mib=3.0
    )
    assert Cost.combined([Cost(problem="no"), Cost(2.0)], sum) == Cost(problem="no")


def test_a_network_holds_a_batch_and_any_other_method_all_training_scans():
    assert (planned().size.held, planned().size.epochs) == (8, 10)
    assert (planned(kind=CLOSED).size.held, planned(kind=CLOSED).size.epochs) == (80, 1)
    base = {"class_path": CLOSED}
    config = planned().run.config | {"model": {"class_path": "baselines.combat.ComBat", "init_args": {"base": base}}}
    assert Size.of(config, 80, 100) == planned(kind=CLOSED).size
    # The epochs of a base that another run trains are not its own.
    assert Size.of(planned().run.config, 80, 100, trained_base=True) == replace(planned().size, epochs=1)
    assert planned().size.store_mib == 100 * 80 * 96 * 80 * 2 / MIB


def test_workers_take_the_longest_first_and_a_base_before_what_stands_on_it():
    four = plan([planned(seconds, seed=seed) for seed, seconds in enumerate((5, 4, 3, 3))])
    assert four.wall_seconds(2) == 8
    assert four.wall_seconds(1) == 15
    # The other worker waits 6 s for the base.
    assert plan([planned(6, method="base"), planned(2, method="on it", base="base")]).wall_seconds(2) == 8
    assert plan([planned(6, state="done"), planned(2, seed=2)]).wall_seconds(2) == 2
    assert plan([]).wall_seconds(2) == 0


def test_all_that_fits_needs_no_advice():
    assert advice(plan([planned(seed=seed) for seed in range(4)], workers=4), PLENTY) == []
    assert advice(plan([planned(state="done")]), Limits(0, 0, 0, 0)) == []


def test_fewer_workers_where_memory_is_short():
    runs = [planned(memory=4500, seed=seed) for seed in range(4)]
    (line,) = advice(plan(runs), Limits(8192, math.inf, math.inf, math.inf))
    assert line == "2 workers need 8.8 GiB of 8.0 GiB free memory: set workers 1 (about 40 s)"


def test_a_smaller_batch_where_not_even_one_worker_fits_and_else_a_coarser_grid():
    (line,) = advice(plan([planned(memory=9000)]), Limits(6000, *[math.inf] * 3))
    # 5400 MiB may be used: 0.6 of the batch.
    assert line.endswith("set data.batch_size 4 with compute.accumulate 2, as many scans a step")
    for line in (
        *advice(plan([planned(memory=9000)]), Limits(1500, *[math.inf] * 3)),
        *advice(plan([planned(memory=9000, kind=CLOSED)]), Limits(4000, *[math.inf] * 3)),
    ):
        assert line.endswith("set data.preprocessing.shape [40, 48, 40] with data.preprocessing.spacing 4")


def test_the_gpu_s_memory_bounds_the_batch():
    (line,) = advice(plan([planned(gpu=32768, batch=16)], gpus=1), Limits(1e9, 24576, 1e9, 1e9))
    assert line == (
        "a batch of 16 of m needs 32.0 GiB of the GPU's 24.0 GiB: set data.batch_size 8 with compute.accumulate 2, "
        "as many scans a step"
    )


def test_a_coarser_grid_where_the_store_does_not_fit_the_disk():
    (line,) = advice(plan([planned(shape=(160, 192, 160))], store=120 * 1024), Limits(1e9, 1e9, 80 * 1024, 80 * 1024))
    # Three quarters of each axis are 0.42 of the voxels.
    assert line == (
        "volume stores of 120.0 GiB do not fit the 80.0 GiB free at data.cache_dir: set data.preprocessing.shape "
        "[120, 144, 120] with data.preprocessing.spacing 2.67, or another data.cache_dir"
    )
    (line,) = advice(plan([planned(disk=2e6)]), Limits(1e9, 1e9, 1e6, 1e6))
    assert line.startswith("results of 1953.1 GiB do not fit")


def test_more_workers_where_cores_are_idle_and_fewer_where_they_are_shared():
    runs = [planned(seed=seed) for seed in range(4)]
    assert advice(plan(runs), PLENTY) == ["workers 4 would fit too: about 10 s, were each as fast as now"]
    assert advice(plan(runs, workers=8), PLENTY) == ["8 workers share 4 cores: set workers 4"]


def test_memory_and_disk_add_up():
    found = plan([planned(memory=100, seed=1), planned(memory=300, seed=2), planned(memory=200, seed=3)])
    assert found.memory_mib(2) == 500
    assert found.disk_mib == 3 * 1
    assert gib(2048) == "2.0 GiB"
    assert "GPU-hours: 1.00" in plan_text(plan([planned(3600)], gpus=1), PLENTY)
    assert "GPU-hours" not in plan_text(found, PLENTY)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"scans": 3}, "--scans: 3 is not allowed; it must be an integer >= 50"),
        ({"sites": 8}, "--sites: only with --scans"),
        ({"scans": 100, "sites": 1}, "--sites: 1 is not allowed; it must be an integer >= 2"),
    ],
)
def test_options_that_make_no_sense_are_refused(smoke, tmp_path, asked, message):
    with pytest.raises(UserError, match=re.escape(message)):
        planned_runs(read_sweep(smoke()), tmp_path, **asked)


def test_scans_that_are_not_there_can_be_asked_for(smoke, combat_of_the_autoencoder, tmp_path):
    methods = [combat_of_the_autoencoder, "autoencoder"]
    sweep = read_sweep(smoke(seeds={"pooled": [1], "leave_one_site_out": [1]}, methods=methods))
    runs = planned_runs(sweep, tmp_path, scans=1000, sites=4)
    assert len(runs) == 2 * (1 + 4)
    assert not any(planned.has_data for planned in runs)
    # Of 750 training scans at four sites, 187 or 188 are held out.
    assert {(planned.run.protocol, planned.size.scans, planned.size.train, planned.sites) for planned in runs} == {
        ("pooled", 1000, 750, 4), ("leave_one_site_out", 1000, 562, 4), ("leave_one_site_out", 1000, 563, 4),
    }  # fmt: skip
    assert {planned.run.method for planned in runs if planned.trained_base} == {"combat"}
    pooled = [replace(planned, cost=Cost(5.0)) for planned in runs if planned.run.protocol == "pooled"]
    assert plan(pooled).wall_seconds(8) == 10


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
    overrides = {"trainer.max_epochs": 6, "data.preprocessing.shape": [32, 48, 32]}
    (due,) = planned_runs(read_sweep(smoke(methods=["autoencoder"], overrides=overrides)), tmp_path)
    size, batch = due.size, due.run.config["data"]["batch_size"]
    folder = tmp_path / "runs" / "0"
    folder.mkdir(parents=True)
    config = {
        "model": {"class_path": NETWORK},
        "trainer": {"max_epochs": 3},
        "data": {"batch_size": batch, "preprocessing": {"shape": [16, 24, 16]}},
    }
    marker = {
        "method": "autoencoder", "protocol": "pooled", "run_parts": {"config": config}, "training_seconds": 3.0,
        "scoring_seconds": 2.0, "peak_memory_mib": memory_mib() + 100, "peak_gpu_memory_mib": 7,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(marker))
    splits = ["train"] * (2 * size.train) + ["test"] * (size.scans - 2 * size.train)
    pd.DataFrame({"split": splits}).to_parquet(folder / "embeddings.parquet")
    (found,) = (planned.cost for planned in make_plan([due], tmp_path, EvaluationSettings(), 1).runs)
    assert found.training_seconds == pytest.approx(3.0 * 2 * 8 / 2)
    assert found.scoring_seconds == pytest.approx(2.0 * (size.scans / len(splits)) ** 1.5)
    assert found.memory_mib == pytest.approx(memory_mib() + 8 * 100, abs=30)
    assert found.gpu_mib == 8 * 7


def test_only_the_sites_that_a_sweep_names_are_held_out(smoke, tmp_path):
    def sweep(sites):
        seeds = {"pooled": [], "leave_one_site_out": [7]}
        return read_sweep(smoke(methods=["random_vectors"], seeds=seeds, held_out_sites=sites))

    named = runs_of(sweep(["phantom-PPMI", "phantom-ADNI2"]), tmp_path)
    assert [run.held_out_site for run in named] == ["phantom-ADNI2", "phantom-PPMI"]
    every = {run.held_out_site: run.run_key for run in runs_of(sweep([]), tmp_path)}
    assert len(every) == 8
    assert {run.held_out_site: run.run_key for run in named}.items() <= every.items()
    # Of data that are not looked at, as many.
    made_up = planned_runs(sweep(["phantom-PPMI", "phantom-ADNI2"]), tmp_path, scans=100, sites=4)
    assert len({each.run.held_out_site for each in made_up}) == len(made_up) == 2
    with pytest.raises(UserError, match="field 'held_out_sites': 'PPMI' is no site of the data; allowed: phantom-A"):
        runs_of(sweep(["PPMI"]), tmp_path)
    with pytest.raises(UserError, match="field 'held_out_sites': 'PPMI' is not allowed; it must be a list"):
        sweep("PPMI")
