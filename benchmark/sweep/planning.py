"""What a sweep would take: time, memory and disk of its runs, on as many workers as there are."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from benchmark.errors import UserError
from benchmark.metrics.settings import EvaluationSettings
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.results.environment import environment
from benchmark.sweep.config import SweepConfig
from benchmark.sweep.cost import MIB, Cost, Size
from benchmark.sweep.data_sets import scans_of, store_folder
from benchmark.sweep.keys import digest
from benchmark.sweep.machine import Machine
from benchmark.sweep.noise import noise_scans
from benchmark.sweep.run import Run, marker_files, marker_of, settings_of, training_folder
from benchmark.sweep.runs import runs_of
from benchmark.sweep.timing import TRAINER, Task, memory_mib, time_method, time_scoring, timings
from benchmark.train.run_folder import EMBEDDINGS

#: Finished runs of a method and protocol that estimates come from: the latest ones.
LATEST = 5
#: Seconds of training a scan and voxel, and of scoring, where nothing was measured and nothing is to be.
SECONDS_PER_VOXEL, SECONDS_OF_SCORING = 1.2e-7, 4.0


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep, and what it takes.

    Attributes
    ----------
    run
        The run. Where its data are not there, its keys are of nothing but its configuration.
    state
        As the run's when it was planned.
    size, sites, trained_base
        What its cost depends on: its size, the number of sites, and whether another run trains its base.
    cost
        What is left of it: nothing of a run that is done, scoring alone of one that is trained.
    """

    run: Run
    state: str
    size: Size
    sites: int
    trained_base: bool
    cost: Cost = field(default_factory=Cost)

    @property
    def kind(self) -> tuple[str, str]:
        """Method and protocol, whose runs take about the same."""
        return self.run.method, self.run.protocol

    @property
    def has_data(self) -> bool:
        """Whether its data are there."""
        return bool(self.run.parts.data)


@dataclass(frozen=True)
class Plan:
    """What a sweep would take.

    Attributes
    ----------
    runs
        All of them, in table order.
    machine
        Workers and what they have.
    store_mib
        Volume stores that are to be built.
    """

    runs: list[PlannedRun]
    machine: Machine
    store_mib: float = 0.0

    @property
    def due(self) -> list[PlannedRun]:
        """The runs that are not done."""
        return [planned for planned in self.runs if planned.state != "done"]

    @property
    def seconds(self) -> float:
        """Of one worker."""
        return sum(planned.cost.seconds for planned in self.due)

    @property
    def disk_mib(self) -> float:
        """What stays of the runs."""
        return sum(planned.cost.disk_mib for planned in self.due)

    def memory_mib(self, workers: int) -> float:
        """Memory of so many workers, each with one of the largest runs."""
        return sum(heapq.nlargest(workers, (planned.cost.memory_mib for planned in self.due)))

    def wall_seconds(self, workers: int) -> float:
        """From the start of the first run to the end of the last one, on workers as fast as now.

        The longest runs come first. A run waits for its base: together they take at least as long as one after the
        other.
        """
        seconds = {planned.run.run_key: planned.cost.seconds for planned in self.due}
        free = [0.0] * max(workers, 1)
        for longest in sorted((planned.cost.seconds for planned in self.due), reverse=True):
            heapq.heapreplace(free, free[0] + longest)
        chains = [planned.cost.seconds + seconds.get(planned.run.base_key, 0.0) for planned in self.due]
        return max([*free, *chains])


def planned_runs(sweep: SweepConfig, out: Path, scans: int | None = None, sites: int | None = None) -> list[PlannedRun]:
    """The runs of a sweep, in table order, without their costs; makes no phantom and no store.

    Parameters
    ----------
    sweep
        The sweep.
    out
        Results folder, in which finished runs are found.
    scans, sites
        Scans of all splits together, and their sites, of data that are not looked at; None for those of the manifests,
        or of the phantom that would be made.

    Raises
    ------
    UserError
        For fewer than 50 scans or 2 sites, and for sites without scans.
    """
    for name, value, least in (("scans", scans, 50), ("sites", sites, 2)):
        if value is not None and value < least:
            raise UserError(f"--{name}: {value} is not allowed; it must be an integer >= {least}")
    if sites is not None and scans is None:
        raise UserError("--sites: only with --scans, which asks for scans that are not there")
    there = scans is None and all((folder / "phantom.json").is_file() for folder, _ in sweep.phantoms)
    made_up = None if there else partial(_made_up, sweep, scans, sites)
    runs = runs_of(sweep, out, made_up)
    keys = {run.run_key for run in runs}
    planned = []
    for run in runs:
        table = scans_of(run) if made_up is None else made_up(run.config["data"])
        trained_base = run.base_key in keys
        size = Size.of(run.config, run.scans, len(table), trained_base=trained_base)
        planned.append(PlannedRun(run, run.state(), size, table["site"].nunique(), trained_base))
    return planned


def _made_up(sweep: SweepConfig, scans: int | None, sites: int | None, data: dict[str, Any]) -> pd.DataFrame:
    """Scans table of so many scans, or of the phantom that would be made."""
    phantom = PhantomSettings() if sweep.phantom is None else sweep.phantom.of_seed(data["seed"])[1]
    if scans is None:
        test = phantom.sites * (phantom.test_subjects + phantom.travelling_subjects)
        return noise_scans(phantom.train_scans, test, phantom.sites)
    if sites is None:
        named = data["manifests"] and not any("*" in pattern for pattern in data["manifests"])
        sites = max(len(data["manifests"]), 2) if named else phantom.sites
    held_back = round(scans * (data["test_fraction"] + data["val_fraction"]))
    return noise_scans(scans - held_back, held_back, sites)


