"""Replica of a PPMI download."""

from __future__ import annotations

import datetime
from typing import Any

from benchmark.prepare.phantom.downloads import loni
from benchmark.prepare.phantom.downloads.loni import NOT_T1, PROCESSED, SEARCH, UNKNOWN, Archive, Unit
from benchmark.prepare.phantom.downloads.replica import Table

COLLECTION = loni.collection(mark=False)
STATUS = Table(
    "Participant_Status_15Jan2024.csv",
    "PATNO,COHORT,COHORT_DEFINITION,ENROLL_DATE,ENROLL_STATUS,CONCOHORT,CONCOHORT_DEFINITION",
    quote=True,
)
DEMOGRAPHICS = Table("Demographics_15Jan2024.csv", "PATNO,EVENT_ID,INFODT,BIRTHDT,SEX,HANDED", quote=True)
AGES = Table("Age_at_visit_15Jan2024.csv", "PATNO,EVENT_ID,AGE_AT_VISIT", quote=True)
CURATED = Table(
    "PPMI_Curated_Data_Cut_Public_20240115.csv",
    "PATNO,EVENT_ID,YEAR,visit_date,COHORT,subgroup,age_at_visit,SEX,EDUCYRS,moca",
)
OPTIONS = {"collection": COLLECTION, "search": SEARCH, "participant_status": STATUS, "demographics": DEMOGRAPHICS}
OPTIONS |= {"age_at_visit": AGES, "curated": CURATED}
_CODES = {"PD": "1", "CN": "2", "SWEDD": "3", "PRODROMAL": "4", "OTHER": "9"}
_WORDS = {
    "": "",
    "0": "",
    "1": "Parkinson's Disease",
    "2": "Healthy Control",
    "3": "SWEDD",
    "4": "Prodromal",
    "9": "Early Imaging (original study participants only)",
}
#: Codes of sex: 0 is female.
_SEXES = "FM"
_UNITS = (
    Unit("SIEMENS", "TrioTim", "3.0"),
    Unit("Siemens", "Espree", "1.5"),
    Unit("GE MEDICAL SYSTEMS", "Signa HDxt", "1.5"),
    Unit("Philips Medical Systems", "Achieva", "3.0"),
)
_DESCRIPTIONS = {
    "Siemens": ("MPRAGE GRAPPA", "MPRAGE GRAPPA2", "MPRAGE_GRAPPA_ADNI"),
    "GE": ("SAG FSPGR 3D", "SAG 3D SPGR"),
    "Philips": ("sT1W_3D_TFE", "3D T1-weighted"),
}
_LABELS = ("PD", "CN", "PD", "PRODROMAL", "PD", "CN", "PD", "CN", "PD", "SWEDD", "PD", "CN")
_GROUPS = {"PD": "PD", "CN": "Control", "PRODROMAL": "Prodromal", "SWEDD": "SWEDD", "OTHER": "PD"}
_START = datetime.date(2012, 1, 16)

