"""Small projects that several tests share."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from benchmark.cli import main
from benchmark.configs import METHODS, SWEEPS
from benchmark.extras import EXTRAS, extra_of

ROOT = Path(__file__).parents[1]
#: Modules of each extra, and those that are for tests alone.
MODULES = EXTRAS | {
    "dev": ("mlflow", "pytrec_eval", "ranx", "scib_metrics", "tensorboard"),
    "docs": ("ipykernel", "material", "mkdocs", "mkdocstrings_handlers", "nbclient"),
}


#: Folders of tests that need an extra.
FOLDERS = {
    "baselines": "train",
    "benchmark/bids_app": "train",
    "benchmark/data": "train",
    "benchmark/methods": "train",
    "benchmark/prepare": "import",
    "benchmark/prepare/phantom": "train",
    "benchmark/search": "train",
    "benchmark/sweep": "train",
    "benchmark/tasks": "train",
    "benchmark/train": "train",
    "corpus": "train",
    "seada": "train",
}
#: Folders of tests of which none may need an extra: a file of them that cannot be imported is an error.
OF_THE_CORE = ("benchmark/embeddings", "benchmark/metrics", "benchmark/report")


def pytest_collection_modifyitems(items):
    """Mark tests by their folder, and those on the phantom, with the extra that they need."""
    for item in items:
        for extra in {extra for folder, extra in FOLDERS.items() if _is_within(item.path, folder)}:
            item.add_marker(pytest.mark.needs(extra))
        if "phantom" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.needs("train"))


def pytest_runtest_setup(item):
    """Skip a test that needs an extra which is not installed."""
    for extra in [extra for marker in item.iter_markers("needs") for extra in marker.args]:
        if any(find_spec(module) is None for module in MODULES[extra]):
            pytest.skip(_needs(extra))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Skip a file of tests that imports what an extra installs, where that is not installed."""
    report = yield
    raised = getattr(getattr(report, "call", None), "excinfo", None)
    error = raised.value if raised is not None else None
    while error is not None and not isinstance(error, ModuleNotFoundError):
        error = error.__cause__
    if error is not None and not any(_is_within(collector.path, folder) for folder in OF_THE_CORE):
        extra = "dev" if error.name in MODULES["dev"] else extra_of(error)
        if extra is not None:
            report.outcome, report.longrepr = "skipped", (str(collector.path), 0, f"Skipped: {_needs(extra)}")
    return report


def _is_within(path, folder):
    return (ROOT / "tests" / folder) in path.parents


def _needs(extra):
    return f"needs the extra '{extra}': pip install 'seada-bench[{extra}]'"


@pytest.fixture(scope="module", autouse=True)
def settled_heap():
    """Spare garbage collection what was there before: statsmodels collects each time, 0.6 s in a full suite."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def command():
    """Run `seada-bench` as a user does, in a process of its own."""

    def run(*arguments, cwd=ROOT, check=True, timeout=300):
        done = subprocess.run(
            [sys.executable, "-m", "benchmark.cli", *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            pytest.fail(f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    return run


def execute_in_this_process(sweep, missing, runs, **_):
    """Execute runs without workers, whose start takes longer than a small run; bases first."""
    from benchmark.sweep.run import base_models
    from benchmark.sweep.worker import execute_run

    bases, failures = base_models(runs), []
    for run, _ in sorted(missing, key=lambda row: bool(row[0].base_key)):
        base = bases.get(run.base_key)
        error = execute_run(run, str(base) if base else None, sweep.evaluation)
        failures += [(run, error)] if error else []
    return failures


@pytest.fixture(scope="module")
def no_workers():
    """Sweeps of this module execute their runs in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmark.sweep.sweep.execute_locally", execute_in_this_process)
        yield


@pytest.fixture(scope="session")
def inside():
    """Run `seada-bench` in this process, which saves the many seconds that importing its libraries takes."""

    def run(*arguments, check=True):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = main(list(map(str, arguments)))
            except SystemExit as end:
                status = end.code or 0
        done = subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())
        if check and status != 0:
            pytest.fail(f"{arguments} ended with {status}:\n{done.stdout}\n{done.stderr}")
        return done

    return run


