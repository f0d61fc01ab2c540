"""Subjects of the PPMI replica that stand for what makes the archive hard to read, one function each."""

from __future__ import annotations

import datetime
from typing import Any

from benchmark.prepare.phantom.downloads.loni import Archive
from benchmark.prepare.phantom.downloads.loni_entry import Entry, Unit
from benchmark.prepare.phantom.downloads.ppmi_tables import Clinic

_UNIT = Unit("SIEMENS", "Skyra", "3.0", "Siemens", "Skyra", "3")
_LOW = Unit("GE MEDICAL SYSTEMS", "SIGNA OPENSPEED", "0.7", "GE", "SIGNA OPENSPEED", "0.7")
_DAY = datetime.date(2013, 4, 8)
_NOT_T1 = "not T1 by its description"
_NO_SCANNER = {"manufacturer": "", "model": "", "field_strength": ""}


def add_oddities(archive: Archive, clinic: Clinic, index: int) -> None:
    """Add them all.

    Parameters
    ----------
    archive, clinic
        Are extended.
    index
        Of the first subject's volume.
    """
    kinds = (
        _full_session,
        _larger_matrix,
        _unreliable,
        _phantom,
        _low_field,
        _gaps,
        _slices,
        _documents,
        _two_ages,
        _birth,
        _month,
        _cohorts,
        _genetic,
    )
    for place, add in enumerate(kinds):
        add(archive, clinic, index + 3 * place)


def _entry(patno: str, index: int, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "subject": patno,
        "index": index,
        "day": _DAY,
        "description": "MPRAGE GRAPPA",
        "group": "PD",
        "sex": "M",
        "age": 63.8,
        "unit": _UNIT,
        "dataset": "PPMI",
        "label": "PD",
        "visit": "BL",
        "visit_name": "Baseline",
    }
    return Entry(**(values | changes))


def _full_session(archive: Archive, clinic: Clinic, index: int) -> None:
    """Raw, repeat, twin and processed images of one day, and others that are no T1 of the whole head."""
    patno = "991001"
    clinic.enrol(patno, "PD", _DAY)
    processed = "processed by the archive, and raw images are wanted"
    for description, outcome in (
        ("MPRAGE GRAPPA Repeat", "repeat acquisition of the same session"),
        ("Sag MPRAGE GRAPPA_ND", "'_ND' twin of an image of the same session"),
        ("MPRAGE GRAPPA", "used"),
        ("T1-anatomical", processed),
        ("T2_in_T1-anatomical_space", _NOT_T1),
        ("MPRAGE_MPR_Cor", _NOT_T1),
        ("MPRAGE_MPR_Tra", _NOT_T1),
        ("AX T1", _NOT_T1),
        ("2D GRE-MT", _NOT_T1),
        ("2D GRE-NM", _NOT_T1),
        ("AXIAL FLAIR", _NOT_T1),
        ("Cal Head 24", _NOT_T1),
        ("DTI_gated", _NOT_T1),
    ):
        kind = "Processed" if "anatomical" in description else "Original"
        archive.add(_entry(patno, index, description=description, kind=kind, outcome=outcome))
    changes = {"description": "Reconstructed DaTSCAN T1", "modality": "SPECT", "outcome": "not T1: modality SPECT"}
    archive.add(_entry(patno, index, **changes))


def _larger_matrix(archive: Archive, clinic: Clinic, index: int) -> None:
    """Two images of one day, of which the second has more slices."""
    clinic.enrol("991002", "CN", _DAY)
    changes = {"label": "CN", "group": "Control", "sex": "F"}
    archive.add(_entry("991002", index, matrix=120, outcome="another image of the same session comes first", **changes))
    archive.add(_entry("991002", index, matrix=192, **changes))


def _unreliable(archive: Archive, clinic: Clinic, index: int) -> None:
    """T1 that is called proton density by the protocol, and DTI by the modality."""
    clinic.enrol("991003", "PRODROMAL", _DAY)
    changes = {"label": "PRODROMAL", "group": "Prodromal"}
    archive.add(_entry("991003", index, weighting="PD", modality="DTI", description="SAG 3D MPRAGE", **changes))


def _phantom(archive: Archive, clinic: Clinic, index: int) -> None:
    """A phantom among the participants."""
    archive.add(_entry("991004", index, group="Phantom", label="", outcome="phantom, no participant"))


