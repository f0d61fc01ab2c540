"""One way of writing for what archives write in many: sex, manufacturer, field strength, dates."""

from __future__ import annotations

import datetime
import math
import re

#: Words that archives use for a value that is missing.
MISSING = frozenset({"", ".", "-4", "-1", "na", "n/a", "nan", "none", "null", "unknown", "?", "q"})

_SEX = {"f": "F", "female": "F", "w": "F", "m": "M", "male": "M"}
_MANUFACTURERS = (
    ("siemens", "Siemens"),
    ("ge medical", "GE"),
    ("general electric", "GE"),
    ("philips", "Philips"),
    ("toshiba", "Canon"),
    ("canon", "Canon"),
    ("hitachi", "Hitachi"),
)
#: Field strengths in tesla that scanners of people have; what headers state is near one of them.
_STRENGTHS = (0.2, 0.35, 0.5, 0.7, 1.0, 1.16, 1.5, 2.9, 3.0, 4.0, 4.7, 7.0, 9.4)
_FORMATS = ("%m/%d/%Y", "%Y-%m-%d", "%d-%b-%Y", "%d%b%Y", "%Y%m%d", "%Y/%m/%d", "%m/%d/%y", "%b %d, %Y")
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+")
#: float() alone would take "1_0", and digits of other scripts.
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)

DAYS_PER_YEAR = 365.25
#: Years of birth and of scans.
FIRST_YEAR, LAST_YEAR = 1880, 2100


def missing(text: str) -> bool:
    """Whether a text says that there is no value."""
    return text.strip().casefold() in MISSING


def folded(text: str) -> str:
    """Words in small letters, without possessive s, punctuation and runs of spaces."""
    plain = re.sub(r"['’]s\b", "", text.casefold())
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain).split())


def sex(text: str) -> str:
    """``F``, ``M``, or "" for anything else, of a letter or a word."""
    return _SEX.get(text.strip().casefold(), "")


def manufacturer(text: str) -> str:
    """``Siemens``, ``GE``, ``Philips``, ``Canon`` or ``Hitachi``; other names as they are, "" where missing."""
    value = " ".join(text.split())
    if missing(value):
        return ""
    folded = value.casefold()
    if folded == "ge":
        return "GE"
    return next((name for start, name in _MANUFACTURERS if folded.startswith(start)), value)


def model(text: str) -> str:
    """A scanner model without runs of spaces and underscores; "" where missing."""
    value = " ".join(text.replace("_", " ").split())
    return "" if missing(value) else value


def field_strength(text: str) -> float:
    """Tesla from texts such as ``3.0``, ``1.494``, ``3 Tesla MRI``, ``15000`` (gauss); NaN where there is none."""
    found = _NUMBER.search(text)
    if missing(text) or found is None:
        return math.nan
    value = float(found[0])
    value = value / 10_000 if value >= 1000 else value
    near = min(_STRENGTHS, key=lambda tesla: abs(tesla - value))
    return near if abs(near - value) <= 0.05 * near else value


def tesla(value: float) -> str:
    """A field strength as text; "" where unknown."""
    return "" if math.isnan(value) else f"{value:g}"


def date(text: str) -> datetime.date | None:
    """Date from ``M/D/YYYY``, ``YYYY-MM-DD``, ``DD-Mon-YYYY``, ``YYYYMMDD`` and their kin; None where there is none.

    Numbers with slashes are month first, as the archives write them.
    """
    value = text.strip().split("T")[0]
    value = value.split(" ")[0] if re.match(r"\d", value) and "," not in value else value
    for form in _FORMATS:
        try:
            found = datetime.datetime.strptime(value, form).date()
        except ValueError:
            continue
        # "999999" is read as a day of the year 9999.
        return found if FIRST_YEAR <= found.year <= LAST_YEAR else None
    return None


def years_between(first: datetime.date, second: datetime.date) -> float:
    """Years from one date to another, a year being 365.25 days."""
    return (second - first).days / DAYS_PER_YEAR


def number(text: str) -> float:
    """A number; NaN where the text is missing or none."""
    return math.nan if missing(text) or not _DECIMAL.fullmatch(text) else float(text)
