"""What a manifest may hold: columns, allowed values and how each is checked."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

REQUIRED = ("subject_id", "session_id", "image", "site", "diagnosis", "age", "sex")
OPTIONAL = ("mask", "scanner_manufacturer", "scanner_model", "field_strength", "sha256", "split")
#: Columns that the reader adds to the scans table.
ADDED = ("scan_key", "manifest", "line", "manifest_order", "site_code")
DIAGNOSES = ("CN", "MCI", "AD", "PD", "SWEDD", "PRODROMAL", "OTHER")
SEXES = ("F", "M")
SPLITS = ("train", "val", "test")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
#: Site names become file names and rows of tables, identifiers parts of scan keys.
_SITE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9._-])?")
_IDENTIFIER = re.compile(r"(?!\.{1,2}$)[^/\\\x00-\x1f\x7f]+")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Rule:
    """What one column allows.

    Attributes
    ----------
    allows
        Whether a value that isn't empty is allowed.
    allowed
        The allowed values in words.
    empty
        Whether the value may be left out.
    choices
        The allowed values, if they are few; the nearest is offered for a mistyped one.
    """

    allows: Callable[[str], bool]
    allowed: str
    empty: bool = True
    choices: tuple[str, ...] = ()

    def complaint(self, column: str, value: str) -> str:
        """What is wrong with a value, or "" if nothing is."""
        if value == "":
            return "" if self.empty else f"is empty; {column} must be {self.allowed}"
        if value != value.strip():
            return f"{value!r} has a space at its start or end; remove it"
        if self.allows(value):
            return ""
        shown = value if _NUMBER.fullmatch(value) else repr(value)
        allowed = f"{self.allowed}, or empty" if self.empty else self.allowed
        similar = nearest(value, self.choices)
        hint = f" (did you mean {similar}?)" if similar else ""
        return f"{shown} is not allowed{hint}; {column} must be {allowed}"


def nearest(value: str, choices: tuple[str, ...]) -> str:
    """The choice that a mistyped value resembles most, whatever its case; "" if none does."""
    folded = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(value.casefold().strip(), list(folded), n=1)
    return folded[found[0]] if found else ""


def _number(fits: Callable[[float], bool]) -> Callable[[str], bool]:
    # float() alone would take "nan", "1_0" and digits of other scripts.
    return lambda value: _NUMBER.fullmatch(value) is not None and math.isfinite(float(value)) and fits(float(value))


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: pattern.fullmatch(value) is not None


def _choice(*choices: str) -> Rule:
    return Rule(choices.__contains__, f"one of {', '.join(choices)}", choices=choices)


_NAME = Rule(_matches(_IDENTIFIER), "a name without '/', '\\' and control characters, and not '.' or '..'", empty=False)

#: Rule of each column that has one; scanner names and extra columns are free text.
RULES = {
    "subject_id": _NAME,
    "session_id": _NAME,
    "image": Rule(lambda value: "\0" not in value, "the path of an image file", empty=False),
    "site": Rule(
        _matches(_SITE),
        "a name of letters, digits, spaces, '.', '_' and '-' that starts with one of the first two",
        empty=False,
    ),
    "diagnosis": _choice(*DIAGNOSES),
    "age": Rule(_number(lambda years: 0 <= years <= 120), "a number of years in [0, 120]"),
    "sex": _choice(*SEXES),
    "mask": Rule(lambda value: "\0" not in value, "the path of a mask file"),
    "field_strength": Rule(_number(lambda tesla: 0 < tesla <= 20), "a number of tesla in (0, 20]"),
    "sha256": Rule(_matches(_SHA256), "64 hexadecimal digits"),
    "split": _choice(*SPLITS),
}
