"""What a sweep records for the readers of its tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmark.data.synthetic import is_synthetic
from benchmark.methods.card import MethodCard
from benchmark.report.about import About, Seconds
from benchmark.report.statistics.shared_subjects import shares_in_common
from benchmark.sweep.data_sets import scans_of
from benchmark.sweep.run import Run


def about_of(done: Sequence[Run], methods: Sequence[str], notes: Sequence[str]) -> About:
    """Gather what finished runs say of data, methods and compute.

    Parameters
    ----------
    done
        Finished runs.
    methods
        In table order.
    notes
        Lines for the footers of tables.
    """
    cards = {run.method: MethodCard(**card) for run in done if (card := run.config.get("card")) is not None}
    return About(
        synthetic=any(is_synthetic(scans_of(run)) for run in done),
        cards=cards,
        seconds=_seconds(done),
        machine="; ".join(sorted({_machine(run.marker()["environment"]) for run in done})),
        notes=notes,
        methods=methods,
        shared_subjects=_shared_subjects(done),
    )


def _shared_subjects(done: Sequence[Run]) -> dict[str, float]:
    found: dict[str, dict[int, set[tuple[str, str]]]] = {}
    for run in done:
        of_seeds = found.setdefault(run.protocol, {})
        if run.seed not in of_seeds:
            scans = scans_of(run)
            # Two phantoms have people of the same names.
            data = run.parts.data.get("images", "")
            of_seeds[run.seed] = {(data, subject) for subject in scans.loc[scans["split"] == "test", "subject_id"]}
    return shares_in_common(found)


def _seconds(done: Sequence[Run]) -> dict[str, dict[str, Seconds]]:
    markers = {run.run_key: run.marker() for run in done}
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for run in done:
        training = _known(run.marker())
        if run.base_key in markers:
            # Its base came from another run, whose time it would have taken too.
            training += _known(markers[run.base_key])
        of_methods = found.setdefault(run.protocol, {})
        of_methods.setdefault(run.method, []).append((training, float(run.marker()["scoring_seconds"])))
    return {
        protocol: {
            method: Seconds(*(round(float(np.mean(values)), 1) for values in zip(*runs, strict=True)))
            for method, runs in of_methods.items()
        }
        for protocol, of_methods in found.items()
    }


def _machine(environment: Mapping[str, Any]) -> str:
    devices = [*environment.get("gpus", []), f"{environment.get('cpu_count')} cores"]
    return ", ".join(text for text in (*devices, str(environment.get("processor", ""))) if text)


def _known(marker: Mapping[str, Any]) -> float:
    seconds = marker.get("training_seconds")
    return math.nan if seconds is None else float(seconds)
