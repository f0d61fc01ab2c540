"""Which runs are out of date, and what has changed: in a few words, between the parts of two keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark.metrics.settings import EvaluationSettings
from benchmark.report.text import count
from benchmark.results.schema import RUN_COLUMNS
from benchmark.sweep.data_sets import data_digests, forget_changed_manifests
from benchmark.sweep.keys import RunParts, ScoreParts, new_sources, run_parts, score_parts
from benchmark.sweep.run import RUNS, Run, marker_files, marker_of
from benchmark.sweep.sources import as_loaded

#: Of a marker without the parts of its keys.
UNKNOWN = "made by an earlier version, which kept no record of why"

#: What :data:`benchmark.sweep.run.RUNS` was called in earlier versions.
OLD_RUNS = "cells"

#: Changed options, modules or libraries that are named; the rest are counted.
NAMED = 3
#: Characters of an option's value that are shown.
LONGEST = 30

_ABSENT = "absent"


def out_of_date(runs: Sequence[Run], out: Path) -> list[str]:
    """Lines such as ``seada: 9 runs out of date: source of mine.net changed``; none where nothing is.

    A run counts that is not done, while the results folder holds finished scores of the same method, protocol, seed
    and held-out site under another key, of which the latest are compared.

    Parameters
    ----------
    runs
        Of the sweep.
    out
        Its results folder.
    """
    due = [(run, state) for run in runs if (state := run.state()) != "done"]
    if not due:
        return []
    earlier = _earlier(out)
    found: Counter[tuple[str, str, str]] = Counter()
    for run, state in due:
        marker = earlier.get(str(run.place))
        if marker is None:
            continue
        trained = state == "rescore"
        what = "scores of {} out of date" if trained else "{} out of date"
        found[run.method, what, _reason(run, marker, scoring=trained)] += 1
    lines = [f"{method}: {what.format(count(n, 'run'))}: {reason}" for (method, what, reason), n in found.items()]
    lines += [f"what they left stays in {out / RUNS}"] if lines else []
    old = out / OLD_RUNS
    if old.is_dir():
        lines.append(f"{old} is of an older version and not used; runs are made again in {out / RUNS}, and it can go")
    return lines


def _reason(run: Run, marker: Mapping[str, Any], *, scoring: bool) -> str:
    try:
        if marker.get("run_key") == run.run_key:
            return (
                what_changed_in_scoring(ScoreParts(**marker["score_parts"]), run.score_parts) or "their scores are gone"
            )
        if scoring:
            return "the latest scores are of another training"
        return what_changed(RunParts(**marker["run_parts"]), run.parts) or UNKNOWN
    except (KeyError, TypeError, AttributeError):
        return UNKNOWN


def _earlier(out: Path) -> dict[str, dict[str, Any]]:
    """The latest marker of every place."""
    found = {}
    for file in sorted(marker_files(out), key=lambda path: path.stat().st_mtime_ns):
        if marker := marker_of(file.parent):
            found[str({name: marker.get(name) for name in RUN_COLUMNS})] = marker
    return found


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


def what_changed(old: RunParts, new: RunParts) -> str:
    """What is different in a training, such as ``source of mine.net changed``; empty if nothing is.

    Parameters
    ----------
    old, new
        Parts of the two run keys.
    """
    config = dict(_differences(_leaves(old.config), _leaves(new.config)))
    data = [name for name in sorted({*old.data, *new.data}) if old.data.get(name) != new.data.get(name)]
    if len(data) > 1 or any(name.startswith("data.") for name in config):
        # They follow from the table and from options.
        data = [name for name in data if name != "splits"]
    return "; ".join(
        [
            *_of_options("configuration", config),
            *([f"data changed ({', '.join(data)})"] if data else []),
            *_of_source(old.source, new.source),
            *_of_versions(old.versions, new.versions),
        ]
    )


def what_changed_in_scoring(old: ScoreParts, new: ScoreParts) -> str:
    """What is different in the scoring of the same embeddings; empty if nothing is.

    Parameters
    ----------
    old, new
        Parts of the two score keys.
    """
    settings = dict(_differences(_leaves(old.settings), _leaves(new.settings)))
    return "; ".join(
        [
            *_of_options("evaluation", settings),
            *_of_source(old.source, new.source),
            *_of_versions(old.versions, new.versions),
        ]
    )


def _of_options(what: str, changed: Mapping[str, tuple[Any, Any]]) -> list[str]:
    texts = [f"{name} {_short(before)} -> {_short(after)}" for name, (before, after) in changed.items()]
    return [f"{what} changed: {_listed(texts)}"] if texts else []


def _of_source(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    changed = [name for name in old if name in new and new[name] != old[name]]
    # Where nothing else was edited, other modules are there: a class path leads elsewhere.
    names = changed or sorted(set(old) ^ set(new))
    return [f"source of {_listed(names)} changed"] if names else []


def _of_versions(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return [f"{name} {before} -> {after}" for name, (before, after) in _differences(old, new)]


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name in sorted({*old, *new}):
        before, after = old.get(name, _ABSENT), new.get(name, _ABSENT)
        if before != after:
            yield name, (before, after)


def _leaves(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        found: dict[str, Any] = {}
        for key, inner in value.items():
            found |= _leaves(inner, f"{name}.{key}" if name else str(key))
        return found
    return {name: value}


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:NAMED])} and {more} more"
