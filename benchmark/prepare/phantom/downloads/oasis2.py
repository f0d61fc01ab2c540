"""Replica of OASIS-2: two parts of raw repeats as big-endian Analyze pairs and the longitudinal table."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmark.prepare.phantom.downloads.replica import Replica, Table
from benchmark.prepare.phantom.downloads.volumes import write_analyze

FEWEST = 8
TABLE = Table(
    "oasis_longitudinal.csv",
    "Subject ID,MRI ID,Group,Visit,MR Delay,M/F,Hand,Age,EDUC,SES,MMSE,CDR,eTIV,nWBV,ASF",
)
OPTIONS = {"table": TABLE}
#: Subjects at these places are odd.
NO_FIRST_REPEAT, NO_IMAGE, NO_ROW, STRAY = 3, 5, 6, 1
#: Group, and by visit the MR number, the CDR and its diagnosis.
_COURSES: tuple[tuple[str, tuple[tuple[int, str, str], ...]], ...] = (
    ("Nondemented", ((1, "0", "CN"), (2, "0", "CN"))),
    ("Demented", ((1, "0.5", "AD"), (2, "1", "AD"))),
    ("Converted", ((1, "0", "CN"), (3, "0.5", "AD"))),
    ("Nondemented", ((1, "0", "CN"), (2, "0", "CN"), (4, "0", "CN"))),
    ("Demented", ((1, "", ""), (2, "0.5", "AD"))),
)


def describe(seed: int = 0, subjects: int = 12) -> Replica:
    """The replica, of at least 8 subjects.

    Its oddities: pairs that are named ``.nifti`` but are Analyze, without orientation and with a fourth axis of length
    one, a pair with a stray name, a session without ``mpr-1``, MR numbers that skip, the group ``Converted``, a blank
    CDR, rows without images, images without rows.
    """
    replica = Replica("OASIS2", [TABLE], subjects, FEWEST)
    for index in range(subjects):
        rng = np.random.default_rng([seed, index, 2])
        group, course = _COURSES[index % len(_COURSES)]
        sex, entry = "FM"[int(rng.integers(2))], int(rng.integers(60, 90))
        for visit, (number, cdr, diagnosis) in enumerate(course):
            subject, session, age = f"OAS2_{9001 + index}", f"MR{number}", entry + 2 * visit
            folder = f"OAS2_RAW_PART{1 + index % 2}/{subject}_{session}/RAW"
            if index != NO_ROW:
                start = (subject, f"{subject}_{session}", group, visit + 1, 700 * visit, sex, "R", age, 14, "")
                replica.row(TABLE, *start, 28, cdr, 1500, 0.75, 1.2)
            if index == NO_IMAGE:
                continue
            names = ["mpr-2", "mpr-3"] if index == NO_FIRST_REPEAT else ["mpr-1", "mpr-2", "mpr-3"]
            for name in [*names, "9407-3"] if index == STRAY and visit == 0 else names:
                replica.image(f"{folder}/{name}.nifti.hdr", index, diagnosis, partial(write_analyze, axes="ASL"))
            if index != NO_ROW:
                image = f"{folder}/{names[0]}.nifti.hdr"
                replica.expect(subject, session, image, diagnosis, age, sex, "Siemens", "Vision", 1.5)
    return replica
