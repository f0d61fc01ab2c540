"""Replica of OASIS-3: images in four layouts, and tables of clinical visits on other days than the scans."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.prepare.phantom.downloads.expected import Expected, check_subjects, write_csv
from benchmark.prepare.phantom.downloads.oasis3_cases import CASES, NO_IMAGE, NO_SCANNER_ROW, Session
from benchmark.prepare.phantom.downloads.oasis_layouts import Layout, image_path, write_image
from benchmark.prepare.phantom.downloads.volumes import Volume, heads

FEWEST = len(CASES)
TABLES = {
    "demographics": "OASIS3_data_files/OASIS3_demographics.csv",
    "diagnoses": "OASIS3_data_files/OASIS3_UDSd1_diagnoses.csv",
    "clinical": "OASIS3_data_files/OASIS3_UDSb4_cdr.csv",
    "scanners": "OASIS3_data_files/OASIS3_MR_json.csv",
}
OPTIONS = TABLES
_HEADERS = {
    "demographics": ("OASISID", "AgeatEntry", "AgeatDeath", "GENDER", "EDUC", "SES", "race", "HAND", "APOE"),
    "diagnoses": (
        "OASISID", "OASIS_session_label", "days_to_visit", "age at visit", "NORMCOG", "DEMENTED", "MCIAMEM", "MCIAPLUS",
        "MCINON1", "MCINON2", "IMPNOMCI", "PROBAD", "POSSAD", "DLB", "VASC", "FTD",
    ),
    "clinical": (
        "OASISID", "OASIS_session_label", "days_to_visit", "age at visit", "MMSE", "CDRSUM", "CDRTOT", "dx1_code",
        "dx1",
    ),
    "scanners": (
        "subject_id", "label", "filename", "scan category", "Manufacturer", "ManufacturersModelName",
        "MagneticFieldStrength", "DeviceSerialNumber", "SeriesDescription",
    ),
}  # fmt: skip
_LAYOUTS: tuple[Layout, ...] = ("scripts", "zip", "simple_zip", "bids")
#: Model and tesla as headers state them, and as a manifest does.
_SCANNERS = (
    ("TrioTim", "3", "TrioTim", 3.0),
    ("Biograph_mMR", "3", "Biograph mMR", 3.0),
    ("Sonata", "1.494", "Sonata", 1.5),
)


@dataclass(frozen=True)
class Person:
    """One subject of the replica.

    Attributes
    ----------
    index
        From 0.
    subject
        Such as ``OAS39001``.
    sex
        ``F`` or ``M``.
    entry
        Age at day 0.
    sessions
        Scans, with the visits around each.
    """

    index: int
    subject: str
    sex: str
    entry: float
    sessions: tuple[Session, ...]

    def images(self, session: Session) -> Iterator[str]:
        """Paths of all images of a session; the first is the one to use."""
        layout = _LAYOUTS[self.index % len(_LAYOUTS)]
        for scan, ending in enumerate(session.names, start=1):
            word = "sess" if session.sess else "ses"
            name = f"sub-{self.subject}_{word}-d{session.day:04d}_{ending}.nii.gz"
            yield image_path(layout, self.subject, session.day, scan, name)


def people(seed: int = 0, subjects: int = 12) -> list[Person]:
    """All subjects; one more than asked for, who has images but no row."""
    check_subjects(subjects, FEWEST)
    found = []
    for index in range(subjects + 1):
        rng = np.random.default_rng([seed, index, 3])
        sex, entry = "FM"[int(rng.integers(2))], round(float(rng.uniform(45, 85)), 2)
        # The odd ones once, the others again and again.
        case = CASES[index] if index < len(CASES) else CASES[index % 4]
        found.append(Person(index, f"OAS3{9001 + index}", sex, entry, case))
    return found


def expected(seed: int = 0, subjects: int = 12, scheme: str = "d1") -> list[Expected]:
    """What a manifest holds, in the order of subjects and days.

    Parameters
    ----------
    seed, subjects
        As given to :func:`write_oasis3`.
    scheme
        Of the importer: ``d1`` or ``cdr``.
    """
    return [
        Expected(
            subject_id=person.subject,
            session_id=f"d{session.day:04d}",
            image=next(person.images(session)),
            diagnosis=session.d1 if scheme == "d1" else session.cdr,
            age=person.entry + session.day / 365.25,
            sex=person.sex,
            manufacturer="Siemens",
            model=_SCANNERS[person.index % 3][2],
            field_strength=_SCANNERS[person.index % 3][3],
        )
        for person in people(seed, subjects)[:subjects]
        for session in person.sessions
        if person.index != NO_IMAGE
    ]


def write_oasis3(out: Path, seed: int = 0, subjects: int = 12, volume: Volume | None = None) -> Path:
    """Write the replica.

    Its oddities: four layouts, ``sess-`` for ``ses-``, a name without run, two runs, images that are no T1w, days with
    and without zeros in front, ``.`` for missing, a column name with spaces, visits just inside and just outside of 180
    days, two visits as near, a visit without a diagnosis, dementia that is not AD, AD in words alone, a row without
    images, images without a row, a scan that the table of scanners misses, a table with a byte-order mark.

    Parameters
    ----------
    out
        Folder; sessions and ``OASIS3_data_files`` are written into it.
    seed
        Of ages, sexes and heads.
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
    everyone = people(seed, subjects)
    for person in everyone:
        if person.index != NO_IMAGE:
            _write_images(out, person, make)
    description = {"Name": "OASIS-3", "BIDSVersion": "1.0.2"}
    (out / "dataset_description.json").write_text(json.dumps(description) + "\n", encoding="utf-8")
    rows: dict[str, list[list[object]]] = {name: [] for name in TABLES}
    for person in everyone[:subjects]:
        gender = "MF".index(person.sex) + 1
        rows["demographics"].append([person.subject, person.entry, ".", gender, 16, "", "White", "R", 33])
        for session in person.sessions:
            _add_visits(rows, person, session)
    for person in everyone:
        if person.index not in (NO_IMAGE, NO_SCANNER_ROW):
            rows["scanners"] += _scanner_rows(person)
    for name, table in TABLES.items():
        encoding = "utf-8-sig" if name == "demographics" else "utf-8"
        write_csv(out / table, _HEADERS[name], rows[name], encoding)
    return out


