import json
import time

import pytest
import submitit
import yaml

from benchmark.cli import main
from benchmark.sweep.config import read_sweep
from benchmark.sweep.slurm import SlurmExecutor
from benchmark.sweep.submission import DONE, LIVE, Submission, SubmittedRun, read_submission, states, write_submission
from benchmark.sweep.sweep import run_sweep
from tests.conftest import untimed

pytestmark = pytest.mark.slow

SLURM = {"kind": "slurm", "time_minutes": 30}


@pytest.fixture
def sweep_file(smoke):
    """A sweep file for SLURM, as a function of its methods and its executor."""

    def write(methods, /, **executor):
        path = smoke(methods=methods)
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"executor": SLURM | executor}))
        return path

    return write


@pytest.fixture
def run(capsys):
    def call(*arguments):
        status = main([*map(str, arguments)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def ran(pretended, count):
    return list(pretended.scripts().items())[-count:]


def folder_of(out, name):
    runs = json.loads((out / "submission.json").read_text())["runs"]
    return next(out / place for place, run in runs.items() if run["name"].startswith(f"{name},"))


def test_runs_that_need_the_same_are_an_array_and_each_that_waits_is_a_job(
    pretended, sweep_file, run, combat_of_the_autoencoder, tmp_path
):
    config = sweep_file(
        ["seada", "autoencoder", combat_of_the_autoencoder, "random_vectors"],
        partition="gpu", account="science", throttle=7, cpus_per_task=4, mem_gb=1.5, gpus_per_node=2,
        setup=["module load cuda"], methods={"seada": {"nodes": 2, "time_minutes": 90}},
    )  # fmt: skip
    status, said, error = run("sweep", "--config", config, "--out", tmp_path / "out")
    assert status == 0, error
    assert "4 runs submitted, 0 done or in the queue before" in said
    assert f"seada-bench status {tmp_path}/out\nseada-bench collect {tmp_path}/out" in said
    seada, array, combat = pretended.scripts().values()
    for script in (seada, array, combat):
        for line in ("partition=gpu", "account=science", "cpus-per-task=4", "gpus-per-node=2", "mem=1536MB"):
            assert f"#SBATCH --{line}" in script
        assert "#SBATCH --ntasks-per-node=2" in script
        assert "\nmodule load cuda\nexport OMP_NUM_THREADS=4" in script
        assert "--kill-on-bad-exit=1" in script
    assert "#SBATCH --nodes=2" in seada
    assert "#SBATCH --time=90" in seada
    assert "--array" not in seada
    assert "#SBATCH --array=0-1%2" in array
    assert "#SBATCH --time=30" in array
    assert "#SBATCH --dependency=afterany:2_0" in combat
    assert "dependency" not in array
    assert not list((tmp_path / "out").glob("*.pkl"))


def test_status_says_of_every_run_how_it_is_and_asks_once(pretended, run, tmp_path):
    names = ["dann", "autoencoder", "combat", "pca_voxels", "random_vectors", "true_anatomy", "seada", "mine", "other"]
    jobs = ["1_0", "1_1", "2", "1_2", "1_3", "1_4", "1_5", "9", "10"]
    runs = {f"runs/{n}": SubmittedRun(f"{n}, pooled", n, job) for n, job in zip(names, jobs, strict=True)}
    write_submission(Submission({}, runs), tmp_path)
    for name in ("dann", "autoencoder", "pca_voxels", "mine"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    (tmp_path / "runs" / "pca_voxels" / "error.txt").write_text("Traceback ...\nMethodError: too many dimensions\n")
    (tmp_path / "runs" / "dann" / "job.json").write_text(json.dumps({"job": "1_0", "restarts": 0}))
    (tmp_path / "runs" / "autoencoder" / "job.json").write_text(json.dumps({"job": "1_1", "restarts": 2}))
    (tmp_path / "runs" / "mine" / "job.json").write_text(json.dumps({"job": "9", "restarts": 0}))
    pretended.say(
        j1_0="PREEMPTED", j1_1="RUNNING", j1_2="FAILED", j1_3="CANCELLED by 0", j1_4="OUT_OF_MEMORY", j2="PENDING",
        j1_5="TIMEOUT", j9="PENDING",
    )  # fmt: skip
    status, said, _ = run("status", tmp_path)
    assert status == 0
    assert pretended.calls() == 1
    lines = {line.split(",")[0]: " ".join(line.split()[2:]) for line in said.splitlines()}
    assert lines["dann"] == "requeued 1_0 timed out or preempted; goes on from its last checkpoint"
    assert lines["autoencoder"] == "running 1_1 requeued 2 times"
    assert lines["combat"] == "waiting 2"
    assert lines["pca_voxels"] == "failed 1_2 MethodError: too many dimensions"
    assert lines["random_vectors"] == "cancelled 1_3"
    assert lines["true_anatomy"].startswith("failed 1_4 its job ended as OUT_OF_MEMORY, without an error of its own")
    assert lines["seada"].startswith("timed out 1_5 and was not put back into the queue")
    assert lines["mine"] == "requeued 9 timed out or preempted; goes on from its last checkpoint"
    assert lines["other"].startswith("unknown 10 SLURM's accounting (sacct) does not know the job yet")
    assert "1 running, 2 requeued, 1 waiting, 1 unknown, 1 cancelled, 2 failed, 1 timed out" in said


def test_a_second_call_submits_what_is_neither_done_nor_queued(pretended, sweep_file, run, tmp_path):
    out, config = tmp_path / "out", sweep_file(["dann", "random_vectors", "true_anatomy"])
    run("sweep", "--config", config, "--out", out)
    pretended.say(j1_0="PENDING", j1_1="CANCELLED by 0", j1_2="FAILED")
    folder_of(out, "true_anatomy").mkdir(parents=True)
    (folder_of(out, "true_anatomy") / "error.txt").write_text("ValueError: no\n")

    status, _, error = run("collect", out)
    assert status == 1
    assert "failed: true_anatomy, pooled, seed 7: ValueError: no" in error
    assert "waiting: dann, pooled, seed 7" in error
    assert "3 runs missing" in error
    local = config.with_name("local.yaml")
    local.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | {"executor": {}}))
    status, _, error = run("sweep", "--config", local, "--out", out)
    assert status == 2
    assert "1 run of this folder" in error

    status, said, _ = run("sweep", "--config", config, "--out", out)
    assert "2 runs submitted, 1 done or in the queue before" in said
    jobs = {run.name.split(",")[0]: run.job for run in read_submission(out).runs.values()}
    assert jobs == {"dann": "1_0", "random_vectors": "2_0", "true_anatomy": "2_1"}

    # Scored otherwise, the runs work in the folders that the jobs in the queue are going to work in.
    content = yaml.safe_load(config.read_text())
    content["evaluation"]["permutations"] = 3
    config.write_text(yaml.safe_dump(content))
    pretended.say(j1_0="PENDING", j2_0="RUNNING", j2_1="COMPLETED")
    assert "3 runs submitted, 0 done" in run("sweep", "--config", config, "--out", out)[1]
    waits = {name: "afterany:" in text and text.split("afterany:")[1].split()[0] for name, text in ran(pretended, 3)}
    assert sorted(map(str, waits.values())) == ["1_0", "2_0", "False"]


def test_methods_that_share_a_training_wait_for_each_other(pretended, sweep_file, run, tmp_path):
    declared = tmp_path / "declared.yaml"
    declared.write_text("model: {class_path: baselines.random_vectors.RandomVectors}\nown_distance: whitened\n")
    run("sweep", "--config", sweep_file(["random_vectors", str(declared)]), "--out", tmp_path / "out")
    first, second = pretended.scripts().values()
    assert "dependency" not in first
    assert "#SBATCH --dependency=afterany:1\n" in second


def test_what_slurm_refuses_is_said_and_can_be_submitted_later(pretended, sweep_file, run, tmp_path):
    config = sweep_file(["random_vectors"], partition="nowhere")
    pretended.refuse.touch()
    status, _, error = run("sweep", "--config", config, "--out", tmp_path / "out")
    assert status == 2
    assert "executor: SLURM refused random_vectors, pooled, seed 7: sbatch: error: invalid partition" in error
    assert "1 not submitted" in run("status", tmp_path / "out")[1]
    pretended.refuse.unlink()
    assert "1 run submitted" in run("sweep", "--config", config, "--out", tmp_path / "out")[1]


def test_no_slurm_and_no_submission_are_said(sweep_file, run, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    status, _, error = run("sweep", "--config", sweep_file(["random_vectors"]), "--out", tmp_path / "out")
    assert status == 2
    assert "there is no 'sbatch'" in error
    for command in ("status", "collect"):
        status, _, error = run(command, tmp_path)
        assert status == 2
        assert f"{tmp_path}: no sweep was submitted to a cluster from here" in error
    (tmp_path / "submission.json").write_text('{"runs": {"a": {"name": "x"}}}')
    assert "not the record of a sweep that this version submitted: TypeError" in run("status", tmp_path)[2]


class LocalJobOfAnother(submitit.LocalJob):
    """A process of submitit's stand-in for a cluster, seen from another process: its result is all there is."""

    @property
    def state(self):
        return "FINISHED" if self.paths.result_pickle.exists() else "RUNNING"


def test_a_sweep_by_jobs_has_the_scores_of_one_by_workers(sweep_file, run, tmp_path, monkeypatch, pretended):
    executor = submitit.AutoExecutor
    monkeypatch.setattr("submitit.AutoExecutor", lambda cluster, **given: executor(cluster="local", **given))
    monkeypatch.setattr("submitit.SlurmJob", LocalJobOfAnother)
    config, out = sweep_file(["random_vectors"]), tmp_path / "jobs"
    sweep = read_sweep(config)
    run_sweep(sweep, out, SlurmExecutor(sweep, out).execute)
    assert not (out / "scores.csv").exists()
    deadline = time.monotonic() + 120
    while any(state.word in LIVE for _, state in states(read_submission(out), out).values()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert {state.word for _, state in states(read_submission(out), out).values()} == {DONE}
    status, said, _ = run("collect", out)
    assert status == 0
    assert "random_vectors" in said
    run_sweep(sweep, tmp_path / "workers")
    for name in ("scores.csv", "retrieval.md", "leakage.md"):
        assert untimed(out / name) == untimed(tmp_path / "workers" / name)
