"""Replica of an ADNI download: ADNI1, ADNI-GO/2 and ADNI3."""

from __future__ import annotations

import datetime
from typing import Any

from benchmark.prepare.phantom.downloads import loni
from benchmark.prepare.phantom.downloads.loni import NOT_T1, PROCESSED, SEARCH, UNKNOWN, Archive, Unit
from benchmark.prepare.phantom.downloads.replica import Table

COLLECTION = loni.collection(mark=True)
DXSUM = Table("DXSUM.csv", "Phase,PTID,RID,VISCODE,VISCODE2,EXAMDATE,DXCHANGE,DXCURREN,DIAGNOSIS", quote=True)
MERGE = Table(
    "ADNIMERGE.csv",
    "RID,COLPROT,ORIGPROT,PTID,SITE,VISCODE,EXAMDATE,DX_bl,AGE,PTGENDER,APOE4,MMSE,FLDSTRENG,IMAGEUID,DX,EXAMDATE_bl,"
    "Years_bl,Month_bl,M",
)
OPTIONS = {"collection": COLLECTION, "search": SEARCH, "adnimerge": MERGE, "dxsum": DXSUM}
_CODES = {"CN": "1", "MCI": "2", "AD": "3"}
#: Column of DXSUM by phase, as older exports have it.
_COLUMNS = {"ADNI1": "DXCURREN", "ADNIGO": "DXCHANGE", "ADNI2": "DXCHANGE"}
_WORDS = {"CN": "CN", "MCI": "MCI", "AD": "Dementia"}
# fmt: off
_ADNI1 = (
    Unit("SIEMENS", "Symphony", "1.5"), Unit("GE MEDICAL SYSTEMS", "SIGNA EXCITE", "1.5"),
    Unit("Philips Medical Systems", "Intera", "1.5"), Unit("Siemens", "Trio", "2.9"),
)
_LATER = (
    Unit("SIEMENS", "TrioTim", "3.0"), Unit("GE MEDICAL SYSTEMS", "DISCOVERY MR750", "3.0"),
    Unit("Philips", "Achieva", "3.0"), Unit("Siemens", "Prisma_fit", "3.0"),
)
# fmt: on
#: First day, number before the first subject's, scanners, and codes and names of a first and a second visit.
_PHASES = {
    "ADNI1": ("2006-03-06", 8000, _ADNI1, ("sc", "ADNI Screening"), ("m12", "ADNI1/GO Month 12")),
    "ADNI2": ("2012-05-07", 9000, _LATER, ("v02", "ADNI2 Screening MRI-New Pt"), ("v11", "ADNI2 Year 1 Visit")),
    "ADNI3": ("2017-10-02", 90000, _LATER, ("1", "ADNI3 Initial Visit-Cont Pt"), ("2", "ADNI3 Year 1 Visit")),
}
_DESCRIPTIONS = {
    "Siemens": ("MPRAGE", "MP-RAGE", "ADNI       MPRAGE"),
    "GE": ("IR-SPGR", "IR-FSPGR"),
    "Philips": ("MPRAGE SENSE2", "MP RAGE"),
}
#: Those of ADNI3.
_ACCELERATED = {
    "Siemens": ("Accelerated Sagittal MPRAGE",),
    "GE": ("Accelerated Sag IR-FSPGR",),
    "Philips": ("Sagittal 3D Accelerated MPRAGE",),
}
_GROUPS = {"CN": ("CN", "SMC"), "MCI": ("EMCI", "LMCI"), "AD": ("AD", "AD")}

