"""What the OASIS archives have in common: labels from the CDR, the Siemens Vision, people who may be in several."""

from __future__ import annotations

from benchmark.prepare.importers.cells import complaint, decimal
from benchmark.prepare.importers.tables import Table

#: Manufacturer, model and tesla of the scanner that all of OASIS-1 and OASIS-2 were acquired on.
VISION = ("Siemens", "Vision", 1.5)
#: Values of the clinical dementia rating.
CDR = (0.0, 0.5, 1.0, 2.0, 3.0)
#: Codes of sex in OASIS-3 and OASIS-4; PPMI's are others.
SEX_CODES = {"1": "M", "2": "F", "M": "M", "F": "F"}
SEX_LETTERS = {"M": "M", "F": "F"}
OLDEST = 120

OVERLAP = (
    "OASIS-1, OASIS-2 and OASIS-3 drew on the same centre's participants under new ids; a person may be in several, "
    "and no list says who: keep the three on one side of a claim about an unseen site, or state this"
)


def cdr(table: Table, index: int, column: str) -> float:
    """Clinical dementia rating of a row; NaN where it is missing.

    Raises
    ------
    UserError
        For a value that the rating does not have.
    """
    value = decimal(table, index, column, CDR[0], CDR[-1])
    if value == value and value not in CDR:
        raise complaint(table, index, column, f"it must be one of {', '.join(f'{each:g}' for each in CDR)}, or empty")
    return value


def from_cdr(value: float) -> str:
    """``CN`` for 0, ``AD`` above, "" for NaN."""
    if value != value:
        return ""
    return "AD" if value > 0 else "CN"