_DAY = datetime.date(2013, 4, 8)
_SKYRA = Unit("SIEMENS", "Skyra", "3.0")
_LOW = Unit("GE MEDICAL SYSTEMS", "SIGNA OPENSPEED", "0.7")
_YEAR = 370
#: In the collection alone, whose ages are whole years.
_UNSEARCHED = {"in_search": False, "truth": {"age": "63.00", **UNKNOWN}}
#: Subjects that stand for what makes the archive hard to read: arguments of :func:`_add_case`.
# fmt: off
_CASES: tuple[dict[str, Any], ...] = (
    # Raw, repeat, twin and processed images of one day, and others that are no T1 of the whole head.
    dict(patno="991001", index=0, enrolled="PD", images=(
        *({"description": description, "outcome": outcome} for description, outcome in (
            ("MPRAGE GRAPPA Repeat", "repeat acquisition of the same session"),
            ("Sag MPRAGE GRAPPA_ND", "'_ND' twin of an image of the same session"),
            ("MPRAGE GRAPPA", "used"),
        )),
        *({"description": description, "kind": "Processed", "outcome": outcome} for description, outcome in (
            ("T1-anatomical", PROCESSED),
            ("T2_in_T1-anatomical_space", NOT_T1),
        )),
        *({"description": description, "outcome": NOT_T1} for description in (
            "MPRAGE_MPR_Cor", "MPRAGE_MPR_Tra", "AX T1", "2D GRE-MT", "2D GRE-NM", "AXIAL FLAIR", "Cal Head 24",
            "DTI_gated",
        )),
        {"description": "Reconstructed DaTSCAN T1", "modality": "SPECT", "outcome": "not T1: modality SPECT"},
    )),
    # Two images of one day, of which the second has more slices.
    dict(patno="991002", index=3, enrolled="CN", sex="F", images=(
        {"matrix": 120, "outcome": loni.COMES_FIRST}, {"matrix": 192},
    )),
    # T1 that is called proton density by the protocol, and DTI by the modality.
    dict(patno="991003", index=6, enrolled="PRODROMAL", weighting="PD", modality="DTI", description="SAG 3D MPRAGE"),
    # A phantom among the participants.
    dict(patno="991004", index=9, group="Phantom", label="", outcome="phantom, no participant"),
    # A unit of 0.7 T whose T1 is not used, beside one that is.
    dict(patno="991005", index=12, enrolled="PD", description="SAG SPGR", unit=_LOW,
         outcome="SAG SPGR of a low-field unit, or of an unknown one"),
    dict(patno="991006", index=13, enrolled="CN", description="SAG SPGR"),
    # A row without a file, a file without a row, and a date year first.
    dict(patno="991007", index=15, enrolled="PD", images=(
        {"iso": True, **_UNSEARCHED},
        {"later": _YEAR, "on_disk": False, "outcome": "listed, but its file is not in the download"},
        {"later": _YEAR, "in_collection": False, "in_search": False, "outcome": "no table lists the image"},
    )),
    # DICOM, in the collection alone: scanner by the header.
    dict(patno="991008", index=18, enrolled="SWEDD", dicom=True, in_search=False, folder="S", truth={"age": "63.00"}),
    # In the collection alone, with metadata XML, and with a stub that says nothing.
    dict(patno="991009", index=21, enrolled="PD", document="full", in_search=False, truth={"age": "63.00"}),
    dict(patno="991010", index=22, enrolled="PD", document="stub", **_UNSEARCHED),
    # A visit that has two ages, once the same and once another.
    dict(patno="991011", index=24, enrolled="PD", ages=(63.8, 63.8, 64.1), in_search=False, truth=UNKNOWN),
    # Age by the month of birth, and sex by its code, 0 for female.
    dict(patno="991012", index=27, enrolled="PD", born="1950-06-15", sex="X", in_search=False,
         truth={"age": f"{(_DAY - datetime.date(1950, 6, 15)).days / 365.25:.2f}", "sex": "F", **UNKNOWN}),
    # Only in the curated cut, and a visit without a known code: age by the month of the nearest visit.
    dict(patno="991013", index=30, curated=(("V04", "2013-03-15", 60.0), ("V06", "2014-03-15", 61.0)), label="CN",
         group="Control", sex="F", visit="R01", in_search=False,
         truth={"age": f"{60 + (_DAY - datetime.date(2013, 3, 15)).days / 365.25:.2f}", **UNKNOWN}),
    # A consensus that differs from the cohort, one that excludes, and early imaging.
    dict(patno="991014", index=33, enrolled="PD", consensus="3", label="SWEDD", group="PD",
         truth={"group_diagnosis": "PD"}),
    dict(patno="991015", index=34, enrolled="PD", consensus="0", truth={"group_diagnosis": "PD"}),
    dict(patno="991016", index=35, enrolled="OTHER", consensus="", truth={"group_diagnosis": "PD"}),
    # Genetic registry, in no study table: affected, and not.
    dict(patno="991017", index=36, group="GenReg PD"),
    dict(patno="991018", index=37, group="GenReg Unaff", label="OTHER"),
)
# fmt: on


