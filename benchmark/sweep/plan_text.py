"""A plan for people."""

from __future__ import annotations

from collections import Counter

from tabulate import tabulate

from benchmark.sweep.advice import Limits, advice, disk_of, gib, memory_of
from benchmark.sweep.display import duration
from benchmark.sweep.planning import Plan, unmeasured


def plan_text(plan: Plan, limits: Limits) -> str:
    """Cells with their states, what each method takes, what all takes, and what would fit better."""
    rows = [
        (
            cost.work.run_key[:16] or "-",
            cost.work.name,
            cost.work.state,
            "-" if cost.problem else duration(cost.seconds),
        )
        for cost in plan.costs
    ]
    parts = [tabulate(rows, headers=["run key", "cell", "state", "time"], disable_numparse=True)]
    due = [cost for cost in plan.costs if cost.work.state != "done"]
    if due:
        parts.append(tabulate(_methods(plan), headers=_HEADERS, disable_numparse=True))
    parts.append("\n".join(_totals(plan, limits, len(due))))
    return "\n\n".join(parts) + "\n"


#: Wall time over CPU time from which on the machine counts as busy.
BUSY = 1.3

_HEADERS = ["method", "cells", "training", "scoring", "memory", "GPU memory", "disk"]


def _methods(plan: Plan) -> list[tuple[str, ...]]:
    rows = []
    due = [cost for cost in plan.costs if cost.work.state != "done"]
    for method in dict.fromkeys(cost.work.method for cost in due):
        mine = [cost for cost in due if cost.work.method == method]
        if any(cost.problem for cost in mine):
            rows.append((method, str(len(mine)), *["-"] * 5))
            continue
        gpu = max(cost.gpu_mib for cost in mine)
        rows.append(
            (
                method,
                str(len(mine)),
                duration(sum(cost.training_seconds for cost in mine)),
                duration(sum(cost.scoring_seconds for cost in mine)),
                gib(max(cost.memory_mib for cost in mine)),
                gib(gpu) if gpu else "-",
                gib(sum(cost.disk_mib for cost in mine)),
            )
        )
    return rows


def _totals(plan: Plan, limits: Limits, due: int) -> list[str]:
    machine = plan.machine
    states = Counter(cost.work.state for cost in plan.costs)
    text = ", ".join(f"{count} {state}" for state, count in states.items())
    total = sum(cost.seconds for cost in plan.costs)
    lines = [f"{len(plan.costs)} cells, about {total / 60:.1f} minutes of one worker ({text})"]
    if not due:
        return lines
    workers = min(machine.workers, due)
    shares = f"{machine.gpus} GPUs" if machine.gpus else f"{machine.cores} CPU cores, no GPU"
    lines.append(f"wall time: about {duration(plan.wall_seconds)} with {machine.workers} workers ({shares})")
    if plan.store_seconds:
        lines.append(f"before that, volume stores: about {duration(plan.store_seconds)}")
    if machine.gpus:
        lines.append(f"GPU-hours: {plan.gpu_hours:.2f}")
    lines.append(f"memory: up to {gib(memory_of(plan, workers))} of {gib(limits.memory)} free")
    lines.append(
        f"disk: volume stores to build {gib(plan.store_mib)}, results {gib(disk_of(plan))}; free "
        f"{gib(limits.store_disk)} and {gib(limits.disk)}"
    )
    busy = max(cost.cost.busy for cost in plan.costs)
    if busy > BUSY:
        lines.append(f"others use this machine: just now a step takes up to {busy:.1f} times as long as estimated")
    lines += [f"no estimate for {method}: {problem}" for method, problem in unmeasured(plan.costs).items()]
    lines += [f"better: {line}" for line in advice(plan, limits)] or ["it fits"]
    lines.append(
        f"calibrated in {duration(plan.spent_seconds)} on noise, or from earlier calibrations of this machine; "
        "phantoms and the final tables come on top"
    )
    return lines
