"""Costs of a sweep's methods and scorings: from this machine's cache, or measured now as a sweep would run them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from benchmark.data.atomic import atomic_path
from benchmark.metrics.settings import EvaluationSettings
from benchmark.results.environment import environment
from benchmark.sweep import worker
from benchmark.sweep.calibration import MethodCost, measure_method
from benchmark.sweep.cells import settings_of, store_folder
from benchmark.sweep.keys import (
    canonical,
    closure_of_scoring,
    closure_of_training,
    digest,
    library_versions,
    new_sources,
    relevant,
)
from benchmark.sweep.scoring_cost import ScoringCost, measure_scoring, measure_store
from benchmark.sweep.works import Work

FOLDER = "calibration"

#: Images that are read to time a volume store.
IMAGES = 4

#: Of a configuration's trainer, what the cost of a step depends on.
TRAINER = ("accelerator", "precision", "deterministic", "benchmark", "accumulate_grad_batches")


@dataclass(frozen=True)
class Machine:
    """What a sweep would run on.

    Attributes
    ----------
    workers
        Cells at a time.
    cores, threads
        CPU cores, and threads of each worker.
    gpus
        Number of GPUs.
    """

    workers: int
    cores: int
    threads: int
    gpus: int

    @classmethod
    def here(cls, workers: int) -> Machine:
        """The machine at hand with so many workers; 0 for as many as a sweep takes by itself."""
        cores, gpus = os.cpu_count() or 1, torch.cuda.device_count()
        count = workers or gpus or cores
        return cls(count, cores, max(cores // count, 1), gpus)


@dataclass(frozen=True)
class Costs:
    """Costs by key, and how long it took to start a worker and to measure."""

    methods: dict[str, MethodCost]
    scorings: dict[str, ScoringCost]
    stores: dict[str, float]
    start_seconds: float
    spent_seconds: float


def method_key(work: Work, machine: Machine) -> str:
    """What the cost of a work's method is remembered by."""
    config = work.config
    data = {name: config["data"][name] for name in ("batch_size", "preprocessing")}
    trainer = {name: config["trainer"].get(name) for name in TRAINER}
    sites = len(set(work.scans["site"]))
    source = _source_of_training(canonical(relevant(config)["model"]))
    return digest([_here(machine), source, config["model"], data, trainer, sites])


def scoring_key(work: Work, evaluation: EvaluationSettings, machine: Machine) -> str:
    """What the cost of a work's scoring is remembered by: labels and splits of about so many scans."""
    settings = settings_of(work.config, evaluation).__dict__
    test = int((work.scans["split"] == "test").sum())
    size = [len(work.scans), test, len(set(work.scans["site"])), bool(work.held_out_site), _anatomy(work)]
    return digest([_here(machine), _source_of_scoring(), settings, size])


def costs_of(
    works: Sequence[Work], evaluation: EvaluationSettings, machine: Machine, measure: bool = True
) -> Costs | None:
    """Costs of all works' methods and scorings.

    Parameters
    ----------
    works
        What is planned.
    evaluation
        How a cell is scored.
    machine
        Workers, which measure side by side as they would work side by side.
    measure
        Whether to measure what the cache lacks; if not, and it lacks something, there is no answer.
    """
    if not works:
        return Costs({}, {}, {}, 0.0, 0.0)
    began = time.perf_counter()
    tasks: dict[str, tuple[Callable[..., dict[str, Any]], tuple[Any, ...]]] = {}
    methods, scorings, stores = set(), set(), set()
    for work in works:
        key = method_key(work, machine)
        methods.add(key)
        tasks.setdefault(key, (measure_method, (work.config, len(set(work.scans["site"])))))
        key = scoring_key(work, evaluation, machine)
        scorings.add(key)
        settings = settings_of(work.config, evaluation)
        tasks.setdefault(key, (measure_scoring, (work.scans, settings, work.held_out_site, _anatomy(work))))
        key = store_key(work)
        if key:
            stores.add(key)
            few = work.scans.iloc[:: max(len(work.scans) // IMAGES, 1)].to_dict("records")
            tasks.setdefault(key, (measure_store, (few, work.config["data"]["preprocessing"])))
    cache = Path(works[0].config["data"]["cache_dir"]) / FOLDER
    known = {key: _read(cache, key) for key in [*tasks, _start_key(machine)]}
    missing = {key: task for key, task in tasks.items() if not known[key]}
    if not measure:
        if missing.keys() - stores:
            return None
        # Of no use once the sweep runs.
        stores, missing = set(), {}
        known[_start_key(machine)] = known[_start_key(machine)] or {"seconds": 0.0}
    if missing or not known[_start_key(machine)]:
        known |= _measured(missing, machine, cache)
    return Costs(
        {key: MethodCost(**known[key]) for key in methods},
        {key: ScoringCost(**known[key]) for key in scorings},
        {key: float(known[key]["seconds"]) for key in stores},
        float(known[_start_key(machine)].get("seconds", 0.0)),
        time.perf_counter() - began,
    )


def _measured(
    tasks: dict[str, tuple[Callable[..., dict[str, Any]], tuple[Any, ...]]], machine: Machine, cache: Path
) -> dict[str, dict[str, Any]]:
    # Each task in a process of its own, whose peak of memory is its own; the imports are paid once.
    context = get_context("forkserver")
    context.set_forkserver_preload(["benchmark.sweep.scoring_cost"])
    devices = [0] if machine.gpus else []
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, str(machine.threads)))
    found: dict[str, dict[str, Any]] = {}
    began = time.perf_counter()
    try:
        pool = ProcessPoolExecutor(
            min(machine.workers, machine.cores),
            context,
            worker.start,
            (devices, machine.threads),
            max_tasks_per_child=1,
        )
        with pool:
            pool.submit(os.getpid).result()
            found[_start_key(machine)] = {"seconds": time.perf_counter() - began}
            futures: dict[str, Future[dict[str, Any]]] = {
                key: pool.submit(task, *arguments) for key, (task, arguments) in tasks.items()
            }
            for key, future in futures.items():
                found[key] = future.result()
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    for key, fields in found.items():
        if not fields.get("problem"):
            _write(cache, key, fields)
    return found


THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@cache
def _source_of_training(model: str) -> dict[str, str]:
    return closure_of_training(json.loads(model), new_sources()).modules


@cache
def _source_of_scoring() -> dict[str, str]:
    return closure_of_scoring(new_sources()).modules


def _here(machine: Machine) -> list[Any]:
    about = environment.__wrapped__()
    names = ("processor", "cpu_count", "gpus", "platform")
    return [machine.__dict__, {name: about[name] for name in names}, library_versions()]


def _anatomy(work: Work) -> bool:
    return work.config["data"].get("truth") is not None


def store_key(work: Work) -> str:
    """Where a work's volume store lies; "" where it is there, or its scans are not."""
    if work.cell is None or store_folder(work.cell).exists():
        return ""
    return digest(["store", str(store_folder(work.cell))])


def _start_key(machine: Machine) -> str:
    return digest(["start", _here(machine)])


def _read(cache: Path, key: str) -> dict[str, Any]:
    try:
        found = json.loads((cache / f"{key[:16]}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(cache: Path, key: str, fields: dict[str, Any]) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    with atomic_path(cache / f"{key[:16]}.json") as temporary:
        temporary.write_text(json.dumps(fields, indent=1, sort_keys=True) + "\n", encoding="utf-8")