_OLD = Unit("SIEMENS", "Avanto", "1.5")
_NEW = Unit("SIEMENS", "Verio", "3.0")
_GE = Unit("GE MEDICAL SYSTEMS", "Signa HDxt", "3.0")
_CN = {0: "CN"}
_YEAR = 364
#: Subjects that stand for what makes the archive hard to read: arguments of :func:`_add_case`.
# fmt: off
_CASES: tuple[dict[str, Any], ...] = (
    # Raw, repeat and processed images of one day, and others that are no T1.
    dict(ptid="960_S_8901", index=0, dataset="ADNI1", day="2007-06-27", rated=_CN, images=(
        *({"description": description, "kind": kind, "outcome": outcome, "folder": "S", "visit": "sc",
           "visit_name": "ADNI1 Screening"} for description, kind, outcome in (
            ("MP-RAGE REPEAT", "Original", "repeat acquisition of the same session"),
            ("MP-RAGE", "Original", "used"),
            ("MPR; GradWarp; B1 Correction; N3; Scaled", "Processed", PROCESSED),
            ("MPR; ; N3; Scaled_2", "Processed", PROCESSED),
            ("MPR-R; GradWarp; N3; Scaled", "Processed", PROCESSED),
            ("MT1; GradWarp; N3m", "Processed", PROCESSED),
            ("Hippocampal Mask", "Processed", NOT_T1),
            ("3-plane localizer", "Original", NOT_T1),
            ("B1-Calibration Head", "Original", NOT_T1),
            ("Axial PD/T2 FSE", "Original", NOT_T1),
            ("Sag IR-SPGR phantom", "Original", NOT_T1),
        )),
        {"description": "MoCoSeries", "modality": "fMRI", "outcome": "not T1: modality fMRI"},
    )),
    # An image with and without distortion correction, and a FLAIR of an earlier day.
    dict(ptid="961_S_90901", index=3, dataset="ADNI3", day="2018-04-16", rated=_CN, images=(
        {"later": -6, "description": "Sagittal 3D FLAIR", "outcome": NOT_T1},
        {"description": "Accelerated Sagittal MPRAGE_ND", "outcome": "'_ND' twin of an image of the same session"},
        {},
    )),
    # One subject in three phases.
    *(dict(ptid="962_S_8902", index=6, dataset=phase, day=day, rated={0: label}, sex="M", label=label,
           age=66 + days / 365.25, merged={"baseline": -days, "age": 66.0}, truth={"group_diagnosis": "CN"})
      for phase, day, days, label in (
          ("ADNI1", "2008-02-04", 3, "CN"), ("ADNI2", "2012-10-09", 1712, "MCI"), ("ADNI3", "2017-12-11", 3601, "AD"),
      )),
    # "ADNI Screening" of two phases, told apart by the day alone.
    *(dict(ptid=ptid, index=index, dataset=dataset, day=day, rated={0: "MCI"}, rated_in=phase, phase="",
           visit_name="ADNI Screening", label="MCI", group="MCI")
      for ptid, index, dataset, phase, day in (
          ("963_S_8903", 9, "ADNI1", "ADNI1", "2006-05-10"), ("963_S_8904", 10, "ADNI2", "ADNIGO", "2010-11-15"),
      )),
    # A row without a file, and a file without a row.
    dict(ptid="964_S_9901", index=12, dataset="ADNI2", day="2013-05-06", rated=_CN, images=(
        {"iso": True},
        {"later": _YEAR, "on_disk": False, "outcome": "listed, but its file is not in the download"},
        {"later": _YEAR, "in_collection": False, "in_search": False, "outcome": "no table lists the image"},
    )),
    # DICOM, in the collection alone: phase and age by ADNIMERGE, scanner by the header.
    dict(ptid="965_S_9902", index=15, dataset="ADNI2", day="2013-11-18", description="IR-SPGR", label="AD", group="AD",
         merged={"days": -20, "baseline": -20, "age": 74.5}, dicom=True, in_search=False, unit=_GE,
         age=74.5 + 20 / 365.25, truth={"age": f"{74.5 + 20 / 365.25:.2f}"}),
    # In the collection alone, with metadata XML, and with a stub that says nothing.
    dict(ptid="966_S_90902", index=18, dataset="ADNI3", day="2016-08-29", rated=_CN, visit="1", in_search=False,
         visit_name="ADNI3 Initial Visit-Cont Pt", document="full", truth={"age": "71.00"}),
    dict(ptid="966_S_90903", index=19, dataset="ADNI2", day="2014-09-08", rated=_CN, rated_in="ADNI3", visit="1",
         in_search=False, visit_name="", document="stub", truth={"age": "71.00", **UNKNOWN}),
    # Field strength in ADNIMERGE alone, where it is empty for all others.
    dict(ptid="967_S_9903", index=21, dataset="ADNI2", day="2013-02-11", in_search=False,
         merged={"strength": "3 Tesla MRI"}, truth={"manufacturer": "", "model": "", "age": "71.30"}),
    # "Imaging Protocol" without the scanner.
    dict(ptid="968_S_9904", index=24, dataset="ADNI2", day="2013-03-04", rated=_CN,
         lacks=("Manufacturer", "Mfg Model"), truth={"manufacturer": "", "model": ""}),
    # Sex "X" in the image tables.
    dict(ptid="969_S_9905", index=27, dataset="ADNI2", day="2013-07-01", merged={"sex": "M"}, sex="X", group="SMC",
         truth={"sex": "M"}),
    # A visit at the end of the window, and a tie beside a nearer visit without diagnosis.
    dict(ptid="970_S_9906", index=30, dataset="ADNI2", day="2013-09-02", rated={180: "MCI"}, label="MCI",
         truth={"group_diagnosis": "CN"}),
    dict(ptid="970_S_9907", index=31, dataset="ADNI2", day="2013-09-02", rated={30: "AD", -30: "MCI", 5: ""},
         label="MCI", group="LMCI"),
    # A visit a day outside the window, and a group that is no diagnosis.
    dict(ptid="971_S_9908", index=33, dataset="ADNI2", day="2013-10-07", rated={-181: "AD"}, label="", group="Patient"),
    # Accelerated and not, on one day of ADNI2; the first in the tables is not the one to take.
    dict(ptid="972_S_9909", index=36, dataset="ADNI2", day="2013-12-02", rated=_CN, unit=_GE, images=(
        {"description": "Accelerated SAG IR-SPGR", "outcome": loni.COMES_FIRST},
        {"description": "IR-SPGR"},
    )),
    # A repeat whose first acquisition is not in the download.
    dict(ptid="973_S_8905", index=39, dataset="ADNI1", day="2007-09-03", rated=_CN, description="MP-RAGE REPEAT"),
    # An image without its "I" in the collection, whose age the search rounds otherwise than the collection.
    dict(ptid="974_S_8906", index=42, dataset="ADNI1", day="2007-10-01", rated=_CN, prefix="", age=70.96),
)
# fmt: on


