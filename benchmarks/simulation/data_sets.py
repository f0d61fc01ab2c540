"""Made-up data sets of two methods that are equally good, every subject of them drawn anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.seeds import generator

Floats = npt.NDArray[np.float64]

#: Dimensions of an LDR, distance of AD from CN along the first of them, spread of sites, spread of a scan and a method
#: around its subject: all in standard deviations between subjects of one diagnosis.
DIMENSIONS, DISEASE, SITE, SCAN = 8, 1.2, 0.35, 0.6

#: Years that an LDR's second dimension is worth, and spread of ages around that.
YEARS = 5.0


@dataclass(frozen=True)
class Design:
    """Size of a data set.

    Attributes
    ----------
    sites
        Number of sites, which stay the same from data set to data set.
    subjects
        Subjects of each site.
    travelling
        Subjects who were scanned once at every site.
    """

    sites: int
    subjects: int
    travelling: int

    @property
    def name(self) -> str:
        """As in the tables."""
        return f"{self.sites} x {self.subjects} + {self.travelling}"


def data_set(design: Design, seed: int, index: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Embeddings of the same scans by two exchangeable methods.

    Diagnoses (CN, MCI, AD) and anatomies are drawn anew for each subject; the sites' offsets are the same in every data
    set. Each method sees a scan with noise of its own, so neither is better.

    Parameters
    ----------
    design
        How many of what.
    seed, index
        Of the data sets, and which of them.
    """
    rng = generator(seed, "data set", index)
    offsets = generator(0, "offsets").normal(size=(design.sites, DIMENSIONS)) * SITE
    names = [(f"s{site}-{i}", [site]) for site in range(design.sites) for i in range(design.subjects)]
    names += [(f"t{i}", list(range(design.sites))) for i in range(design.travelling)]
    rows, centres = [], []
    for name, places in names:
        grade, anatomy = int(rng.integers(3)), rng.normal(size=DIMENSIONS)
        anatomy[0] += DISEASE * (grade - 1)
        age = 70 + YEARS * (anatomy[1] + rng.normal())
        for site in places:
            rows.append((name, "1", f"site{site}", ("CN", "MCI", "AD")[grade], age, "F"))
            centres.append(anatomy + offsets[site])
    table = pd.DataFrame(rows, columns=["subject_id", "session_id", "site", "diagnosis", "age", "sex"])
    return (
        _seen(table, np.array(centres) + SCAN * rng.normal(size=(len(rows), DIMENSIONS))),
        _seen(table, np.array(centres) + SCAN * rng.normal(size=(len(rows), DIMENSIONS))),
    )


def _seen(table: pd.DataFrame, vectors: Floats) -> pd.DataFrame:
    columns = {f"z{i}": vectors[:, i] for i in range(vectors.shape[1])}
    return pd.concat([table, pd.DataFrame(columns)], axis=1)
