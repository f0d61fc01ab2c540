"""Whether results are of one task: settings, data and versions of metrics that make their rows comparable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from benchmark.results.read import StoredResults

#: Sections of a sweep that must be equal, and overrides that say where data lie, not what they are.
SHARED = ("evaluation", "overrides", "phantom", "primary")
_PLACES = ("data.manifests", "data.data_root", "data.truth", "data.cache_dir")

#: Entry of the provenance with the digest of each part of a seed's data, and that with what was submitted.
DATA, SUBMITTED = "data_parts", "submitted"


def task_difference(given: Sequence[StoredResults]) -> str:
    """What makes results those of different tasks, as text; empty if nothing does.

    Parameters
    ----------
    given
        Results of sweeps, and submissions.
    """
    provenances = [results.provenance for results in given]
    if name := differing(without_places(provenance["sweep"]) for provenance in provenances):
        return f"the sweeps differ in '{name}'"
    keys = (item for provenance in provenances for item in provenance["run_key_parts"].items())
    # A submission to a task without checksums of images has no digest of all data; parts of them are compared below.
    if seed := differing({name.rpartition("seed ")[2]: part["data"]} for name, part in keys if part.get("data")):
        return f"the data of seed {seed} differ"
    parts = ({f"{part} of seed {seed}": digest for part, digest in of_seed.items() if digest}
             for provenance in provenances for seed, of_seed in provenance.get(DATA, {}).items())  # fmt: skip
    if name := differing(parts):
        return f"the {name} differ"
    pairs = [results.scores[["table", "metric", "version"]].drop_duplicates() for results in given]
    versions = ({f"{table} {metric}": version} for each in pairs for table, metric, version in each.itertuples(False))
    if name := differing(versions):
        return f"versions of the metric {name} differ"
    return ""


def not_comparable(results: StoredResults) -> str:
    """Why results cannot be set beside others of their task, as text; empty if they can."""
    if _comparable(results):
        return ""
    if results.provenance.get("run_keys") and not results.provenance.get("run_key_parts"):
        return "records no digests of its data, as sweeps of early versions did not; run its sweep again"
    return "records no run keys, as only sweeps and submissions do"


def _comparable(results: StoredResults) -> bool:
    """Whether results record what :func:`task_difference` looks at, as those of sweeps and submissions do."""
    keys, parts, sweep, about, of_data, submitted = (
        results.provenance.get(name, {}) for name in ("run_keys", "run_key_parts", "sweep", "about", DATA, SUBMITTED)
    )
    mappings = (keys, parts, sweep, about, of_data, submitted)
    if not all(isinstance(each, dict) for each in mappings) or not (keys and parts and sweep):
        return False
    return all(isinstance(each, dict) for each in (sweep.get("overrides"), *parts.values(), *of_data.values()))


def differing(tables: Iterable[dict[str, Any]]) -> str:
    """Name of the first entry of which two tables have different values; empty if there is none."""
    united: dict[str, Any] = {}
    for name, value in chain.from_iterable(table.items() for table in tables):
        if united.setdefault(name, value) != value:
            return name
    return ""


def without_places(sweep: dict[str, Any]) -> dict[str, Any]:
    """The sections that rows of one task share, without where data lie."""
    overrides = {name: value for name, value in sweep["overrides"].items() if name not in _PLACES}
    return {name: sweep.get(name) for name in SHARED} | {"overrides": overrides}
