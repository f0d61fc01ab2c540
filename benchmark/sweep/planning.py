"""What a sweep would take: time, memory and disk of its runs, on as many workers as there are."""

from __future__ import annotations

import heapq
import importlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from benchmark.errors import UserError
from benchmark.metrics.settings import EvaluationSettings
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.protocols import LEAVE_ONE_SITE_OUT
from benchmark.results.environment import environment
from benchmark.results.schema import run_name
from benchmark.sweep.config import SweepConfig, with_seed
from benchmark.sweep.data_sets import scans_of, store_folder
from benchmark.sweep.keys import digest, new_sources, run_parts, score_parts
from benchmark.sweep.machine import Machine
from benchmark.sweep.run import Run, marker_files, marker_of, settings_of, training_folder
from benchmark.sweep.runs import runs_of
from benchmark.sweep.timing import (
    MIB,
    SCORING_GROWTH,
    TRAINER,
    Task,
    Timing,
    memory_mib,
    time_method,
    time_scoring,
    timings,
)
from benchmark.train.resolve import resolve
from benchmark.train.run_folder import EMBEDDINGS

#: Bytes of a voxel in the volume store.
STORE_BYTES = 2
#: Finished runs of a method and protocol that estimates come from: the latest ones.
LATEST = 5
#: Size of a checkpoint to go on from, in models: weights, and two moments of Adam.
CHECKPOINT_MODELS = 3
#: Seconds of training a scan and voxel, and of scoring, where nothing was measured and nothing is to be.
SECONDS_PER_VOXEL, SECONDS_OF_SCORING = 1.2e-7, 4.0


