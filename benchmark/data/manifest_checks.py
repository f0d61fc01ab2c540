"""What the rows of a collection of manifests must have in common, and what must differ."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ManifestProblem:
    """One thing that is wrong, and where.

    Attributes
    ----------
    file
        The manifest.
    line
        Its line, counted from 1; 0 for the file as a whole.
    column
        The column, or "".
    message
        The value and what is allowed.
    """

    file: Path
    line: int
    column: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        text = f"{where}: column '{self.column}': {self.message}" if self.column else f"{where}: {self.message}"
        # One line a problem, whatever a broken file holds.
        return "".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in text)


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

    def problem(self, column: str, message: str) -> ManifestProblem:
        """What is wrong with one of its values."""
        return ManifestProblem(self.file, self.line, column, message)


def check_collection(rows: list[Row]) -> Iterator[ManifestProblem]:
    """What is wrong between rows: sites, scans or images that are there twice, subjects that contradict.

    Parameters
    ----------
    rows
        Of all manifests, with absolute image paths.
    """
    yield from _check_sites(rows)
    yield from _check_unique(rows)
    for column, why in (("sex", "one person has one sex"), ("split", "a subject is in one split")):
        yield from _check_same(rows, column, why)


def _check_sites(rows: list[Row]) -> Iterator[ManifestProblem]:
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
            yield row.problem("site", f"{site!r} in a manifest of site {expected!r}; write one manifest a site")
            continue
        # Sites become file names, and some file systems don't tell A from a.
        owner = first_of_site.setdefault(site.casefold(), row)
        if owner.file != row.file:
            other = owner.values["site"]
            yield row.problem("site", f"{site!r} is the site of {owner.file} too ({other!r}); give each its own")


def _check_unique(rows: list[Row]) -> Iterator[ManifestProblem]:
    scans: dict[str, Row] = {}
    images: dict[str, Row] = {}
    folders: dict[str, str] = {}
    for row in rows:
        named = all(row.values[column] for column in ("site", "subject_id", "session_id"))
        first = scans.setdefault(row.key, row) if named else row
        if first is not row:
            text = f"scan {row.key!r} (site/subject/session) is already in {first.place}"
            yield row.problem("session_id", text)
        image = row.values["image"]
        if not image or "\0" in image:
            continue
        if image == row.values.get("mask"):
            yield row.problem("mask", f"{image!r} is the image itself")
        same = images.setdefault(_resolved(image, folders), row)
        if same is not row and first is row:
            yield row.problem("image", f"{image!r} is already the image of {same.place}")


def _resolved(image: str, folders: dict[str, str]) -> str:
    """Path without links, so that a link to an image counts as the image; folders are resolved once each."""
    folder, name = os.path.split(image)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    path = os.path.join(folders[folder], name)  # noqa: PTH118 (100,000 rows in seconds)
    return os.path.realpath(path) if name in ("", ".", "..") or os.path.islink(path) else path  # noqa: PTH114


def _check_same(rows: list[Row], column: str, why: str) -> Iterator[ManifestProblem]:
    known: dict[str, Row] = {}
    for row in rows:
        subject, value = row.values["subject_id"], row.values.get(column, "")
        if not value or not subject:
            continue
        first = known.setdefault(subject, row)
        if first.values[column] != value:
            text = f"subject {subject!r} is {value!r} here and {first.values[column]!r} in {first.place}; {why}"
            yield row.problem(column, text)
