"""Run keys: what identifies a run's training, and what identifies its scores.

A key is a digest of its parts, which a finished run keeps, so that it can be said later what has changed.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any

from benchmark.metrics.settings import EvaluationSettings
from benchmark.results.environment import COMPUTING
from benchmark.sweep.sources import Closure, Sources, as_loaded, distributions_of, dotted_names

#: Changes whenever keys are made of other parts.
VERSION = 2

#: Modules that turn a method and manifests into embeddings, and those that turn embeddings into scores; what they
#: import belongs to them.
TRAINING = ("benchmark.train.cli", "benchmark.data.datamodule")
SCORING = ("benchmark.metrics.evaluate", "benchmark.metrics.rows", "benchmark.embeddings.table")

#: Modules that those import and that cannot change a number: what is watched, said and refused, and where files are.
#: What the shipped configurations hold is in the resolved configuration.
HARMLESS = (
    "benchmark.train.tracking",
    "benchmark.methods.card",
    "benchmark.errors",
    "benchmark.parsing",
    "benchmark.folders",
    "benchmark.configs",
)
#: For a training also the names of distances, which a sweep scores by.
HARMLESS_IN_TRAINING = (*HARMLESS, "benchmark.metrics.settings")

#: Libraries whose versions can change embeddings or scores, and the modules by which they are imported.
LIBRARIES = {name: {"scikit-learn": "sklearn"}.get(name, name) for name in COMPUTING}

#: Libraries whose versions can change scores alone.
SCORING_LIBRARIES = ("numba",)

#: Parts of a resolved configuration that say where and how comfortably, not what is computed. By section, "" for none.
IRRELEVANT = {
    "": ("trained_base", "own_distance", "card", "ckpt_path", "config", "__default_config__", "weights_only"),
    "trainer": ("default_root_dir", "logger", "enable_progress_bar", "enable_model_summary", "log_every_n_steps"),
    "data": ("manifests", "data_root", "truth", "cache_dir", "num_workers", "store_processes"),
}

#: Callbacks that only watch: embeddings are of the weights at the end of training, whatever was saved on the way. All
#: others are part of the configuration.
WATCHING = ("benchmark.train.tracking.", "benchmark.sweep.")
WATCHING_OF_LIGHTNING = (
    "DeviceStatsMonitor",
    "LearningRateMonitor",
    "ModelCheckpoint",
    "ModelSummary",
    "ProgressBar",
    "RichModelSummary",
    "RichProgressBar",
    "ThroughputMonitor",
    "TQDMProgressBar",
)


@dataclass(frozen=True)
class RunParts:
    """What a run key is made of.

    Attributes
    ----------
    config
        Resolved configuration, without what is irrelevant.
    data
        Digest of each part of the data, such as ``images``.
    source
        Name of every module that can change the embeddings to a digest of what its source computes.
    versions
        Library to version.
    """

    config: dict[str, Any]
    data: dict[str, str]
    source: dict[str, str]
    versions: dict[str, str]

    @property
    def key(self) -> str:
        """The run key."""
        return digest({"version": VERSION, **self.__dict__})

    def digests(self) -> dict[str, str]:
        """The beginning of a digest of each part, by which two trainings can be compared without their parts."""
        return {name: digest(part)[:16] for name, part in self.__dict__.items()}


@dataclass(frozen=True)
class ScoreParts:
    """What a score key is made of, beside the run key.

    Attributes
    ----------
    settings
        How embeddings are scored.
    source, versions
        As for :class:`RunParts`, of the scoring.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    source: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def key(self, run: str) -> str:
        """The score key for the embeddings of a run key."""
        return digest({"version": VERSION, "run": run, **self.__dict__})


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces; equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_named)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


@cache
def library_versions(names: tuple[str, ...] = tuple(LIBRARIES)) -> dict[str, str]:
    """Versions of libraries, by default of all that can change embeddings."""
    return {name: version(name) for name in names}


def new_sources() -> Sources:
    """Source files as they are now."""
    return Sources(LIBRARIES.values())


def relevant(config: Mapping[str, Any]) -> dict[str, Any]:
    """Resolved configuration without what cannot change a number, as plain values."""
    kept: dict[str, Any] = json.loads(canonical(config))
    for section, names in IRRELEVANT.items():
        part = kept.get(section) if section else kept
        if isinstance(part, dict):
            for name in names:
                part.pop(name, None)
    trainer = kept.get("trainer")
    if isinstance(trainer, dict) and "callbacks" in trainer:
        given = trainer.pop("callbacks")
        callbacks = [each for each in (given if isinstance(given, list) else [given]) if each and not watches(each)]
        if callbacks:
            trainer["callbacks"] = callbacks
    return kept


def watches(callback: Any) -> bool:
    """Whether a callback of a resolved configuration, or of a sweep's overrides, cannot change a number."""
    path = str(callback.get("class_path", "") if isinstance(callback, Mapping) else callback)
    of_lightning = path.startswith(("lightning.", "pytorch_lightning.")) or "." not in path
    return path.startswith(WATCHING) or (of_lightning and path.rpartition(".")[2] in WATCHING_OF_LIGHTNING)


def closure_of_training(config: Mapping[str, Any], sources: Sources) -> Closure:
    """Source that can change embeddings: the training, the data path, and all that a configuration names.

    Parameters
    ----------
    config
        As :func:`relevant` leaves it.
    sources
        Where source is looked up.
    """
    shared = sources.closure(TRAINING, without=HARMLESS_IN_TRAINING)
    roots = sorted(set(dotted_names(config)))
    own = sources.closure(roots, without=HARMLESS, known=shared.modules)
    return Closure(dict(sorted({**shared.modules, **own.modules}.items())), own.outside)


def closure_of_scoring(sources: Sources) -> Closure:
    """Source that can change scores of given embeddings."""
    return sources.closure(SCORING, without=HARMLESS)


def run_parts(config: Mapping[str, Any], data: Mapping[str, str], sources: Sources | None = None) -> RunParts:
    """Parts of the key of a run's training.

    Parameters
    ----------
    config
        Resolved configuration of `seada-bench fit`.
    data
        Digest of each part of the data.
    sources
        Where source is looked up; one object for many runs looks at every file once.
    """
    kept = relevant(config)
    closure = closure_of_training(kept, new_sources() if sources is None else sources)
    others = {name for top in closure.outside - set(LIBRARIES.values()) for name in distributions_of(top)}
    versions = library_versions() | library_versions(tuple(sorted(others)))
    return RunParts(kept, dict(data), closure.modules, versions)


def score_parts(settings: EvaluationSettings, sources: Sources | None = None) -> ScoreParts:
    """Parts of the key of the scores of a run's embeddings."""
    source = closure_of_scoring(new_sources() if sources is None else sources).modules
    return ScoreParts(
        json.loads(canonical(settings.__dict__)), source, library_versions((*LIBRARIES, *SCORING_LIBRARIES))
    )


def remember_loaded() -> None:
    """Note what this process has loaded of the training path and the scoring: later edits do not reach it."""
    sources = new_sources()
    shared = sources.closure(TRAINING, without=HARMLESS_IN_TRAINING)
    as_loaded(
        [name for name in {**shared.modules, **closure_of_scoring(sources).modules} if name in sys.modules], sources
    )


def _named(value: Any) -> str:
    """A function or class by its name, which unlike its text is the same in every process; anything else as text."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    return f"{module}.{name}" if module and name else str(value)
