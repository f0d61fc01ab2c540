"""From cells to table entries: the mean over held-out sites, or the worst of them, then mean and SD over seeds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from benchmark.report.columns import Column, Reduction

#: Protocols in table order; others follow in the alphabet's.
PROTOCOLS = ("pooled", "leave_one_site_out", "foreign")

#: Held-out site and seed of a cell.
Place = tuple[str, int]


@dataclass(frozen=True)
class Entry:
    """One number of a wide table.

    Attributes
    ----------
    mean
        Mean over seeds of the mean (or another reduction) over held-out sites; NaN if any cell is missing or undefined.
    sd
        Sample standard deviation over seeds; NaN for one seed.
    seeds, cells
        How many of each there should be.
    chance
        Mean chance level of the cells that have one, or NaN.
    undefined
        Cells without a value, counted by reason.
    left_out
        Cells whose value leaves something out or comes with another note, counted by that.
    distances
        By which distances its cells were scored, in alphabetical order; none where a score has no distance.
    """

    mean: float
    sd: float
    seeds: int
    cells: int
    chance: float
    undefined: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    distances: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """One protocol's part of a wide table.

    Attributes
    ----------
    protocol
        Its name.
    seeds, sites
        How many seeds and held-out sites the protocol's cells have.
    complete
        Seeds of which a method has every cell, by method.
    entries
        By method, then by column key, both in table order.
    train_seconds
        Mean seconds that a run's training took, by method; empty where nothing is known of it.
    bounds
        Methods that bound the others and do not compete, ``floor`` or ``ceiling`` by name.
    """

    protocol: str
    seeds: int
    sites: int
    complete: dict[str, int]
    entries: dict[str, dict[str, Entry]]
    train_seconds: dict[str, float] = field(default_factory=dict)
    bounds: dict[str, str] = field(default_factory=dict)


def sections(scores: pd.DataFrame, columns: Sequence[Column], method_order: Sequence[str] | None) -> list[Section]:
    """Summarise the overall rows of a long score table, a section per protocol.

    A column about several sites, such as the worst, has no value in a cell that holds one site out. Where each seed
    has two or more such cells it is made from them (:class:`benchmark.report.columns.OverSites`).

    Parameters
    ----------
    scores
        Long score table.
    columns
        What to show.
    method_order
        Methods in table order. One without any score still gets its row; methods that are not in it follow in the
        alphabet's order.
    """
    overall = scores[scores["subgroup"] == ""]
    selected = {column.key: groups(column.rows(overall), "protocol", "method") for column in columns}
    over_sites = {column.key: column.over_sites for column in columns if column.over_sites is not None}
    sources = {key: groups(how.source.rows(overall), "protocol", "method") for key, how in over_sites.items()}
    none = overall.iloc[:0]
    methods = ordered(scores["method"].unique(), method_order)
    result = []
    for protocol in known_first(scores["protocol"].unique()):
        cells = scores[scores["protocol"] == protocol]
        places = places_of(cells)
        several = _hold_out_several(places)
        elsewhere = {column.key for column in columns if not column.shown_in(protocol)}
        entries = {
            method: {
                key: _over_sites(sources[key].get((protocol, method), none), places, over_sites[key].reduce)
                if several and key in over_sites
                else _not_shown(places)
                if key in elsewhere
                else entry(parts.get((protocol, method), none), places)
                for key, parts in selected.items()
            }
            for method in methods
        }
        seeds, sites = {seed for _, seed in places}, {site for site, _ in places}
        complete = {method: _complete(cells[cells["method"] == method], places) for method in methods}
        result.append(Section(protocol, len(seeds), len(sites), complete, entries))
    return result


def groups(rows: pd.DataFrame, *names: str) -> dict[tuple[str, ...], pd.DataFrame]:
    """Rows by their values in some columns; combinations without a row are absent."""
    return {tuple(map(str, values)): part for values, part in rows.groupby(list(names), sort=False, observed=True)}


def ordered(methods: Iterable[str], method_order: Sequence[str] | None) -> list[str]:
    """Methods in the order wanted, then those that it does not name, in the alphabet's order."""
    wanted = list(dict.fromkeys(method_order or ()))
    return wanted + sorted(set(methods) - set(wanted))


def places_of(rows: pd.DataFrame) -> list[Place]:
    """Cells that any method has in these rows: what every method is expected to have."""
    return sorted({(str(site), int(seed)) for site, seed in zip(rows["held_out_site"], rows["seed"], strict=True)})


def _hold_out_several(places: Sequence[Place]) -> bool:
    held_out = Counter(seed for site, seed in places if site)
    return len(held_out) == len({seed for _, seed in places}) and min(held_out.values(), default=0) > 1


def _over_sites(rows: pd.DataFrame, places: Sequence[Place], reduce: Reduction) -> Entry:
    # The chance level is that of a cell's value, not of the worst of several.
    return replace(entry(rows, places, reduce), chance=math.nan)


def _not_shown(places: Sequence[Place]) -> Entry:
    return Entry(math.nan, math.nan, len({seed for _, seed in places}), len(places), math.nan)


def entry(rows: pd.DataFrame, places: Sequence[Place], reduce: Reduction = np.mean) -> Entry:
    """Summarise one method's rows of one column.

    Parameters
    ----------
    rows
        At most one row per cell.
    places
        The cells that there should be.
    reduce
        From the values of a seed's held-out sites to the seed's value; it must let NaN through.

    Raises
    ------
    ValueError
        If a cell has two rows: the column does not say enough about what it shows.
    """
    found: dict[Place, tuple[float, float, str]] = {}
    names = ["held_out_site", "seed", "value", "chance", "note"]
    for site, seed, value, chance, note in zip(*(rows[name].tolist() for name in names), strict=True):
        if (site, seed) in found:
            raise ValueError(f"two rows for one cell and column: seed {seed}{f', without {site}' if site else ''}")
        found[site, seed] = (float(value), float(chance), str(note))
    absent = (math.nan, math.nan, "no result")
    cells = {place: found.get(place, absent) for place in places}
    by_seed = [
        float(reduce([cells[place][0] for place in places if place[1] == seed]))
        for seed in sorted({seed for _, seed in places})
    ]
    chances = [chance for _, chance, _ in cells.values() if math.isfinite(chance)]
    return Entry(
        mean=float(np.mean(by_seed)) if by_seed else math.nan,
        sd=float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else math.nan,
        seeds=len(by_seed),
        cells=len(places),
        chance=float(np.mean(chances)) if chances else math.nan,
        undefined=Counter(reason for value, _, reason in cells.values() if not math.isfinite(value)),
        left_out=Counter(reason for value, _, reason in cells.values() if math.isfinite(value) and reason),
        distances=tuple(sorted(set(rows["distance"]) - {""})) if "distance" in rows else (),
    )


def _complete(rows: pd.DataFrame, places: Sequence[Place]) -> int:
    there = set(places_of(rows))
    return len({seed for _, seed in places} - {place[1] for place in places if place not in there})


def known_first(protocols: Iterable[str]) -> list[str]:
    """Protocols in table order."""
    found = set(protocols)
    return [name for name in PROTOCOLS if name in found] + sorted(found - set(PROTOCOLS))
