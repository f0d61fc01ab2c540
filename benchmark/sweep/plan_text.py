"""A plan for people: what a sweep takes, whether it fits the machine, and which option would fit better."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from tabulate import tabulate

from benchmark.sweep.display import duration
from benchmark.sweep.planning import Estimate, Plan
from benchmark.sweep.timing import MIB

#: Share of memory and disk that a plan may use: what is estimated is no peak of everything.
SAFE = 0.9


@dataclass(frozen=True)
class Limits:
    """What the machine has, in MiB.

    Attributes
    ----------
    memory
        That is free.
    gpu
        Of one GPU; infinite without one.
    disk
        Free where the results go.
    store_disk
        Free where the volume stores go.
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
            estimate.planned.run_key[:16] or "-",
            estimate.planned.name,
            estimate.planned.state,
            "-" if estimate.problem else duration(estimate.seconds),
        )
        for estimate in plan.estimates
    ]
    parts = [tabulate(rows, headers=["run key", "run", "state", "time"], disable_numparse=True)]
    if plan.due:
        headers = ["method", "runs", "training", "scoring", "memory", "GPU memory", "disk"]
        parts.append(tabulate(_methods(plan), headers=headers, disable_numparse=True))
    parts.append("\n".join(_totals(plan, limits)))
    return "\n\n".join(parts) + "\n"


def _methods(plan: Plan) -> list[tuple[str, ...]]:
    rows = []
    for method in dict.fromkeys(estimate.planned.method for estimate in plan.due):
        mine = [estimate for estimate in plan.due if estimate.planned.method == method]
        gpu = max(estimate.gpu_mib for estimate in mine)
        values = [
            duration(sum(estimate.training_seconds for estimate in mine)),
            duration(sum(estimate.scoring_seconds for estimate in mine)),
            gib(max(estimate.memory_mib for estimate in mine)),
            gib(gpu) if gpu else "-",
            gib(sum(estimate.disk_mib for estimate in mine)),
        ]
        rows.append((method, str(len(mine)), *(["-"] * 5 if any(estimate.problem for estimate in mine) else values)))
    return rows


def _totals(plan: Plan, limits: Limits) -> list[str]:
    machine, seconds = plan.machine, sum(estimate.seconds for estimate in plan.estimates)
    states = Counter(estimate.planned.state for estimate in plan.estimates)
    text = ", ".join(f"{count} {state}" for state, count in states.items())
    lines = [f"{len(plan.estimates)} runs, about {seconds / 60:.1f} minutes of one worker ({text})"]
    if not plan.due:
        return lines
    shares = f"{machine.gpus} GPUs" if machine.gpus else f"{machine.cores} CPU cores, no GPU"
    wall = plan.wall_seconds(machine.workers)
    lines.append(f"wall time: about {duration(wall)} with {machine.workers} workers ({shares})")
    if machine.gpus:
        lines.append(f"GPU-hours: {seconds / 3600:.2f}")
    lines.append(f"memory: up to {gib(memory_of(plan, machine.workers))} of {gib(limits.memory)} free")
    lines.append(
        f"disk: volume stores to build {gib(plan.store_mib)}, results {gib(disk_of(plan))}; free "
        f"{gib(limits.store_disk)} and {gib(limits.disk)}"
    )
    problems = {estimate.planned.method: estimate.problem for estimate in plan.due if estimate.problem}
    lines += [f"no estimate for {method}: {problem}" for method, problem in problems.items()]
    lines += [f"better: {line}" for line in advice(plan, limits)] or ["it fits"]
    lines.append("from finished runs, or else a few steps on noise; phantoms, stores and tables come on top")
    return lines


def advice(plan: Plan, limits: Limits) -> list[str]:
    """What does not fit or could be faster, and the option that would; one line each, empty if all is well."""
    if not plan.due:
        return []
    return [*_gpu(plan, limits), *_memory(plan, limits), *_disk(plan, limits)] or _workers(plan, limits)


def memory_of(plan: Plan, workers: int) -> float:
    """MiB of so many workers, each with one of the largest runs."""
    return sum(sorted((estimate.memory_mib for estimate in plan.due), reverse=True)[:workers])


