"""Clinical visits of OASIS-3: their diagnoses by two schemes, and the one nearest to a scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmark.prepare.importers.cells import code, grouped, row_left_out, whole
from benchmark.prepare.importers.choice import nearest
from benchmark.prepare.importers.normalise import missing
from benchmark.prepare.importers.oasis import cdr
from benchmark.prepare.importers.oasis_sessions import days
from benchmark.prepare.importers.record import Import
from benchmark.prepare.importers.tables import Table

_FLAG = {"1": "1", "0": "0"}
_MCI = ("MCIAMEM", "MCIAPLUS", "MCINON1", "MCINON2")
#: Starts of the first diagnosis in words that name Alzheimer's disease as the cause.
_AD_WORDS = ("ad dem", "dat", "alzheimer")


@dataclass(frozen=True)
class Visit:
    """A clinical visit with a diagnosis.

    Attributes
    ----------
    day
        Days from entry.
    diagnosis
        Of the manifest.
    source
        Table and the words or flags in it.
    index
        Row of the table.
    """

    day: int
    diagnosis: str
    source: str
    index: int


@dataclass
class Visits:
    """Visits by subject.

    Attributes
    ----------
    table
        That they are rows of.
    by_subject
        In the table's order.
    used
        Rows that a scan was labelled by.
    """

    table: Table
    by_subject: dict[str, list[Visit]]
    used: set[int] = field(default_factory=set)

    def nearest(self, subject: str, day: int, window: int) -> Visit | None:
        """The visit nearest to a day and less than a window away; of two as near the earlier, of one day the first."""
        visits = self.by_subject.get(subject, [])
        place = nearest([visit.day for visit in visits], day, window - 1)
        if place is None:
            return None
        self.used.add(visits[place].index)
        return visits[place]

    def unused(self) -> list[int]:
        """Rows of visits that no scan was labelled by."""
        rows = {visit.index for visits in self.by_subject.values() for visit in visits}
        return sorted(rows - self.used)


def visits_by_cdr(table: Table, found: Import) -> Visits:
    """Visits with a rating: 0 is CN, 0.5 is MCI, 1 and above is AD.

    Parameters
    ----------
    table
        OASIS3_UDSb4_cdr.csv.
    found
        Gets the rows without a rating, and how many dementias the first diagnosis does not call AD.
    """
    column, words = table.column("CDRTOT"), table.find("dx1")
    other = 0

    def label(index: int) -> tuple[str, str]:
        nonlocal other
        rating = cdr(table, index, column)
        if rating != rating:
            return "", ""
        text = table.rows[index][words] if words else ""
        other += rating >= 1 and not missing(text) and not _names_ad(text)
        diagnosis = "CN" if rating == 0 else "MCI" if rating < 1 else "AD"
        return diagnosis, f"{table.path.name} CDRTOT={table.rows[index][column]}"

    visits = _collected(table, label, found)
    if other:
        found.ambiguous.append(f"{other} visits with a CDR of 1 or above and another first diagnosis than AD are AD")
    return visits


def visits_by_d1(table: Table, clinical: Table | None, found: Import) -> Visits:
    """Visits with a clinician's diagnosis.

    NORMCOG is CN. DEMENTED is AD if PROBAD, POSSAD or the first diagnosis in words of the same visit says so, and
    OTHER if not. The rest is MCI, impairment that is called no MCI (IMPNOMCI) included; if one of the first two flags
    is missing, a kind of MCI must be named.

    Parameters
    ----------
    table
        OASIS3_UDSd1_diagnoses.csv.
    clinical
        OASIS3_UDSb4_cdr.csv, for the words; None where it is not at hand.
    found
        Gets the rows without a diagnosis, and what was read one way of two.
    """
    table.column("NORMCOG"), table.column("DEMENTED")
    words = _first_diagnoses(clinical)
    subject, day_column = table.column("OASISID"), table.column("days_to_visit")
    no_mci: list[int] = []
    both: list[int] = []

    def flags(index: int, *names: str) -> list[str]:
        columns = [(name, table.find(name)) for name in names]
        return [name for name, column in columns if column and code(table, index, column, _FLAG) == "1"]

    def label(index: int) -> tuple[str, str]:
        stated = [code(table, index, table.column(name), _FLAG) for name in ("NORMCOG", "DEMENTED")]
        if not any(stated):
            return "", ""
        if stated == ["1", "1"]:
            both.append(index)
            return "", ""
        if stated[0] == "1":
            return "CN", f"{table.path.name} NORMCOG=1"
        if stated[1] == "1":
            return dementia(index)
        named = flags(index, *_MCI)
        if not named and not all(stated):
            return "", ""
        if not named:
            no_mci.append(index)
        source = "+".join(f"{name}=1" for name in named or flags(index, "IMPNOMCI")) or "NORMCOG=0+DEMENTED=0"
        return "MCI", f"{table.path.name} {source}"

    def dementia(index: int) -> tuple[str, str]:
        named = flags(index, "PROBAD", "POSSAD")
        source = "+".join(f"{name}=1" for name in ("DEMENTED", *named))
        row = table.rows[index]
        text = "" if named else words.get((row[subject], whole(table, index, day_column)), "")
        ad = bool(named) or _names_ad(text)
        return "AD" if ad else "OTHER", f"{table.path.name} {source}" + (f" dx1={text}" if text else "")

    visits = _collected(table, label, found)
    if no_mci:
        found.ambiguous.append(
            f"{len(no_mci)} visits are neither normal nor demented and name no kind of MCI; read as MCI"
        )
    if both:
        found.ambiguous.append(f"{len(both)} visits are normal and demented at once; left out")
    return visits


def _collected(table: Table, label: Callable[[int], tuple[str, str]], found: Import) -> Visits:
    subject, day_column = table.column("OASISID"), table.column("days_to_visit")
    by_subject: dict[str, list[Visit]] = {}
    dated: set[int] = set()
    for name, indices in grouped(table, subject).items():
        for day, index in days(table, day_column, indices):
            dated.add(index)
            diagnosis, source = label(index)
            if diagnosis:
                by_subject.setdefault(name, []).append(Visit(day, diagnosis, source, index))
            else:
                found.left_out.append(row_left_out(table, index, "visit without a diagnosis"))
        _tell_of_twins(name, by_subject.get(name, []), found)
    undated = sorted(set(range(len(table.rows))) - dated)
    found.left_out += [row_left_out(table, index, "visit without a day") for index in undated]
    return Visits(table, by_subject)


def _tell_of_twins(subject: str, visits: list[Visit], found: Import) -> None:
    first: dict[int, Visit] = {}
    for visit in visits:
        other = first.setdefault(visit.day, visit)
        if other.diagnosis != visit.diagnosis:
            found.ambiguous.append(
                f"{subject} day {visit.day}: visits say {other.diagnosis} and {visit.diagnosis}; the first is used"
            )


def _first_diagnoses(clinical: Table | None) -> dict[tuple[str, int | None], str]:
    if clinical is None:
        return {}
    subject, day, words = clinical.column("OASISID"), clinical.column("days_to_visit"), clinical.column("dx1")
    rows = reversed(list(enumerate(clinical.rows)))
    return {(row[subject], whole(clinical, index, day)): row[words] for index, row in rows}


def _names_ad(text: str) -> bool:
    return text.strip().casefold().startswith(_AD_WORDS)
