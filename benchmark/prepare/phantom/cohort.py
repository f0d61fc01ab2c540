"""Who is scanned where: subjects, diagnoses, ages and splits, from random numbers alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmark.prepare.phantom.biology import DRAWS
from benchmark.prepare.phantom.draws import (
    AGE_MEAN,
    AGE_SD,
    DIAGNOSES,
    TRAVELLING,
    dealt,
    held_out_draws,
    mix,
)
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.prepare.phantom.sites import first_sites
from benchmark.seeds import generator

#: Fewest training scans of a site.
FEWEST = 6
#: Session and years since the first: the first, the same day again, a year later.
FIRST, SAME_DAY, YEAR_LATER = ("ses-1", 0.0), ("ses-1b", 0.0), ("ses-2", 1.0)
#: All but the scanner.
_COLUMNS = "subject_id,session_id,site,diagnosis,age,sex,split,travelling,years,draw"
Row = tuple[str, str, str, str, float, str, str, int, float, int]


def cohort(settings: PhantomSettings) -> pd.DataFrame:
    """Table of all scans, one row for each, sorted by site, subject and session.

    Returns
    -------
    pandas.DataFrame
        ``subject_id, session_id, site, diagnosis, age, sex, split, travelling, scanner``; ages in years to 0.1,
        scanners of a site counted from 0. And ``years`` since the first session, and ``draw``: of held-out subjects the
        row of :func:`benchmark.prepare.phantom.draws.held_out_draws`, of others -1.
    """
    rows = [row for name in first_sites(settings.sites) for row in _training(name, settings)]
    rows += list(_held_out(settings))
    table = pd.DataFrame(rows, columns=_COLUMNS.split(","))
    scanners = [
        int(generator(settings.seed, "scanner", site, subject).integers(settings.scanners))
        for site, subject in zip(table["site"], table["subject_id"], strict=True)
    ]
    table.insert(8, "scanner", scanners)
    return table.sort_values(["site", "subject_id", "session_id"], ignore_index=True)


def _sizes(settings: PhantomSettings) -> dict[str, int]:
    sites = first_sites(settings.sites)
    total = sum(site.size for site in sites.values())
    least = min(FEWEST, settings.train_scans // len(sites))
    spare = settings.train_scans - least * len(sites)
    # Rounding the running total, not each share, keeps the sum.
    edges = np.round(spare * np.cumsum([site.size for site in sites.values()]) / total).astype(int)
    return {name: least + int(size) for name, size in zip(sites, np.diff(edges, prepend=0), strict=True)}


def _training(name: str, settings: PhantomSettings) -> list[Row]:
    sites = first_sites(settings.sites)
    site, size = sites[name], _sizes(settings)[name]
    shares = mix(site, sites, settings.confounding)
    rows: list[Row] = []
    number = 0
    while len(rows) < size:
        number += 1
        subject = f"ph-{name.removeprefix('phantom-')}-{number:04d}"
        rng = generator(settings.seed, "training subject", subject)
        diagnosis = str(rng.choice(DIAGNOSES, p=shares))
        if rng.random() < site.parkinson * settings.confounding:
            diagnosis = "PD"
        mean = AGE_MEAN + settings.confounding * (site.age - AGE_MEAN)
        age = round(float(np.clip(rng.normal(mean, AGE_SD), 45, 95)), 1)
        sex = str(rng.choice(["F", "M"]))
        sessions = [FIRST]
        if rng.random() < settings.repeat_share:
            sessions.append(YEAR_LATER)
        if rng.random() < settings.same_day_share:
            sessions.append(SAME_DAY)
        for session, years in sessions[: size - len(rows)]:
            rows.append((subject, session, name, diagnosis, round(age + years, 1), sex, "train", 0, years, -1))
    return rows


def _held_out(settings: PhantomSettings) -> Iterator[Row]:
    sites = list(first_sites(settings.sites))
    for group in (*sites, TRAVELLING):
        prefix = "ph-trav-" if group == TRAVELLING else f"ph-{group.removeprefix('phantom-')}-t"
        subjects = [(diagnosis, draw) for diagnosis in DIAGNOSES for draw in dealt(settings, diagnosis)[group]]
        # In random order: ties are broken by name, which must not tell the diagnosis.
        order = generator(settings.seed, "held-out names", group).permutation(len(subjects))
        for number, place in enumerate(order.tolist(), start=1):
            diagnosis, draw = subjects[place]
            age_share, sex_share = held_out_draws(settings, diagnosis)[draw, DRAWS:]
            sex, age = "F" if sex_share < 0.5 else "M", round(AGE_MEAN + AGE_SD * (4 * age_share - 2), 1)
            for site in sites if group == TRAVELLING else [group]:
                subject, (session, years) = f"{prefix}{number:03d}", FIRST
                yield subject, session, site, diagnosis, age, sex, "test", int(group == TRAVELLING), years, draw