@pytest.fixture(scope="session")
def tiny_volume():
    """Volumes of a replica of a download: a few voxels of noise, the same for a subject."""

    def volume(index, diagnosis, dataset):
        return np.random.default_rng(index).random((8, 10, 12)).astype(np.float32), np.diag([20.0, 20.0, 15.0, 1.0])

    return volume


@pytest.fixture(scope="session")
def phantom(tmp_path_factory, inside):
    """Folder of the smoke sweep's phantom, made once a test process."""
    out = tmp_path_factory.mktemp("phantom") / "phantom-smoke"
    settings = yaml.safe_load((SWEEPS / "smoke.yaml").read_text())["phantom"]["settings"]
    inside("phantom", "--out", out, "--processes", 1, *[f"--{name}={value}" for name, value in settings.items()])
    return out


def combat_on_the_autoencoder(folder):
    """Write ``combat.yaml``: ComBat on the autoencoder as it is shipped, whose training it shares; its path."""
    base = yaml.safe_load((METHODS / "autoencoder.yaml").read_text())["model"]
    path = folder / "combat.yaml"
    path.write_text(yaml.safe_dump({"model": {"class_path": "baselines.combat.ComBat", "init_args": {"base": base}}}))
    return str(path)


def smoke_sweep(phantom):
    """The smoke sweep, reading the phantom of this folder."""
    sweep = yaml.safe_load((SWEEPS / "smoke.yaml").read_text())
    sweep["phantom"]["out"] = str(phantom)
    sweep["overrides"] |= {
        "data.manifests": [f"{phantom}/phantom-*.csv"],
        "data.data_root": str(phantom),
        "data.truth": f"{phantom}/truth.csv",
        "data.cache_dir": str(phantom.parent / "cache"),
    }
    return sweep


@pytest.fixture
def smoke(tmp_path, phantom):
    """The smoke sweep's file for a folder of its own, as a function of changes to it."""

    def write(**changes):
        sweep = smoke_sweep(phantom)
        for name, value in changes.items():
            sweep[name] = sweep[name] | value if isinstance(sweep.get(name), dict) else value
        path = tmp_path / "smoke.yaml"
        path.write_text(yaml.safe_dump(sweep))
        return path

    return write


@pytest.fixture
def pretended(tmp_path, monkeypatch):
    """A SLURM that takes jobs and says of them what a test wants: `sbatch` and `sacct` of a few lines."""
    commands, queue = tmp_path / "bin", tmp_path / "queue"
    commands.mkdir()
    queue.mkdir()
    sbatch = 'n=$(ls QUEUE | wc -l); [ -e REFUSE ] && { echo "sbatch: error: invalid partition" >&2; exit 1; }'
    programs = {
        "srun": "exit 1",
        "sbatch": f'{sbatch}; cp "$1" QUEUE/$((n + 1)); echo "Submitted batch job $((n + 1))"',
        "sacct": "echo called >> CALLS; echo 'JobID|State|NodeList'; cat STATES",
    }
    for name, text in programs.items():
        for word in ("QUEUE", "REFUSE", "CALLS", "STATES"):
            text = text.replace(word, str(tmp_path / word.lower()))
        (commands / name).write_text(f"#!/bin/sh\n{text}\n")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(commands), prepend=":")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)

    class Pretended:
        refuse = tmp_path / "refuse"

        def scripts(self):
            return {path.name: path.read_text() for path in sorted(queue.iterdir())}

        def say(self, **states):
            lines = "".join(f"{job.lstrip('j')}|{state}|n1\n" for job, state in states.items())
            (tmp_path / "states").write_text(lines)

        def calls(self):
            return (tmp_path / "calls").read_text().count("called") if (tmp_path / "calls").exists() else 0

    found = Pretended()
    found.say()
    return found


def untimed(path):
    """Content of a results file without what a training took, which no two sweeps share: `train s` in tables."""
    content = path.read_bytes()
    if path.suffix == ".md":
        lines, timed = [], False
        for line in content.decode().split("\n"):
            timed = line.endswith("| train s |") if line.startswith("| method |") else timed and line.startswith("|")
            lines.append(line.rsplit("|", 2)[0] if timed else line)
        return "\n".join(lines).encode()
    if path.suffix == ".csv" and b"train_seconds" in content.split(b"\n", 1)[0]:
        return pd.read_csv(path, dtype=str).drop(columns="train_seconds").to_csv(index=False).encode()
    return content
