"""What BIDS trees of Clinica's converters say in words of their own, so that they need no options.

Sessions are called after months from the first, ``M000``, ``M012``. Ages are in the tables of sessions, or, of OASIS-1,
at the first session in the table of participants (``age_bl``). The converter of OASIS-1 writes no diagnosis for a CDR
that is no whole number to it, while it keeps the CDR itself: the rule of the archive is applied to that.
"""

from __future__ import annotations

import re

from benchmark.prepare.importers.bids_tables import People
from benchmark.prepare.importers.oasis_pairs import from_cdr

AGE_AT_BASELINE = "age_bl"
_RATINGS = ("cdr_global", "cdr")
_OASIS = re.compile(r"OASIS[12]\d{4}")
_MONTH = re.compile(r"M(\d{2,3})")


def years_since(column: str, session: str) -> float:
    """Years from the first session, of an age that a column gives for that; 0 for any other column or session."""
    month = _MONTH.fullmatch(session)
    return int(month[1]) / 12 if month and column.casefold() == AGE_AT_BASELINE else 0.0


def of_oasis(subject: str) -> bool:
    """Whether a subject's label is one that Clinica gives to those of OASIS-1 and 2."""
    return _OASIS.fullmatch(subject) is not None


def rated(people: People, subject: str, session: str) -> tuple[str, str]:
    """Diagnosis by the CDR, and its source; "" where there is none."""
    cell = people.cell(subject, session, _RATINGS)
    return from_cdr(*cell) if cell else ("", "")