def _write_images(out: Path, person: Person, make: Volume) -> None:
    model, tesla = _SCANNERS[person.index % 3][:2]
    fields: dict[str, object] = {
        "Manufacturer": "Siemens",
        "ManufacturersModelName": model,
        "MagneticFieldStrength": float(tesla),
    }
    for session in person.sessions:
        volume = make(person.index, session.d1, "OASIS3")
        for path in person.images(session):
            write_image(out / path, volume, fields)


def _add_visits(rows: dict[str, list[list[object]]], person: Person, session: Session) -> None:
    for offset, state in session.visits:
        day = session.day + offset
        age = round(person.entry + day / 365.25, 2)
        label = f"{person.subject}_UDSd1_d{day:04d}"
        rows["diagnoses"].append([person.subject, label, f"{day:04d}", age, *state.flags])
        label = f"{person.subject}_UDSb4_d{day:04d}"
        rows["clinical"].append([person.subject, label, day, age, 28, ".", state.cdr, state.code, state.words])


def _scanner_rows(person: Person) -> list[list[object]]:
    model, tesla = _SCANNERS[person.index % 3][:2]
    rows: list[list[object]] = []
    for session in person.sessions:
        label = f"{person.subject}_MR_d{session.day:04d}"
        for path in person.images(session):
            name = path.rsplit("/", 1)[1].replace(".nii.gz", ".json")
            kind = name.split(".")[0].rsplit("_", 1)[-1]
            rows.append([person.subject, label, name, kind, "Siemens", model, tesla, "90001", f"{kind}_sag"])
    return rows
