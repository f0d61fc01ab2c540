"""What a study would take: how many trainings, and how long, by a few steps of each method's own settings."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from benchmark.protocols import LEAVE_ONE_SITE_OUT
from benchmark.report.text import count
from benchmark.sweep.plan_text import Limits, totals
from benchmark.sweep.planning import Plan, PlannedRun, make_plan, planned_runs
from benchmark.tune.study import Study


def plan_of(study: Study) -> Plan:
    """The study's trainings with what they take.

    Each method without a finished training is timed on this machine with its own settings, which stand for those of
    all its trials.
    """
    planned = planned_runs(study.sweep, study.trainings)
    methods = {trial.file.stem: trial.method for trial in study.trials}

    def place(one: PlannedRun) -> tuple[str, str, str, int]:
        return methods[one.run.method], one.run.protocol, one.run.held_out_site, one.run.seed

    # The first of equal places is the first trial.
    firsts = {place(one): one.run for one in reversed(planned)}
    timed = [
        replace(one, run=replace(one.run, config=firsts[place(one)].config, parts=firsts[place(one)].parts))
        for one in planned
    ]
    return make_plan(timed, study.trainings, study.sweep.evaluation, study.sweep.workers)


def costs_of(plan: Plan) -> dict[str, float]:
    """Estimated seconds by the names of runs that are due."""
    return {planned.run.name: planned.cost.seconds for planned in plan.due if not planned.cost.problem}


def counted(study: Study) -> str:
    """How many trainings a study has, and of what."""
    methods = Counter(trial.method for trial in study.trials)
    trials, seeds = len(study.trials), len(study.seeds)
    runs = {
        protocol: trials * seeds * (len(study.sweep.held_out_sites) if protocol == LEAVE_ONE_SITE_OUT else 1)
        for protocol in study.sweep.seeds
    }
    parts = [
        f"{number} with {' or '.join(study.sweep.held_out_sites)} held out"
        if protocol == LEAVE_ONE_SITE_OUT
        else f"{number} with all sites"
        for protocol, number in runs.items()
    ]
    what = f"{count(len(methods), 'method')}, {count(trials, 'trial')}, {count(seeds, 'seed')}"
    return f"{what}: {count(sum(runs.values()), 'training')} ({', '.join(parts)})"


def plan_text(study: Study, plan: Plan) -> str:
    """Trainings, time, memory and disk, and whether they fit the machine."""
    first = plan.runs[0].run
    limits = Limits.here(study.trainings, Path(first.config["data"]["cache_dir"]))
    return "\n".join([counted(study), *totals(plan, limits)])
