"""Words that several views share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from benchmark.report.columns import Column
from benchmark.report.summary import Section

MISSING = "–"
CHANCE = "chance"

#: Why a method that is trained with diagnoses does not compete, and the heading of the rows of such methods.
SEES_DIAGNOSES = "sees diagnoses"
SUPERVISED_ROWS = "sees diagnoses of training subjects"

_TITLES = {
    "pooled": "Pooled: every site in training, subjects held out",
    "leave_one_site_out": "Leave one site out: the querying site unseen in training",
    "foreign": "Embeddings scored as given",
}


def shortened(name: str, width: int = 22) -> str:
    """A method's name with an ellipsis in its middle where it is long: names of variants differ at their ends."""
    half = width // 2
    return name if len(name) <= width else name[: width - half - 1] + "…" + name[-half:]


def section_title(part: Section) -> str:
    """Title of a protocol's section, with the number of held-out sites and seeds."""
    sites = f"{count(part.sites, 'site')}, " if part.protocol == "leave_one_site_out" else ""
    return f"{_TITLES.get(part.protocol, part.protocol)} ({sites}{count(part.seeds, 'seed')})"


def footnotes(part: Section, columns: Sequence[Column]) -> list[str]:
    """Say for each missing entry why, and for the others what they leave out; methods that agree share a line."""
    lines: dict[str, dict[str, list[str]]] = {}
    for method, entries in part.entries.items():
        for column in columns:
            found = entries[column.key]
            for sign, reasons in ((MISSING, found.undefined), ("noted", found.left_out)):
                if reasons:
                    text = f"{sign} ({counted(reasons, found.runs)})"
                    lines.setdefault(text, {}).setdefault(column.heading, []).append(method)
    notes = []
    for text, by_column in lines.items():
        named = {heading: _all_of(methods, part.entries, "method") for heading, methods in by_column.items()}
        notes += [f"{who}, {_all_of(where, columns, 'column')}: {text}" for who, where in grouped(named).items()]
    return notes


def _all_of(names: Sequence[str], every: Collection[object], thing: str) -> str:
    return f"every {thing}" if len(names) == len(every) > 1 else ", ".join(names)


def not_competing(bounds: Mapping[str, str]) -> str:
    """Which methods do not compete, from why each of them does not."""
    return "floor, ceiling and methods that see diagnoses" if SEES_DIAGNOSES in bounds.values() else "floor and ceiling"


def best_apart(bounds: Mapping[str, str]) -> str:
    """What is not looked at where the best is marked."""
    names = not_competing(bounds)
    return f"rows of {names} apart" if SEES_DIAGNOSES in bounds.values() else f"{names} rows apart"


def statistics_note(scores: pd.DataFrame) -> list[str]:
    """Say so where centre and scale came from the scored scans themselves.

    Style codes are always scaled by the scored scans, which is no sign that no row was marked as training.
    """
    given = scores[scores["table"] != "style"]
    if any((given[name] == "all").any() for name in ("centre", "statistics") if name in given):
        return [
            "No row was marked as training: centre, scale and whitening come from all scans of the file, the scored "
            "ones among them (`centre=all`, `statistics=all` in scores.csv)."
        ]
    return []


def counted(reasons: Mapping[str, int], runs: int) -> str:
    """How many of the runs have each reason."""
    return "; ".join(f"{cases} of {count(runs, 'run')}: {reason}" for reason, cases in sorted(reasons.items()))


def count(number: int, thing: str) -> str:
    """A number with its noun, in the plural where it is due."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def grouped(values: Mapping[str, str]) -> dict[str, list[str]]:
    """Names by their value, both in their first order."""
    names: dict[str, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    return names
