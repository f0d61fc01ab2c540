"""What a sweep's design cannot show, before anything runs."""

from __future__ import annotations

from benchmark.report.columns import HEADLINES
from benchmark.report.statistics.reach import out_of_reach
from benchmark.sweep.config import SweepConfig


def blind_spots(sweep: SweepConfig) -> list[str]:
    """Say of each protocol of a sweep in which no difference between methods can be beyond chance why, a line each.

    Parameters
    ----------
    sweep
        The sweep. Scores of a probe that it does not train are no tests.
    """
    probes = {column.key: column.params.get("probe") for column in HEADLINES}
    leakage = {column.key for column in HEADLINES if column.table == "leakage"}
    scores = [key for key in sweep.primary.scores if key not in leakage or probes[key] in sweep.evaluation.probes]
    methods = sweep.candidates
    if len(methods) < 2:
        # One method is no comparison, and nobody expects one.
        return []
    seeds = {protocol: len(set(given)) for protocol, given in sweep.seeds.items()}
    return out_of_reach(methods, sweep.primary_method, scores, seeds, sweep.evaluation.bootstrap)
