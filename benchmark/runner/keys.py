"""Run keys: what identifies a cell's training, and what identifies its scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmark.metrics.evaluate import EvaluationSettings

ROOT = Path(__file__).resolve().parents[2]

#: Source that can change embeddings, and source that can change scores of given embeddings.
TRAINING_SOURCES = ("seada", "baselines", "benchmark/data", "benchmark/fitting.py", "benchmark/seeds.py")
SCORING_SOURCES = ("benchmark/metrics", "benchmark/embeddings.py", "benchmark/seeds.py")

#: Libraries whose versions can change embeddings or scores.
LIBRARIES = (
    "torch",
    "lightning",
    "torchio",
    "nibabel",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "neuroHarmonize",
    "neuroCombat",
    "seada-bench",
)

#: Libraries whose versions can change scores alone.
SCORING_LIBRARIES = ("numba",)

#: Parts of a resolved configuration that say where and how comfortably, not what is computed.
IRRELEVANT = (
    ("trainer", "default_root_dir"),
    ("trainer", "logger"),
    ("trainer", "enable_progress_bar"),
    ("trainer", "enable_model_summary"),
    ("trainer", "log_every_n_steps"),
    ("trainer", "callbacks"),
    ("data", "manifests"),
    ("data", "data_root"),
    ("data", "truth"),
    ("data", "cache_dir"),
    ("data", "num_workers"),
    ("data", "store_processes"),
    ("trained_base",),
    ("own_distance",),
    ("card",),
    ("ckpt_path",),
    ("config",),
    ("__default_config__",),
    ("weights_only",),
)


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces; equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


@cache
def source_digest(sources: tuple[str, ...]) -> str:
    """SHA-256 over the Python files of packages and modules of this distribution."""
    hasher = hashlib.sha256()
    for source in sources:
        path = ROOT / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            hasher.update(file.relative_to(ROOT).as_posix().encode())
            hasher.update(file.read_bytes())
    return hasher.hexdigest()


@cache
def library_versions(names: tuple[str, ...] = LIBRARIES) -> dict[str, str]:
    """Versions of libraries, by default of all that can change embeddings."""
    return {name: version(name) for name in names}


def code_digest() -> str:
    """SHA-256 over all source and library versions that any run key or score key depends on."""
    versions = library_versions((*LIBRARIES, *SCORING_LIBRARIES))
    return digest([source_digest(TRAINING_SOURCES), source_digest(SCORING_SOURCES), versions])


def run_key(config: dict[str, Any], data_digests: Iterable[str]) -> str:
    """Key of a cell's training.

    Parameters
    ----------
    config
        Resolved configuration of `seada-bench fit`.
    data_digests
        Digests of the volume store, the scans table and the split.
    """
    relevant = json.loads(canonical(config))
    for path in IRRELEVANT:
        _drop(relevant, path)
    return digest(
        {
            "config": relevant,
            "data": list(data_digests),
            "source": source_digest(TRAINING_SOURCES),
            "versions": library_versions(),
        }
    )


def score_key(run: str, settings: EvaluationSettings) -> str:
    """Key of the scores of a cell's embeddings."""
    return digest(
        {
            "run": run,
            "settings": settings.__dict__,
            "source": source_digest(SCORING_SOURCES),
            "versions": library_versions((*LIBRARIES, *SCORING_LIBRARIES)),
        }
    )


def _drop(config: dict[str, Any], path: tuple[str, ...]) -> None:
    for name in path[:-1]:
        inner = config.get(name)
        if not isinstance(inner, dict):
            return
        config = inner
    config.pop(path[-1], None)
