"""ADNI's study tables: diagnoses by visit, and what ADNIMERGE knows of a subject."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.prepare.importers.loni_tables import day_of
from benchmark.prepare.importers.normalise import missing
from benchmark.prepare.importers.sessions import Visit
from benchmark.prepare.importers.tables import Row, read_table

_RID = re.compile(r"(?:\d{3}_S_)?0*(\d{1,6})(?:\.0)?")
_WORDS = {"cn": "CN", "nl": "CN", "mci": "MCI", "dementia": "AD", "ad": "AD"}
_CODES = {"1": "CN", "2": "MCI", "3": "AD"}
_CHANGES = {"1": "CN", "7": "CN", "9": "CN", "2": "MCI", "4": "MCI", "8": "MCI", "3": "AD", "5": "AD", "6": "AD"}
#: Columns of DXSUM that hold a diagnosis, newest first, with their codes.
_DIAGNOSES = {"DIAGNOSIS": _CODES, "DXCURREN": _CODES, "DXCHANGE": _CHANGES}


@dataclass
class Person:
    """What ADNIMERGE has of a subject: visits with a day, day and age of the first visit, and PTGENDER."""

    visits: list[Visit] = field(default_factory=list)
    baseline_age: float = math.nan
    baseline: datetime.date | None = None
    sex: str = ""


def read_dxsum(path: Path, notes: list[str]) -> dict[str, list[Visit]]:
    """Visits with a diagnosis by RID, of ``DXSUM_PDXCONV_ADNIALL.csv`` or one of its successors.

    ``notes`` gets unknown codes and rows without a day.
    """
    table = read_table(path)
    subject, day = table.column("RID", "PTID"), table.column("EXAMDATE")
    table.column(*_DIAGNOSES)
    columns = {column: codes for name, codes in _DIAGNOSES.items() if (column := table.find(name))}
    visits: dict[str, list[Visit]] = {}
    for row in table.rows:
        column = next((name for name in columns if not missing(row[name])), None)
        if column is None:
            continue
        when = day_of(row, day)
        if when is None:
            notes.append("DXSUM: a row with a diagnosis but no EXAMDATE is not used")
            continue
        code = row[column].removesuffix(".0")
        diagnosis = columns[column].get(code) or _WORDS.get(code.casefold(), "")
        if not diagnosis:
            notes.append(f"DXSUM: {column} '{code}' is not known: a visit without diagnosis")
        visits.setdefault(_rid(row, subject), []).append(Visit(when, diagnosis, f"DXSUM {column}={code}"))
    return visits


def read_adnimerge(path: Path, notes: list[str]) -> dict[str, Person]:
    """Subjects of ``ADNIMERGE.csv`` by RID; ``notes`` gets unknown diagnoses and rows without a day."""
    table = read_table(path)
    subject, day, word = table.column("RID", "PTID"), table.column("EXAMDATE"), table.column("DX")
    persons: dict[str, Person] = {}
    for row in table.rows:
        person = persons.setdefault(_rid(row, subject), Person())
        person.sex = person.sex or row.get("PTGENDER")
        if person.baseline is None:
            person.baseline = day_of(row, "EXAMDATE_bl") if table.find("EXAMDATE_bl") else None
            person.baseline_age = row.age("AGE") if table.find("AGE") else math.nan
        when = day_of(row, day)
        if when is None:
            notes.append("ADNIMERGE: a row without EXAMDATE is not used")
            continue
        raw = "" if missing(row[word]) else row[word]
        diagnosis = _WORDS.get(raw.casefold(), "")
        if raw and not diagnosis:
            notes.append(f"ADNIMERGE: DX '{raw}' is not known: a visit without diagnosis")
        source = f"ADNIMERGE DX={raw}" if raw else ""
        person.visits.append(
            Visit(when, diagnosis, source, phase=row.get("COLPROT"), field_strength=row.get("FLDSTRENG"))
        )
    return persons


def _rid(row: Row, column: str) -> str:
    found = _RID.fullmatch(row[column])
    if found is None:
        raise row.complaint(column, "it must be like 4567 or 123_S_4567")
    return found[1]
