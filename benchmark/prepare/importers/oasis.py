"""What the OASIS archives have in common: labels from the CDR, codes of sex, people who may be in several."""

from __future__ import annotations

from benchmark.prepare.importers.tables import Row

#: Values of the clinical dementia rating.
CDR = (0.0, 0.5, 1.0, 2.0, 3.0)
#: Codes of sex in OASIS-3 and OASIS-4; PPMI's are others.
SEX_CODES = {"1": "M", "2": "F", "M": "M", "F": "F"}

OVERLAP = (
    "OASIS-1, OASIS-2 and OASIS-3 drew on the same centre's participants under new ids; a person may be in several, "
    "and no list says who: keep the three on one side of a claim about an unseen site, or state this"
)


def cdr(row: Row, column: str) -> float:
    """Clinical dementia rating of a row; NaN where it is missing, an error where the rating has no such value."""
    value = row.decimal(column, CDR[0], CDR[-1])
    if value == value and value not in CDR:
        raise row.complaint(column, f"it must be one of {', '.join(f'{each:g}' for each in CDR)}, or empty")
    return value
