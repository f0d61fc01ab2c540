"""What a sweep would take: time, memory and disk of its works, on as many workers as there are."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmark.metrics.settings import EvaluationSettings
from benchmark.sweep.calibrating import Costs, Machine, costs_of, method_key, scoring_key, store_key
from benchmark.sweep.calibration import MethodCost
from benchmark.sweep.cells import store_folder
from benchmark.sweep.memory import memory_mib
from benchmark.sweep.works import Work

#: Bytes of a voxel in the volume store.
STORE_BYTES = 2
MIB = 2.0**20


@dataclass(frozen=True)
class WorkCost:
    """What one work takes.

    Attributes
    ----------
    work
        The work.
    training_seconds, scoring_seconds
        Of one worker; 0 where it is done.
    memory_mib, gpu_mib
        Peak of its process and of its GPU.
    disk_mib
        What stays of it.
    resume_mib
        What it needs beside while it trains.
    cost
        Of its method, for what could be changed.
    problem
        Why there is no estimate; empty if there is one.
    """

    work: Work
    training_seconds: float
    scoring_seconds: float
    memory_mib: float
    gpu_mib: float
    disk_mib: float
    resume_mib: float
    cost: MethodCost
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
    costs
        Of every work, in table order.
    machine
        Workers and what they have.
    wall_seconds
        Of the cells, from the workers' start to the last one's end.
    start_seconds
        Of a worker until its first cell.
    store_mib
        Volume stores that are to be built.
    store_seconds
        What that takes all cores; 0 where the images are not there.
    spent_seconds
        What the calibration took.
    """

    costs: list[WorkCost]
    machine: Machine
    wall_seconds: float
    start_seconds: float
    store_mib: float
    store_seconds: float
    spent_seconds: float

    @property
    def gpu_hours(self) -> float:
        """GPUs times hours that workers hold one."""
        return sum(cost.seconds for cost in self.costs) / 3600 if self.machine.gpus else 0.0

    def wall_of(self, workers: int) -> float:
        """Seconds with another number of workers, were each as fast as now."""
        return self.start_seconds + makespan(self.costs, workers)


def remembered_seconds(works: Sequence[Work], evaluation: EvaluationSettings, workers: int) -> list[float] | None:
    """Seconds of every work from earlier calibrations of this machine; None where one is missing: measures nothing."""
    machine = Machine.here(workers)
    known = costs_of([work for work in works if work.state != "done"], evaluation, machine, measure=False)
    return None if known is None else [_cost(work, works, evaluation, machine, known).seconds for work in works]


def make_plan(works: Sequence[Work], evaluation: EvaluationSettings, workers: int) -> Plan:
    """Estimate what works take, from a calibration on this machine and from those of them that are done.

    Parameters
    ----------
    works
        As :func:`benchmark.sweep.works.works_of` gives them.
    evaluation
        How a cell is scored.
    workers
        Cells at a time; 0 for as many as a sweep takes by itself.
    """
    machine = Machine.here(workers)
    due = [work for work in works if work.state != "done"]
    known = costs_of(due, evaluation, machine) or Costs({}, {}, {}, 0.0, 0.0)
    costs = [_cost(work, works, evaluation, machine, known) for work in works]
    stores = _stores(due)
    scans = {store_key(work): len(work.scans) for work in due}
    seconds = sum(scans[key] * rate for key, rate in known.stores.items()) / machine.cores
    wall = (known.start_seconds if due else 0.0) + makespan(costs, machine.workers)
    return Plan(costs, machine, wall, known.start_seconds, sum(stores.values()), seconds, known.spent_seconds)