def _low_field(archive: Archive, clinic: Clinic, index: int) -> None:
    """A unit of 0.7 T whose T1 is not used, beside one that is."""
    clinic.enrol("991005", "PD", _DAY)
    outcome = "SAG SPGR of a low-field unit, or of an unknown one"
    archive.add(_entry("991005", index, description="SAG SPGR", unit=_LOW, outcome=outcome))
    archive.add(_entry("991006", index + 1, description="SAG SPGR", label="CN", group="Control"))
    clinic.enrol("991006", "CN", _DAY)


def _gaps(archive: Archive, clinic: Clinic, index: int) -> None:
    """A row without a file, a file without a row, and a date year first."""
    clinic.enrol("991007", "PD", _DAY)
    archive.add(_entry("991007", index, iso=True, in_search=False, truth={"age": "63.00"} | _NO_SCANNER))
    later = _DAY + datetime.timedelta(days=370)
    missing = "listed, but its file is not in the download"
    archive.add(_entry("991007", index, day=later, on_disk=False, outcome=missing))
    unlisted = "no table lists the image"
    archive.add(_entry("991007", index, day=later, in_collection=False, in_search=False, outcome=unlisted))


def _slices(archive: Archive, clinic: Clinic, index: int) -> None:
    """DICOM, in the collection alone: scanner by the header."""
    clinic.enrol("991008", "SWEDD", _DAY)
    changes = {"label": "SWEDD", "group": "SWEDD", "dicom": True, "in_search": False, "folder": "S"}
    archive.add(_entry("991008", index, truth={"age": "63.00"}, **changes))


def _documents(archive: Archive, clinic: Clinic, index: int) -> None:
    """In the collection alone, with metadata XML, and with a stub that says nothing."""
    for number, (patno, document) in enumerate({"991009": "full", "991010": "stub"}.items()):
        clinic.enrol(patno, "PD", _DAY)
        truth = {"age": "63.00"} | (_NO_SCANNER if document == "stub" else {})
        archive.add(_entry(patno, index + number, in_search=False, document=document, truth=truth))


def _two_ages(archive: Archive, clinic: Clinic, index: int) -> None:
    """A visit that has two ages, once the same and once another."""
    clinic.enrol("991011", "PD", _DAY)
    for age in (63.8, 63.8, 64.1):
        clinic.visit("991011", "BL", age)
    archive.add(_entry("991011", index, in_search=False, truth=_NO_SCANNER))


def _birth(archive: Archive, clinic: Clinic, index: int) -> None:
    """Age by the month of birth, and sex by its code, 0 for female."""
    clinic.enrol("991012", "PD", _DAY)
    birth = datetime.date(1950, 6, 15)
    clinic.describe("991012", "F", birth, _DAY)
    truth = {"age": f"{(_DAY - birth).days / 365.25:.2f}", "sex": "F"} | _NO_SCANNER
    archive.add(_entry("991012", index, in_search=False, sex="X", truth=truth))


def _month(archive: Archive, clinic: Clinic, index: int) -> None:
    """Only in the curated cut, and a visit without a known code: age by the month of the nearest visit."""
    visit = datetime.date(2013, 3, 15)
    clinic.curate("991013", "V04", visit, "CN", "F", 60.0)
    clinic.curate("991013", "V06", datetime.date(2014, 3, 15), "CN", "F", 61.0)
    truth = {"age": f"{60 + (_DAY - visit).days / 365.25:.2f}"} | _NO_SCANNER
    changes = {"label": "CN", "group": "Control", "sex": "F", "visit": "R01"}
    archive.add(_entry("991013", index, in_search=False, truth=truth, **changes))


def _cohorts(archive: Archive, clinic: Clinic, index: int) -> None:
    """A consensus that differs from the cohort, one that excludes, and early imaging."""
    for number, (enrolled, consensus, label) in enumerate(
        (("PD", "3", "SWEDD"), ("PD", "0", "PD"), ("OTHER", "", "OTHER"))
    ):
        patno = f"99101{4 + number}"
        clinic.enrol(patno, enrolled, _DAY, consensus)
        archive.add(_entry(patno, index + number, label=label, truth={"group_diagnosis": "PD"}))


def _genetic(archive: Archive, clinic: Clinic, index: int) -> None:
    """Genetic registry, in no study table: affected, and not."""
    archive.add(_entry("991017", index, group="GenReg PD"))
    archive.add(_entry("991018", index + 1, group="GenReg Unaff", label="OTHER"))
