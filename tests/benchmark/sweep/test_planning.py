import math
import re

import pandas as pd
import pytest

from benchmark.configs import METHODS
from benchmark.errors import UserError
from benchmark.metrics.settings import EvaluationSettings
from benchmark.sweep.advice import Limits, advice, disk_of, gib, memory_of
from benchmark.sweep.calibrating import Machine
from benchmark.sweep.calibration import MethodCost, measure_method
from benchmark.sweep.config import read_sweep
from benchmark.sweep.planning import Plan, WorkCost, makespan, training_seconds
from benchmark.sweep.scoring_cost import measure_scoring
from benchmark.sweep.synthetic import synthetic_embeddings, synthetic_scans
from benchmark.sweep.works import Question, Work, works_of
from benchmark.train.resolve import resolve

pytestmark = pytest.mark.slow

PLENTY = Limits(math.inf, math.inf, math.inf, math.inf)


def work(method="m", base="", state="new", train=80, scans=100, epochs=10, batch=8, shape=(80, 96, 80), seed=1):
    config = {
        "trainer": {"max_epochs": epochs},
        "data": {"batch_size": batch, "preprocessing": {"shape": list(shape), "spacing": 2.0}},
    }
    table = pd.DataFrame({"split": ["train"] * train + ["test"] * (scans - train)})
    return Work(f"{method} {seed}", method, "pooled", "", seed, state, "", config, table, train, base)


def cost(seconds=10.0, memory=1000.0, gpu=0.0, disk=1.0, method_cost=None, **fields):
    return WorkCost(work(**fields), seconds, 0.0, memory, gpu, disk, 2.0, method_cost or MethodCost())


def plan(costs, workers=2, gpus=0, store=0.0, cores=4):
    machine = Machine(workers, cores, 1, gpus)
    return Plan(list(costs), machine, makespan(costs, workers), 0.0, store, 0.0, 0.0)


def test_time_follows_from_steps_epochs_and_scans():
    method = MethodCost(step_seconds=0.5, epoch_seconds=0.2, scan_seconds=0.01, after_seconds=0.02, fixed_seconds=3.0)
    # 10 epochs of 80 // 8 steps; then 80 training scans, 100 scans, once.
    assert training_seconds(work(), method) == pytest.approx(10 * (10 * 0.5 + 0.2) + 80 * 0.02 + 100 * 0.01 + 3.0)
    # A base that another cell trains takes no epochs.
    assert training_seconds(work(base="a"), method) == pytest.approx(80 * 0.02 + 100 * 0.01 + 3.0)
    assert training_seconds(work(), MethodCost(fixed_seconds=1.0)) == 1.0


def test_workers_take_the_longest_first_and_a_base_before_what_stands_on_it():
    assert makespan([cost(5, seed=1), cost(4, seed=2), cost(3, seed=3), cost(3, seed=4)], 2) == 8
    assert makespan([cost(5, seed=1), cost(4, seed=2)], 1) == 9
    # The other worker waits 6 s for the base.
    assert makespan([cost(6, method="base"), cost(2, method="on it", base="base")], 2) == 8
    assert makespan([cost(6, state="done"), cost(2, seed=2)], 2) == 2
    assert makespan([], 2) == 0


def test_all_that_fits_needs_no_advice():
    assert advice(plan([cost(seed=seed) for seed in range(4)], workers=4), PLENTY) == []
    assert advice(plan([cost(state="done")]), Limits(0, 0, 0, 0)) == []


def test_fewer_workers_where_memory_is_short():
    costs = [cost(memory=4500, seed=seed) for seed in range(4)]
    (line,) = advice(plan(costs), Limits(8192, math.inf, math.inf, math.inf))
    assert line == "2 workers need 8.8 GiB of 8.0 GiB free memory: set workers 1 (about 40 s)"


def test_a_smaller_batch_with_accumulation_where_not_even_one_worker_fits():
    large = MethodCost(memory_per_scan_mib=1000)
    (line,) = advice(plan([cost(memory=9000, method_cost=large, batch=8)]), Limits(6000, *[math.inf] * 3))
    # Of 5400 MiB that may be used 1000 are not the batch's: 4 scans fit.
    assert line.endswith("set data.batch_size 4 with trainer.accumulate_grad_batches 2, as many scans a step")
    (line,) = advice(plan([cost(memory=9000, method_cost=large, batch=8)]), Limits(2500, *[math.inf] * 3))
    assert line.endswith("set data.preprocessing.shape [40, 48, 40] with data.preprocessing.spacing 4")


def test_the_gpu_s_memory_bounds_the_batch():
    method = MethodCost(gpu_per_scan_mib=2048, accumulates=False)
    (line,) = advice(plan([cost(gpu=32768, method_cost=method, batch=16)], gpus=1), Limits(1e9, 24576, 1e9, 1e9))
    assert line == (
        "a batch of 16 of m needs 32.0 GiB of the GPU's 24.0 GiB: set data.batch_size 8 (two optimisers cannot "
        "accumulate gradients: other steps, other numbers)"
    )


