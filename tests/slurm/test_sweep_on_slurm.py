"""A sweep on a real SLURM whose jobs are killed, cancelled, preempted and timed out ends with the local scores."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from benchmark.cli import main
from tests.conftest import ROOT, combat_on_the_autoencoder, smoke_sweep, untimed

pytestmark = pytest.mark.slurm

METHODS = ["seada_balanced", "dann", "autoencoder", "combat"]
SAME = ("scores.csv", "retrieval.md", "retrieval.csv", "leakage.md", "leakage.csv", "statistics.md")
EPOCHS = 40
#: Epochs of a length that a job can be found in while it trains, on the fastest machine. Callbacks are in no run key.
SLOW = """
import time
from lightning import Callback

class SlowEpochs(Callback):
    def on_train_epoch_start(self, trainer, pl_module):
        time.sleep(0.5)
"""
LOCAL = {"methods": {"seada_balanced": {"devices": 2}}}
SLURM = {
    "kind": "slurm",
    "partition": "low",
    "account": "science",
    "time_minutes": 5,
    "throttle": 2,
    # The nodes are this machine under names of their own, which no name service knows.
    "setup": ["export MASTER_ADDR=127.0.0.1"],
    "methods": {"seada_balanced": {"nodes": 2, "time_minutes": 20}},
}


@pytest.fixture(autouse=True)
def _silent_lightning(monkeypatch):
    # Lightning's log handlers keep the standard error of the test that imported it, which is closed by now.
    monkeypatch.setattr(logging, "raiseExceptions", False)


def scheduler(*command, timeout=30):
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def until(ready, what, seconds=90):
    deadline = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s\n{scheduler('squeue')}"
        time.sleep(0.2)
    return found


def kill(job):
    """Kill the processes of a task of an array."""
    array, _, task = job.partition("_")
    wanted = {f"SLURM_ARRAY_JOB_ID={array}", f"SLURM_ARRAY_TASK_ID={task}", "SLURM_PROCID=0"}
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # Neither sbatch's shell nor srun has a rank.
            if wanted <= set((process / "environ").read_text().split("\0")):
                found.append(int(process.name))
                os.kill(found[-1], signal.SIGKILL)
    assert found


def hurried():
    """Begin jobs at once that SLURM lets wait two minutes because they were put back into the queue."""
    for line in scheduler("squeue", "-h", "-t", "PENDING", "-o", "%i %r").splitlines():
        job, reason = line.split(maxsplit=1)
        if reason == "BeginTime":
            subprocess.run(["scontrol", "update", f"jobid={job}", "StartTime=now"], timeout=30, check=False)
    return True


class Sweep:
    """A results folder and the commands on it, in this process: each start of Python costs seconds."""

    def __init__(self, config, out, capsys):
        self.config, self.out, self.capsys = config, out, capsys

    def command(self, *arguments):
        status = main([*map(str, arguments)])
        said = self.capsys.readouterr()
        return status, said.out, said.err

    def submit(self):
        return self.command("sweep", "--config", self.config, "--out", self.out)

    def run_of(self, method):
        """Folder and job id of the run of a method."""
        runs = json.loads((self.out / "submission.json").read_text())["runs"]
        ((place, run),) = [(p, c) for p, c in runs.items() if c["name"].startswith(f"{method},")]
        return self.out / place, run["job"]

    def training(self, method):
        """Job id of a method's run, once it has left a checkpoint."""
        folder, job = self.run_of(method)
        until((folder / "checkpoints" / "last.ckpt").is_file, f"{method} trains", 120)
        assert not (folder / "run.json").is_file()
        return job

    def trains_on(self, method):
        """Wait for the next epoch of a method's run."""
        log = self.run_of(method)[0] / "logs" / "metrics.csv"

        def changed():
            return log.stat().st_mtime_ns if log.is_file() else 0

        before = changed()
        until(lambda: changed() > before, f"{method} trains on")

    def batches_taken(self, method):
        """How far in its epoch the last checkpoint of a method's run is."""
        path = self.run_of(method)[0] / "checkpoints" / "last.ckpt"
        loops = torch.load(path, weights_only=True)["loops"]
        return loops["fit_loop"]["state_dict"]["combined_loader"][0]["taken"]

    def state(self, method):
        """The line of `status` on a method's run."""
        status, said, _ = self.command("status", self.out)
        assert status == 0
        return next(line for line in said.splitlines() if line.startswith(f"{method},"))

    def state_is(self, method, word, seconds=60):
        return until(lambda: word in self.state(method) and self.state(method), f"{method} {word}", seconds)