def make_plan(
    runs: Sequence[PlannedRun], out: Path, evaluation: EvaluationSettings, workers: int, *, measure: bool = True
) -> Plan:
    """Estimate what runs take, on ``workers`` at a time; 0 for as many as a sweep takes by itself.

    The other parameters are those of :func:`with_costs`.
    """
    machine = Machine.here(workers, max(planned.run.processes for planned in runs))
    plan = Plan(with_costs(runs, out, evaluation, machine, measure=measure), machine)
    stores = {
        store_folder(planned.run) if planned.has_data else planned.run.seed: planned.size.store_mib
        for planned in plan.due
        if not planned.has_data or not store_folder(planned.run).exists()
    }
    return replace(plan, store_mib=sum(stores.values()))


def with_costs(
    runs: Sequence[PlannedRun], out: Path, evaluation: EvaluationSettings, machine: Machine, *, measure: bool
) -> list[PlannedRun]:
    """Runs with their costs.

    Parameters
    ----------
    runs
        As :func:`planned_runs` gives them.
    out
        Results folder. A method of which runs are finished there, of this sweep or another, is taken at what those
        took, in proportion to its size.
    evaluation
        How embeddings are scored.
    machine
        What the runs are executed on.
    measure
        Whether other methods are timed on this machine; if not, what is not known from earlier timings is guessed.
    """
    due = [planned for planned in runs if planned.state != "done"]
    costs = _finished_costs(due, out)
    costs |= _timed_costs([run for run in due if run.run.name not in costs], evaluation, machine, measure=measure)
    libraries = memory_mib()
    found = []
    for planned in runs:
        cost = costs.get(planned.run.name, Cost())
        # The pages of the mapped volumes count as well.
        cost = replace(cost, memory_mib=libraries + planned.size.store_mib + cost.memory_mib)
        if planned.state == "rescore":
            cost = replace(cost, training_seconds=0.0, embedding_seconds=0.0)
        found.append(planned if planned.state == "done" else replace(planned, cost=cost))
    return found


def _finished_costs(due: Sequence[PlannedRun], out: Path) -> dict[str, Cost]:
    """Costs by the names of runs, from the latest finished runs of their methods and protocols in a results folder."""
    finished: dict[tuple[str, str], list[tuple[Cost, Size]]] = {}
    wanted = {planned.kind: planned.trained_base for planned in due}
    libraries = memory_mib()
    for file in sorted(marker_files(out) if due else [], key=lambda path: -path.stat().st_mtime_ns):
        marker, folder = marker_of(file.parent), training_folder(file.parent)
        kind = marker.get("method", ""), marker.get("protocol", "")
        if kind not in wanted or len(finished.get(kind, ())) == LATEST or marker.get("training_seconds") is None:
            continue
        try:
            split = pd.read_parquet(folder / EMBEDDINGS, columns=["split"])["split"]
            config, train = marker["run_parts"]["config"], int((split == "train").sum())
            size = Size.of(config, train, len(split), trained_base=wanted[kind])
        except (AttributeError, ImportError, KeyError, OSError, ValueError):
            # Made by an earlier version, or no longer whole.
            continue
        cost = Cost(
            training_seconds=marker["training_seconds"],
            scoring_seconds=marker["scoring_seconds"],
            memory_mib=max(marker["peak_memory_mib"] - libraries - size.store_mib, 0.0),
            gpu_mib=marker.get("peak_gpu_memory_mib", 0),
            disk_mib=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / MIB,
        )
        finished.setdefault(kind, []).append((cost, size))
    return {
        planned.run.name: Cost.combined([cost.scaled(size, planned.size) for cost, size in samples], median)
        for planned in due
        if (samples := finished.get(planned.kind))
    }


def _timed_costs(
    runs: Sequence[PlannedRun], evaluation: EvaluationSettings, machine: Machine, *, measure: bool
) -> dict[str, Cost]:
    """Costs by the names of runs, from a few steps of their methods and a scoring; guesses where there are none."""
    if not runs:
        return {}
    about = environment.__wrapped__()
    here = [machine.__dict__, *(about[name] for name in ("processor", "cpu_count", "gpus", "platform"))]
    tasks: dict[str, Task] = {}
    keys = {}
    for planned in runs:
        run, size = planned.run, planned.size
        config = run.parts.config
        # All that the time of a step depends on, source and versions included.
        of_step = {name: config.get(name) for name in ("model", "compute")}
        of_step["data"] = {name: config["data"][name] for name in ("batch_size", "preprocessing")}
        of_step["trainer"] = {name: config["trainer"].get(name) for name in TRAINER}
        method = digest([here, replace(run.parts, config=of_step, data={}).key, planned.sites])
        counts = size.train, max(size.scans - size.train, 1), planned.sites
        one_site = bool(run.held_out_site)
        scoring = digest([here, run.score_parts.key(""), counts, one_site])
        tasks[method] = time_method, (run.config, planned.sites)
        tasks[scoring] = time_scoring, (*counts, settings_of(run.config, evaluation), one_site)
        keys[run.name] = method, scoring
    known = timings(tasks, machine, Path(runs[0].run.config["data"]["cache_dir"]), measure=measure)
    costs = {}
    for planned in runs:
        size, (method, scoring) = planned.size, keys[planned.run.name]
        training = known.get(method, Cost(SECONDS_PER_VOXEL * size.voxels))
        if planned.trained_base:
            training = replace(training, training_seconds=0.0)
        scored = known.get(scoring, Cost(scoring_seconds=SECONDS_OF_SCORING))
        of_one_scan = Size(1, 1, 1, size.voxels, 1)
        costs[planned.run.name] = Cost.combined([training.scaled(of_one_scan, size), scored], sum)
    return costs
