"""Replica of OASIS-2: two parts of raw repeats as big-endian Analyze pairs and the longitudinal table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.prepare.phantom.downloads.expected import Expected, check_subjects, write_csv
from benchmark.prepare.phantom.downloads.volumes import Volume, heads, write_analyze

FEWEST = 8
HEADER = (
    "Subject ID", "MRI ID", "Group", "Visit", "MR Delay", "M/F", "Hand", "Age", "EDUC", "SES", "MMSE", "CDR",
    "eTIV", "nWBV", "ASF",
)  # fmt: skip
TABLE = "oasis_longitudinal.csv"
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


@dataclass(frozen=True)
class Session:
    """One session of the replica.

    Attributes
    ----------
    index
        Of the subject.
    name
        Such as ``OAS2_9001_MR3``.
    visit
        From 1; the MR number may be larger.
    group, sex, age, cdr
        As in the table.
    diagnosis
        That the CDR of the visit means.
    """

    index: int
    name: str
    visit: int
    group: str
    sex: str
    age: int
    cdr: str
    diagnosis: str

    @property
    def folder(self) -> str:
        """Within the replica."""
        return f"OAS2_RAW_PART{1 + self.index % 2}/{self.name}/RAW"

    @property
    def repeats(self) -> tuple[int, ...]:
        """Numbers of the images in it."""
        return (2, 3) if self.index == NO_FIRST_REPEAT else (1, 2, 3)


def sessions(seed: int = 0, subjects: int = 12) -> list[Session]:
    """Everything that is in the replica's table or folders, subject by subject."""
    check_subjects(subjects, FEWEST)
    found = []
    for index in range(subjects):
        rng = np.random.default_rng([seed, index, 2])
        group, course = _COURSES[index % len(_COURSES)]
        sex, age = "FM"[int(rng.integers(2))], int(rng.integers(60, 90))
        for visit, (number, cdr, diagnosis) in enumerate(course, start=1):
            name = f"OAS2_{9001 + index}_MR{number}"
            found.append(Session(index, name, visit, group, sex, age + 2 * visit - 2, cdr, diagnosis))
    return found


def expected(seed: int = 0, subjects: int = 12) -> list[Expected]:
    """What a manifest holds, in the order of subjects and visits."""
    return [
        Expected(
            subject_id=each.name[:9],
            session_id=each.name[10:],
            image=f"{each.folder}/mpr-{each.repeats[0]}.nifti.hdr",
            diagnosis=each.diagnosis,
            age=each.age,
            sex=each.sex,
            manufacturer="Siemens",
            model="Vision",
            field_strength=1.5,
        )
        for each in sessions(seed, subjects)
        if each.index not in (NO_IMAGE, NO_ROW)
    ]


def write_oasis2(out: Path, seed: int = 0, subjects: int = 12, volume: Volume | None = None) -> Path:
    """Write the replica.

    Its oddities: pairs that are named ``.nifti`` but are Analyze, without orientation and with a fourth axis of length
    one, a pair with a stray name, a session without ``mpr-1``, MR numbers that skip, the group ``Converted``, a blank
    CDR, rows without images, images without rows.

    Parameters
    ----------
    out
        Folder; the parts and the table are written into it.
    seed
        Of ages, sexes and heads.
    subjects
        How many; at least 8.
    volume
        What makes the volumes; small made-up heads by default.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    UserError
        For too few subjects.
    """
    make = volume or heads(seed)
    rows = []
    for each in sessions(seed, subjects):
        subject, days = each.name[:9], 700 * (each.visit - 1)
        if each.index != NO_ROW:
            start = [subject, each.name, each.group, each.visit, days, each.sex, "R", each.age, 14, ""]
            rows.append([*start, 28, each.cdr, 1500, 0.75, 1.2])
        if each.index == NO_IMAGE:
            continue
        array, affine = make(each.index, each.diagnosis, "OASIS2")
        for repeat in each.repeats:
            write_analyze(out / each.folder / f"mpr-{repeat}.nifti.hdr", array, affine, "ASL")
        if each.index == STRAY and each.visit == 1:
            write_analyze(out / each.folder / "9407-3.nifti.hdr", array, affine, "ASL")
    write_csv(out / TABLE, HEADER, rows)
    return out
