"""`seada-bench tables`: every table of a results folder as Markdown, CSV, LaTeX and one HTML page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.data.atomic import atomic_path
from benchmark.errors import UserError
from benchmark.folders import make_writable
from benchmark.report.about import About
from benchmark.report.blocks import Block
from benchmark.report.latex import latex
from benchmark.report.page.added import AddedInput
from benchmark.report.page.added import added as make_added
from benchmark.report.page.examples import ExampleInput
from benchmark.report.page.examples import examples as make_examples
from benchmark.report.page.leaderboard import render_leaderboard
from benchmark.report.page.page import render_page
from benchmark.report.statistics.stored import TABLES, stored_comparisons, stored_statistics, table_path
from benchmark.report.tables import table_files
from benchmark.report.ties import with_ties
from benchmark.report.wide_tables import wide_tables
from benchmark.results.read import StoredResults, read_results

#: The page's file.
PAGE = "report.html"

#: The file of the page over several results folders.
INDEX = "index.html"

#: Says which files of the folder were written here, by digest.
RECORD = "tables.json"

_WRITER = "seada-bench tables"


def write_all(
    results: Path,
    out: Path,
    *,
    examples: Sequence[ExampleInput] = (),
    added: Sequence[AddedInput] = (),
    statistics: Sequence[Block] = (),
    figures: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write all views on the scores of a results folder; equal input gives equal bytes.

    The files are the wide tables as ``.md``, ``.csv`` and ``.tex``, ``retrieval_by_site.csv``, ``report.html``, and
    ``tables.json`` with the SHA-256 of each. Nothing is written before all of them are made and
    may be written. A file that is there already is replaced only if it is the one that ``tables.json`` records,
    unchanged, or if it has the same content anyway.

    Parameters
    ----------
    results
        Folder with ``scores.parquet`` or ``scores.csv``, and ``provenance.json`` and ``statistics_intervals.csv`` where
        there are.
    out
        Folder to write to; made where missing.
    examples
        What example retrievals are made from (:class:`benchmark.report.page.examples.ExampleInput`).
    added
        What methods add to the scans of each site (:class:`benchmark.report.page.added.AddedInput`).
    statistics
        Statistics between methods that the page shows.
    figures
        SVG files by title that the page shows.
    overwrite
        Replace whatever has the name of a file that is written.

    Returns
    -------
    list of Path
        The files, in the order of their names.

    Raises
    ------
    UserError
        If the results cannot be read, hold no score or one twice, or a file that was not written here is in the way.
    """
    read = read_results(results)
    if read.scores.empty:
        raise UserError(f"{results}: the scores hold no row, so there is nothing to show")
    about = About.of(read.provenance)
    wide = wide_tables(read.scores, about)
    contents = table_files(read.scores, wide, about)
    wide = with_ties(wide, stored_comparisons(results), about.shared_subjects)
    contents |= {f"{table.name}.tex": latex(table).encode() for table in wide}
    shown = make_examples(examples) if examples else None
    intervals = stored_statistics(results, "intervals")
    downloads = {name: content for name, content in contents.items() if name.endswith(".csv")}
    downloads |= {path.name: path.read_bytes() for name in TABLES if (path := table_path(results, name)).is_file()}
    contents[PAGE] = render_page(
        read, wide, shown, make_added(added), statistics, figures, intervals, downloads
    ).encode()
    digests = {name: _digest(content) for name, content in sorted(contents.items())}
    contents[RECORD] = (json.dumps({"written_by": _WRITER, "sha256": digests}, indent=1) + "\n").encode()
    if not overwrite:
        _check_free(out, contents)
    return _written(out, contents)


def write_leaderboard(
    results: Mapping[str, StoredResults],
    out: Path,
    reports: Mapping[str, str] | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """Write the index page over several results folders, ``index.html``; equal input gives equal bytes.

    A file that is there already is replaced only if it begins as such a page does.

    Parameters
    ----------
    results
        By the name of the folder (:func:`benchmark.report.page.leaderboard.names_of`), in the order of the page.
    out
        Folder to write to; made where missing.
    reports
        Paths of their reports by the same names, relative to ``out``.
    overwrite
        Replace whatever has the name of the page.

    Raises
    ------
    UserError
        If results cannot be shown, or a file that was not written here is in the way.
    """
    path, content = out / INDEX, render_leaderboard(results, reports).encode()
    start = content[: content.index(b"<html")]
    if not overwrite and path.exists() and not (path.is_file() and path.read_bytes().startswith(start)):
        raise UserError(f"{path}: is there already and was not written by this command; name another folder")
    _written(out, {INDEX: content})
    return path


def _check_free(out: Path, contents: Mapping[str, bytes]) -> None:
    recorded = _recorded(out)
    for name, content in sorted(contents.items()):
        path = out / name
        if not path.exists() and not path.is_symlink():
            continue
        there = path.read_bytes() if path.is_file() else None
        if there is None or (there != content and recorded.get(name) != _digest(there)):
            raise UserError(
                f"{path}: is there already and was not written by this command, or was changed since; remove it, "
                "name another folder, or allow overwriting"
            )


def _recorded(out: Path) -> dict[str, str]:
    path = out / RECORD
    try:
        content = path.read_bytes()
        found = json.loads(content)
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict) or found.get("written_by") != _WRITER or not isinstance(found.get("sha256"), dict):
        return {}
    return {**found["sha256"], RECORD: _digest(content)}


def _written(out: Path, contents: Mapping[str, bytes]) -> list[Path]:
    make_writable(out, "out")
    for name, content in sorted(contents.items()):
        with atomic_path(out / name) as temporary:
            temporary.write_bytes(content)
    return [out / name for name in sorted(contents)]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