def describe(seed: int = 0, subjects: int = 12) -> Archive:
    """The replica: half of the subjects PD, a third controls, and the cases.

    ``truth.csv`` says what an import should make of each image.
    """
    archive = Archive("PPMI", seed, subjects, COLLECTION, STATUS, DEMOGRAPHICS, AGES, CURATED)
    for number in range(subjects):
        _add_subject(archive, number)
    for case in _CASES:
        _add_case(archive, subjects, **case)
    return archive.finished()


def _month(day: datetime.date) -> str:
    return f"{day:%m/%Y}"


def _enrol(archive: Archive, patno: str, label: str, day: datetime.date, consensus: str | None = None) -> None:
    code = _CODES[label]
    agreed = code if consensus is None else consensus
    archive.row(STATUS, patno, code, _WORDS[code], _month(day), "Enrolled", agreed, _WORDS[agreed])


def _describe_person(archive: Archive, patno: str, sex: str, birth: datetime.date, day: datetime.date) -> None:
    archive.row(DEMOGRAPHICS, patno, "SC", _month(day), _month(birth), str(_SEXES.index(sex)), "1")


def _add_subject(archive: Archive, number: int) -> None:
    rng = archive.rng
    patno = str(990_001 + number)
    label = _LABELS[number % len(_LABELS)]
    sex = "FM"[int(rng.integers(2))]
    unit = _UNITS[int(rng.integers(len(_UNITS)))]
    day = _START + datetime.timedelta(days=20 * (number % 60))
    birth = day - datetime.timedelta(days=int(rng.integers(365 * 35, 365 * 82)))
    names = _DESCRIPTIONS[unit.maker]
    _enrol(archive, patno, label, day)
    _describe_person(archive, patno, sex, birth, day)
    for visit in range(1 + number % 2):
        scanned = day + datetime.timedelta(days=371 * visit)
        age = (scanned - birth).days / 365.25
        event = ("BL", "V04")[visit]
        archive.row(AGES, patno, event, f"{age:.1f}")
        archive.add(
            loni.Entry(
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


def _add_case(
    archive: Archive,
    first: int,
    patno: str,
    index: int,
    images: tuple[dict[str, Any], ...] = ({},),
    enrolled: str = "",
    consensus: str | None = None,
    ages: tuple[float, ...] = (),
    born: str = "",
    curated: tuple[tuple[str, str, float], ...] = (),
    **common: Any,
) -> None:
    # ``images`` hold what differs from the usual (``common``: in all of them); ``enrolled`` and ``consensus`` are the
    # participant status, ``ages`` those at the baseline visit, ``born`` the birth of a woman, and ``curated`` event,
    # day and age of visits of a female control.
    label = enrolled or "PD"
    usual: dict[str, Any] = {"description": "MPRAGE GRAPPA", "group": _GROUPS[label], "sex": "M", "age": 63.8}
    usual |= {"unit": _SKYRA, "label": label, "visit": "BL", "visit_name": "Baseline"} | common
    if enrolled:
        _enrol(archive, patno, enrolled, _DAY, consensus)
    for age in ages:
        archive.row(AGES, patno, "BL", f"{age:.1f}")
    if born:
        _describe_person(archive, patno, "F", datetime.date.fromisoformat(born), _DAY)
    for event, day, age in curated:
        seen = _month(datetime.date.fromisoformat(day))
        archive.row(
            CURATED, patno, event, "1", seen, _CODES["CN"], ".", f"{age:.1f}", str(_SEXES.index("F")), "16", "."
        )
    archive.add_images(images, usual, subject=patno, index=first + index, day=_DAY, dataset="PPMI")
