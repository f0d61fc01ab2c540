"""PPMI, as downloaded from LONI: NIfTI or DICOM, with the collection or search table."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import UserError
from benchmark.prepare.importers.choice import nearest
from benchmark.prepare.importers.loni import Found, Tree, counted, read_tree
from benchmark.prepare.importers.loni_scanner import scanner_of
from benchmark.prepare.importers.loni_sessions import Candidate, first_days, one_a_day, session_id, sexes
from benchmark.prepare.importers.loni_t1 import Processed, is_raw, is_repeat, is_twin, unwanted
from benchmark.prepare.importers.loni_tables import Row, match, read_rows
from benchmark.prepare.importers.normalise import missing, years_between
from benchmark.prepare.importers.ppmi_t1 import rank, rejected
from benchmark.prepare.importers.ppmi_tables import Person, read_persons
from benchmark.prepare.importers.record import Import, LeftOut, Scan

_PATNO = re.compile(r"\d{4,7}")
_GROUPS = {
    "PD": "PD",
    "CONTROL": "CN",
    "HC": "CN",
    "HEALTHY CONTROL": "CN",
    "SWEDD": "SWEDD",
    "PRODROMAL": "PRODROMAL",
    "GENREG PD": "PD",
    "GENCOHORT PD": "PD",
}
_MONTHS = {3: 1, 6: 2, 9: 3, 12: 4, 18: 5, 24: 6, 30: 7, 36: 8, 42: 9, 48: 10, 54: 11, 60: 12}
_LATER = {72: 13, 84: 14, 96: 15, 108: 16, 120: 17, 132: 18, 144: 19, 156: 20}
_EVENTS = {
    "SCREENING": "SC",
    "BASELINE": "BL",
    "SYMPTOMATIC THERAPY": "ST",
    "UNSCHEDULED VISIT 01": "U01",
    "UNSCHEDULED VISIT 02": "U02",
    "PREMATURE WITHDRAWAL": "PW",
    **{f"MONTH {month}": f"V{visit:02d}" for month, visit in (_MONTHS | _LATER).items()},
}


@dataclass(frozen=True)
class Options:
    """What the importer is told.

    Attributes
    ----------
    images
        Folder of the unpacked zips.
    collection
        Table that comes with the download, NAME_M_DD_YYYY.csv. This, search or both must be given.
    search
        Table that the advanced search writes, idaSearch_M_DD_YYYY.csv. It alone has scanner and decimal age.
    participant_status
        Participant_Status.csv: cohorts, which come before the group of the image tables.
    demographics
        Demographics.csv: sex (0 is female) and month of birth.
    age_at_visit
        Age_at_visit.csv.
    curated
        PPMI_Curated_Data_Cut_Public_YYYYMMDD.csv: cohort, sex and age for those that the other tables lack.
    window_days
        Largest distance, itself allowed, between scan and a visit that is matched by its month because its code is
        unknown.
    processed
        Which images are used: raw; those that the archive processed; or any: raw, and processed in sessions without a
        raw one.
    """

    images: Path
    collection: Path | None = None
    search: Path | None = None
    participant_status: Path | None = None
    demographics: Path | None = None
    age_at_visit: Path | None = None
    curated: Path | None = None
    window_days: int = 180
    processed: Processed = "raw"


def collect(options: Options) -> Import:
    """Find the T1 images of a download, one a subject and day.

    Parameters
    ----------
    options
        Folder, tables and rules.

    Raises
    ------
    UserError
        If folder or tables cannot be used.
    """
    if options.window_days < 0:
        raise UserError(f"window_days is {options.window_days}; must be 0 or more")
    left_out: list[LeftOut] = []
    notes: list[str] = []
    rows = read_rows(options.collection, options.search, left_out, notes)
    persons = read_persons(
        options.participant_status, options.demographics, options.age_at_visit, options.curated, notes
    )
    tree = read_tree(options.images, "PPMI", left_out)
    matched = [one for one in match(tree, rows, left_out, notes) if _is_participant(one[0], one[1], left_out)]
    first = first_days((_subject(row), day) for _, row, day in matched)
    found_sex = sexes(_stated_sexes(persons, [row for _, row, _ in matched]), notes)
    candidates = [one for each in matched if (one := _candidate(*each, options.processed, left_out)) is not None]
    scans = []
    for one in one_a_day(candidates, rank, left_out):
        person = persons.get(one.row.subject, Person())
        session = session_id(one.date, first[one.subject_id])
        scans.append(_scan(one, session, found_sex[one.subject_id], person, tree, options.window_days, notes))
    return Import(scans, left_out, counted(notes))


def _subject(row: Row) -> str:
    return f"PPMI_{row.subject}"


def _is_participant(found: Found, row: Row, left_out: list[LeftOut]) -> bool:
    if row.group.casefold() == "phantom":
        left_out.append(LeftOut(found.shown, "phantom, no participant"))
    elif not _PATNO.fullmatch(row.subject):
        left_out.append(LeftOut(found.shown, "subject is no number of four to seven digits, as participants are"))
    else:
        return True
    return False


def _stated_sexes(persons: dict[str, Person], rows: Sequence[Row]) -> list[tuple[str, str]]:
    stated = [(_subject(row), row.sex) for row in rows]
    return stated + [(_subject(row), persons[row.subject].sex) for row in rows if row.subject in persons]


def _candidate(
    found: Found, row: Row, day: datetime.date, processed: Processed, left_out: list[LeftOut]
) -> Candidate | None:
    raw = is_raw(row, found)
    reason = rejected(row) or unwanted(raw, processed)
    if reason:
        left_out.append(LeftOut(found.shown, reason))
        return None
    repeat, twin = is_repeat(row.description), is_twin(row.description)
    return Candidate(_subject(row), found, row, day, bool(raw), repeat, twin, "PPMI")


def _scan(one: Candidate, session: str, sex: str, person: Person, tree: Tree, window: int, notes: list[str]) -> Scan:
    row = one.row
    scanner = scanner_of(row.protocol, tree.documents.get(row.image_id), one.found.first_slice, notes)
    diagnosis, source = _diagnosis(row, person, notes)
    age, age_source, days = _age(row, one.date, person, window)
    return Scan(
        subject_id=one.subject_id,
        session_id=session,
        image=one.found.path,
        dataset="PPMI",
        diagnosis=diagnosis,
        age=age,
        sex=sex,
        manufacturer=scanner.manufacturer,
        model=scanner.model,
        field_strength=scanner.field_strength,
        extra={
            "image_id": f"I{row.image_id}",
            "description": row.description,
            "visit": _event(row.visit),
            "diagnosis_source": source,
            "days_to_visit": days,
            "age_source": age_source,
        },
    )


def _event(visit: str) -> str:
    return _EVENTS.get(" ".join(visit.upper().split()), visit.upper())


def _diagnosis(row: Row, person: Person, notes: list[str]) -> tuple[str, str]:
    if person.source:
        return person.diagnosis, person.source
    if missing(row.group):
        return "", ""
    group = " ".join(row.group.upper().split())
    if group not in _GROUPS:
        notes.append(f"Group '{row.group}' is none of the cohorts: diagnosis OTHER")
    return _GROUPS.get(group, "OTHER"), f"Group={row.group}"


def _age(row: Row, day: datetime.date, person: Person, window: int) -> tuple[float, str, str]:
    if not math.isnan(row.age):
        return row.age, "search", ""
    event = _event(row.visit)
    if event in person.ages:
        return person.ages[event], f"visit {event}", ""
    # The tables give only the month of a birth and a visit.
    if person.birth is not None:
        return years_between(person.birth, day), "month of birth", ""
    place = nearest([visit.toordinal() for visit, _ in person.visits], day.toordinal(), window)
    if place is not None:
        visit, years = person.visits[place]
        return years + years_between(visit, day), "nearest visit", str((visit - day).days)
    return row.whole_age, "" if math.isnan(row.whole_age) else "collection, whole years", ""
