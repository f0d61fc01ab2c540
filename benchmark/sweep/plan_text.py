"""A plan for people: what a sweep takes, whether it fits the machine, and which option would fit better."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import torch
from tabulate import tabulate

from benchmark.prepare.phantom.generate import RECORD
from benchmark.report.text import count
from benchmark.report.write_all import PAGE
from benchmark.sweep.axes import settings_of
from benchmark.sweep.config import SweepConfig
from benchmark.sweep.cost import MIB
from benchmark.sweep.display import duration, log_line
from benchmark.sweep.planning import Plan, PlannedRun, make_plan, planned_runs

#: Seconds of a roughly estimated sweep from which timing its methods first, half a minute, is worth it.
WORTH_TIMING = 600.0
#: Share of memory and disk that a plan may use: what is estimated is no peak of everything.
SAFE = 0.9


@dataclass(frozen=True)
class Limits:
    """What the machine has, in MiB.

    Attributes
    ----------
    memory, gpu
        Free memory, infinite where that is not known; memory of one GPU, infinite without one.
    disk, store_disk
        Free where the results go, and where the volume stores go.
    """

    memory: float
    gpu: float
    disk: float
    store_disk: float

    @classmethod
    def here(cls, out: Path, cache: Path) -> Limits:
        """Limits of the machine at hand."""
        gpu = torch.cuda.get_device_properties(0).total_memory / MIB if torch.cuda.is_available() else math.inf
        folders = ((folder, *folder.parents) for folder in (out.resolve(), cache.resolve()))
        there = (next(path for path in paths if path.exists()) for paths in folders)
        disk, store = (shutil.disk_usage(folder).free / MIB for folder in there)
        return cls(_available_mib(), gpu, disk, store)


def plan_text(plan: Plan, limits: Limits) -> str:
    """Runs with their states, what each method takes, what all takes, and what would fit better."""
    rows = [
        (
            planned.run.run_key[:16] if planned.has_data else "-",
            planned.run.name,
            planned.state,
            "-" if planned.cost.problem else duration(planned.cost.seconds),
        )
        for planned in plan.runs
    ]
    tables = [tabulate(rows, headers=["run key", "run", "state", "time"], disable_numparse=True)]
    if plan.due:
        headers = ["method", "runs", "training", "scoring", "memory", "GPU memory", "disk"]
        tables.append(tabulate(_methods(plan), headers=headers, disable_numparse=True))
    return "\n\n".join([*tables, "\n".join(totals(plan, limits))]) + "\n"


def start_text(sweep: SweepConfig, out: Path) -> tuple[list[str], int]:
    """What a sweep is about to do, and about how long that takes on this machine, a line each; and how many runs.

    Long ones are estimated as by ``--plan``, with a few timed steps of methods of which nothing is known; of short
    ones these would take longer than they are worth. Of a sweep with axes the first setting stands for all.
    """
    settings = settings_of(sweep) if sweep.axes else {"": sweep}
    name, first = next(iter(settings.items()))
    runs = planned_runs(first, out / name)
    due = [planned for planned in runs if planned.state != "done"]
    if not due:
        return [], 0
    plan = make_plan(runs, out / name, first.evaluation, first.workers, measure=False)
    wall = plan.wall_seconds(plan.machine.workers) * len(settings)
    timed = wall > WORTH_TIMING
    if timed:
        log_line("timing a few steps of each method", terminal=True)
        plan = make_plan(runs, out / name, first.evaluation, first.workers)
        wall = plan.wall_seconds(plan.machine.workers) * len(settings)
    each = f"{len(settings)} settings, each of " if sweep.axes else ""
    methods = count(len({planned.run.method for planned in runs}), "method")
    lines = [
        f"{each}{methods}, {count(len(runs), 'run')}, {len(due)} to do, {count(plan.machine.workers, 'worker')}; "
        f"results: {out}",
        *_phantoms(list(settings.values())),
    ]
    basis = "from finished runs or a few timed steps" if timed else "rough: from earlier runs, else from volume sizes"
    on_top = "phantoms, volume stores and tables come on top"
    lines.append(f"estimate: about {duration(wall)} on this machine ({basis}); {on_top}")
    problems = {planned.run.method: planned.cost.problem for planned in plan.due if planned.cost.problem}
    lines += [f"no estimate for {method}: {problem}" for method, problem in problems.items()]
    return lines, len(due) * len(settings)


def _phantoms(sweeps: Sequence[SweepConfig]) -> list[str]:
    every = {folder: settings for sweep in sweeps for folder, settings in sweep.phantoms}
    missing = {folder: settings for folder, settings in every.items() if not (folder / RECORD).is_file()}
    if not missing:
        return []
    scans = sum(
        settings.train_scans + settings.sites * (settings.test_subjects + settings.travelling_subjects)
        for settings in missing.values()
    )
    return [f"to be made first: {count(len(missing), 'phantom')}, about {scans} scans"]


def end_text(runs: int, failed: int, seconds: float, out: Path) -> str:
    """One line at the end of a sweep: what was done, in which time, and where to look."""
    done = f"{runs - failed} of {count(runs, 'run')} done" if failed else f"{count(runs, 'run')} done"
    return f"{done} in {duration(seconds)}; page: seada-bench tables {out} writes {out / 'tables' / PAGE}"


def settings_text(plans: Mapping[str, Plan], limits: Limits) -> str:
    """What each setting of a stress sweep takes, and all of them; volume stores that several read count for each."""
    rows = [(name, str(len(plan.runs)), str(len(plan.due)), duration(plan.seconds)) for name, plan in plans.items()]
    parts = list(plans.values())
    plan = Plan([run for part in parts for run in part.runs], parts[0].machine, sum(part.store_mib for part in parts))
    table = tabulate(rows, headers=["setting", "runs", "due", "time"], disable_numparse=True)
    return "\n\n".join([table, "\n".join(totals(plan, limits))]) + "\n"


def _methods(plan: Plan) -> Iterator[tuple[str, ...]]:
    costs = pd.DataFrame([{"method": planned.run.method, **asdict(planned.cost)} for planned in plan.due])
    for name, of_method in costs.groupby("method", sort=False):
        total, largest = of_method.sum(numeric_only=True), of_method.max(numeric_only=True)
        values = (
            duration(total["training_seconds"] + total["embedding_seconds"]),
            duration(total["scoring_seconds"]),
            gib(largest["memory_mib"]),
            gib(largest["gpu_mib"]) if largest["gpu_mib"] else "-",
            gib(total["disk_mib"]),
        )
        yield str(name), str(len(of_method)), *(["-"] * 5 if of_method["problem"].any() else values)


def totals(plan: Plan, limits: Limits) -> list[str]:
    """What all runs take together, and whether it fits, a line each."""
    machine = plan.machine
    states = Counter(planned.state for planned in plan.runs)
    text = ", ".join(f"{number} {state}" for state, number in states.items())
    lines = [f"{len(plan.runs)} runs, about {plan.seconds / 60:.1f} minutes of one worker ({text})"]
    if not plan.due:
        return lines
    shares = f"{machine.gpus} GPUs" if machine.gpus else f"{machine.cores} CPU cores, no GPU"
    wall = duration(plan.wall_seconds(machine.workers))
    lines.append(f"wall time: about {wall} with {machine.workers} workers ({shares})")
    if machine.gpus:
        lines.append(f"GPU-hours: {plan.seconds / 3600:.2f}")
    lines.append(f"memory: up to {gib(plan.memory_mib(machine.workers))} of {gib(limits.memory)} free")
    lines.append(
        f"disk: volume stores to build {gib(plan.store_mib)}, results {gib(plan.disk_mib)}; free "
        f"{gib(limits.store_disk)} and {gib(limits.disk)}"
    )
    problems = {planned.run.method: planned.cost.problem for planned in plan.due if planned.cost.problem}
    lines += [f"no estimate for {method}: {problem}" for method, problem in problems.items()]
    lines += [f"better: {line}" for line in advice(plan, limits)] or ["it fits"]
    lines.append("from finished runs, or else a few steps on noise; phantoms, stores and tables come on top")
    return lines


def advice(plan: Plan, limits: Limits) -> list[str]:
    """What does not fit or could be faster, and the option that would; one line each, empty if all is well."""
    if not plan.due:
        return []
    machine, due = plan.machine, plan.due
    memory, workers = SAFE * limits.memory, min(machine.workers, len(due))
    lines = []
    on_gpu = max(due, key=lambda planned: planned.cost.gpu_mib)
    if on_gpu.cost.gpu_mib > SAFE * limits.gpu:
        needs = f"needs {gib(on_gpu.cost.gpu_mib)} of the GPU's {gib(limits.gpu)}"
        says = f"a batch of {on_gpu.size.held} of {on_gpu.run.method} {needs}"
        lines.append(f"{says}: {_smaller(on_gpu, SAFE * limits.gpu / on_gpu.cost.gpu_mib)}")
    if plan.memory_mib(workers) > memory:
        largest = max(due, key=lambda planned: planned.cost.memory_mib)
        fewer = next((n for n in range(workers - 1, 0, -1) if plan.memory_mib(n) <= memory), 0)
        need = "worker needs" if workers == 1 else "workers need"
        says = f"{workers} {need} {gib(plan.memory_mib(workers))} of {gib(limits.memory)} free memory"
        faster = f"set workers {fewer} (about {duration(plan.wall_seconds(fewer))})"
        lines.append(f"{says}: {faster if fewer else _smaller(largest, memory / largest.cost.memory_mib)}")
    if plan.store_mib > SAFE * limits.store_disk:
        finest = max(due, key=lambda planned: planned.size.voxels)
        says = f"volume stores of {gib(plan.store_mib)} do not fit the {gib(limits.store_disk)} free at data.cache_dir"
        coarser = _coarser(finest, SAFE * limits.store_disk / plan.store_mib)
        lines.append(f"{says}: {coarser}, or another data.cache_dir")
    if plan.disk_mib > SAFE * limits.disk:
        lines.append(f"results of {gib(plan.disk_mib)} do not fit the {gib(limits.disk)} free: give another --out")
    more = min(machine.gpus or machine.cores, len(due))
    if not lines and machine.workers < more and plan.memory_mib(more) <= memory:
        # Workers with fewer threads are slower each, as a rule by less than there are more of them.
        lines.append(
            f"workers {more} would fit too: about {duration(plan.wall_seconds(more))}, were each as fast as now"
        )
    if not lines and machine.workers > max(machine.cores, machine.gpus):
        lines.append(f"{machine.workers} workers share {machine.cores} cores: set workers {machine.cores}")
    return lines


def _smaller(planned: PlannedRun, share: float) -> str:
    """Which batch, and else which grid, takes no more than a share of what is estimated."""
    batch = planned.run.config["data"]["batch_size"]
    fitting = next((size for size in range(batch - 1, 1, -1) if batch % size == 0 and size <= share * batch), 0)
    # A method without epochs holds all training scans, whatever the batch.
    if not fitting or planned.size.held != batch:
        return _coarser(planned, share)
    return f"set data.batch_size {fitting} with compute.accumulate {batch // fitting}, as many scans a step"


def _coarser(planned: PlannedRun, share: float) -> str:
    """A grid of at most a share of the voxels, such that encoders can halve it three times."""
    settings = planned.run.config["data"]["preprocessing"]
    factor = next((factor for factor in (0.75, 0.5, 0.375, 0.25) if factor**3 <= share), 0.125)
    shape = [max(round(size * factor / 8) * 8, 8) for size in settings["shape"]]
    spacing = f"data.preprocessing.spacing {float(settings['spacing']) / factor:.3g}"
    return f"set data.preprocessing.shape {shape} with {spacing}"


def gib(mib: float) -> str:
    """MiB for people."""
    return f"{mib:.0f} MiB" if mib < 1000 else f"{mib / 1024:.1f} GiB"


def _available_mib() -> float:
    """Memory that the machine can still give; infinite where that is not known."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return math.inf
