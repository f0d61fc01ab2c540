"""participants.tsv and sessions.tsv of a BIDS dataset: what they say of a subject in a session."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import UserError
from benchmark.prepare.importers.cells import complaint, decimal, keyed, row_left_out
from benchmark.prepare.importers.normalise import missing
from benchmark.prepare.importers.record import LeftOut
from benchmark.prepare.importers.tables import Table, read_table

_SUBJECT = re.compile(r"(sub-)?[A-Za-z0-9+]+")
_SESSION = re.compile(r"(ses-)?[A-Za-z0-9+]+")
#: Ages above which some datasets write no number, such as 89+ or >89.
_AT_LEAST = re.compile(r"[>≥]?\s*(\d{2,3})\s*\+?")
_OLDEST = 120


@dataclass(frozen=True)
class Cell:
    """A value and where it stands.

    Attributes
    ----------
    table, index, column
        The cell.
    of_session
        Whether it is of one session, not of the subject.
    """

    table: Table
    index: int
    column: str
    of_session: bool

    @property
    def text(self) -> str:
        """The value."""
        return self.table.rows[self.index][self.column]

    @property
    def source(self) -> str:
        """Table, column and value, for a manifest."""
        return f"{self.table.path.name} {self.column}={self.text}"


class People:
    """The tables of a dataset.

    Parameters
    ----------
    root
        Of the dataset.
    participants
        Table of subjects; None for ``participants.tsv`` of the root, which may be missing.

    Raises
    ------
    UserError
        For a table that cannot be read, or names a subject twice.
    """

    def __init__(self, root: Path, participants: Path | None) -> None:
        self.root = root
        path = participants or root / "participants.tsv"
        self.table = read_table(path) if participants or path.is_file() else None
        self.rows: dict[str, int] = {}
        if self.table is not None:
            column = self.table.column("participant_id")
            for name, index in keyed(self.table, column, _SUBJECT, "sub-LABEL").items():
                if self.rows.setdefault(name.removeprefix("sub-"), index) != index:
                    raise complaint(
                        self.table, index, column, "the subject stands in an earlier line; give one row each"
                    )
        self.of_subject: dict[str, tuple[Table, dict[str, int]] | None] = {}

    def knows(self, subject: str) -> bool:
        """Whether a subject has a row, or there is no table of subjects at all."""
        return self.table is None or subject in self.rows

    def cell(self, subject: str, session: str, names: tuple[str, ...], subject_first: bool = False) -> Cell | None:
        """The first value that is not missing under one of several columns, of the session before the subject.

        Parameters
        ----------
        subject, session
            Labels.
        names
            Columns, best first.
        subject_first
            Look at the subject before the session.
        """
        places = self._places(subject, session)
        for table, index in reversed(places) if subject_first else places:
            column = table.find(*names)
            if column is not None and not missing(table.rows[index][column]):
                return Cell(table, index, column, table is not self.table)
        return None

    def _places(self, subject: str, session: str) -> list[tuple[Table, int]]:
        places = []
        sessions = self._sessions(subject)
        if sessions and session in sessions[1]:
            places.append((sessions[0], sessions[1][session]))
        if self.table is not None and subject in self.rows:
            places.append((self.table, self.rows[subject]))
        return places

    def _sessions(self, subject: str) -> tuple[Table, dict[str, int]] | None:
        if subject not in self.of_subject:
            path = self.root / f"sub-{subject}" / f"sub-{subject}_sessions.tsv"
            table = read_table(path) if path.is_file() else None
            rows = keyed(table, table.column("session_id"), _SESSION, "ses-LABEL") if table else {}
            named = {name.removeprefix("ses-"): index for name, index in rows.items()}
            self.of_subject[subject] = (table, named) if table else None
        return self.of_subject[subject]

    def check_column(self, option: str, name: str) -> None:
        """Refuse a column that neither the table of subjects nor any table of sessions read so far has.

        Raises
        ------
        UserError
            It lists the columns there are.
        """
        tables = [self.table] if self.table else []
        tables += [found[0] for found in self.of_subject.values() if found]
        if not any(table.find(name) for table in tables):
            columns = dict.fromkeys(column for table in tables for column in table.columns)
            listing = ", ".join(columns) or "no column, as there is no participants.tsv"
            raise UserError(f"{self.root}: {option}: column '{name}' is in no table; there is {listing}")

    def unused(self, used: set[tuple[str, str]]) -> list[LeftOut]:
        """Rows of subjects and sessions without a scan.

        Parameters
        ----------
        used
            Subjects and sessions with one.
        """
        subjects = {subject for subject, _ in used}
        rest = []
        if self.table is not None:
            column = self.table.column("participant_id")
            rest = [
                row_left_out(self.table, index, "subject without a T1w image that is used", column)
                for subject, index in self.rows.items()
                if subject not in subjects
            ]
        for subject, found in self.of_subject.items():
            for session, index in found[1].items() if found else ():
                if found and (subject, session) not in used:
                    entry = row_left_out(found[0], index, "session without a T1w image that is used", "session_id")
                    rest.append(entry)
        return rest


def age(cell: Cell | None, ambiguous: set[str]) -> float:
    """Years; of an age such as ``89+`` the number, which ``ambiguous`` gets; NaN where it is missing.

    Raises
    ------
    UserError
        For anything else.
    """
    if cell is None:
        return math.nan
    bound = _AT_LEAST.fullmatch(cell.text)
    if bound and not cell.text.isdecimal():
        ambiguous.add(cell.text)
        return float(bound[1])
    return decimal(cell.table, cell.index, cell.column, 0, _OLDEST)
