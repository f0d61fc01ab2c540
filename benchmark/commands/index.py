"""`seada-bench index`: an archive's LDRs on disk, to be searched."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands.terminal import say
from benchmark.errors import UserError
from benchmark.folders import check_can_be_made, check_is_index, expanded
from benchmark.parsing import Parser

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.search.ahead import Ahead
    from benchmark.train.exported_model import ExportedModel

USAGE = """\
usage: seada-bench index build --model MODEL --manifest FILE ... --out INDEX [options]
       seada-bench index add --index INDEX --manifest FILE ... [options]
       seada-bench index remove --index INDEX --scans KEY ... | --subjects ID ... | --filter CONDITION
       seada-bench index compact --index INDEX [--approximate]
       seada-bench index info --index INDEX

Index an archive of scans for seada-bench search; see docs/search.md.

'seada-bench index ACTION --help' lists the options of an action.
"""


def main(args: list[str]) -> int:
    """Run ``index`` with the arguments after that word.

    Raises
    ------
    UserError
        For an unknown action, and whatever cannot be used.
    """
    actions = {"build": _build, "add": _add, "remove": _remove, "compact": _compact, "info": _info}
    if not args or args[0] in ("-h", "--help"):
        say(USAGE)
        return 0 if args else 2
    if args[0] not in actions:
        raise UserError(f"unknown action 'index {args[0]}'; allowed: {', '.join(actions)}")
    return actions[args[0]](args[1:])


def _build(args: list[str]) -> int:
    parser = Parser("index build", "Make an index of the scans of manifests.")
    parser.add_argument("--model", type=Path, required=True, help="Folder that seada-bench export wrote; it is copied.")
    parser.add_argument("--out", type=Path, required=True, help="New folder for the index.")
    _of_scans(parser)
    _graph(parser)
    options = parser.parse_args(args)
    manifests = expanded("manifest", options.manifest)
    check_can_be_made(options.out.parent, "out")

    from benchmark.plugins import use_plugins
    from benchmark.search.ahead import reading_ahead
    from benchmark.search.scans import scans_of_manifests
    from benchmark.train.description import read_description

    use_plugins(options.plugins)
    # Before anything is made: every problem of the manifests.
    scans = scans_of_manifests(manifests, options.data_root)
    with reading_ahead(scans, read_description(options.model)["preprocessing"]) as ahead:
        from benchmark.search.archive import new_index

        model = new_index(options.out, options.model, options.trust)
        return _embedded(options.out, model, scans, ahead, options.approximate)


def _add(args: list[str]) -> int:
    parser = Parser(
        "index add", "Add the scans of manifests; what is in the index is neither embedded nor added again."
    )
    parser.add_argument("--index", type=Path, required=True, help="Folder of the index.")
    _of_scans(parser)
    options = parser.parse_args(args)
    check_is_index(options.index)
    manifests = expanded("manifest", options.manifest)

    from benchmark.plugins import use_plugins
    from benchmark.search.ahead import reading_ahead
    from benchmark.search.index import Index
    from benchmark.search.own_model import description_of
    from benchmark.search.scans import contents, scans_of_manifests

    use_plugins(options.plugins)
    scans = scans_of_manifests(manifests, options.data_root)
    index = Index(options.index)
    there = set(index.live("content"))
    new = scans[[content not in there for content in contents(scans)]]
    with reading_ahead(new, description_of(options.index, index)["preprocessing"]) as ahead:
        from benchmark.search.archive import model_of

        model = model_of(options.index, index, options.trust)
        return _embedded(options.index, model, scans, ahead, False)


def _remove(args: list[str]) -> int:
    parser = Parser("index remove", "Take scans out of an index; 'index compact' then takes their LDRs off the disk.")
    parser.add_argument("--index", type=Path, required=True, help="Folder of the index.")
    parser.add_argument("--scans", type=str, nargs="+", default=[], help="Scans, called site/subject/session.")
    parser.add_argument("--subjects", type=str, nargs="+", default=[], help="Subjects, of whom all scans are taken.")
    parser.add_argument("--filter", type=str, default="", help="Condition, such as 'site == \"A\" and age < 60'.")
    options = parser.parse_args(args)
    check_is_index(options.index)
    given = [name for name in ("scans", "subjects", "filter") if options[name]]
    if len(given) != 1:
        raise UserError("index remove: give one of --scans, --subjects and --filter")

    from benchmark.search.archive import rows_of
    from benchmark.search.filters import Filter
    from benchmark.search.index import writing

    condition = Filter(options.filter) if options.filter else None
    with writing(options.index) as writer:
        index = writer.opened()
        if condition is not None:
            rows = condition.mask(index.scans)
        else:
            column = "scan_key" if options.scans else "subject_id"
            rows = rows_of(index, options.scans or options.subjects, column)
        count = writer.remove(rows)
    say(f"{options.index}: {count} scans removed, {len(index) - count} left; 'index compact' takes them off the disk")
    return 0


def _compact(args: list[str]) -> int:
    parser = Parser("index compact", "Write an index anew, without what was removed.")
    parser.add_argument("--index", type=Path, required=True, help="Folder of the index.")
    _graph(parser)
    options = parser.parse_args(args)
    check_is_index(options.index)

    from benchmark.search.index import writing

    with writing(options.index) as writer:
        writer.compact(options.approximate)
    say("\n".join(_told(options.index)))
    return 0


def _info(args: list[str]) -> int:
    parser = Parser("index info", "Say what an index holds, after every file was compared with its checksum.")
    parser.add_argument("--index", type=Path, required=True, help="Folder of the index.")
    options = parser.parse_args(args)
    check_is_index(options.index)
    say("\n".join(_told(options.index)))
    return 0


def _of_scans(parser: Parser) -> None:
    parser.add_argument(
        "--manifest", type=Path, nargs="+", required=True, help="Manifests of prepared scans, or patterns."
    )
    parser.add_argument("--data_root", type=Path | None, default=None, help="Folder that paths may be relative to.")
    parser.add_argument(
        "--trust", type=str, nargs="+", default=[], help="Classes, or modules of them, that the model may import."
    )
    parser.add_argument("--plugins", type=Path, nargs="+", default=[], help="Folders with modules of class paths.")


def _graph(parser: Parser) -> None:
    parser.add_argument(
        "--approximate",
        action="store_true",
        help="Build a graph for approximate search (extra 'search'), and measure its recall.",
    )


def _embedded(folder: Path, model: ExportedModel, scans: pd.DataFrame, ahead: Ahead, graph: bool) -> int:
    from benchmark.search.archive import add_scans
    from benchmark.search.index import Index, writing

    progress = sys.stderr.isatty()
    tell = (lambda _: None) if progress else (lambda count: say(f"{count} scans added", sys.stderr))
    report = add_scans(folder, model, scans, tell, progress, ahead)
    if graph:
        with writing(folder) as writer:
            writer.compact(graph)
    for problem in report.problems:
        say(f"error: {problem}", sys.stderr)
    there = f", {report.there} were there" if report.there else ""
    unusable = f", {len(report.problems)} cannot be used" if report.problems else ""
    say(f"{folder}: {report.added} scans added{there}{unusable}; {len(Index(folder, check=False))} in the index")
    return 1 if report.problems else 0


def _told(folder: Path) -> list[str]:
    from benchmark.search.index import Index

    index = Index(folder)
    removed = len(index.kept) - len(index)
    lines = [
        f"{folder}: {len(index)} scans of {len(set(index.live('subject_id')))} subjects at "
        f"{len(set(index.live('site')))} sites, LDRs of {index.model.dimensions} dimensions",
        f"model: {index.model.name} {index.model.digest[:16]}",
        f"generation {index.state.generation}, {len(index.parts)} segments; every file agrees with its checksum",
    ]
    if removed:
        lines.append(f"{removed} removed scans are on the disk still; 'index compact' takes them off")
    for segment in index.state.segments:
        if segment.recall is not None:
            recall = segment.recall
            lines.append(
                f"approximate search of {segment.rows} scans finds {recall.share:.2%} of the 10 nearest "
                f"({recall.queries} queries)"
            )
    return lines
