"""ADNI's study tables: diagnoses by visit, and what ADNIMERGE knows of a subject."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.prepare.importers.cells import complaint, decimal
from benchmark.prepare.importers.loni_tables import day_of
from benchmark.prepare.importers.normalise import missing
from benchmark.prepare.importers.tables import Table, read_table

_RID = re.compile(r"(?:\d{3}_S_)?0*(\d{1,6})(?:\.0)?")
_WORDS = {"cn": "CN", "nl": "CN", "mci": "MCI", "dementia": "AD", "ad": "AD"}
_CODES = {"1": "CN", "2": "MCI", "3": "AD"}
_CHANGES = {"1": "CN", "7": "CN", "9": "CN", "2": "MCI", "4": "MCI", "8": "MCI", "3": "AD", "5": "AD", "6": "AD"}
#: Columns of DXSUM that hold a diagnosis, newest first, with their codes.
_DIAGNOSES = {"DIAGNOSIS": _CODES, "DXCURREN": _CODES, "DXCHANGE": _CHANGES}


@dataclass(frozen=True)
class Visit:
    """One row of a study table.

    Attributes
    ----------
    day
        Of the examination.
    diagnosis
        One of the manifest's; "" where the table's word is unknown.
    source
        Table and its own word, such as ``DXSUM DIAGNOSIS=2``; "" where the row has no diagnosis.
    phase
        Column ``COLPROT``.
    field_strength
        Column ``FLDSTRENG``.
    """

    day: datetime.date
    diagnosis: str = ""
    source: str = ""
    phase: str = ""
    field_strength: str = ""


@dataclass
class Person:
    """What ADNIMERGE has of a subject.

    Attributes
    ----------
    visits
        All with a day.
    baseline_age
        Years at ``baseline``.
    baseline
        Day of the first visit.
    sex
        Column ``PTGENDER``.
    """

    visits: list[Visit] = field(default_factory=list)
    baseline_age: float = math.nan
    baseline: datetime.date | None = None
    sex: str = ""


def read_dxsum(path: Path, notes: list[str]) -> dict[str, list[Visit]]:
    """Visits with a diagnosis by RID.

    Parameters
    ----------
    path
        ``DXSUM_PDXCONV_ADNIALL.csv`` or one of its successors.
    notes
        Gets unknown codes and rows without a day.

    Raises
    ------
    UserError
        If it cannot be used.
    """
    table = read_table(path)
    subject, day = table.column("RID", "PTID"), table.column("EXAMDATE")
    table.column(*_DIAGNOSES)
    columns = {column: codes for name, codes in _DIAGNOSES.items() if (column := table.find(name))}
    visits: dict[str, list[Visit]] = {}
    for index, values in enumerate(table.rows):
        column = next((name for name in columns if not missing(values[name])), None)
        if column is None:
            continue
        when = day_of(table, index, day)
        if when is None:
            notes.append("DXSUM: a row with a diagnosis but no EXAMDATE is not used")
            continue
        code = values[column].removesuffix(".0")
        diagnosis = columns[column].get(code) or _WORDS.get(code.casefold(), "")
        if not diagnosis:
            notes.append(f"DXSUM: {column} '{code}' is not known: a visit without diagnosis")
        rid = _rid(table, index, subject)
        visits.setdefault(rid, []).append(Visit(when, diagnosis, f"DXSUM {column}={code}"))
    return visits


def read_adnimerge(path: Path, notes: list[str]) -> dict[str, Person]:
    """Subjects by RID.

    Parameters
    ----------
    path
        ``ADNIMERGE.csv``.
    notes
        Gets unknown diagnoses and rows without a day.

    Raises
    ------
    UserError
        If it cannot be used.
    """
    table = read_table(path)
    subject, day, word = table.column("RID", "PTID"), table.column("EXAMDATE"), table.column("DX")
    names = ("COLPROT", "FLDSTRENG", "PTGENDER", "AGE", "EXAMDATE_bl")
    optional = {name: table.find(name) for name in names}
    persons: dict[str, Person] = {}
    for index, values in enumerate(table.rows):
        texts = {name: values[column] if column else "" for name, column in optional.items()}
        person = persons.setdefault(_rid(table, index, subject), Person())
        person.sex = person.sex or texts["PTGENDER"]
        if person.baseline is None:
            baseline, age = optional["EXAMDATE_bl"], optional["AGE"]
            person.baseline = day_of(table, index, baseline) if baseline else None
            person.baseline_age = decimal(table, index, age, 0, 120) if age else math.nan
        when = day_of(table, index, day)
        if when is None:
            notes.append("ADNIMERGE: a row without EXAMDATE is not used")
            continue
        raw = "" if missing(values[word]) else values[word]
        diagnosis = _WORDS.get(raw.casefold(), "")
        if raw and not diagnosis:
            notes.append(f"ADNIMERGE: DX '{raw}' is not known: a visit without diagnosis")
        source = f"ADNIMERGE DX={raw}" if raw else ""
        person.visits.append(Visit(when, diagnosis, source, texts["COLPROT"], texts["FLDSTRENG"]))
    return persons


def _rid(table: Table, index: int, column: str) -> str:
    found = _RID.fullmatch(table.rows[index][column])
    if found is None:
        raise complaint(table, index, column, "it must be like 4567 or 123_S_4567")
    return found[1]
