"""Replica of a PPMI download."""

from __future__ import annotations

import datetime
from pathlib import Path

from benchmark.errors import UserError
from benchmark.prepare.phantom.downloads.loni import Archive
from benchmark.prepare.phantom.downloads.loni_entry import Entry, Unit
from benchmark.prepare.phantom.downloads.ppmi_oddities import add_oddities
from benchmark.prepare.phantom.downloads.ppmi_tables import Clinic
from benchmark.prepare.phantom.downloads.volumes import Volume

_UNITS = (
    Unit("SIEMENS", "TrioTim", "3.0", "Siemens", "TrioTim", "3"),
    Unit("Siemens", "Espree", "1.5", "Siemens", "Espree", "1.5"),
    Unit("GE MEDICAL SYSTEMS", "Signa HDxt", "1.5", "GE", "Signa HDxt", "1.5"),
    Unit("Philips Medical Systems", "Achieva", "3.0", "Philips", "Achieva", "3"),
)
_DESCRIPTIONS = {
    "Siemens": ("MPRAGE GRAPPA", "MPRAGE GRAPPA2", "MPRAGE_GRAPPA_ADNI"),
    "GE": ("SAG FSPGR 3D", "SAG 3D SPGR"),
    "Philips": ("sT1W_3D_TFE", "3D T1-weighted"),
}
_LABELS = ("PD", "CN", "PD", "PRODROMAL", "PD", "CN", "PD", "CN", "PD", "SWEDD", "PD", "CN")
_GROUPS = {"PD": "PD", "CN": "Control", "PRODROMAL": "Prodromal", "SWEDD": "SWEDD"}
_START = datetime.date(2012, 1, 16)
#: Identifiers above are left to the oddities.
MOST_SUBJECTS = 900
OPTIONS = {
    "collection": "Replica_1_15_2024.csv",
    "search": "idaSearch_1_15_2024.csv",
    "participant_status": "Participant_Status_15Jan2024.csv",
    "demographics": "Demographics_15Jan2024.csv",
    "age_at_visit": "Age_at_visit_15Jan2024.csv",
    "curated": "PPMI_Curated_Data_Cut_Public_20240115.csv",
}


def write_ppmi(out: Path, seed: int = 0, subjects: int = 12, volume: Volume | None = None) -> Path:
    """Write folders, images and tables.

    Parameters
    ----------
    out
        Folder: gets ``PPMI/``, ``Replica_1_15_2024.csv`` (collection), ``idaSearch_1_15_2024.csv``, the study tables,
        and ``truth.csv``, which says what an import should make of each image.
    seed
        Of all draws; the same gives the same bytes.
    subjects
        Half of them PD, a third controls; some fifteen with oddities come on top.
    volume
        Makes the volumes; :func:`benchmark.prepare.phantom.downloads.volumes.heads` by default.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    UserError
        For more subjects than there are identifiers.
    """
    if not 0 <= subjects <= MOST_SUBJECTS:
        raise UserError(f"subjects is {subjects}; must be from 0 to {MOST_SUBJECTS}")
    archive, clinic = Archive("PPMI", seed), Clinic()
    for number in range(subjects):
        _add_subject(archive, clinic, number)
    add_oddities(archive, clinic, subjects)
    archive.write_images(out, volume)
    archive.write_collection(out / OPTIONS["collection"])
    archive.write_search(out / OPTIONS["search"])
    archive.write_truth(out / "truth.csv")
    clinic.write(out)
    return out


def _add_subject(archive: Archive, clinic: Clinic, number: int) -> None:
    rng = archive.rng
    patno = str(990_001 + number)
    label = _LABELS[number % len(_LABELS)]
    sex = "FM"[int(rng.integers(2))]
    unit = _UNITS[int(rng.integers(len(_UNITS)))]
    day = _START + datetime.timedelta(days=20 * (number % 60))
    birth = day - datetime.timedelta(days=int(rng.integers(365 * 35, 365 * 82)))
    names = _DESCRIPTIONS[unit.maker]
    clinic.enrol(patno, label, day)
    clinic.describe(patno, sex, birth.replace(day=15), day)
    for visit in range(1 + number % 2):
        scanned = day + datetime.timedelta(days=371 * visit)
        age = (scanned - birth).days / 365.25
        event = ("BL", "V04")[visit]
        clinic.visit(patno, event, age)
        archive.add(
            Entry(
                subject=patno,
                index=number,
                day=scanned,
                description=names[number % len(names)],
                group=_GROUPS[label],
                sex=sex,
                age=age,
                unit=unit,
                dataset="PPMI",
                label=label,
                visit=event,
                visit_name=("Baseline", "Month 12")[visit],
                folder="SI"[number % 2],
                prefix="I" if number % 3 else "",
            )
        )
