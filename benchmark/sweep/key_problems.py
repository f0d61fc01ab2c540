"""Whether a process that is about to train or score a run is the one that the run's keys were made for."""

from __future__ import annotations

from dataclasses import replace

from benchmark.metrics.settings import EvaluationSettings
from benchmark.sweep.changes import what_changed, what_changed_in_scoring
from benchmark.sweep.data_sets import data_digests, forget_changed_manifests
from benchmark.sweep.keys import new_sources, run_parts, score_parts
from benchmark.sweep.run import Run
from benchmark.sweep.sources import as_loaded


def training_problem(run: Run) -> str:
    """What is not as the run key says, in this process: source, library versions or data; empty if all is.

    A module that this process has loaded stays as it was then, whatever happens to its file.
    """
    forget_changed_manifests()
    sources = new_sources()
    parts = run_parts(run.config, data_digests(run.config["data"]), sources)
    return what_changed(run.parts, replace(parts, source=as_loaded(run.parts.source, sources)))


def scoring_problem(run: Run) -> str:
    """What is not as the score key says, in this process: source or library versions; empty if all is."""
    sources = new_sources()
    versions = score_parts(EvaluationSettings(), sources).versions
    source = as_loaded(run.score_parts.source, sources)
    return what_changed_in_scoring(run.score_parts, replace(run.score_parts, source=source, versions=versions))
