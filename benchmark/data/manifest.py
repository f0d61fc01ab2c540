"""Per-site CSV manifests: read and checked in one go, every problem of every file reported at once."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmark.data.manifest_checks import ManifestProblem, Row, check_collection
from benchmark.data.plain_text import NotTextError, text_of
from benchmark.data.schema import ADDED, OPTIONAL, REQUIRED, RULES, nearest
from benchmark.errors import UserError

#: Problems that an error message lists; the rest are counted.
MOST_SHOWN = 50


class ManifestError(UserError):
    """All problems of a collection of manifests, a line each.

    Attributes
    ----------
    problems
        In the order of the files as given, and of their lines.
    """

    def __init__(self, problems: Sequence[ManifestProblem]) -> None:
        self.problems = list(problems)
        shown = [str(problem) for problem in self.problems[:MOST_SHOWN]]
        if len(self.problems) > MOST_SHOWN:
            shown.append(f"... and {len(self.problems) - MOST_SHOWN} more problems")
        super().__init__("\n".join(shown))


def read_manifests(paths: Sequence[Path], data_root: Path | None = None, check_images: bool = True) -> pd.DataFrame:
    """Read and check manifests, one a site.

    Parameters
    ----------
    paths
        CSV files, UTF-8. Their order is kept, for the home site of subjects that are in several.
    data_root
        Folder that image and mask paths may be relative to; the manifest's own folder is tried first.
    check_images
        Whether image and mask files must exist.

    Returns
    -------
    pandas.DataFrame
        One row per scan, sorted by ``scan_key`` (site/subject/session). Every column of the manifests as text, ""
        where unknown, but ``age`` in years and ``field_strength`` in tesla as floats, NaN where unknown. ``image``
        and ``mask`` are absolute paths. ``manifest``, ``line`` (from 1) and ``manifest_order`` (from 0) say where
        a row is from.

    Raises
    ------
    ManifestError
        With every problem of every file.
    """
    if not paths:
        raise UserError("no manifest is given; give one CSV file per site")
    problems: list[ManifestProblem] = []
    rows: list[Row] = []
    for order, path in enumerate(paths):
        if path.resolve() in [each.resolve() for each in paths[:order]]:
            problems.append(ManifestProblem(path, 0, "", "this manifest is given twice"))
        else:
            rows += _read(path, order, problems)
    for row in rows:
        texts = {
            column: rule.complaint(column, row.values[column]) for column, rule in RULES.items() if column in row.values
        }
        problems += [row.problem(column, text) for column, text in texts.items() if text]
    more = [] if data_root is None else [str(data_root.absolute())]
    roots = {path: [str(path.parent.absolute()), *more] for path in paths}
    located = [_located(row, roots[row.file], check_images, problems) for row in rows]
    problems += check_collection(located)
    if problems:
        place = {path: order for order, path in reversed(list(enumerate(paths)))}
        raise ManifestError(sorted(problems, key=lambda problem: (place[problem.file], problem.line)))
    return _table(located)


def _read(path: Path, order: int, problems: list[ManifestProblem]) -> list[Row]:
    def say(line: int, column: str, message: str) -> None:
        problems.append(ManifestProblem(path, line, column, message))

    try:
        text = text_of(path.read_bytes())
    except NotTextError as error:
        say(error.line, "", str(error))
        return []
    except OSError as error:
        say(0, "", f"cannot be read: {error.strerror}")
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    rows: list[Row] = []
    known = len(problems)
    start = 1
    try:
        for fields in reader:
            # A quoted field may span lines; a row is where it starts.
            line, start = start, reader.line_num + 1
            if not any(fields):
                continue
            if not header:
                header = fields
                for column, message in _header_complaints(header):
                    say(line, column, message)
                if len(problems) > known:
                    return []
            elif len(fields) != len(header):
                say(line, "", f"has {len(fields)} fields, the header has {len(header)}")
            else:
                rows.append(Row(path, order, line, dict(zip(header, fields, strict=True))))
    except csv.Error as error:
        say(start, "", f"is no line of a CSV file: {error}")
    if not header:
        say(0, "", f"is empty; its first line must name the columns {', '.join(REQUIRED)}")
    elif not rows and len(problems) == known:
        say(0, "", "has a header but no scan")
    return rows


def _header_complaints(header: list[str]) -> list[tuple[str, str]]:
    complaints = []
    unknown = tuple(name for name in header if name not in (*REQUIRED, *OPTIONAL))
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        return [("", "has no comma; columns must be separated by commas")]
    if not set(header) & set(REQUIRED):
        return [("", f"names none of the columns that are required: {', '.join(REQUIRED)}")]
    for name in REQUIRED:
        if name not in header:
            similar = nearest(name, unknown)
            hint = f" (is {similar!r} meant to be it?)" if similar else ""
            complaints.append((name, f"is missing{hint}; required are {', '.join(REQUIRED)}"))
    for name in OPTIONAL:
        similar = next((each for each in unknown if each.strip().casefold() == name), "")
        if similar and name not in header:
            complaints.append((similar, f"is not read; write it '{name}'"))
    for number, name in enumerate(header, start=1):
        if name.strip() == "":
            complaints.append(("", f"column {number} has no name"))
        elif name in ADDED:
            complaints.append((name, "is a name that the reader uses itself; rename the column"))
        elif header.index(name) == number - 1 and header.count(name) > 1:
            complaints.append((name, f"stands {header.count(name)} times in the header"))
    return complaints


def _located(row: Row, roots: Sequence[str], check: bool, problems: list[ManifestProblem]) -> Row:
    """The row with absolute paths of image and mask, which may be relative to any of the roots."""
    values = dict(row.values)
    for column in ("image", "mask"):
        value = values.get(column, "")
        if value == "" or "\0" in value:
            continue
        # An absolute path replaces its root when it is joined to one.
        tried = list(dict.fromkeys(str(Path(root, value)) for root in roots))
        there = next((path for path in tried if os.path.exists(path)), None)  # noqa: PTH110 (100,000 rows in seconds)
        values[column] = there or tried[-1]
        if check and there is None:
            problems.append(row.problem(column, f"{value!r} is not there; tried {' and '.join(tried)}"))
        elif check and there is not None and not os.path.isfile(there):  # noqa: PTH113
            text = f"{value!r} is a folder, as of DICOM; run 'seada-bench preprocess' first"
            problems.append(row.problem(column, text))
    return replace(row, values=values)


def _table(rows: list[Row]) -> pd.DataFrame:
    columns = list(dict.fromkeys((*REQUIRED, *OPTIONAL, *(name for row in rows for name in row.values))))
    table = pd.DataFrame({name: [row.values.get(name, "") for row in rows] for name in columns}, dtype=object)
    for name in ("age", "field_strength"):
        table[name] = [float(value) if value else float("nan") for value in table[name]]
    table.insert(0, "scan_key", [row.key for row in rows])
    table["manifest"] = [str(row.file) for row in rows]
    table["line"] = [row.line for row in rows]
    table["manifest_order"] = [row.order for row in rows]
    return table.sort_values("scan_key", ignore_index=True)