def describe(seed: int = 0, subjects: int = 12) -> Archive:
    """The replica: so many subjects in each of the three phases, a third of them each CN, MCI and AD, and the cases.

    ``truth.csv`` says what an import should make of each image.
    """
    archive = Archive("ADNI", seed, subjects, COLLECTION, DXSUM, MERGE)
    for place, phase in enumerate(_PHASES):
        for number in range(subjects):
            _add_subject(archive, phase, number, place * subjects + number)
    for case in _CASES:
        _add_case(archive, 3 * subjects, **case)
    return archive.finished()


def rate(archive: Archive, ptid: str, day: datetime.date, label: str, phase: str, code: str = "bl") -> None:
    """Add a row to DXSUM; a label that is no diagnosis is written as missing, ``-4``."""
    values = dict.fromkeys(("DXCHANGE", "DXCURREN", "DIAGNOSIS"), "")
    values[_COLUMNS.get(phase, "DIAGNOSIS")] = _CODES.get(label, "-4")
    archive.row(DXSUM, phase, ptid, _rid(ptid), code, code, day.isoformat(), *values.values())


def merge(
    archive: Archive,
    ptid: str,
    day: datetime.date,
    label: str,
    phase: str,
    sex: str,
    age: float,
    baseline: datetime.date,
    strength: str = "",
) -> None:
    """Add a row to ADNIMERGE; ``age`` is that at ``baseline``."""
    months = round((day - baseline).days / 30.44)
    code = f"m{months:02d}" if months else "bl"
    gender = {"F": "Female", "M": "Male"}[sex]
    years = f"{(day - baseline).days / 365.25:.3f}"
    start = (_rid(ptid), phase, phase, ptid, ptid[:3].lstrip("0"), code, day.isoformat(), "", f"{age:.1f}", gender)
    end = (_WORDS.get(label, ""), baseline.isoformat(), years, str(months), str(months))
    archive.row(MERGE, *start, "", "29", strength, "", *end)


