"""Subjects of the ADNI replica that stand for what makes the archive hard to read, one function each."""

from __future__ import annotations

import datetime
from typing import Any

from benchmark.prepare.phantom.downloads.adni_tables import Clinic
from benchmark.prepare.phantom.downloads.loni import Archive
from benchmark.prepare.phantom.downloads.loni_entry import Entry, Unit

_OLD = Unit("SIEMENS", "Avanto", "1.5", "Siemens", "Avanto", "1.5")
_NEW = Unit("SIEMENS", "Verio", "3.0", "Siemens", "Verio", "3")
_GE = Unit("GE MEDICAL SYSTEMS", "Signa HDxt", "3.0", "GE", "Signa HDxt", "3")
_UNKNOWN = {"manufacturer": "", "model": "", "field_strength": ""}
_COMES_FIRST = "another image of the same session comes first"
_PROCESSED = "processed by the archive, and raw images are wanted"
_NOT_T1 = "not T1 by its description"


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
        _twin,
        _roll_over,
        _two_eras,
        _gaps,
        _slices,
        _documents,
        _stated_strength,
        _keys_absent,
        _sex_by_merge,
        _window,
        _too_far,
        _accelerated,
        _lone_repeat,
        _bare_id,
    )
    for place, add in enumerate(kinds):
        add(archive, clinic, index + 3 * place)


def _entry(ptid: str, index: int, day: datetime.date, dataset: str, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "subject": ptid,
        "index": index,
        "day": day,
        "description": "Accelerated Sagittal MPRAGE" if dataset == "ADNI3" else "MPRAGE",
        "group": "CN",
        "sex": "F",
        "age": 71.3,
        "unit": _OLD if dataset == "ADNI1" else _NEW,
        "dataset": dataset,
        "label": "CN",
        "visit": "bl",
        "visit_name": "Baseline",
        "phase": f"ADNI {dataset[-1]}",
    }
    return Entry(**(values | changes))


def _full_session(archive: Archive, clinic: Clinic, index: int) -> None:
    """Raw, repeat and processed images of one day, and others that are no T1."""
    ptid, day = "960_S_8901", datetime.date(2007, 6, 27)
    clinic.rate(ptid, day, "CN", "ADNI1")
    repeat = "repeat acquisition of the same session"
    for description, kind, outcome in (
        ("MP-RAGE REPEAT", "Original", repeat),
        ("MP-RAGE", "Original", "used"),
        ("MPR; GradWarp; B1 Correction; N3; Scaled", "Processed", _PROCESSED),
        ("MPR; ; N3; Scaled_2", "Processed", _PROCESSED),
        ("MPR-R; GradWarp; N3; Scaled", "Processed", _PROCESSED),
        ("MT1; GradWarp; N3m", "Processed", _PROCESSED),
        ("Hippocampal Mask", "Processed", _NOT_T1),
        ("3-plane localizer", "Original", _NOT_T1),
        ("B1-Calibration Head", "Original", _NOT_T1),
        ("Axial PD/T2 FSE", "Original", _NOT_T1),
        ("Sag IR-SPGR phantom", "Original", _NOT_T1),
    ):
        changes = {"description": description, "kind": kind, "outcome": outcome, "folder": "S"}
        archive.add(_entry(ptid, index, day, "ADNI1", visit="sc", visit_name="ADNI1 Screening", **changes))
    changes = {"description": "MoCoSeries", "modality": "fMRI", "outcome": "not T1: modality fMRI"}
    archive.add(_entry(ptid, index, day, "ADNI1", **changes))


def _twin(archive: Archive, clinic: Clinic, index: int) -> None:
    """An image with and without distortion correction, and a FLAIR of an earlier day."""
    ptid, day = "961_S_90901", datetime.date(2018, 4, 16)
    clinic.rate(ptid, day, "CN", "ADNI3")
    outcome = "'_ND' twin of an image of the same session"
    earlier = day - datetime.timedelta(days=6)
    archive.add(_entry(ptid, index, earlier, "ADNI3", description="Sagittal 3D FLAIR", outcome=_NOT_T1))
    archive.add(_entry(ptid, index, day, "ADNI3", description="Accelerated Sagittal MPRAGE_ND", outcome=outcome))
    archive.add(_entry(ptid, index, day, "ADNI3"))


