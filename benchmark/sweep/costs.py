"""How long a cell will take, for the plan and the time left."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from statistics import median

from benchmark.sweep.cells import Cell

#: Seconds of training a scan and voxel on one core of a 2021 server CPU, where nothing was measured yet.
SECONDS_PER_VOXEL = 1.2e-7
#: Seconds of embedding and scoring a cell, likewise.
SECONDS_OF_SCORING = 4.0


def estimate(cell: Cell, cells: Sequence[Cell]) -> float:
    """Estimated seconds that a cell takes one worker.

    From finished cells of the same method in the same results folder, scaled by the number of training scans;
    else from the number of voxels that training will see.
    """
    voxels = math.prod(cell.config["data"]["preprocessing"]["shape"])
    work = cell.scans * cell.config["trainer"]["max_epochs"] * voxels
    rates: list[float] = []
    scoring: list[float] = []
    for other in cells:
        marker = other.marker() if other.method == cell.method else {}
        if marker.get("training_seconds") is not None:
            rates.append(marker["training_seconds"] / max(other.scans, 1))
            scoring.append(marker["scoring_seconds"])
    if rates:
        return median(rates) * cell.scans + median(scoring)
    trains = getattr(_class_of(cell), "training_epochs_apply", True)
    return (work * SECONDS_PER_VOXEL if trains and not cell.base_key else 0.0) + SECONDS_OF_SCORING


def _class_of(cell: Cell) -> object:
    module, _, name = cell.config["model"]["class_path"].rpartition(".")
    return getattr(importlib.import_module(module), name)