@dataclass(frozen=True)
class PlanOptions:
    """What is planned in place of what a sweep file says.

    Attributes
    ----------
    scans, sites
        Scans of all splits together, and their sites; None for those of the manifests. With ``scans`` no data are
        looked at.
    shape
        Voxels along x, y and z; None for those of the sweep.
    """

    scans: int | None = None
    sites: int | None = None
    shape: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        for name, least in {"scans": 50, "sites": 2}.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise UserError(f"--{name}: {value} is not allowed; it must be an integer >= {least}")
        if self.sites is not None and self.scans is None:
            raise UserError("--sites: only with --scans, which asks for scans that are not there")

    def of(self, sweep: SweepConfig) -> SweepConfig:
        """The sweep with the shape that is asked for."""
        shape = {} if self.shape is None else {"data.preprocessing.shape": list(self.shape)}
        return replace(sweep, overrides=sweep.overrides | shape)


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep, as far as its cost goes.

    Attributes
    ----------
    method, protocol, held_out_site, seed
        As a run's.
    state, run_key
        As a run's; ``new`` and "" where the data are not there.
    config
        Resolved configuration.
    train, scans, sites
        Number of training scans, of all scans, and of their sites.
    base
        Name of the method that trains its base in this sweep; "" if none does.
    run
        The run itself; None where the data are not there.
    """

    method: str
    protocol: str
    held_out_site: str
    seed: int
    state: str
    run_key: str
    config: dict[str, Any]
    train: int
    scans: int
    sites: int
    base: str = ""
    run: Run | None = None

    @property
    def name(self) -> str:
        """Short name for people."""
        return run_name(self.method, self.protocol, self.held_out_site, self.seed)

    @property
    def voxels(self) -> int:
        """Voxels of a volume."""
        return math.prod(self.config["data"]["preprocessing"]["shape"])

    @property
    def batch(self) -> int:
        """Scans of a training batch."""
        return int(self.config["data"]["batch_size"])

    @property
    def epochs(self) -> int:
        """Epochs of its training; 1 for a method that has none."""
        module, _, name = self.config["model"]["class_path"].rpartition(".")
        trains = getattr(getattr(importlib.import_module(module), name), "training_epochs_apply", True)
        return int(self.config["trainer"]["max_epochs"]) if trains else 1


@dataclass(frozen=True)
class Estimate:
    """What one run takes.

    Attributes
    ----------
    planned
        The run.
    training_seconds, scoring_seconds
        Of one worker; 0 where it is done.
    memory_mib, gpu_mib
        Peak of its process and of its GPU; 0 MiB of a GPU where that is not known.
    disk_mib, resume_mib
        What stays of it, and what it needs beside while it trains.
    problem
        Why there is no estimate; empty if there is one.
    """

    planned: PlannedRun
    training_seconds: float = 0.0
    scoring_seconds: float = 0.0
    memory_mib: float = 0.0
    gpu_mib: float = 0.0
    disk_mib: float = 0.0
    resume_mib: float = 0.0
    problem: str = ""

    @property
    def seconds(self) -> float:
        """Of one worker."""
        return self.training_seconds + self.scoring_seconds


@dataclass(frozen=True)
class Plan:
    """What a sweep would take.

    Attributes
    ----------
    estimates
        Of every run, in table order.
    machine
        Workers and what they have.
    store_mib
        Volume stores that are to be built.
    """

    estimates: list[Estimate]
    machine: Machine
    store_mib: float = 0.0

    @property
    def due(self) -> list[Estimate]:
        """Of the runs that are not done."""
        return [estimate for estimate in self.estimates if estimate.planned.state != "done"]

    def wall_seconds(self, workers: int) -> float:
        """From the start of the first run to the end of the last one, on workers as fast as now.

        The longest runs come first. A run waits for its base: together they take at least as long as one after the
        other.
        """
        free = [0.0] * max(workers, 1)
        for seconds in sorted((estimate.seconds for estimate in self.due), reverse=True):
            heapq.heapreplace(free, free[0] + seconds)
        place = {_place(estimate.planned, estimate.planned.method): estimate.seconds for estimate in self.due}
        chains = [
            estimate.seconds + place.get(_place(estimate.planned, estimate.planned.base), 0.0) for estimate in self.due
        ]
        return max([*free, *chains])


def _place(planned: PlannedRun, method: str) -> tuple[Any, ...]:
    return method, planned.protocol, planned.seed, planned.held_out_site


def planned_runs(sweep: SweepConfig, out: Path, options: PlanOptions) -> list[PlannedRun]:
    """The runs of a sweep, in table order; makes no phantom and no store.

    Parameters
    ----------
    sweep
        The sweep, with the shape that is asked for.
    out
        Results folder, in which finished runs are found.
    options
        What is asked beside.
    """
    if options.scans is not None or not all((folder / "phantom.json").is_file() for folder, _ in sweep.phantoms):
        return list(_imagined(sweep, options))
    there = runs_of(sweep, out)
    trained_by = {run.run_key: run.method for run in there if not run.base_key}
    runs = []
    for run in there:
        sites = scans_of(run)["site"]
        runs.append(
            PlannedRun(
                run.method, run.protocol, run.held_out_site, run.seed, run.state(), run.run_key, run.config,
                run.scans, len(sites), sites.nunique(), trained_by.get(run.base_key, ""), run,
            )
        )  # fmt: skip
    return runs


def _imagined(sweep: SweepConfig, options: PlanOptions) -> Iterator[PlannedRun]:
    """Runs on data that are not there: of the phantom that would be made, or of so many scans."""
    methods = {name: resolve(path, sweep.overrides) for name, path in sweep.method_files().items()}
    manifests = sweep.overrides.get("data.manifests", [])
    named = isinstance(manifests, list) and manifests and not any("*" in str(pattern) for pattern in manifests)
    for method, plain in methods.items():
        base = plain["model"].get("init_args", {}).get("base")
        trained_by = next((name for name, other in methods.items() if base and other["model"] == base), "")
        for protocol, seeds in sweep.seeds.items():
            for seed in seeds:
                phantom = sweep.phantom.of_seed(seed)[1] if sweep.phantom is not None else PhantomSettings()
                config = with_seed(plain, seed)
                if options.scans is not None:
                    sites = options.sites or (max(len(manifests), 2) if named else PhantomSettings().sites)
                    held_back = config["data"]["test_fraction"] + config["data"]["val_fraction"]
                    scans, train = options.scans, options.scans - round(options.scans * held_back)
                else:
                    sites, train = phantom.sites, phantom.train_scans
                    scans = train + sites * (phantom.test_subjects + phantom.travelling_subjects)
                if protocol == LEAVE_ONE_SITE_OUT:
                    places, train = [f"site{number:02d}" for number in range(sites)], train - round(train / sites)
                else:
                    places = [""]
                for place in places:
                    yield PlannedRun(
                        method, protocol, place, seed, "new", "", config, train, scans, sites, trained_by
                    )  # fmt: skip


def make_plan(runs: Sequence[PlannedRun], out: Path, evaluation: EvaluationSettings, workers: int) -> Plan:
    """Estimate what runs take.

    Parameters
    ----------
    runs
        As :func:`planned_runs` gives them.
    out
        Results folder. A method of which runs are finished there, of this sweep or another, is taken at what those
        took, in proportion to training scans, epochs and voxels; others are timed on this machine.
    evaluation
        How embeddings are scored.
    workers
        Runs at a time; 0 for as many as a sweep takes by itself.
    """
    machine = Machine.here(workers, max(planned.run.processes if planned.run else 1 for planned in runs))
    stores: dict[Path | int, PlannedRun] = {}
    for planned in runs:
        folder = planned.seed if planned.run is None else store_folder(planned.run)
        if planned.state != "done" and not (isinstance(folder, Path) and folder.exists()):
            stores[folder] = planned
    return Plan(
        estimates(runs, out, evaluation, machine, measure=True),
        machine,
        sum(_store_mib(planned) for planned in stores.values()),
    )


def estimates(
    runs: Sequence[PlannedRun], out: Path, evaluation: EvaluationSettings, machine: Machine, *, measure: bool
) -> list[Estimate]:
    """Estimates of runs: from finished ones, else from timings; a guess without those and if not to ``measure``."""
    due = [planned for planned in runs if planned.state != "done"]
    finished = _finished(out, {(planned.method, planned.protocol) for planned in due})
    unknown = [planned for planned in due if (planned.method, planned.protocol) not in finished]
    timed = _timings(unknown, evaluation, machine, measure=measure) if unknown else {}
    found = []
    for planned in runs:
        if planned.state == "done":
            estimate = Estimate(planned)
        elif (planned.method, planned.protocol) in finished:
            estimate = _from_finished(planned, finished[planned.method, planned.protocol])
        else:
            training, scoring = timed[planned.name]
            estimate = (
                _guess(planned) if training is None or scoring is None else _from_timings(planned, training, scoring)
            )
        found.append(replace(estimate, training_seconds=0.0) if planned.state == "rescore" else estimate)
    return found


#: A finished run: its marker, its resolved configuration, its training scans, all its scans, and its MiB.
_Finished = tuple[dict[str, Any], dict[str, Any], int, int, float]


def _finished(out: Path, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], list[_Finished]]:
    """The latest finished runs of methods and protocols in a results folder."""
    found: dict[tuple[str, str], list[_Finished]] = {}
    for file in sorted(marker_files(out) if wanted else [], key=lambda path: -path.stat().st_mtime_ns):
        marker = marker_of(file.parent)
        place = marker.get("method", ""), marker.get("protocol", "")
        if place not in wanted or len(found.get(place, ())) == LATEST or marker.get("training_seconds") is None:
            continue
        folder = training_folder(file.parent)
        try:
            split = pd.read_parquet(folder / EMBEDDINGS, columns=["split"])["split"]
            config = marker["run_parts"]["config"]
        except (KeyError, OSError, ValueError):
            # Made by an earlier version, or no longer whole.
            continue
        disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / MIB
        found.setdefault(place, []).append((marker, config, int((split == "train").sum()), len(split), disk))
    return found


def _from_finished(planned: PlannedRun, finished: Sequence[_Finished]) -> Estimate:
    libraries = memory_mib()
    parts = []
    for marker, config, train, scans, disk in finished:
        voxels = planned.voxels / math.prod(config["data"]["preprocessing"]["shape"])
        epochs = planned.epochs / int(config["trainer"]["max_epochs"]) if planned.epochs > 1 else 1.0
        larger = voxels * planned.batch / int(config["data"]["batch_size"])
        peak = float(marker["peak_memory_mib"])
        parts.append(
            (
                marker["training_seconds"] * voxels * epochs * planned.train / max(train, 1),
                marker["scoring_seconds"] * (planned.scans / scans) ** SCORING_GROWTH,
                peak if larger == 1 else min(libraries, peak) + larger * max(peak - libraries, 0.0),
                larger * float(marker.get("peak_gpu_memory_mib", 0)),
                disk,
            )
        )
    training, scoring, memory, gpu, disk = (median(values) for values in zip(*parts, strict=True))
    return Estimate(
        planned, training, scoring, memory, gpu, disk, CHECKPOINT_MODELS * disk if planned.epochs > 1 else 0.0
    )


def _timings(
    runs: Sequence[PlannedRun], evaluation: EvaluationSettings, machine: Machine, *, measure: bool
) -> dict[str, tuple[Timing | None, Timing | None]]:
    """Name of each run to the timings of its method and of its scoring; None for what is not known."""
    about, sources = environment.__wrapped__(), new_sources()
    here = [machine.__dict__, *(about[name] for name in ("processor", "cpu_count", "gpus", "platform"))]
    tasks: dict[str, Task] = {}
    keys = {}
    for planned in runs:
        settings = settings_of(planned.config, evaluation)
        scored = (
            planned.train,
            max(planned.scans - planned.train, 1),
            planned.sites,
            settings,
            bool(planned.held_out_site),
        )
        # All that the time of a step depends on, source and versions included.
        config: dict[str, Any] = {name: planned.config.get(name) for name in ("model", "compute")}
        config["data"] = {name: planned.config["data"][name] for name in ("batch_size", "preprocessing")}
        config["trainer"] = {name: planned.config["trainer"].get(name) for name in TRAINER}
        training = digest([here, run_parts(config, {}, sources).key, planned.sites])
        scoring = digest([here, score_parts(settings, sources).key(""), scored[:3], scored[4]])
        tasks |= {training: (time_method, (planned.config, planned.sites)), scoring: (time_scoring, scored)}
        keys[planned.name] = training, scoring
    known = timings(tasks, machine, Path(runs[0].config["data"]["cache_dir"]), measure=measure)
    return {name: (known.get(training), known.get(scoring)) for name, (training, scoring) in keys.items()}


def _from_timings(planned: PlannedRun, timing: Timing, scoring: Timing) -> Estimate:
    problem = timing.problem or scoring.problem
    if problem:
        return Estimate(planned, problem=problem)
    # The epochs of a base that another run trains are not its own.
    epochs = int(planned.config["trainer"]["max_epochs"]) if timing.epochs and not planned.base else 0
    larger = planned.batch / timing.batch if timing.epochs else planned.train / timing.fitted
    more = planned.scans / scoring.fitted
    return Estimate(
        planned,
        epochs * (planned.train // planned.batch) * timing.step_seconds * planned.batch / timing.batch
        + planned.train * timing.fit_seconds / timing.fitted
        + planned.scans * timing.scan_seconds
        + timing.fixed_seconds,
        scoring.fit_seconds * more**SCORING_GROWTH,
        # What training has taken is not given back before scoring, and the mapped volumes' pages count as well.
        memory_mib() + larger * timing.memory_mib + more * scoring.memory_mib + _store_mib(planned),
        larger * timing.gpu_mib,
        timing.disk_mib + more * scoring.disk_mib,
        CHECKPOINT_MODELS * timing.disk_mib if epochs else 0.0,
    )


def _guess(planned: PlannedRun) -> Estimate:
    epochs = planned.epochs
    seconds = SECONDS_PER_VOXEL * planned.train * epochs * planned.voxels if epochs > 1 and not planned.base else 0.0
    return Estimate(planned, seconds, SECONDS_OF_SCORING)


def _store_mib(planned: PlannedRun) -> float:
    return planned.scans * planned.voxels * STORE_BYTES / MIB
