"""Replica of OASIS-4: names with ``sess-``, days from 3000, a final diagnosis in words for each subject."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.prepare.phantom.downloads.expected import Expected, check_subjects, write_csv
from benchmark.prepare.phantom.downloads.oasis_layouts import Layout, image_path, write_image
from benchmark.prepare.phantom.downloads.volumes import Volume, heads

FEWEST = 12
TABLES = {
    "clinical": "OASIS4_data_files/OASIS4_data_clinical.csv",
    "imaging": "OASIS4_data_files/OASIS4_data_imaging.csv",
    "scanners": "OASIS4_data_files/OASIS4_json_information.csv",
    "cdr": "OASIS4_data_files/OASIS4_data_CDR.csv",
}
OPTIONS = {name: path for name, path in TABLES.items() if name != "cdr"}
_HEADERS = {
    "clinical": (
        "oasis_id", "demographics_id", "demographics_firstvisit", "sex", "age", "race", "hispanic", "edu", "bmi",
        "final_dx", "final_dx_categorized",
    ),
    "imaging": ("oasis_id", "imaging_id", "visit_days", "image_age", "scanner", "contrast", "contrastx"),
    "scanners": (
        "filename", "scan_type", "MRAcquisitionType", "MagneticFieldStrength", "Manufacturer", "ManufacturersModelName",
        "SeriesDescription",
    ),
    "cdr": ("oasis_id", "visit_days", "cdr", "sumbox", "memory", "orient", "judgement", "community"),
}  # fmt: skip
#: Final diagnosis in words, and that of a manifest.
_DIAGNOSES = (
    ("Alzheimer Disease Dementia", "AD"),
    ("MCI", "MCI"),
    ("Cognitively Normal", "CN"),
    ("AD/Vascular", "AD"),
    ("Early Onset AD", "AD"),
    ("Vascular Cognitive Impairment (VCI)", "OTHER"),
    ("AD+Non Neurodegenerative", "AD"),
    ("ad  variant", "AD"),
    ("DLB", "OTHER"),
    ("Mood/polypharmacy/sleep", "OTHER"),
    (".", ""),
    ("Uncertain - AD possible", "OTHER"),
)
#: Subjects at these places are odd.
FLAT_FIRST, LATE, NO_IMAGE, NO_AGE, LAST_IN_WINDOW, ONLY_FLAT = 1, 3, 5, 2, 4, 8
_MODELS = (("TrioTim", 3.0), ("Avanto", 1.5))


@dataclass(frozen=True)
class Person:
    """One subject of the replica, scanned once.

    Attributes
    ----------
    index
        From 0.
    subject
        Such as ``OAS49001``.
    sex, age
        Age at the clinical baseline.
    day
        Of the scan; the baseline is 3000.
    words, diagnosis
        Final diagnosis of the table, and of the manifest.
    """

    index: int
    subject: str
    sex: str
    age: float
    day: int
    words: str
    diagnosis: str

    @property
    def age_at_scan(self) -> float:
        """As the table of images states it, or from days where it does not."""
        passed = self.age + (self.day - 3000) / 365.25
        return passed if self.index == NO_AGE else round(passed, 1)

    @property
    def scans(self) -> list[tuple[str, str]]:
        """Names of images and whether each is 2D or 3D."""
        start = f"sub-{self.subject}_sess-d{self.day:04d}"
        if self.index == FLAT_FIRST:
            kinds = [("run-01_T1w", "2D"), ("run-02_T1w", "3D"), ("run-01_T2w", "2D")]
        elif self.index == ONLY_FLAT:
            kinds = [("run-01_T1w", "2D")]
        else:
            kinds = [("run-01_T1w", "3D"), ("run-01_FLAIR", "2D")]
        return [(f"{start}_{ending}.nii.gz", kind) for ending, kind in kinds]

    def path(self, name: str) -> str:
        """Of an image within the replica."""
        layouts: tuple[Layout, Layout] = ("scripts", "simple_zip")
        return image_path(layouts[self.index % 2], self.subject, self.day, 1, name)


def people(seed: int = 0, subjects: int = 12) -> list[Person]:
    """All subjects; one more than asked for, who has images but no row."""
    check_subjects(subjects, FEWEST)
    found = []
    for index in range(subjects + 1):
        rng = np.random.default_rng([seed, index, 4])
        words, diagnosis = _DIAGNOSES[index % len(_DIAGNOSES)]
        day = {LATE: 3185, LAST_IN_WINDOW: 3184}.get(index, 3000 + int(rng.integers(0, 90)))
        sex, age = "FM"[int(rng.integers(2))], round(float(rng.uniform(50, 85)), 1)
        found.append(Person(index, f"OAS4{9001 + index}", sex, age, day, words, diagnosis))
    return found


def expected(seed: int = 0, subjects: int = 12) -> list[Expected]:
    """What a manifest holds, in the order of subjects."""
    return [
        Expected(
            subject_id=each.subject,
            session_id=f"d{each.day:04d}",
            image=each.path(next(name for name, kind in each.scans if kind == "3D")),
            diagnosis="" if each.index == LATE else each.diagnosis,
            age=each.age_at_scan,
            sex=each.sex,
            manufacturer="Siemens",
            model=_MODELS[each.index % 2][0],
            field_strength=_MODELS[each.index % 2][1],
        )
        for each in people(seed, subjects)[:subjects]
        if each.index not in (NO_IMAGE, ONLY_FLAT)
    ]


def write_oasis4(out: Path, seed: int = 0, subjects: int = 12, volume: Volume | None = None) -> Path:
    """Write the replica.

    Its oddities: ``sess-`` in names, days from 3000, 2D images that are called T1w, beside a 3D one or alone, final
    diagnoses in other spellings and missing, an age at the scan that is missing, a scan on the last day of the window
    and one a day later, a row without images, images without a row.

    Parameters
    ----------
    out
        Folder; sessions and ``OASIS4_data_files`` are written into it.
    seed
        Of ages, sexes, days and heads.
    subjects
        How many; at least 12.
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
    rows: dict[str, list[list[object]]] = {name: [] for name in TABLES}
    everyone = people(seed, subjects)
    for each in everyone:
        model, tesla = _MODELS[each.index % 2]
        for name, kind in each.scans:
            json_name = name.replace(".nii.gz", ".json")
            rows["scanners"].append([json_name, "anat", kind, tesla, "Siemens", model, "t1"])
            if each.index != NO_IMAGE:
                fields: dict[str, object] = {"MRAcquisitionType": kind, "MagneticFieldStrength": tesla}
                fields |= {"Manufacturer": "Siemens", "ManufacturersModelName": model}
                write_image(out / each.path(name), make(each.index, each.diagnosis, "OASIS4"), fields)
        if each.index != subjects:
            _add_rows(rows, each)
    for table, place in TABLES.items():
        write_csv(out / place, _HEADERS[table], rows[table])
    return out


def _add_rows(rows: dict[str, list[list[object]]], each: Person) -> None:
    code = "MF".index(each.sex) + 1
    age = "." if each.index == NO_AGE else each.age_at_scan
    start: list[object] = [each.subject, f"{each.subject}_d3000", 1, code, each.age, 1, 0, 16, 25.1]
    rows["clinical"].append([*start, each.words, "."])
    session = f"{each.subject}_MR_d{each.day:04d}"
    rows["imaging"].append([each.subject, session, each.day, age, "Siemens", 0, ""])
    rows["cdr"].append([each.subject, 3000, 0.5, 2, 0.5, 0.5, 0.5, 0.5])
