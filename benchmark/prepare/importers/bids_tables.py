"""participants.tsv and sessions.tsv of a BIDS dataset: what they say of a subject in a session."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import UserError
from benchmark.prepare.importers.normalise import missing
from benchmark.prepare.importers.record import LeftOut
from benchmark.prepare.importers.tables import Row, Table, read_table

#: Ages above which some datasets write no number, such as 89+ or >89.
_AT_LEAST = re.compile(r"[>≥]?\s*(\d{2,3})\s*\+?")


@dataclass(frozen=True)
class Cell:
    """A value and where it stands; ``of_session`` if it is of one session, not of the subject."""

    row: Row
    column: str
    of_session: bool

    @property
    def text(self) -> str:
        """The value."""
        return self.row[self.column]


class People:
    """The tables of a dataset; that of subjects is ``participants.tsv`` of the root, or one given in place of it."""

    def __init__(self, root: Path, participants: Path | None) -> None:
        self.root = root
        path = participants or root / "participants.tsv"
        self.table = read_table(path) if participants or path.is_file() else None
        self.rows: dict[str, Row] = {}
        #: Rows of the tables of sessions read so far, by subject and label.
        self.sessions: dict[str, dict[str, Row]] = {}
        if self.table is not None:
            self.table.column("participant_id")
            for name, row in self.table.keyed("participant_id", r"(sub-)?[A-Za-z0-9+]+", "sub-LABEL").items():
                if self.rows.setdefault(name.removeprefix("sub-"), row) is not row:
                    raise row.complaint("participant_id", "the subject stands in an earlier line; give one row each")

    def knows(self, subject: str) -> bool:
        """Whether a subject has a row, or there is no table of subjects at all."""
        return self.table is None or subject in self.rows

    def cell(self, subject: str, session: str, names: tuple[str, ...], subject_first: bool = False) -> Cell | None:
        """The first value that is not missing under the best of several columns, of the session before the subject."""
        rows = [self._sessions(subject).get(session), self.rows.get(subject)]
        for row in reversed(rows) if subject_first else rows:
            column = row.table.find(*names) if row else None
            if row and column and not missing(row[column]):
                return Cell(row, column, row.table is not self.table)
        return None

    def _sessions(self, subject: str) -> dict[str, Row]:
        if subject not in self.sessions:
            path = self.root / f"sub-{subject}" / f"sub-{subject}_sessions.tsv"
            named: dict[str, Row] = {}
            if path.is_file():
                named = read_table(path).keyed("session_id", r"(ses-)?[A-Za-z0-9+]+", "ses-LABEL")
            self.sessions[subject] = {name.removeprefix("ses-"): row for name, row in named.items()}
        return self.sessions[subject]

    def check_column(self, option: str, name: str) -> None:
        """Refuse a column that neither the table of subjects nor any table of sessions read so far has."""
        read = [next(iter(rows.values())).table for rows in self.sessions.values() if rows]
        tables: list[Table] = [self.table, *read] if self.table else read
        if not any(table.find(name) for table in tables):
            columns = dict.fromkeys(column for table in tables for column in table.columns)
            listing = ", ".join(columns) or "no column, as there is no participants.tsv"
            raise UserError(f"{self.root}: {option}: column '{name}' is in no table; there is {listing}")

    def unused(self, used: set[tuple[str, str]]) -> list[LeftOut]:
        """Rows of subjects and sessions but for those that are used."""
        subjects = {subject for subject, _ in used}
        reason = "without a T1w image that is used"
        people = [row for subject, row in self.rows.items() if subject not in subjects]
        sessions = [
            row
            for subject, rows in self.sessions.items()
            for session, row in rows.items()
            if (subject, session) not in used
        ]
        rest = [row.left_out(f"subject {reason}", "participant_id") for row in people]
        return rest + [row.left_out(f"session {reason}", "session_id") for row in sessions]


def age(cell: Cell | None, ambiguous: set[str]) -> float:
    """Years; of an age such as ``89+`` the number, which ``ambiguous`` gets; NaN where it is missing."""
    if cell is None:
        return math.nan
    bound = _AT_LEAST.fullmatch(cell.text)
    if bound and not cell.text.isdecimal():
        ambiguous.add(cell.text)
        return float(bound[1])
    return cell.row.age(cell.column)