def _roll_over(archive: Archive, clinic: Clinic, index: int) -> None:
    """One subject in three phases."""
    ptid = "962_S_8902"
    days = {"ADNI1": (2008, 2, 4), "ADNI2": (2012, 10, 9), "ADNI3": (2017, 12, 11)}
    baseline = datetime.date(2008, 2, 1)
    for phase, label in zip(days, ("CN", "MCI", "AD"), strict=True):
        day = datetime.date(*days[phase])
        age = 66.0 + (day - baseline).days / 365.25
        clinic.rate(ptid, day, label, phase)
        clinic.visit(ptid, day, label, phase, "M", 66.0, baseline)
        truth = {"group_diagnosis": "CN"}
        archive.add(_entry(ptid, index, day, phase, sex="M", age=age, label=label, truth=truth))


def _two_eras(archive: Archive, clinic: Clinic, index: int) -> None:
    """``ADNI Screening`` of two phases, told apart by the day alone."""
    for number, (dataset, day) in enumerate(
        {"ADNI1": datetime.date(2006, 5, 10), "ADNI2": datetime.date(2010, 11, 15)}.items()
    ):
        ptid = f"963_S_890{3 + number}"
        clinic.rate(ptid, day, "MCI", "ADNI1" if number == 0 else "ADNIGO")
        changes = {"phase": "", "visit_name": "ADNI Screening", "label": "MCI", "group": "MCI"}
        archive.add(_entry(ptid, index + number, day, dataset, **changes))


def _gaps(archive: Archive, clinic: Clinic, index: int) -> None:
    """A row without a file, and a file without a row."""
    ptid, day = "964_S_9901", datetime.date(2013, 5, 6)
    clinic.rate(ptid, day, "CN", "ADNI2")
    archive.add(_entry(ptid, index, day, "ADNI2", iso=True))
    later = day + datetime.timedelta(days=364)
    missing = "listed, but its file is not in the download"
    archive.add(_entry(ptid, index, later, "ADNI2", on_disk=False, outcome=missing))
    unlisted = "no table lists the image"
    archive.add(_entry(ptid, index, later, "ADNI2", in_collection=False, in_search=False, outcome=unlisted))


def _slices(archive: Archive, clinic: Clinic, index: int) -> None:
    """DICOM, in the collection alone: phase and age by ADNIMERGE, scanner by the header."""
    ptid, day = "965_S_9902", datetime.date(2013, 11, 18)
    baseline = day - datetime.timedelta(days=20)
    clinic.visit(ptid, baseline, "AD", "ADNI2", "F", 74.5, baseline)
    truth = {"age": f"{74.5 + 20 / 365.25:.2f}"}
    changes = {"label": "AD", "group": "AD", "dicom": True, "in_search": False, "unit": _GE, "age": 74.5 + 20 / 365.25}
    archive.add(_entry(ptid, index, day, "ADNI2", description="IR-SPGR", truth=truth, **changes))


def _documents(archive: Archive, clinic: Clinic, index: int) -> None:
    """In the collection alone, with metadata XML, and with a stub that says nothing."""
    for number, (document, name) in enumerate({"full": "ADNI3 Initial Visit-Cont Pt", "stub": ""}.items()):
        ptid = f"966_S_9090{2 + number}"
        dataset, day = ("ADNI3", datetime.date(2016, 8, 29)) if number == 0 else ("ADNI2", datetime.date(2014, 9, 8))
        clinic.rate(ptid, day, "CN", "ADNI3")
        truth = {"age": "71.00"} | (_UNKNOWN if document == "stub" else {})
        changes: dict[str, Any] = {"in_search": False, "document": document, "visit_name": name, "truth": truth}
        archive.add(_entry(ptid, index + number, day, dataset, visit="1", **changes))


