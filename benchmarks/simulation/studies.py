"""Made-up studies: people at sites, and what methods make of their scans, run by run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.seeds import generator

Floats = npt.NDArray[np.float64]

#: Standard deviations in every dimension of an LDR, beside 1 between subjects of one diagnosis: of a scan around its
#: subject, which all methods share; of what a method makes of a scan in every training; and in one training alone.
SCAN, METHOD, TRAINING = 0.4, 0.5, 0.4

#: Where the scored subjects of a seed come from: drawn anew, as by a phantom of each seed, or a quarter of one
#: collection, split anew by each seed.
Subjects = Literal["new", "split"]
COLLECTION = 4


@dataclass(frozen=True)
class Study:
    """What is scored in one run.

    Attributes
    ----------
    name
        As in the tables.
    subjects
        Number of subjects of each site.
    scans
        Scans of a subject of each site; one number for all sites.
    travelling
        Subjects who were at every site, too.
    dimensions
        Of LDRs.
    """

    name: str
    subjects: tuple[int, ...]
    scans: tuple[int, ...] = (1,)
    travelling: int = 0
    dimensions: int = 8


@dataclass(frozen=True)
class Method:
    """What an LDR holds beside anatomy and noise.

    Attributes
    ----------
    disease
        Distance of AD from CN, along the first dimension.
    site
        Standard deviation of the sites' offsets in every dimension.
    """

    disease: float = 0.0
    site: float = 0.0


def runs(
    study: Study, methods: Mapping[str, Method], seeds: int, subjects: Subjects, *axes: str | int
) -> Iterator[tuple[str, int, pd.DataFrame]]:
    """Embeddings of every run of a sweep: method, seed, table.

    A scan's LDR is the subject's anatomy, the disease, the site's offset, the scan's noise, the method's own view of
    the scan and the training's noise; all but the last two are the same for all methods.

    Parameters
    ----------
    study, methods
        What is scored, and by whom.
    seeds
        Number of trainings of each method.
    subjects
        Where the scored subjects of a seed come from.
    *axes
        Names of the data set, from which all draws are derived.
    """
    for seed in range(seeds):
        drawn = generator(*axes, "subjects", seed if subjects == "new" else 0)
        scans, anatomy = _scans(study, drawn, 1 if subjects == "new" else COLLECTION)
        sick = (scans["diagnosis"] == "AD").to_numpy(float)
        place = scans["site"].factorize(sort=True)[0]
        offsets = generator(*axes, "offsets").normal(size=(len(study.subjects), study.dimensions))
        own = np.ones(len(scans), bool) if subjects == "new" else _quarter(scans, generator(*axes, "split", seed))
        for number, (name, method) in enumerate(methods.items()):
            views = generator(*axes, "view", number, seed if subjects == "new" else 0)
            ldr = anatomy + METHOD * views.normal(size=anatomy.shape)
            ldr += TRAINING * generator(*axes, "training", number, seed).normal(size=anatomy.shape)
            ldr[:, 0] += method.disease * sick
            ldr += method.site * offsets[place]
            vectors = pd.DataFrame(ldr, columns=[f"z{i}" for i in range(study.dimensions)])
            yield name, seed, pd.concat([scans, vectors], axis=1)[own].reset_index(drop=True)


def _scans(study: Study, rng: np.random.Generator, times: int) -> tuple[pd.DataFrame, Floats]:
    """Scans, and what all methods see of them, shape (scans, dimensions)."""
    sites = range(len(study.subjects))
    repeats = np.broadcast_to(study.scans, len(study.subjects))
    people = [(f"s{site}-{i}", [site] * repeats[site]) for site in sites for i in range(times * study.subjects[site])]
    people += [(f"t{i}", list(sites)) for i in range(times * study.travelling)]
    rows, centres = [], []
    for name, places in people:
        diagnosis, age, sex = ("CN", "AD")[rng.integers(2)], rng.uniform(55, 90), "FM"[rng.integers(2)]
        anatomy = rng.normal(size=study.dimensions)
        for session, site in enumerate(places):
            rows.append((name, str(session), f"site{site:02d}", diagnosis, age, sex))
            centres.append(anatomy + SCAN * rng.normal(size=study.dimensions))
    table = pd.DataFrame(rows, columns=["subject_id", "session_id", "site", "diagnosis", "age", "sex"])
    return table, np.array(centres)


def _quarter(scans: pd.DataFrame, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Scans of one of :data:`COLLECTION` parts of each site's subjects, and of those who travelled."""
    first = scans.drop_duplicates("subject_id").sort_values("subject_id")
    group = first["site"].where(first["subject_id"].str.startswith("s"), "")
    chosen: list[str] = []
    for _, names in first["subject_id"].groupby(group):
        chosen += rng.permutation(names.to_numpy(str))[: len(names) // COLLECTION].tolist()
    return scans["subject_id"].isin(chosen).to_numpy(bool)