def _cost(
    work: Work, works: Sequence[Work], evaluation: EvaluationSettings, machine: Machine, known: Costs
) -> WorkCost:
    if work.state == "done":
        return WorkCost(work, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, MethodCost())
    method = known.methods[method_key(work, machine)]
    scoring = known.scorings[scoring_key(work, evaluation, machine)]
    batch = int(work.config["data"]["batch_size"])
    libraries = memory_mib()
    training, scored = training_seconds(work, method), scoring.seconds
    seen = _seen(work, works)
    if seen is not None:
        training, scored = seen
    return WorkCost(
        work,
        0.0 if work.state == "rescore" else training,
        scored,
        # What training has taken is not given back before scoring, and the mapped volumes' pages count as well.
        libraries
        + scoring.memory_mib
        + len(work.scans) * work.voxels * STORE_BYTES / MIB
        + method.memory_mib
        + batch * method.memory_per_scan_mib
        + work.train * method.memory_per_training_scan_mib,
        method.gpu_mib if method.gpu_mib == 0 else batch * method.gpu_per_scan_mib,
        method.checkpoint_mib + scoring.disk_mib,
        method.resume_mib,
        method,
        method.problem or scoring.problem,
    )


def training_seconds(work: Work, method: MethodCost) -> float:
    """Seconds from a work's start to its embeddings.

    Parameters
    ----------
    work
        The work; the epochs of a base that another cell trains are not its own.
    method
        Cost of its method.
    """
    epochs = 0 if work.base_key else int(work.config["trainer"]["max_epochs"])
    steps = work.train // int(work.config["data"]["batch_size"])
    trained = epochs * (steps * method.step_seconds + method.epoch_seconds) if method.step_seconds else 0.0
    # Training scans, and the rest of a held-out site, are what is fitted to afterwards.
    return trained + work.train * method.after_seconds + len(work.scans) * method.scan_seconds + method.fixed_seconds


def _seen(work: Work, works: Sequence[Work]) -> tuple[float, float] | None:
    """Seconds of training and scoring as finished cells of the same method and protocol say; None without any."""
    alike = [
        (other.cell.marker(), other.train)
        for other in works
        if other.cell is not None
        and (other.method, other.protocol, other.state) == (work.method, work.protocol, "done")
        and other.cell.marker().get("training_seconds") is not None
    ]
    if not alike:
        return None
    rate = median(marker["training_seconds"] / max(train, 1) for marker, train in alike)
    return rate * work.train, median(marker["scoring_seconds"] for marker, _ in alike)


def makespan(costs: Sequence[WorkCost], workers: int) -> float:
    """Seconds that workers need for all works, the longest first and a base before what is built on it."""
    waiting = sorted((cost for cost in costs if cost.work.state != "done"), key=lambda cost: -cost.seconds)
    ends: dict[tuple[object, ...], float] = {}
    for cost in waiting:
        ends[_place(cost.work)] = float("inf")
    free = [0.0] * max(workers, 1)
    heapq.heapify(free)
    total = 0.0
    while waiting:
        now = heapq.heappop(free)
        ready = [cost for cost in waiting if ends.get(_base(cost.work, costs), 0.0) <= now]
        if not ready:
            # The base is still in the making: this worker waits for it.
            heapq.heappush(free, min((end for end in ends.values() if now < end < float("inf")), default=now + 1.0))
            continue
        waiting.remove(ready[0])
        ends[_place(ready[0].work)] = now + ready[0].seconds
        total = max(total, now + ready[0].seconds)
        heapq.heappush(free, now + ready[0].seconds)
    return total


def _place(work: Work) -> tuple[object, ...]:
    return work.method, work.protocol, work.seed, work.held_out_site


def _base(work: Work, costs: Sequence[WorkCost]) -> tuple[object, ...]:
    if not work.base_key:
        return ()
    if work.cell is None:
        return work.base_key, work.protocol, work.seed, work.held_out_site
    found = (cost.work for cost in costs if cost.work.run_key == work.base_key)
    return next((_place(other) for other in found), ())


def _stores(works: Sequence[Work]) -> dict[object, float]:
    """MiB of the volume stores that works need and that are not there, by what tells them apart."""
    sizes: dict[object, float] = {}
    for work in works:
        place: Path | int = work.seed
        if work.cell is not None:
            place = store_folder(work.cell)
            if place.exists():
                continue
        sizes[place] = len(work.scans) * work.voxels * STORE_BYTES / MIB
    return sizes


def unmeasured(costs: Sequence[WorkCost]) -> dict[str, str]:
    """Methods without an estimate, and why."""
    return {cost.work.method: cost.problem for cost in costs if cost.problem}
