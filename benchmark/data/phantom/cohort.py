"""Who is scanned where: subjects, diagnoses, ages and splits, from random numbers alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.data.phantom.settings import PhantomSettings
from benchmark.data.phantom.sites import SITES, Site
from benchmark.seeds import generator

DIAGNOSES = ("CN", "MCI", "AD")
#: Mean age and its standard deviation over all sites, in years; test subjects are spread evenly over two SD.
AGE_MEAN, AGE_SD = 71.0, 6.0
#: Fewest training scans of a site.
FEWEST = 6


def cohort(settings: PhantomSettings) -> pd.DataFrame:
    """Table of all scans, one row each, sorted by site, subject and session.

    Returns
    -------
    pandas.DataFrame
        ``subject_id, session_id, site, diagnosis, age, sex, split, travelling``; ages in years to 0.1. And for
        :mod:`benchmark.data.phantom.draws` ``group`` and ``place``: the test subjects that are drawn together ("" for
        training) and the subject's place among those of its diagnosis.
    """
    rows = [row for name in SITES for row in _training(name, settings)]
    rows += [row for name in SITES for row in _testing(name, settings)]
    rows += _travelling(settings)
    table = pd.DataFrame(rows)
    return table.sort_values(["site", "subject_id", "session_id"], ignore_index=True)


def _mix(site: Site, confounding: float) -> NDArray[np.float64]:
    sizes = np.array([other.size for other in SITES.values()], float)
    pooled = np.average([other.mix for other in SITES.values()], axis=0, weights=sizes)
    shares = (1 - confounding) * pooled + confounding * np.array(site.mix)
    normalised: NDArray[np.float64] = shares / shares.sum()
    return normalised


def _sizes(settings: PhantomSettings) -> dict[str, int]:
    total = sum(site.size for site in SITES.values())
    least = min(FEWEST, settings.train_scans // len(SITES))
    spare = settings.train_scans - least * len(SITES)
    # Rounding the running total, not each share, keeps the sum.
    edges = np.round(spare * np.cumsum([site.size for site in SITES.values()]) / total).astype(int)
    return {name: least + int(size) for name, size in zip(SITES, np.diff(edges, prepend=0), strict=True)}


def _training(name: str, settings: PhantomSettings) -> list[dict[str, object]]:
    site, size = SITES[name], _sizes(settings)[name]
    short = name.removeprefix("phantom-")
    shares = _mix(site, settings.confounding)
    rows: list[dict[str, object]] = []
    number = 0
    while len(rows) < size:
        number += 1
        subject = f"ph-{short}-{number:04d}"
        rng = generator(settings.seed, "training subject", subject)
        diagnosis = str(rng.choice(DIAGNOSES, p=shares))
        if rng.random() < site.parkinson * settings.confounding:
            diagnosis = "PD"
        mean = AGE_MEAN + settings.confounding * (site.age - AGE_MEAN)
        age = round(float(np.clip(rng.normal(mean, AGE_SD), 45, 95)), 1)
        sex = str(rng.choice(["F", "M"]))
        sessions = 1 + (rng.random() < settings.repeat_share)
        for session in range(1, 1 + min(sessions, size - len(rows))):
            rows.append(_row(subject, session, name, diagnosis, round(age + session - 1, 1), sex, "train", 0))
    return rows


def _testing(name: str, settings: PhantomSettings) -> list[dict[str, object]]:
    short = name.removeprefix("phantom-")
    return [
        _row(f"ph-{short}-t{i + 1:03d}", 1, name, DIAGNOSES[i % 3], age, "FM"[(i // 3) % 2], "test", 0, name, i // 3)
        for i, age in enumerate(_even_ages(settings.test_subjects))
    ]


def _travelling(settings: PhantomSettings) -> list[dict[str, object]]:
    return [
        _row(
            f"ph-trav-{i + 1:03d}", 1, name, DIAGNOSES[i % 3], age, "FM"[(i // 3) % 2], "test", 1, "travelling", i // 3
        )
        for i, age in enumerate(_even_ages(settings.travelling_subjects))
        for name in SITES
    ]


def _even_ages(count: int) -> list[float]:
    # The same ages in every diagnosis at every site: nothing but anatomy and scanner can tell test sites apart.
    groups = max(count // 3, 1)
    steps = np.linspace(-2, 2, groups) if groups > 1 else np.zeros(1)
    return [round(float(AGE_MEAN + AGE_SD * steps[i // 3]), 1) for i in range(count)]


def _row(
    subject: str,
    session: int,
    site: str,
    diagnosis: str,
    age: float,
    sex: str,
    split: str,
    travelling: int,
    group: str = "",
    place: int = 0,
) -> dict[str, object]:
    return {
        "subject_id": subject,
        "session_id": f"ses-{session}",
        "site": site,
        "diagnosis": diagnosis,
        "age": age,
        "sex": sex,
        "split": split,
        "travelling": travelling,
        "group": group,
        "place": place,
    }
