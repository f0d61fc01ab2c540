"""Whether a process that is about to train or score a cell is the one that the cell's keys were made for."""

from __future__ import annotations

from dataclasses import replace

from benchmark.metrics.settings import EvaluationSettings
from benchmark.sweep.cell import Cell
from benchmark.sweep.changes import what_changed, what_changed_in_scoring
from benchmark.sweep.data_sets import data_digests, forget_changed_manifests
from benchmark.sweep.keys import new_sources, run_parts, score_parts
from benchmark.sweep.sources import as_loaded


def training_problem(cell: Cell) -> str:
    """What is not as the cell's run key says, in this process: source, library versions or data; empty if all is.

    A module that this process has loaded stays as it was then, whatever happens to its file.
    """
    forget_changed_manifests()
    sources = new_sources()
    parts = run_parts(cell.config, data_digests(cell.config["data"]), sources)
    return what_changed(cell.parts, replace(parts, source=as_loaded(cell.parts.source, sources)))


def scoring_problem(cell: Cell) -> str:
    """What is not as the cell's score key says, in this process: source or library versions; empty if all is."""
    sources = new_sources()
    versions = score_parts(EvaluationSettings(), sources).versions
    source = as_loaded(cell.score_parts.source, sources)
    return what_changed_in_scoring(cell.score_parts, replace(cell.score_parts, source=source, versions=versions))
