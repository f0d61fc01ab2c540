"""Where the numbers come from, as tables of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.report.grid import Cell, Grid, Header

#: Entry of the provenance with a line per run, which gets a table of its own.
RUN_KEYS = "run_keys"
#: Entry with what those are made of, which is for `seada-bench verify` alone.
_RUN_KEY_PARTS = "run_key_parts"


def provenance_grids(provenance: Mapping[str, Any]) -> list[Grid]:
    """Flattened provenance: everything but the run keys, then the run keys; nothing where there is none."""
    rest = {name: value for name, value in provenance.items() if name not in (RUN_KEYS, _RUN_KEY_PARTS)}
    keys = provenance.get(RUN_KEYS, {})
    parts = (("provenance-1", "Code, libraries and hardware", rest), ("provenance-2", "Run keys", keys))
    return [
        Grid(
            identifier,
            caption,
            [Header("entry"), Header("value")],
            [[Cell(name), Cell(value)] for name, value in flat(part)],
        )
        for identifier, caption, part in parts
        if part
    ]


def flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Leaves of nested objects, named by their path with dots; a list of plain values is one leaf."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(inner, Mapping | list) for inner in value):
        for place, inner in enumerate(value, start=1):
            yield from flat(inner, f"{name}.{place}")
    else:
        yield name, _text(value)


def _text(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | Mapping):
        return ", ".join(map(_text, value)) or "none"
    return str(value)
