"""Rows of LONI collection and advanced-search tables, one an image."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.prepare.importers import normalise
from benchmark.prepare.importers.record import Import
from benchmark.prepare.importers.tables import Row, read_table

_IMAGE = re.compile(r"I?0*(\d+)(?:\.0)?", re.IGNORECASE)
#: Columns under their names in either table, by attributes of :class:`Listed`. Without the first ones an image could be
#: neither assigned nor chosen; the others may be unticked in an export.
_NEEDED = {
    "subject": ("Subject", "Subject ID"),
    "description": ("Description",),
    "group": ("Group", "Research Group"),
}
_OPTIONAL = {"kind": "Type", "sex": "Sex", "visit": "Visit", "modality": "Modality", "phase": "Phase"}


@dataclass(frozen=True)
class Listed:
    """What the tables say of an image; "" or NaN where they say nothing.

    ``image`` are the digits of its identifier, ``kind`` is the column ``Type``, ``protocol`` has the column ``Imaging
    Protocol`` by its keys in lower case, and ``place`` is file and line. The advanced search has the ``age`` with
    decimals, the collection the ``whole_age`` without.
    """

    image: str
    subject: str
    place: str
    group: str = ""
    sex: str = ""
    age: float = math.nan
    whole_age: float = math.nan
    visit: str = ""
    modality: str = ""
    description: str = ""
    kind: str = ""
    phase: str = ""
    date: datetime.date | None = None
    protocol: dict[str, str] = field(default_factory=dict)


def read_listed(collection: Path | None, search: Path | None, found: Import) -> dict[str, Listed]:
    """Rows of both tables by image identifier, in their order; the search comes first where both have a value.

    The collection (``<CollectionName>_<M>_<DD>_<YYYY>.csv``) comes with a download, the search
    (``idaSearch_<M>_<DD>_<YYYY>.csv``) is written by the advanced search; one of them must be given. What was found
    gets rows of images that are listed before, and what the tables contradict each other in.
    """
    if collection is None and search is None:
        raise UserError("no table of the images is given; give --collection, --search or both")
    listed = {} if search is None else _read(search, "age", found)
    for image, other in ({} if collection is None else _read(collection, "whole_age", found)).items():
        listed[image] = _joined(listed[image], other, found.ambiguous) if image in listed else other
    return listed


def day_of(row: Row, column: str) -> datetime.date | None:
    """Date of a cell; None where it is missing, an error for a value that is no date."""
    value = row[column]
    found = normalise.date(value)
    if found is None and not normalise.missing(value):
        raise row.complaint(
            column, "it must be a date such as 3/20/2015 (month first), 2015-03-20 or 20-Mar-2015, or empty"
        )
    return found


def _read(path: Path, age_is: str, found: Import) -> dict[str, Listed]:
    table = read_table(path)
    image_column = table.column("Image Data ID", "Image ID", "Image Data")
    needed = {name: table.column(*columns) for name, columns in _NEEDED.items()}
    day, age = table.column("Acq Date", "Study Date"), table.column("Age")
    listed: dict[str, Listed] = {}
    for row in table.rows:
        place = f"{path.name}:{row.line}"
        named = _IMAGE.fullmatch(row[image_column])
        if named is None:
            raise row.complaint(image_column, "it must be digits, with or without an I before them")
        image = named[1]
        if image in listed:
            found.leave_out(f"{place} I{image}", "row of an image that the table lists before")
            continue
        values: dict[str, Any] = {name: row[column] for name, column in needed.items()}
        values |= {name: row.get(column) for name, column in _OPTIONAL.items()}
        values |= {age_is: row.age(age), "date": day_of(row, day)}
        pairs = (part.partition("=") for part in row.get("Imaging Protocol").split(";"))
        protocol = {key.strip().casefold(): value.strip() for key, _, value in pairs if value.strip()}
        listed[image] = Listed(image=image, place=place, protocol=protocol, **values)
    return listed


def _joined(first: Listed, second: Listed, notes: list[str]) -> Listed:
    if first.subject != second.subject:
        raise UserError(
            f"{second.place}: image I{second.image} is of subject '{second.subject}', in {first.place} of "
            f"'{first.subject}'; the tables must be of one download"
        )
    for name in ("group", "sex", "date"):
        mine, other = getattr(first, name), getattr(second, name)
        if mine and other and mine != other:
            notes.append(
                f"search and collection state different values of '{name}' for an image: the search's is taken"
            )
    texts = ("group", "sex", "visit", "modality", "description", "kind", "phase", "date", "protocol")
    filled = {name: getattr(first, name) or getattr(second, name) for name in texts}
    return replace(first, whole_age=second.whole_age, **filled)