def test_a_coarser_grid_where_the_store_does_not_fit_the_disk():
    costs = [cost(shape=(160, 192, 160))]
    (line,) = advice(plan(costs, store=120 * 1024), Limits(1e9, 1e9, 80 * 1024, 80 * 1024))
    # Half of each axis is an eighth of the voxels; three quarters would need 51 GiB, which fits.
    assert line == (
        "volume stores of 120.0 GiB do not fit the 80.0 GiB free at data.cache_dir: set data.preprocessing.shape "
        "[120, 144, 120] with data.preprocessing.spacing 2.67, which needs 50.6 GiB, or another data.cache_dir"
    )
    (line,) = advice(plan([cost(disk=2e6)]), Limits(1e9, 1e9, 1e6, 1e6))
    assert line.startswith("results of 1953.1 GiB do not fit")


def test_more_workers_where_cores_are_idle_and_fewer_where_they_are_shared():
    costs = [cost(seed=seed) for seed in range(4)]
    assert advice(plan(costs, workers=2), PLENTY) == ["workers 4 would fit too: about 10 s, were each as fast as now"]
    assert advice(plan(costs, workers=8), PLENTY) == ["8 workers share 4 cores: set workers 4"]


def test_memory_and_disk_add_up():
    planned = plan([cost(memory=100, seed=1), cost(memory=300, seed=2), cost(memory=200, seed=3)])
    assert memory_of(planned, 2) == 500
    assert disk_of(planned) == 3 * 1 + 2 * 2
    assert gib(2048) == "2.0 GiB"
    assert plan([cost(3600)], gpus=1).gpu_hours == 1.0
    assert planned.gpu_hours == 0.0


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"scans": 3}, "--scans: 3 is not allowed; it must be an integer >= 50"),
        ({"sites": 8}, "--sites: only with --scans"),
        ({"scans": 100, "sites": 1}, "--sites: 1 is not allowed; it must be an integer >= 2"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(asked, message):
    with pytest.raises(UserError, match=re.escape(message)):
        Question(**asked)


def test_scans_that_are_not_there_can_be_asked_for(smoke, tmp_path):
    sweep = read_sweep(smoke(seeds={"pooled": [1], "leave_one_site_out": [1]}, methods=["combat", "autoencoder"]))
    question = Question(scans=1000, sites=4, shape=(160, 192, 160))
    works = works_of(question.of(sweep), tmp_path, question)
    assert len(works) == 2 * (1 + 4)
    assert {one.voxels for one in works} == {160 * 192 * 160}
    assert {(one.protocol, len(one.scans), one.train) for one in works} == {
        ("pooled", 1000, 750), ("leave_one_site_out", 1000, 562), ("leave_one_site_out", 1000, 563),
    }  # fmt: skip
    assert {one.base_key for one in works} == {"autoencoder", ""}


def test_a_phantom_that_is_not_there_is_not_made_for_a_plan(smoke, tmp_path, inside):
    config = smoke(methods=["autoencoder", "random_vectors"], phantom={"out": str(tmp_path / "none")})
    done = inside("sweep", "--config", config, "--out", tmp_path / "out", "--plan")
    assert done.stdout.count(" new ") == 2
    assert not (tmp_path / "none").exists()
    assert not (tmp_path / "out").exists()
    for text in ("wall time: about", "memory: up to", "disk: volume stores to build", "calibrated in"):
        assert text in done.stdout
    again = inside("sweep", "--config", config, "--out", tmp_path / "out", "--plan", "--shape", "[16,24,16]")
    assert "calibrated in 0 s" in again.stdout  # the same shape, from the cache
    wrong = inside("sweep", "--config", config, "--scans", 100, check=False)
    assert (wrong.returncode, wrong.stderr) == (2, "error: --scans: only with --plan\n")


def test_a_few_steps_on_noise_tell_what_a_method_costs():
    size = {"data.preprocessing.shape": [16, 24, 16], "data.preprocessing.spacing": 10.0}
    found = MethodCost(**measure_method(resolve(METHODS / "seada_stabilised.yaml", size), 8))
    assert found.problem == ""
    assert 0 < found.step_seconds < 5
    assert 0 < found.scan_seconds < 1
    assert found.checkpoint_mib < found.resume_mib
    assert not found.accumulates
    fitted = MethodCost(**measure_method(resolve(METHODS / "pca_voxels.yaml", size), 8))
    assert fitted.step_seconds == 0
    assert fitted.after_seconds > 0
    broken = resolve(METHODS / "pca_voxels.yaml", size)
    broken["model"]["init_args"]["ldr_dim"] = 5000
    assert MethodCost(**measure_method(broken, 8)).problem.startswith("MethodError: PCAVoxels: ldr_dim 5000")


def test_made_up_embeddings_are_scored_like_real_ones():
    scans = synthetic_scans(80, 80, 4)
    assert scans.groupby("site")["split"].value_counts().eq(20).all()
    assert {"z31", "s7", "anatomy_7", "rec_ssim"} <= set(synthetic_embeddings(scans, anatomy=True))
    light = EvaluationSettings(probes=("linear",), permutations=0, test_permutations=2, bootstrap=2, inner_folds=0)
    found = measure_scoring(scans, light, "site01", anatomy=False)
    assert found["problem"] == ""
    assert found["seconds"] > 0