def disk_of(plan: Plan) -> float:
    """MiB that the results need, with what workers keep to resume from."""
    resume = sorted((estimate.resume_mib for estimate in plan.due), reverse=True)[: plan.machine.workers]
    return sum(estimate.disk_mib for estimate in plan.due) + sum(resume)


def gib(mib: float) -> str:
    """MiB for people."""
    return f"{mib:.0f} MiB" if mib < 1000 else f"{mib / 1024:.1f} GiB"


def _gpu(plan: Plan, limits: Limits) -> list[str]:
    largest = max(plan.due, key=lambda estimate: estimate.gpu_mib)
    if largest.gpu_mib <= SAFE * limits.gpu:
        return []
    says = f"a batch of {largest.planned.batch} of {largest.planned.method} needs {gib(largest.gpu_mib)} of the GPU's"
    return [f"{says} {gib(limits.gpu)}: {_smaller(largest, SAFE * limits.gpu / largest.gpu_mib)}"]


def _memory(plan: Plan, limits: Limits) -> list[str]:
    workers, most = min(plan.machine.workers, len(plan.due)), SAFE * limits.memory
    needed = memory_of(plan, workers)
    if needed <= most:
        return []
    says = f"{workers} {'worker needs' if workers == 1 else 'workers need'} {gib(needed)} of {gib(limits.memory)}"
    fitting = max((count for count in range(1, workers) if memory_of(plan, count) <= most), default=0)
    if fitting:
        return [f"{says} free memory: set workers {fitting} (about {duration(plan.wall_seconds(fitting))})"]
    largest = max(plan.due, key=lambda estimate: estimate.memory_mib)
    return [f"{says} free memory: {_smaller(largest, most / largest.memory_mib)}"]


def _smaller(estimate: Estimate, share: float) -> str:
    """Which batch, and else which grid, takes no more than a share of what is estimated."""
    batch = estimate.planned.batch
    fitting = next((size for size in range(batch - 1, 1, -1) if batch % size == 0 and size <= share * batch), 0)
    # A method without epochs holds all training scans, whatever the batch.
    if not fitting or estimate.planned.epochs == 1:
        return _coarser(estimate, share)
    return f"set data.batch_size {fitting} with compute.accumulate {batch // fitting}, as many scans a step"


def _coarser(estimate: Estimate, share: float) -> str:
    """A grid of at most a share of the voxels, such that encoders can halve it three times."""
    settings = estimate.planned.config["data"]["preprocessing"]
    factor = next((factor for factor in (0.75, 0.5, 0.375, 0.25) if factor**3 <= share), 0.125)
    shape = [max(round(size * factor / 8) * 8, 8) for size in settings["shape"]]
    spacing = f"data.preprocessing.spacing {float(settings['spacing']) / factor:.3g}"
    return f"set data.preprocessing.shape {shape} with {spacing}"


def _disk(plan: Plan, limits: Limits) -> list[str]:
    found = []
    if plan.store_mib > SAFE * limits.store_disk:
        finest = max(plan.due, key=lambda estimate: estimate.planned.voxels)
        found.append(
            f"volume stores of {gib(plan.store_mib)} do not fit the {gib(limits.store_disk)} free at data.cache_dir: "
            f"{_coarser(finest, SAFE * limits.store_disk / plan.store_mib)}, or another data.cache_dir"
        )
    if disk_of(plan) > SAFE * limits.disk:
        found.append(f"results of {gib(disk_of(plan))} do not fit the {gib(limits.disk)} free: give another --out")
    return found


def _workers(plan: Plan, limits: Limits) -> list[str]:
    machine = plan.machine
    workers = min(machine.gpus or machine.cores, len(plan.due))
    if workers > machine.workers and memory_of(plan, workers) <= SAFE * limits.memory:
        # Workers with fewer threads are slower each, as a rule by less than there are more of them.
        wall = duration(plan.wall_seconds(workers))
        return [f"workers {workers} would fit too: about {wall}, were each as fast as now"]
    if machine.workers > max(machine.cores, machine.gpus):
        return [f"{machine.workers} workers share {machine.cores} cores: set workers {machine.cores}"]
    return []


def _available_mib() -> float:
    """Memory that the machine can still give; infinite where that is not known."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
        return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return math.inf
