"""`seada-bench search`: the scans of an index that are most similar to a query."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from benchmark.commands.terminal import say
from benchmark.errors import UserError
from benchmark.folders import check_are_there, check_can_be_made, check_is_index
from benchmark.parsing import Parser, at_least_one


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    options = _parser().parse_args(args)
    _check(options)

    from benchmark.search.filters import Filter

    condition = Filter(options.filter) if options.filter else None

    from benchmark.data.atomic import atomic_path
    from benchmark.plugins import use_plugins
    from benchmark.search.index import Index
    from benchmark.search.output import as_csv, as_json, as_text
    from benchmark.search.own_model import description_of
    from benchmark.search.query import Searcher, Wanted, query_of_scan

    use_plugins(options.plugins)
    index = Index(options.index)
    if options.approximate and not any(segment.recall for segment in index.state.segments):
        raise UserError(
            f"--approximate: {options.index} has no graph; 'seada-bench index compact --approximate' builds it"
        )
    description = description_of(options.index, index)
    wanted = Wanted(options.k, condition, options.exclude_site, options.one_per_subject, options.approximate)
    if options.scans:
        queries = [query_of_scan(index, key) for key in options.scans]
    else:
        # These load the libraries that embed, which take the longest.
        from benchmark.search.archive import model_of
        from benchmark.search.query_images import query_images

        given = {name: options[name] for name in ("masks", "sites", "ages", "sexes", "subjects")}
        model = model_of(options.index, index, options.trust)
        how = {name: options[name] for name in ("raw", "processes", "force")}
        queries = query_images(model, index, options.images, **given, **how, progress=sys.stderr.isatty())
    searcher = Searcher(index)
    answers = [searcher.answer(query, wanted) for query in queries]
    if options.out is None:
        say(as_text(answers, description))
        return 0
    text = as_csv(answers) if options.out.suffix == ".csv" else as_json(answers, description)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(options.out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    say(f"{options.out}: {sum(len(answer.hits) for answer in answers)} hits of {len(answers)} queries")
    return 0


def _parser() -> Parser:
    parser = Parser("search", "Find the scans of an index that are most similar to a query; see docs/search.md.")
    parser.add_argument(
        "images", type=Path, nargs="*", default=[], help="Queries: images; with --raw DICOM folders too."
    )
    parser.add_argument("--index", type=Path, required=True, help="Folder that seada-bench index build wrote.")
    parser.add_argument(
        "--scans", type=str, nargs="+", default=[], help="Queries that are in the index, by site/subject/session."
    )
    parser.add_argument("--masks", type=Path, nargs="+", default=[], help="Brain masks of the images, one each.")
    parser.add_argument("--sites", type=str, nargs="+", default=[], help="Their sites, one each, or one for all.")
    parser.add_argument("--ages", type=float, nargs="+", default=[], help="Ages in years, one each.")
    parser.add_argument("--sexes", type=str, nargs="+", default=[], help="F or M, one each.")
    parser.add_argument(
        "--subjects", type=str, nargs="+", default=[], help="Their subjects in the index, whose scans are left out."
    )
    parser.add_argument("--raw", action="store_true", help="Images are as a scanner left them: prepare them first.")
    parser.add_argument("--k", type=int, default=10, help="Hits per query.")
    parser.add_argument("--filter", type=str, default="", help="Condition, such as 'age > 60 and diagnosis == \"AD\"'.")
    parser.add_argument("--exclude_site", type=str, nargs="+", default=[], help="Sites whose scans are not found.")
    parser.add_argument("--one_per_subject", action="store_true", help="One hit per subject.")
    parser.add_argument("--approximate", action="store_true", help="Use the index's graph; it may miss some.")
    parser.add_argument("--force", action="store_true", help="Answer queries that fail the quality gate, marked.")
    parser.add_argument("--out", type=Path | None, default=None, help="New file, .csv or .json, in place of a table.")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="Raw images prepared at a time.")
    parser.add_argument(
        "--trust", type=str, nargs="+", default=[], help="Classes, or modules of them, that the model may import."
    )
    parser.add_argument("--plugins", type=Path, nargs="+", default=[], help="Folders with modules of class paths.")
    return parser


def _check(options: Any) -> None:
    """Say what cannot be asked for, before anything slow is loaded."""
    at_least_one("k", options.k)
    at_least_one("processes", options.processes)
    check_is_index(options.index)
    if bool(options.images) == bool(options.scans):
        raise UserError("search: give either images or --scans")
    of_images = ("masks", "sites", "ages", "sexes", "subjects", "raw", "force")
    named = next((name for name in of_images if options.scans and options[name]), None)
    if named is not None:
        raise UserError(f"--{named}: is for images; a scan of the index is known")
    if options.out is not None:
        if options.out.suffix not in (".csv", ".json"):
            raise UserError(f"--out: '{options.out.name}' is not allowed; its name must end in .csv or .json")
        if options.out.exists():
            raise UserError(f"--out: {options.out} is already there; name another file, or remove it first")
        check_can_be_made(options.out.parent, "out")
    check_are_there([*options.images, *options.masks])
