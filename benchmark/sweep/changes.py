"""What has changed between the parts of two keys, in a few words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.sweep.keys import RunParts, ScoreParts

#: Changed options, modules or libraries that are named; the rest are counted.
NAMED = 3
#: Characters of an option's value that are shown.
LONGEST = 30

_ABSENT = "absent"


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