def _stated_strength(archive: Archive, clinic: Clinic, index: int) -> None:
    """Field strength in ADNIMERGE alone, where it is empty for all others."""
    ptid, day = "967_S_9903", datetime.date(2013, 2, 11)
    clinic.visit(ptid, day, "CN", "ADNI2", "F", 71.3, day, "3 Tesla MRI")
    truth = {"manufacturer": "", "model": "", "age": "71.30"}
    archive.add(_entry(ptid, index, day, "ADNI2", in_search=False, truth=truth))


def _keys_absent(archive: Archive, clinic: Clinic, index: int) -> None:
    """``Imaging Protocol`` without the scanner."""
    ptid, day = "968_S_9904", datetime.date(2013, 3, 4)
    clinic.rate(ptid, day, "CN", "ADNI2")
    truth = {"manufacturer": "", "model": ""}
    archive.add(_entry(ptid, index, day, "ADNI2", lacks=("Manufacturer", "Mfg Model"), truth=truth))


def _sex_by_merge(archive: Archive, clinic: Clinic, index: int) -> None:
    """Sex ``X`` in the image tables."""
    ptid, day = "969_S_9905", datetime.date(2013, 7, 1)
    clinic.visit(ptid, day, "CN", "ADNI2", "M", 71.3, day)
    archive.add(_entry(ptid, index, day, "ADNI2", sex="X", group="SMC", truth={"sex": "M"}))


def _window(archive: Archive, clinic: Clinic, index: int) -> None:
    """A visit at the end of the window, and a tie beside a nearer visit without diagnosis."""
    day = datetime.date(2013, 9, 2)
    clinic.rate("970_S_9906", day + datetime.timedelta(days=180), "MCI", "ADNI2")
    truth = {"group_diagnosis": "CN"}
    archive.add(_entry("970_S_9906", index, day, "ADNI2", label="MCI", truth=truth))
    for distance, label in ((30, "AD"), (-30, "MCI"), (5, "")):
        clinic.rate("970_S_9907", day + datetime.timedelta(days=distance), label, "ADNI2")
    archive.add(_entry("970_S_9907", index + 1, day, "ADNI2", label="MCI", group="LMCI"))


def _too_far(archive: Archive, clinic: Clinic, index: int) -> None:
    """A visit a day outside the window, and a group that is no diagnosis."""
    ptid, day = "971_S_9908", datetime.date(2013, 10, 7)
    clinic.rate(ptid, day - datetime.timedelta(days=181), "AD", "ADNI2")
    archive.add(_entry(ptid, index, day, "ADNI2", label="", group="Patient"))


def _accelerated(archive: Archive, clinic: Clinic, index: int) -> None:
    """Accelerated and not, on one day of ADNI2; the first in the tables is not the one to take."""
    ptid, day = "972_S_9909", datetime.date(2013, 12, 2)
    clinic.rate(ptid, day, "CN", "ADNI2")
    changes = {"description": "Accelerated SAG IR-SPGR", "outcome": _COMES_FIRST}
    archive.add(_entry(ptid, index, day, "ADNI2", unit=_GE, **changes))
    archive.add(_entry(ptid, index, day, "ADNI2", unit=_GE, description="IR-SPGR"))


def _lone_repeat(archive: Archive, clinic: Clinic, index: int) -> None:
    """A repeat whose first acquisition is not in the download."""
    ptid, day = "973_S_8905", datetime.date(2007, 9, 3)
    clinic.rate(ptid, day, "CN", "ADNI1")
    archive.add(_entry(ptid, index, day, "ADNI1", description="MP-RAGE REPEAT"))


def _bare_id(archive: Archive, clinic: Clinic, index: int) -> None:
    """An image without its ``I`` in the collection, whose age the search rounds otherwise than the collection."""
    ptid, day = "974_S_8906", datetime.date(2007, 10, 1)
    clinic.rate(ptid, day, "CN", "ADNI1")
    archive.add(_entry(ptid, index, day, "ADNI1", prefix="", age=70.96))
