"""Clinical visits of OASIS-3: their diagnoses by two schemes, and the one nearest to a scan."""

from __future__ import annotations

from collections.abc import Callable

from benchmark.prepare.importers.normalise import missing
from benchmark.prepare.importers.oasis import cdr
from benchmark.prepare.importers.record import Import
from benchmark.prepare.importers.sessions import Visit, nearest
from benchmark.prepare.importers.tables import Row, Table

_FLAG = {"1": "1", "0": "0"}
_MCI = ("MCIAMEM", "MCIAPLUS", "MCINON1", "MCINON2")
#: Starts of the first diagnosis in words that name Alzheimer's disease as the cause.
_AD_WORDS = ("ad dem", "dat", "alzheimer")


class Visits:
    """Visits of a table by subject, on days from entry; ``label`` gives diagnosis and source of a row, or "" twice.

    What was found gets the rows without a day or diagnosis, and visits of one day that contradict each other.
    """

    def __init__(self, table: Table, label: Callable[[Row], tuple[str, str]], found: Import) -> None:
        self.by_subject: dict[str, list[Visit]] = {}
        self.used: set[Visit] = set()
        by_day: dict[tuple[str, int], Visit] = {}
        # Errors and lines come subject by subject, in the order of their first rows.
        first = {row["OASISID"]: place for place, row in reversed(list(enumerate(table.rows)))}
        for row in sorted(table.rows, key=lambda row: first[row["OASISID"]]):
            subject, day = row["OASISID"], row.whole("days_to_visit")
            diagnosis, source = ("", "") if day is None else label(row)
            if day is None or not diagnosis:
                found.left_out.append(row.left_out(f"visit without a {'day' if day is None else 'diagnosis'}"))
                continue
            visit = Visit(day, diagnosis, f"{table.path.name} {source}", row=row)
            self.by_subject.setdefault(subject, []).append(visit)
            other = by_day.setdefault((subject, day), visit)
            if other.diagnosis != diagnosis:
                found.ambiguous.append(
                    f"{subject} day {day}: visits say {other.diagnosis} and {diagnosis}; the first is used"
                )

    def nearest(self, subject: str, day: int, window: int) -> Visit | None:
        """The visit nearest to a day and less than a window away; of two as near the earlier, of one day the first."""
        visit = nearest(self.by_subject.get(subject, []), day, window - 1)
        self.used |= {visit} if visit else set()
        return visit

    def leave_out_rest(self, found: Import) -> None:
        """Leave out the rows of visits that no scan was labelled by."""
        rest = (visit for visits in self.by_subject.values() for visit in visits if visit not in self.used)
        found.left_out += [visit.row.left_out("visit that is nearest to no scan") for visit in rest if visit.row]


def visits_by_cdr(table: Table, found: Import) -> Visits:
    """Visits of OASIS3_UDSb4_cdr.csv with a rating: 0 is CN, 0.5 is MCI, 1 and above is AD.

    How many dementias the first diagnosis does not call AD is told of.
    """
    table.column("CDRTOT")
    other = 0

    def label(row: Row) -> tuple[str, str]:
        nonlocal other
        rating = cdr(row, "CDRTOT")
        if rating != rating:
            return "", ""
        text = row.get("dx1")
        other += rating >= 1 and not missing(text) and not _names_ad(text)
        return "CN" if rating == 0 else "MCI" if rating < 1 else "AD", f"CDRTOT={row['CDRTOT']}"

    visits = Visits(table, label, found)
    if other:
        found.ambiguous.append(f"{other} visits with a CDR of 1 or above and another first diagnosis than AD are AD")
    return visits


def visits_by_d1(table: Table, clinical: Table | None, found: Import) -> Visits:
    """Visits of OASIS3_UDSd1_diagnoses.csv with a clinician's diagnosis.

    NORMCOG is CN. DEMENTED is AD if PROBAD, POSSAD or the first diagnosis in words of the same visit (in
    OASIS3_UDSb4_cdr.csv) says so, and OTHER if not. The rest is MCI, impairment that is called no MCI (IMPNOMCI)
    included; if one of the first two flags is missing, a kind of MCI must be named. What was read one way of two is
    told of.
    """
    table.column("NORMCOG"), table.column("DEMENTED")
    words: dict[tuple[str, int | None], str] = {}
    for row in clinical.rows if clinical else ():
        words.setdefault((row["OASISID"], row.whole("days_to_visit")), row["dx1"])
    no_mci = both = 0

    def flags(row: Row, *names: str) -> list[str]:
        return [name for name in names if row.table.find(name) and row.code(name, _FLAG) == "1"]

    def label(row: Row) -> tuple[str, str]:
        nonlocal no_mci, both
        normal, demented = (row.code(name, _FLAG) for name in ("NORMCOG", "DEMENTED"))
        if normal == demented == "1":
            both += 1
        if normal == demented == "1" or not (normal or demented):
            return "", ""
        if normal == "1":
            return "CN", "NORMCOG=1"
        if demented == "1":
            named = flags(row, "PROBAD", "POSSAD")
            text = "" if named else words.get((row["OASISID"], row.whole("days_to_visit")), "")
            source = "+".join(f"{name}=1" for name in ("DEMENTED", *named)) + (f" dx1={text}" if text else "")
            return "AD" if named or _names_ad(text) else "OTHER", source
        named = flags(row, *_MCI)
        if not named and not (normal and demented):
            return "", ""
        no_mci += not named
        return "MCI", "+".join(f"{name}=1" for name in named or flags(row, "IMPNOMCI")) or "NORMCOG=0+DEMENTED=0"

    visits = Visits(table, label, found)
    if no_mci:
        found.ambiguous.append(f"{no_mci} visits are neither normal nor demented and name no kind of MCI; read as MCI")
    if both:
        found.ambiguous.append(f"{both} visits are normal and demented at once; left out")
    return visits


def _names_ad(text: str) -> bool:
    return text.strip().casefold().startswith(_AD_WORDS)