@pytest.fixture
def sweeps(tmp_path, phantom, capsys, monkeypatch):
    """The same sweep for this machine's processes, and for SLURM."""
    (tmp_path / "slow_epochs.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{tmp_path}")
    content = smoke_sweep(phantom) | {"workers": 2}
    content["methods"] = [*METHODS[:-1], combat_on_the_autoencoder(tmp_path)]
    content["overrides"] |= {"trainer.max_epochs": EPOCHS}
    content["evaluation"] |= {"probes": ["linear"], "test_permutations": 9, "bootstrap": 20}
    made = []
    slow = {"trainer.callbacks+": {"class_path": "slow_epochs.SlowEpochs"}}
    for name, executor, more in (("local", LOCAL, {}), ("slurm", SLURM, slow)):
        config = tmp_path / f"{name}.yaml"
        own = {"executor": executor, "overrides": content["overrides"] | more}
        config.write_text(yaml.safe_dump(content | own))
        made.append(Sweep(config, tmp_path / name, capsys))
    return made


def begun(sweep, method):
    return json.loads((sweep.run_of(method)[0] / "job.json").read_text())


def test_a_sweep_survives_what_a_cluster_does_to_it_and_ends_with_the_local_scores(sweeps):
    local, slurm = sweeps
    status, said, error = slurm.submit()
    assert status == 0, error
    assert "4 runs submitted, 0 done or in the queue before" in said
    assert f"seada-bench status {slurm.out}" in said
    assert f"seada-bench collect {slurm.out}" in said
    of = {method: slurm.run_of(method)[1] for method in METHODS}
    assert of["dann"].rpartition("_")[0] == of["autoencoder"].rpartition("_")[0] != ""
    assert f"afterany:{of['autoencoder']}" in scheduler("squeue", "-h", "-j", of["combat"], "-o", "%E")
    assert "science" in scheduler("squeue", "-h", "-j", of["seada_balanced"], "-o", "%a")
    slurm.state_is("combat", " waiting ")

    # Killed, as by the kernel for want of memory.
    kill(slurm.training("dann"))
    assert "its job ended as" in slurm.state_is("dann", " failed ")
    # Cancelled: the run that waits for its base begins all the same.
    scheduler("scancel", slurm.training("autoencoder"))
    slurm.state_is("autoencoder", " cancelled ")
    # Preempted, by a job that wants both nodes.
    assert begun(slurm, "seada_balanced") == {"job": of["seada_balanced"], "restarts": 0, "nodes": ["n1", "n2"]}
    slurm.training("seada_balanced")
    urgent = ("--partition=high", "--nodes=2", "--exclusive", "--output=/dev/null", "--time=1", "--wrap=sleep 2")
    scheduler("sbatch", *urgent)
    slurm.state_is("seada_balanced", " requeued ")

    status, _, error = slurm.command("collect", slurm.out)
    assert status == 1
    assert "failed: dann, pooled, seed 7: its job ended as" in error
    assert "cancelled: autoencoder, pooled, seed 7" in error

    status, said, _ = slurm.submit()
    assert status == 0
    assert "2 runs submitted, 2 done or in the queue before" in said, said
    again = slurm.run_of("dann")[1]
    assert again != of["dann"]
    assert slurm.run_of("seada_balanced")[1] == of["seada_balanced"]
    # Preempted with time to end in, SLURM says SIGTERM first: the job leaves a checkpoint and trains on.
    until(lambda: hurried() and begun(slurm, "dann")["job"] == again, "dann begins again")
    for number in ("TERM", "USR2"):
        slurm.trains_on("dann")
        # Out of time, it is this signal.
        scheduler("scancel", f"--signal={number}", again)
    slurm.state_is("dann", " requeued ")
    until(lambda: slurm.batches_taken("dann") > 0, "dann left a checkpoint in the middle of an epoch")

    until(lambda: hurried() and "\n4 done" in slurm.command("status", slurm.out)[1], "all runs are done", 150)
    status, said, error = slurm.command("collect", slurm.out)
    assert status == 0, error
    assert "seada_balanced" in said
    assert begun(slurm, "seada_balanced")["restarts"] >= 1
    assert begun(slurm, "dann")["restarts"] >= 1
    for method in ("seada_balanced", "dann"):
        # The log of the last stretch of work alone; there is none if all epochs were done before.
        log = slurm.run_of(method)[0] / "logs" / "metrics.csv"
        assert not log.is_file() or 0 < pd.read_csv(log)["epoch"].min() < EPOCHS

    status, _, error = local.command("sweep", "--config", local.config, "--out", local.out)
    assert status == 0, error
    for name in SAME:
        assert untimed(slurm.out / name) == untimed(local.out / name), name
