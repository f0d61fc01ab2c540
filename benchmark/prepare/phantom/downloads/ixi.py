"""Replica of IXI: images that are named after subject, hospital and scan, and the table of subjects as a CSV file."""

from __future__ import annotations

import csv
import io
import math

import numpy as np

from benchmark.prepare.importers.ixi import SCANNERS
from benchmark.prepare.phantom.downloads.replica import Replica, Table

FEWEST = 8
COLUMNS = (
    "IXI_ID", "SEX_ID (1=m, 2=f)", "HEIGHT", "WEIGHT", "ETHNIC_ID", "MARITAL_ID", "OCCUPATION_ID", "QUALIFICATION_ID",
    "DOB", "DATE_AVAILABLE", "STUDY_DATE", "AGE",
)  # fmt: skip
#: A column's name has a comma, so the replica writes this table itself.
TABLE = Table("IXI.csv", "")
OPTIONS = {"table": TABLE}
#: Subjects at these places are odd.
ZEROED, TWO_AGES, NO_AGE, NO_IMAGE, NO_ROW = 1, 2, 3, 5, 6


def describe(seed: int = 0, subjects: int = 12) -> Replica:
    """The replica, of at least 8 subjects.

    Its oddities: a second row of zeros, two rows with different ages, a missing age, a row without an image, an image
    without a row, a T2 image.
    """
    replica = Replica("IXI", [], subjects, FEWEST)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for index in range(subjects):
        rng = np.random.default_rng([seed, index, 6])
        number, hospital = 9001 + index, list(SCANNERS)[index % len(SCANNERS)]
        sex, age = int(rng.integers(1, 3)), round(float(rng.uniform(20, 86)), 6)
        # As many cells as the columns between sex and age; the days are nobody's.
        rest = [170, 70, 1, 2, 1, 5, "1900-01-01", 1, "1990-01-01"]
        stated: float | str = "" if index == NO_AGE else age
        if index != NO_ROW:
            table.writerow([number, sex, *rest, stated])
        if index == ZEROED:
            table.writerow([number, 0, *[0] * 6, "1900-01-01", 0, "", ""])
        if index == TWO_AGES:
            table.writerow([number, sex, *rest, age + 2])
        if index == NO_IMAGE:
            continue
        name = f"IXI-T1/IXI{number}-{hospital}-{800 + index:04d}"
        replica.image(f"{name}-T1.nii.gz", index, "")
        if index == 0:
            replica.image(f"{name.replace('T1', 'T2')}-T2.nii.gz", index, "")
        known = index not in (TWO_AGES, NO_AGE, NO_ROW)
        replica.expect(
            f"IXI{number}", f"{800 + index:04d}", f"{name}-T1.nii.gz", "", age if known else math.nan,
            "" if index == NO_ROW else "?MF"[sex], *SCANNERS[hospital],
        )  # fmt: skip
    replica.texts[TABLE.path] = text.getvalue()
    return replica
