"""Rows of LONI collection and advanced-search tables, one an image."""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmark.errors import UserError
from benchmark.prepare.importers.cells import complaint, decimal
from benchmark.prepare.importers.loni import Found, Tree
from benchmark.prepare.importers.normalise import date, missing
from benchmark.prepare.importers.record import LeftOut
from benchmark.prepare.importers.tables import Table, read_table

_IMAGE = re.compile(r"I?0*(\d+)(?:\.0)?", re.IGNORECASE)
_DATES = "such as 3/20/2015 (month first), 2015-03-20 or 20-Mar-2015"


@dataclass(frozen=True)
class Row:
    """What the tables say of an image; "" where they say nothing.

    Attributes
    ----------
    image_id
        Digits, without the ``I``.
    subject, group, sex, visit, modality, description, kind, phase
        As in the table; ``kind`` is its column ``Type``.
    age
        Years with decimals, from the advanced search; NaN where unknown.
    whole_age
        Years as the collection has them, without decimals; NaN where unknown.
    date
        Day of the scan.
    protocol
        Column ``Imaging Protocol`` by its keys in lower case.
    place
        File and line.
    """

    image_id: str
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


def read_rows(
    collection: Path | None, search: Path | None, left_out: list[LeftOut], notes: list[str]
) -> dict[str, Row]:
    """Rows of both tables, joined by image identifier; the search comes first where both have a value.

    Parameters
    ----------
    collection
        ``<CollectionName>_<M>_<DD>_<YYYY>.csv``, which comes with a download.
    search
        ``idaSearch_<M>_<DD>_<YYYY>.csv``, which the advanced search writes.
    left_out
        Gets rows of images that are listed before.
    notes
        Gets what the tables contradict each other in.

    Returns
    -------
    dict
        By image identifier, in the order of the tables.

    Raises
    ------
    UserError
        If neither is given, or one cannot be used.
    """
    if collection is None and search is None:
        raise UserError("no table of the images is given; give --collection, --search or both")
    rows = {} if search is None else _read(search, True, left_out)
    for image, row in ({} if collection is None else _read(collection, False, left_out)).items():
        rows[image] = _joined(rows[image], row, notes) if image in rows else row
    return rows


def match(
    tree: Tree, rows: dict[str, Row], left_out: list[LeftOut], notes: list[str]
) -> list[tuple[Found, Row, datetime.date]]:
    """Images that are both in the tree and listed, with the day of the scan, in the order of the tables.

    Parameters
    ----------
    tree, rows
        Of the download.
    left_out
        Gets images that no table lists, rows without a file, and images of which subject or day are in doubt.
    notes
        Gets images of which folder and table state different days.
    """
    matched = []
    for image, found in tree.images.items():
        if image not in rows:
            left_out.append(LeftOut(found.shown, "no table lists the image"))
    for image, row in rows.items():
        found_image = tree.images.get(image)
        if found_image is None:
            left_out.append(LeftOut(f"{row.place} I{image}", "listed, but its file is not in the download"))
        elif f"_{row.subject}_" not in found_image.name:
            left_out.append(LeftOut(found_image.shown, "file name and table name different subjects"))
        else:
            day = found_image.date or row.date
            if day is None:
                left_out.append(LeftOut(found_image.shown, "day of the scan is unknown"))
                continue
            if row.date not in (None, day):
                notes.append("folder and table state different days of a scan: the folder's is taken")
            matched.append((found_image, row, day))
    return matched


def day_of(table: Table, index: int, column: str) -> datetime.date | None:
    """Date of a cell, its row counted from 0; None where it is missing.

    Raises
    ------
    UserError
        For a value that is no date.
    """
    value = table.rows[index][column]
    found = date(value)
    if found is None and not missing(value):
        raise complaint(table, index, column, f"it must be a date {_DATES}, or empty")
    return found


def protocol_of(text: str) -> dict[str, str]:
    """Keys in lower case and values of ``key=value`` joined by ``;``, in any order."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {key.strip().casefold(): value.strip() for key, _, value in pairs if value.strip()}


def _read(path: Path, search: bool, left_out: list[LeftOut]) -> dict[str, Row]:
    table = read_table(path)
    image_column = table.column("Image Data ID", "Image ID", "Image Data")
    # Without these an image could be neither assigned nor chosen; the others may be unticked in an export.
    subject, description = table.column("Subject", "Subject ID"), table.column("Description")
    group, day = table.column("Group", "Research Group"), table.column("Acq Date", "Study Date")
    age, kind = table.column("Age"), table.find("Type")
    others = {name: table.find(name) for name in ("Sex", "Visit", "Modality", "Phase", "Imaging Protocol")}
    rows: dict[str, Row] = {}
    for index, values in enumerate(table.rows):
        texts = {name: values[column] if column else "" for name, column in others.items()}
        place = f"{path.name}:{table.lines[index]}"
        image = _image(table, index, image_column)
        if image in rows:
            left_out.append(LeftOut(f"{place} I{image}", "row of an image that the table lists before"))
            continue
        years = decimal(table, index, age, 0, 120)
        rows[image] = Row(
            image_id=image,
            subject=values[subject],
            place=place,
            group=values[group],
            sex=texts["Sex"],
            age=years if search else math.nan,
            whole_age=math.nan if search else years,
            visit=texts["Visit"],
            modality=texts["Modality"],
            description=values[description],
            kind=values[kind] if kind else "",
            phase=texts["Phase"],
            date=day_of(table, index, day),
            protocol=protocol_of(texts["Imaging Protocol"]),
        )
    return rows


def _image(table: Table, index: int, column: str) -> str:
    found = _IMAGE.fullmatch(table.rows[index][column])
    if found is None:
        raise complaint(table, index, column, "it must be digits, with or without an I before them")
    return found[1]


def _joined(first: Row, second: Row, notes: list[str]) -> Row:
    if first.subject != second.subject:
        raise UserError(
            f"{second.place}: image I{second.image_id} is of subject '{second.subject}', in {first.place} of "
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
