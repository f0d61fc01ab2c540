"""participants.tsv and sessions.tsv of a BIDS dataset: what they say of a subject in a session, in whatever words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from benchmark.data.schema import nearest
from benchmark.errors import UserError
from benchmark.prepare.importers.normalise import folded, missing
from benchmark.prepare.importers.record import LeftOut
from benchmark.prepare.importers.tables import Row, Table, read_table

#: Words that many datasets use, as :func:`folded`, by the diagnosis that they mean; BIDS leaves them to each dataset.
DIAGNOSIS_WORDS = {
    "CN": "cn, control, controls, con, ctrl, ctl, hc, healthy, nc, nl, normal, cu, healthy control, healthy controls, "
    "normal control, healthy volunteer, cognitively normal, cognitively unimpaired",
    "MCI": "mci, emci, lmci, amci, mild cognitive impairment",
    "AD": "ad, alzheimer, alzheimers, dat, alzheimer disease, ad dementia, probable ad, alzheimer dementia",
    "PD": "pd, parkinson, parkinsons, parkinson disease",
    "SWEDD": "swedd",
    "PRODROMAL": "prodromal, prodromal pd",
    "OTHER": "other, ftd, dlb, lbd, psp, msa, vad, vascular dementia",
}
SEX_WORDS = {"F": "f, female, w", "M": "m, male"}
#: Ages above which some datasets write no number, such as 89+ or >89.
_AT_LEAST = re.compile(r"[>≥]?\s*(\d{2,3})\s*\+?")


class Words:
    """What words and codes mean, the user's ``own`` before the ``common`` ones; all others mean ``other``.

    ``unknown`` gets those others. An own meaning that is none of ``allowed`` is an error that names the ``option``.
    """

    def __init__(
        self, option: str, own: Mapping[str, str], common: Mapping[str, str], allowed: tuple[str, ...], other: str = ""
    ) -> None:
        for word, value in own.items():
            if value and value not in allowed:
                similar = nearest(value, allowed)
                hint = f" (did you mean {similar}?)" if similar else ""
                listing = f"it must be one of {', '.join(allowed)}, or empty"
                raise UserError(f"{option}: '{word}': '{value}' is not allowed{hint}; {listing}")
        self.own = {word.strip().casefold(): value for word, value in own.items()}
        self.folded = {word: value for value, words in common.items() for word in words.split(", ")}
        self.folded |= {folded(word): value for word, value in own.items() if folded(word)}
        self.other = other
        self.unknown: set[str] = set()

    def __call__(self, text: str) -> str:
        """Meaning of a word; "" where it is missing."""
        exact = text.casefold().removesuffix(".0")
        if exact in self.own or missing(text):
            return self.own.get(exact, "")
        if folded(text) in self.folded:
            return self.folded[folded(text)]
        self.unknown.add(text)
        return self.other


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
            for name, row in self.table.keyed("participant_id", r"(sub-)?[A-Za-z0-9+]+", "sub-LABEL").items():
                if self.rows.setdefault(name.removeprefix("sub-"), row) is not row:
                    raise row.complaint("participant_id", "the subject stands in an earlier line; give one row each")

    def knows(self, subject: str) -> bool:
        """Whether a subject has a row, or there is no table of subjects at all."""
        return self.table is None or subject in self.rows

    def cell(
        self, subject: str, session: str, names: tuple[str, ...], subject_first: bool = False
    ) -> tuple[Row, str] | None:
        """Row and column of the first value that is not missing, of the session before the subject.

        The columns are tried in the order of their names in each table; the first that the table has counts.
        """
        rows = [self._sessions(subject).get(session), self.rows.get(subject)]
        for row in reversed(rows) if subject_first else rows:
            column = row.table.find(*names) if row else None
            if row and column and not missing(row[column]):
                return row, column
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
        rest = [
            row.left_out(f"subject {reason}", "participant_id")
            for subject, row in self.rows.items()
            if subject not in subjects
        ]
        for subject, rows in self.sessions.items():
            unused = [row for session, row in rows.items() if (subject, session) not in used]
            rest += [row.left_out(f"session {reason}", "session_id") for row in unused]
        return rest


def age(row: Row, column: str, bounded: set[str]) -> float:
    """Years; of an age such as ``89+`` the number, which ``bounded`` gets; NaN where it is missing."""
    text = row[column]
    bound = _AT_LEAST.fullmatch(text)
    if bound and not text.isdecimal():
        bounded.add(text)
        return float(bound[1])
    return row.age(column)
