"""What a sweep records for the readers of its tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmark.data.synthetic import is_synthetic
from benchmark.methods.card import MethodCard
from benchmark.report.about import About, Seconds
from benchmark.sweep.cell import Cell
from benchmark.sweep.data_sets import scans_of


def about_of(done: Sequence[Cell], methods: Sequence[str], notes: Sequence[str]) -> About:
    """Gather what finished cells say of data, methods and compute.

    Parameters
    ----------
    done
        Finished cells.
    methods
        In table order.
    notes
        Lines for the footers of tables.
    """
    cards = {cell.method: MethodCard(**card) for cell in done if (card := cell.config.get("card")) is not None}
    return About(
        synthetic=any(is_synthetic(scans_of(cell)) for cell in done),
        cards=cards,
        seconds=_seconds(done),
        machine="; ".join(sorted({_machine(cell.marker()["environment"]) for cell in done})),
        notes=notes,
        methods=methods,
    )


def _seconds(done: Sequence[Cell]) -> dict[str, dict[str, Seconds]]:
    markers = {cell.run_key: cell.marker() for cell in done}
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for cell in done:
        training = _known(cell.marker())
        if cell.base_key in markers:
            # Its base came from another cell, whose time it would have taken too.
            training += _known(markers[cell.base_key])
        of_methods = found.setdefault(cell.protocol, {})
        of_methods.setdefault(cell.method, []).append((training, float(cell.marker()["scoring_seconds"])))
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
