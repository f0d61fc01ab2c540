"""Whether a plan fits the machine, and which option would fit it better."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmark.sweep.display import duration
from benchmark.sweep.memory import available_mib
from benchmark.sweep.planning import Plan, WorkCost

MIB = 2.0**20
GIB_IN_MIB = 1024

#: Share of the memory that a plan may use: what is estimated is no peak of everything.
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
    same_disk
        Whether those two are one.
    """

    memory: float
    gpu: float
    disk: float
    store_disk: float
    same_disk: bool = True

    @classmethod
    def here(cls, out: Path, cache: Path) -> Limits:
        """Limits of the machine at hand."""
        gpu = torch.cuda.get_device_properties(0).total_memory / MIB if torch.cuda.is_available() else math.inf
        folders = [_existing(out), _existing(cache)]
        disk, store = (shutil.disk_usage(folder).free / MIB for folder in folders)
        return cls(available_mib(), gpu, disk, store, folders[0].stat().st_dev == folders[1].stat().st_dev)


def _existing(folder: Path) -> Path:
    folder = folder.resolve()
    return folder if folder.exists() else _existing(folder.parent)


def memory_of(plan: Plan, workers: int) -> float:
    """MiB of so many workers, each with one of the largest works."""
    peaks = sorted((cost.memory_mib for cost in plan.costs), reverse=True)
    return sum(peaks[:workers])


def disk_of(plan: Plan) -> float:
    """MiB that the results need, with what workers keep to resume from."""
    resume = sorted((cost.resume_mib for cost in plan.costs), reverse=True)[: plan.machine.workers]
    return sum(cost.disk_mib for cost in plan.costs) + sum(resume)


def advice(plan: Plan, limits: Limits) -> list[str]:
    """What does not fit or could be faster, and the option that would; one line each, empty if all is well."""
    due = [cost for cost in plan.costs if cost.work.state != "done"]
    if not due:
        return []
    found = [*_gpu(due, limits), *_memory(plan, due, limits), *_disk(plan, due, limits)]
    return found or _faster(plan, due, limits)


def _memory(plan: Plan, due: list[WorkCost], limits: Limits) -> list[str]:
    workers = min(plan.machine.workers, len(due))
    needed, most = memory_of(plan, workers), SAFE * limits.memory
    if needed <= most:
        return []
    fitting = max((n for n in range(1, workers) if memory_of(plan, n) <= most), default=0)
    says = f"{workers} {'worker needs' if workers == 1 else 'workers need'} {gib(needed)} of {gib(limits.memory)}"
    if fitting:
        return [f"{says} free memory: set workers {fitting} (about {duration(plan.wall_of(fitting))})"]
    largest = max(due, key=lambda cost: cost.memory_mib)
    if largest.cost.memory_per_training_scan_mib * largest.work.train > SAFE * limits.memory / 2:
        instead = f"leave out {largest.work.method}, which holds all training scans, or set {_coarser(largest, 0.5)}"
        return [f"{says} free memory: {instead}"]
    batch = int(largest.work.config["data"]["batch_size"])
    base = largest.memory_mib - batch * largest.cost.memory_per_scan_mib
    return [
        f"{says} free memory: {_smaller(largest, batch, (most - base) / max(largest.cost.memory_per_scan_mib, 1e-9))}"
    ]


def _gpu(due: list[WorkCost], limits: Limits) -> list[str]:
    largest = max(due, key=lambda cost: cost.gpu_mib)
    if largest.gpu_mib <= SAFE * limits.gpu:
        return []
    batch = int(largest.work.config["data"]["batch_size"])
    says = f"a batch of {batch} of {largest.work.method} needs {gib(largest.gpu_mib)} of the GPU's {gib(limits.gpu)}"
    return [f"{says}: {_smaller(largest, batch, SAFE * limits.gpu / largest.cost.gpu_per_scan_mib)}"]


def _smaller(cost: WorkCost, batch: int, room: float) -> str:
    """Which batch, and else which grid, fits the room for so many scans."""
    fitting = next((size for size in range(batch - 1, 1, -1) if batch % size == 0 and size <= room), 0)
    if fitting and cost.cost.accumulates:
        accumulated = f"trainer.accumulate_grad_batches {batch // fitting}"
        return f"set data.batch_size {fitting} with {accumulated}, as many scans a step"
    if fitting:
        return f"set data.batch_size {fitting} (two optimisers cannot accumulate gradients: other steps, other numbers)"
    return f"set {_coarser(cost, 0.5)}"


def _disk(plan: Plan, due: list[WorkCost], limits: Limits) -> list[str]:
    results, store = disk_of(plan), plan.store_mib
    found = []
    if store > SAFE * limits.store_disk:
        cost = max(due, key=lambda one: one.work.voxels)
        factor = next(
            f for f in (0.75, 0.5, 0.375, 0.25, 0.125) if store * f**3 <= SAFE * limits.store_disk or f == 0.125
        )
        found.append(
            f"volume stores of {gib(store)} do not fit the {gib(limits.store_disk)} free at data.cache_dir: set "
            f"{_coarser(cost, factor)}, which needs {gib(store * _share(cost, factor))}, or another data.cache_dir"
        )
    if results + (store if limits.same_disk and not found else 0.0) > SAFE * limits.disk:
        found.append(f"results of {gib(results)} do not fit the {gib(limits.disk)} free there: give another --out")
    return found


def _coarse(cost: WorkCost, factor: float) -> list[int]:
    shape = cost.work.config["data"]["preprocessing"]["shape"]
    # Encoders halve a grid three times.
    return [max(round(size * factor / 8) * 8, 8) for size in shape]


def _share(cost: WorkCost, factor: float) -> float:
    return math.prod(_coarse(cost, factor)) / cost.work.voxels


def _coarser(cost: WorkCost, factor: float) -> str:
    spacing = float(cost.work.config["data"]["preprocessing"]["spacing"]) / factor
    return f"data.preprocessing.shape {_coarse(cost, factor)} with data.preprocessing.spacing {spacing:.3g}"


def _faster(plan: Plan, due: list[WorkCost], limits: Limits) -> list[str]:
    machine = plan.machine
    workers = min(machine.gpus or machine.cores, len(due))
    if workers > machine.workers and memory_of(plan, workers) <= SAFE * limits.memory and len(due) > machine.workers:
        # Workers with fewer threads are slower each, as a rule by less than there are more of them.
        return [f"workers {workers} would fit too: about {duration(plan.wall_of(workers))}, were each as fast as now"]
    if machine.workers > max(machine.cores, machine.gpus):
        return [f"{machine.workers} workers share {machine.cores} cores: set workers {machine.cores}"]
    return []


def gib(mib: float) -> str:
    """MiB for people."""
    return f"{mib:.0f} MiB" if mib < 1000 else f"{mib / GIB_IN_MIB:.1f} GiB"
