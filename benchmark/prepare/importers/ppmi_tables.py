"""PPMI's study tables: cohort, sex, birth and ages at visits."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.prepare.importers.cells import code, complaint, decimal
from benchmark.prepare.importers.normalise import missing
from benchmark.prepare.importers.tables import Table, read_table

_COHORTS = {"1": "PD", "2": "CN", "3": "SWEDD", "4": "PRODROMAL", "9": "OTHER"}
#: 0 is female here; the OASIS tables have other codes.
_SEXES = {"0": "F", "1": "M"}
_MONTH = re.compile(r"(\d{1,2})/(?:\d{1,2}/)?(\d{4})")
_PATNO = re.compile(r"(\d{1,7})(?:\.0)?")


@dataclass
class Person:
    """What the study tables have of a participant.

    Attributes
    ----------
    diagnosis
        One of the manifest's; "" where no table has a cohort.
    source
        Table and its code.
    sex
        ``F``, ``M`` or "".
    birth
        Middle of the month.
    ages
        Years by visit code, such as ``BL``.
    visits
        Middle of the month of a visit, and the age then.
    """

    diagnosis: str = ""
    source: str = ""
    sex: str = ""
    birth: datetime.date | None = None
    ages: dict[str, float] = field(default_factory=dict)
    visits: list[tuple[datetime.date, float]] = field(default_factory=list)


def read_persons(
    status: Path | None, demographics: Path | None, ages: Path | None, curated: Path | None, notes: list[str]
) -> dict[str, Person]:
    """Participants by PATNO; of two tables that have a value, the first given here counts.

    Parameters
    ----------
    status
        ``Participant_Status.csv``.
    demographics
        ``Demographics.csv``.
    ages
        ``Age_at_visit.csv``.
    curated
        ``PPMI_Curated_Data_Cut_Public_YYYYMMDD.csv``.
    notes
        Gets unknown codes and contradictions.

    Raises
    ------
    UserError
        If one cannot be used.
    """
    persons: dict[str, Person] = {}
    if status is not None:
        _read_status(read_table(status), persons, notes)
    if demographics is not None:
        _read_demographics(read_table(demographics), persons)
    if ages is not None:
        _read_ages(read_table(ages), persons, notes)
    if curated is not None:
        _read_curated(read_table(curated), persons, notes)
    return persons


def _rows(table: Table, persons: dict[str, Person]) -> Iterator[tuple[Person, dict[str, str], int]]:
    column = table.column("PATNO")
    for index, values in enumerate(table.rows):
        found = _PATNO.fullmatch(values[column])
        if found is None:
            raise complaint(table, index, column, "it must be a number of up to seven digits")
        yield persons.setdefault(found[1], Person()), values, index


def _read_status(table: Table, persons: dict[str, Person], notes: list[str]) -> None:
    cohort, consensus = table.column("COHORT"), table.find("CONCOHORT")
    for person, values, _ in _rows(table, persons):
        agreed = values[consensus].removesuffix(".0") if consensus else ""
        if agreed == "0":
            notes.append("CONCOHORT is 0, not in the analysis cohort: COHORT is taken")
        if agreed and agreed != "0" and not missing(agreed):
            _set_cohort(person, "CONCOHORT", agreed, notes)
        else:
            _set_cohort(person, "COHORT", values[cohort], notes)


def _set_cohort(person: Person, column: str, value: str, notes: list[str]) -> None:
    number = value.removesuffix(".0")
    if missing(number) or person.source:
        return
    if number not in _COHORTS:
        notes.append(f"{column} '{number}' is not known: diagnosis OTHER")
    person.diagnosis, person.source = _COHORTS.get(number, "OTHER"), f"{column}={number}"


def _read_demographics(table: Table, persons: dict[str, Person]) -> None:
    sex, birth = table.column("SEX"), table.find("BIRTHDT")
    for person, _, index in _rows(table, persons):
        person.sex = person.sex or code(table, index, sex, _SEXES)
        if birth and person.birth is None:
            person.birth = _month(table, index, birth)


def _read_ages(table: Table, persons: dict[str, Person], notes: list[str]) -> None:
    event, age = table.column("EVENT_ID"), table.column("AGE_AT_VISIT")
    for person, values, index in _rows(table, persons):
        years = decimal(table, index, age, 0, 120)
        if math.isnan(years):
            continue
        first = person.ages.setdefault(values[event].upper(), years)
        if first != years:
            notes.append("Age_at_visit: a visit has two ages: the first is taken")


def _read_curated(table: Table, persons: dict[str, Person], notes: list[str]) -> None:
    event, cohort = table.column("EVENT_ID"), table.column("COHORT")
    age, month, sex = table.column("age_at_visit", "age"), table.find("visit_date"), table.find("SEX")
    for person, values, index in _rows(table, persons):
        _set_cohort(person, "COHORT", values[cohort], notes)
        person.sex = person.sex or (code(table, index, sex, _SEXES) if sex else "")
        years = decimal(table, index, age, 0, 120)
        if math.isnan(years):
            continue
        person.ages.setdefault(values[event].upper(), years)
        day = _month(table, index, month) if month else None
        if day is not None:
            person.visits.append((day, years))


def _month(table: Table, index: int, column: str) -> datetime.date | None:
    value = table.rows[index][column]
    if missing(value):
        return None
    found = _MONTH.fullmatch(value)
    if found is None or not 1 <= int(found[1]) <= 12:
        raise complaint(table, index, column, "it must be a month such as 06/2015, or empty")
    return datetime.date(int(found[2]), int(found[1]), 15)
