"""Replica of OASIS-1: discs of big-endian Analyze pairs and the cross-sectional table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.prepare.phantom.downloads.expected import Expected, check_subjects, write_csv
from benchmark.prepare.phantom.downloads.volumes import Volume, heads, write_analyze

FEWEST = 8
HEADER = ("ID", "M/F", "Hand", "Age", "Educ", "SES", "MMSE", "CDR", "eTIV", "nWBV", "ASF", "Delay")
TABLE = "oasis_cross-sectional.csv"
OPTIONS = {"table": TABLE}
#: Subjects at these places are odd.
RETESTED, NO_IMAGE, NO_VOXELS, NO_ROW, OLD_AND_UNRATED = 0, 5, 6, 7, 4
#: CDR, its diagnosis and the lowest age of subjects, in turn.
_RATED = (
    ("", "", 20),
    ("0", "CN", 62),
    ("0.5", "AD", 65),
    ("1", "AD", 68),
    ("", "", 62),
    ("2", "AD", 70),
    ("0", "CN", 61),
)


@dataclass(frozen=True)
class Session:
    """One session of the replica.

    Attributes
    ----------
    index
        Of the subject.
    name
        Such as ``OAS1_9001_MR1``.
    sex, age, cdr
        As in the table.
    diagnosis
        That the CDR means.
    repeats
        Images that were averaged.
    """

    index: int
    name: str
    sex: str
    age: int
    cdr: str
    diagnosis: str
    repeats: int

    @property
    def folder(self) -> str:
        """Within the replica."""
        return f"disc{1 + self.index % 2}/{self.name}"


def sessions(seed: int = 0, subjects: int = 12) -> list[Session]:
    """Everything that is in the replica's table or folders, subject by subject."""
    check_subjects(subjects, FEWEST)
    found = []
    for index in range(subjects):
        rng = np.random.default_rng([seed, index, 1])
        cdr, diagnosis, lowest = _RATED[index % len(_RATED)]
        sex, age, repeats = "FM"[int(rng.integers(2))], int(lowest + rng.integers(20)), int(rng.integers(3, 5))
        for number in (1, 2) if index == RETESTED else (1,):
            name = f"OAS1_{9001 + index}_MR{number}"
            found.append(Session(index, name, sex, age, cdr, diagnosis, repeats))
    return found


def expected(seed: int = 0, subjects: int = 12) -> list[Expected]:
    """What a manifest of the averaged images holds, in the order of subjects."""
    return [
        Expected(
            subject_id=each.name[:9],
            session_id=each.name[10:],
            image=f"{each.folder}/PROCESSED/MPRAGE/SUBJ_111/{each.name}_mpr_n{each.repeats}_anon_sbj_111.hdr",
            diagnosis=each.diagnosis,
            age=each.age,
            sex=each.sex,
            manufacturer="Siemens",
            model="Vision",
            field_strength=1.5,
        )
        for each in sessions(seed, subjects)
        if each.index not in (NO_IMAGE, NO_VOXELS, NO_ROW)
    ]


def write_oasis1(out: Path, seed: int = 0, subjects: int = 12, volume: Volume | None = None) -> Path:
    """Write the replica.

    Its oddities: no orientation in any file, a fourth axis of length one, one subject scanned twice (``_MR2``), blank
    CDR of a young and of an old subject, a table with a byte-order mark, a row without images, a header without
    voxels, images without a row.

    Parameters
    ----------
    out
        Folder; the discs and the table are written into it.
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
        if each.index != NO_ROW:
            delay = 40 if each.name.endswith("MR2") else ""
            rows.append([each.name, each.sex, "R", each.age, 2, "", "", each.cdr, 1500, 0.8, 1.2, delay])
        if each.index != NO_IMAGE:
            _write_images(out, each, make)
    write_csv(out / TABLE, HEADER, rows, encoding="utf-8-sig")
    return out


def _write_images(out: Path, each: Session, make: Volume) -> None:
    array, affine = make(each.index, each.diagnosis, "OASIS1")
    folder, processed = out / each.folder, out / each.folder / "PROCESSED" / "MPRAGE"
    for repeat in range(1, each.repeats + 1):
        write_analyze(folder / "RAW" / f"{each.name}_mpr-{repeat}_anon.hdr", array, affine, "ASL")
        (folder / "RAW" / f"{each.name}_mpr-{repeat}_anon_sag_66.gif").write_bytes(b"GIF89a")
    averaged = f"{each.name}_mpr_n{each.repeats}_anon"
    write_analyze(processed / "SUBJ_111" / f"{averaged}_sbj_111.hdr", array, affine, "ASL")
    write_analyze(processed / "T88_111" / f"{averaged}_111_t88_gfc.hdr", array, affine, "LAS")
    write_analyze(processed / "T88_111" / f"{averaged}_111_t88_masked_gfc.hdr", array, affine, "LAS")
    write_analyze(folder / "FSL_SEG" / f"{averaged}_111_t88_masked_gfc_fseg.hdr", array, affine, "LAS")
    (folder / f"{each.name}.txt").write_text(f"SESSION ID: {each.name}\n", encoding="utf-8")
    if each.index == NO_VOXELS:
        (processed / "SUBJ_111" / f"{averaged}_sbj_111.img").unlink()
