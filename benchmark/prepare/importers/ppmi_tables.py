"""PPMI's study tables: cohort, sex, birth and ages at visits."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.prepare.importers.normalise import missing
from benchmark.prepare.importers.sessions import Visit
from benchmark.prepare.importers.tables import Row, read_table

_COHORTS = {"1": "PD", "2": "CN", "3": "SWEDD", "4": "PRODROMAL", "9": "OTHER"}
#: 0 is female here; the OASIS tables have other codes.
_SEXES = {"0": "F", "1": "M"}
_MONTH = re.compile(r"(?P<month>\d{1,2})/(?:\d{1,2}/)?(?P<year>\d{4})")
#: As a spreadsheet stores it.
_DAY = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-\d{2}")
_PATNO = re.compile(r"(\d{1,7})(?:\.0)?")


@dataclass
class Person:
    """What the study tables have of a participant.

    ``diagnosis`` is one of the manifest's, and ``source`` the table's column and code; both are "" where no table has a
    cohort. ``birth`` is the middle of the month; ``ages`` are by visit code, such as ``BL``,
    and ``visits`` are on the middle of their month.
    """

    diagnosis: str = ""
    source: str = ""
    sex: str = ""
    birth: datetime.date | None = None
    ages: dict[str, float] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)


def read_persons(
    status: Path | None, demographics: Path | None, ages: Path | None, curated: Path | None, notes: list[str]
) -> dict[str, Person]:
    """Participants by PATNO; of two tables that have a value, the first given here counts.

    They are ``Participant_Status.csv``, ``Demographics.csv``, ``Age_at_visit.csv`` and
    ``PPMI_Curated_Data_Cut_Public_YYYYMMDD.xlsx`` or ``.csv``; unknown codes and contradictions are noted.
    """
    persons: dict[str, Person] = {}
    for path, read in (
        (status, _read_status),
        (demographics, _read_demographics),
        (ages, _read_ages),
        (curated, _read_curated),
    ):
        table = read_table(path, ("PATNO",)) if path else None
        for row in table.rows if table else ():
            number = _PATNO.fullmatch(row["PATNO"])
            if number is None:
                raise row.complaint("PATNO", "it must be a number of up to seven digits")
            read(persons.setdefault(number[1], Person()), row, notes)
    return persons


def _read_status(person: Person, row: Row, notes: list[str]) -> None:
    stated, agreed = row["COHORT"], row.get("CONCOHORT").removesuffix(".0")
    if agreed == "0":
        notes.append("CONCOHORT is 0, not in the analysis cohort: COHORT is taken")
    if agreed == "0" or missing(agreed):
        _set_cohort(person, "COHORT", stated, notes)
    else:
        _set_cohort(person, "CONCOHORT", agreed, notes)


def _set_cohort(person: Person, column: str, value: str, notes: list[str]) -> None:
    number = value.removesuffix(".0")
    if missing(number) or person.source:
        return
    if number not in _COHORTS:
        notes.append(f"{column} '{number}' is not known: diagnosis OTHER")
    person.diagnosis, person.source = _COHORTS.get(number, "OTHER"), f"{column}={number}"


def _read_demographics(person: Person, row: Row, notes: list[str]) -> None:
    person.sex = person.sex or row.code("SEX", _SEXES)
    if person.birth is None:
        person.birth = _month(row, "BIRTHDT")


def _read_ages(person: Person, row: Row, notes: list[str]) -> None:
    event, years = row["EVENT_ID"].upper(), row.age("AGE_AT_VISIT")
    if not math.isnan(years) and person.ages.setdefault(event, years) != years:
        notes.append("Age_at_visit: a visit has two ages: the first is taken")


def _read_curated(person: Person, row: Row, notes: list[str]) -> None:
    event = row["EVENT_ID"].upper()
    _set_cohort(person, "COHORT", row["COHORT"], notes)
    person.sex = person.sex or (row.code("SEX", _SEXES) if row.table.find("SEX") else "")
    years = row.age(row.table.column("age_at_visit", "age"))
    if math.isnan(years):
        return
    person.ages.setdefault(event, years)
    day = _month(row, "visit_date")
    if day is not None:
        person.visits.append(Visit(day, age=years))


def _month(row: Row, column: str) -> datetime.date | None:
    """Middle of the month of a cell; None where it is missing, or there is no such column."""
    value = row.get(column)
    if missing(value):
        return None
    found = _MONTH.fullmatch(value) or _DAY.fullmatch(value)
    if found is None or not 1 <= int(found["month"]) <= 12:
        raise row.complaint(column, "it must be a month such as 06/2015, or empty")
    return datetime.date(int(found["year"]), int(found["month"]), 15)
