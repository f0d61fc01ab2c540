"""What the rows of a collection of manifests must have in common, and what must differ."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One line of a manifest.

    Attributes
    ----------
    file, order
        The manifest, and its place among those given.
    line
        Where the row starts, counted from 1.
    values
        By column, as written.
    """

    file: Path
    order: int
    line: int
    values: dict[str, str]

    @property
    def key(self) -> str:
        """Site, subject and session: the identity of a scan."""
        return "/".join(self.values[column] for column in ("site", "subject_id", "session_id"))

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"


#: What is wrong: row, column and message.
Problems = list[tuple[Row, str, str]]


def check_collection(rows: list[Row], problems: Problems) -> None:
    """Add what is wrong between rows: sites, scans or images that are there twice, subjects that contradict.

    Parameters
    ----------
    rows
        Of all manifests, with absolute image paths.
    problems
        Is extended.
    """
    _check_sites(rows, problems)
    _check_unique(rows, problems)
    for column, why in (("sex", "one person has one sex"), ("split", "a subject is in one split")):
        _check_same(rows, column, why, problems)


def _check_sites(rows: list[Row], problems: Problems) -> None:
    first_of_file: dict[Path, Row] = {}
    first_of_site: dict[str, Row] = {}
    told: set[tuple[Path, str]] = set()
    for row in rows:
        site = row.values["site"]
        expected = first_of_file.setdefault(row.file, row).values["site"]
        if not site or (row.file, site) in told:
            continue
        told.add((row.file, site))
        if site != expected:
            problems.append((row, "site", f"{site!r} in a manifest of site {expected!r}; write one manifest a site"))
            continue
        # Sites become file names, and some file systems don't tell A from a.
        owner = first_of_site.setdefault(site.casefold(), row)
        if owner.file != row.file:
            other = owner.values["site"]
            problems.append((row, "site", f"{site!r} is the site of {owner.file} too ({other!r}); give each its own"))


def _check_unique(rows: list[Row], problems: Problems) -> None:
    scans: dict[str, Row] = {}
    images: dict[str, Row] = {}
    folders: dict[str, str] = {}
    for row in rows:
        named = all(row.values[column] for column in ("site", "subject_id", "session_id"))
        first = scans.setdefault(row.key, row) if named else row
        if first is not row:
            text = f"scan {row.key!r} (site/subject/session) is already in {first.place}"
            problems.append((row, "session_id", text))
        image = row.values["image"]
        if not image or "\0" in image:
            continue
        if image == row.values.get("mask"):
            problems.append((row, "mask", f"{image!r} is the image itself"))
        same = images.setdefault(_resolved(image, folders), row)
        if same is not row and first is row:
            problems.append((row, "image", f"{image!r} is already the image of {same.place}"))


def _resolved(image: str, folders: dict[str, str]) -> str:
    """Path without links, so that a link to an image counts as the image; folders are resolved once each."""
    folder, name = os.path.split(image)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    path = os.path.join(folders[folder], name)  # noqa: PTH118 (100,000 rows in seconds)
    return os.path.realpath(path) if name in ("", ".", "..") or os.path.islink(path) else path  # noqa: PTH114


def _check_same(rows: list[Row], column: str, why: str, problems: Problems) -> None:
    known: dict[str, Row] = {}
    for row in rows:
        subject, value = row.values["subject_id"], row.values.get(column, "")
        if not value or not subject:
            continue
        first = known.setdefault(subject, row)
        if first.values[column] != value:
            text = f"subject {subject!r} is {value!r} here and {first.values[column]!r} in {first.place}; {why}"
            problems.append((row, column, text))
