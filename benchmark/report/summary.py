"""From runs to table entries: the mean over held-out sites, or the worst of them, then mean and SD over seeds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from benchmark.report.columns import CROSS_SITE_MAP, Column, Reduction

#: Protocols in table order; others follow in the alphabet's.
PROTOCOLS = ("pooled", "leave_one_site_out", "foreign")

#: Held-out site and seed of a run.
Place = tuple[str, int]


@dataclass(frozen=True)
class Entry:
    """One number of a wide table.

    Attributes
    ----------
    mean
        Mean over seeds of the mean (or another reduction) over held-out sites; NaN if any run is missing or undefined.
    sd
        Sample standard deviation over seeds; NaN for one seed.
    seeds, runs
        How many of each there should be.
    chance
        Mean chance level of the runs that have one, or NaN.
    undefined
        Runs without a value, counted by reason.
    left_out
        Runs whose value leaves something out or comes with another note, counted by that.
    distances
        By which distances its runs were scored, in alphabetical order; none where a score has no distance.
    by_seed
        What ``mean`` is the mean of, in the order of seeds.
    """

    mean: float
    sd: float
    seeds: int
    runs: int
    chance: float
    undefined: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    distances: tuple[str, ...] = ()
    by_seed: tuple[float, ...] = ()


@dataclass(frozen=True)
class Section:
    """One protocol's part of a wide table.

    Attributes
    ----------
    protocol
        Its name.
    seeds, sites
        How many seeds and held-out sites the protocol's runs have.
    complete
        Seeds of which a method has every run, by method.
    entries
        By method, then by column key, both in table order.
    train_seconds
        Mean seconds that a run's training took, by method; empty where nothing is known of it.
    bounds
        Methods that do not compete, with why not (:attr:`benchmark.report.about.About.bounds`).
    best
        Methods that are tied for best, by column key (:func:`benchmark.report.ties.with_ties`).
    """

    protocol: str
    seeds: int
    sites: int
    complete: dict[str, int]
    entries: dict[str, dict[str, Entry]]
    train_seconds: dict[str, float] = field(default_factory=dict)
    bounds: dict[str, str] = field(default_factory=dict)
    best: dict[str, frozenset[str]] = field(default_factory=dict)


def sections(scores: pd.DataFrame, columns: Sequence[Column], method_order: Sequence[str] | None) -> list[Section]:
    """Summarise the overall rows of a long score table, a section per protocol.

    A column about several sites, such as the worst, has no value in a run that holds one site out. Where each seed
    has two or more such runs it is made from them (:attr:`benchmark.report.columns.Column.over_sites`).

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
    selected = {column.key: column.rows(overall) for column in (CROSS_SITE_MAP, *columns)}
    methods = ordered(scores["method"].unique(), method_order)
    result = []
    for protocol in known_first(scores["protocol"].unique()):
        runs = scores[scores["protocol"] == protocol]
        places = places_of(runs)
        several = _hold_out_several(places)
        entries: dict[str, dict[str, Entry]] = {method: {} for method in methods}
        for column in columns:
            over_sites = column.over_sites if several else None
            rows = selected[column.key if over_sites is None else CROSS_SITE_MAP.key]
            found = entries_of(rows[rows["protocol"] == protocol], methods, places, over_sites or np.mean)
            for method, entry in zip(methods, found, strict=True):
                if not column.shown_in(protocol):
                    entries[method][column.key] = Entry(math.nan, math.nan, entry.seeds, entry.runs, math.nan)
                elif over_sites is not None:
                    # The chance level is that of a run's value, not of the worst of several.
                    entries[method][column.key] = replace(entry, chance=math.nan)
                else:
                    entries[method][column.key] = entry
        seeds, sites = {seed for _, seed in places}, {site for site, _ in places}
        complete = {method: _complete(runs[runs["method"] == method], places) for method in methods}
        result.append(Section(protocol, len(seeds), len(sites), complete, entries))
    return result


def ordered(methods: Iterable[str], method_order: Sequence[str] | None) -> list[str]:
    """Methods in the order wanted, then those that it does not name, in the alphabet's order."""
    wanted = list(dict.fromkeys(method_order or ()))
    return wanted + sorted(set(methods) - set(wanted))


def places_of(rows: pd.DataFrame) -> list[Place]:
    """Runs that any method has in these rows: what every method is expected to have."""
    return sorted({(str(site), int(seed)) for site, seed in zip(rows["held_out_site"], rows["seed"], strict=True)})


def _hold_out_several(places: Sequence[Place]) -> bool:
    held_out = Counter(seed for site, seed in places if site)
    return len(held_out) == len({seed for _, seed in places}) and min(held_out.values(), default=0) > 1


def by_run(rows: pd.DataFrame, methods: Sequence[str], places: Sequence[Place]) -> pd.DataFrame:
    """Rows of one column, by method, then by the runs that there should be; NaN where a method lacks one.

    Raises
    ------
    ValueError
        If a run has two rows: the column does not say enough about what it shows.
    """
    run = ["method", "held_out_site", "seed"]
    twice = rows[rows.duplicated(run)]
    if len(twice):
        raise ValueError(f"two rows for one run and column: {twice['method'].iloc[0]}, seed {twice['seed'].iloc[0]}")
    every = pd.MultiIndex.from_tuples([(method, *place) for method in methods for place in places], names=run)
    return rows.set_index(run).reindex(every)


def entries_of(rows: pd.DataFrame, methods: Sequence[str], places: Sequence[Place], reduce: Reduction) -> list[Entry]:
    """An entry per method, from the rows of one column, whose held-out sites are reduced seed by seed."""
    table = by_run(rows, methods, places)
    shape = (len(methods), len(places))
    values, chances = (table[name].to_numpy(np.float64).reshape(shape) for name in ("value", "chance"))
    notes = table["note"].fillna("no result").to_numpy().reshape(shape)
    seeds = np.array([seed for _, seed in places])
    entries = []
    for method, value, chance, note in zip(methods, values, chances, notes, strict=True):
        by_seed = [float(reduce(value[seeds == seed])) for seed in np.unique(seeds)]
        levels, defined = chance[np.isfinite(chance)], np.isfinite(value)
        distances = rows.loc[rows["method"] == method, "distance"] if "distance" in rows else ()
        entries.append(
            Entry(
                mean=float(np.mean(by_seed)),
                sd=float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else math.nan,
                seeds=len(by_seed),
                runs=len(places),
                chance=float(np.mean(levels)) if len(levels) else math.nan,
                undefined=Counter(note[~defined].tolist()),
                left_out=Counter(text for text in note[defined] if text),
                distances=tuple(sorted(set(distances) - {""})),
                by_seed=tuple(by_seed),
            )
        )
    return entries


def _complete(rows: pd.DataFrame, places: Sequence[Place]) -> int:
    there = set(places_of(rows))
    return len({seed for _, seed in places} - {place[1] for place in places if place not in there})


def known_first(protocols: Iterable[str]) -> list[str]:
    """Protocols in table order."""
    return in_order(protocols, PROTOCOLS)


def in_order(found: Iterable[str], order: Iterable[str]) -> list[str]:
    """Names that were found, in a given order; names that it lacks follow in the alphabet's order."""
    there = set(found)
    return ordered(there, [name for name in order if name in there])