def _rid(ptid: str) -> str:
    return str(int(ptid.rsplit("_", 1)[-1]))


def _days(number: int) -> datetime.timedelta:
    return datetime.timedelta(days=number)


def _add_subject(archive: Archive, phase: str, number: int, index: int) -> None:
    start, first_rid, units, *visits = _PHASES[phase]
    rng = archive.rng
    ptid = f"{950 + number % 9}_S_{first_rid + number + 1}"
    label = ("CN", "MCI", "AD")[number % 3]
    sex = "FM"[int(rng.integers(2))]
    unit = units[int(rng.integers(len(units)))]
    day = datetime.date.fromisoformat(start) + _days(20 * (number % 20))
    clinical = day - _days(int(rng.integers(30)))
    age = round(float(rng.uniform(56, 88)), 1)
    names = (_ACCELERATED if phase == "ADNI3" else _DESCRIPTIONS)[unit.maker]
    for visit, (visit_code, visit_name) in enumerate(visits[: 1 + number % 2]):
        # Every sixth subject converts, and its group stays that of enrolment.
        now = "AD" if label == "MCI" and visit == 1 and number % 6 == 1 else label
        later = _days(_YEAR * visit)
        rate(archive, ptid, clinical + later, now, phase, "bl" if visit == 0 else "m12")
        merge(archive, ptid, clinical + later, now, phase, sex, age, clinical)
        archive.add(
            loni.Entry(
                subject=ptid,
                index=index,
                day=day + later,
                description=names[number % len(names)],
                group=label if phase != "ADNI2" else _GROUPS[label][number // 3 % 2],
                sex=sex,
                age=age + (day + later - clinical).days / 365.25,
                unit=unit,
                dataset=phase,
                label=now,
                visit=visit_code,
                visit_name=visit_name,
                phase="ADNI GO" if phase == "ADNI2" and number % 4 == 0 else f"ADNI {phase[-1]}",
                folder="SI"[number % 2],
                prefix="I" if number % 3 else "",
                truth={"group_diagnosis": label},
            )
        )


def _add_case(
    archive: Archive,
    first: int,
    ptid: str,
    index: int,
    dataset: str,
    day: str,
    images: tuple[dict[str, Any], ...] = ({},),
    rated: dict[int, str] | None = None,
    rated_in: str = "",
    merged: dict[str, Any] | None = None,
    **common: Any,
) -> None:
    # Days are counted from that of the first scan. ``images`` hold what differs from the usual (``common``: in all of
    # them), ``rated`` the diagnoses of DXSUM by day, under the phase ``rated_in`` where that is not the dataset, and
    # ``merged`` what differs from the usual in ADNIMERGE.
    scanned = datetime.date.fromisoformat(day)
    usual: dict[str, Any] = {"group": "CN", "sex": "F", "age": 71.3, "label": "CN", "visit": "bl"}
    usual |= {"description": "Accelerated Sagittal MPRAGE" if dataset == "ADNI3" else "MPRAGE"}
    usual |= {"unit": _OLD if dataset == "ADNI1" else _NEW, "visit_name": "Baseline", "phase": f"ADNI {dataset[-1]}"}
    usual |= common
    for days, label in (rated or {}).items():
        rate(archive, ptid, scanned + _days(days), label, rated_in or dataset)
    if merged is not None:
        visit = {"days": 0, "baseline": 0, "sex": usual["sex"], "age": usual["age"], "strength": ""} | merged
        seen, baseline = scanned + _days(visit["days"]), scanned + _days(visit["baseline"])
        end = (visit["sex"], visit["age"], baseline, visit["strength"])
        merge(archive, ptid, seen, usual["label"], dataset, *end)
    archive.add_images(images, usual, subject=ptid, index=first + index, day=scanned, dataset=dataset)
