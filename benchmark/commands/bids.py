"""`seada-bench bids`: a dataset in BIDS to derivatives, reports and scores, after the convention of BIDS Apps."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmark.commands.terminal import fail, say
from benchmark.errors import UserError
from benchmark.folders import check_can_be_made, make_writable
from benchmark.parsing import Parser, at_least_one
from benchmark.processes import environment_variables

#: How to get a model, in one line.
NO_MODEL = (
    "--model: is missing; 'make benchmark' and 'seada-bench export results/quick --method seada_balanced --out MODEL' "
    "make one"
)


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; 1 if a scan could not be used."""
    from benchmark.prepare.importers.bids import Options
    from benchmark.prepare.importers.write import SiteFrom

    parser = Parser(
        "bids", "Prepare, embed and score the T1w images of a dataset in BIDS, as a BIDS App; see docs/bids_app.md."
    )
    parser.add_argument("bids_dir", type=Path, help="Root of the dataset.")
    parser.add_argument("output_dir", type=Path, help="Folder of the derivatives.")
    parser.add_argument(
        "analysis_level",
        nargs="+",
        choices=["participant", "group"],
        help="participant: each scan; group: all that are finished, on one page; both may be given.",
    )
    parser.add_argument("--model", type=Path | None, default=None, help="Folder that seada-bench export wrote.")
    parser.add_argument(
        "--participant_label", type=str, nargs="+", default=[], help="Subjects to work on, with or without sub-."
    )
    parser.add_argument(
        "--session_label", type=str, nargs="+", default=[], help="Sessions to work on, with or without ses-."
    )
    parser.add_argument(
        "--skip_bids_validation", action="store_true", help="Accepted as by other apps; nothing is validated here."
    )
    parser.add_argument("--n_cpus", type=int, default=os.cpu_count() or 1, help="Scans at a time.")
    parser.add_argument(
        "-w", "--work_dir", type=Path | None, default=None, help="Folder of temporary files; the system's by default."
    )
    parser.add_argument("--version", action="version", version=f"seada-bench {version('seada-bench')}")
    parser.add_argument(
        "--site_from",
        type=SiteFrom,
        default="dataset",
        help="What a site is: the dataset, or within it the scanner, its field strength, or its manufacturer.",
    )
    parser.add_argument(
        "--trust", type=str, nargs="+", default=[], help="Classes, or modules of them, that the model may import."
    )
    parser.add_argument("--plugins", type=Path, nargs="+", default=[], help="Folders with modules of class paths.")
    parser.add_class_arguments(Options, None, skip={"images"})
    options = parser.parse_args(args)
    at_least_one("n_cpus", options.n_cpus)
    if not options.bids_dir.is_dir():
        raise UserError(f"{options.bids_dir}: there is no such folder")
    check_can_be_made(options.output_dir, "output_dir")
    levels = set(options.analysis_level)
    if "participant" in levels and options.model is None:
        raise UserError(NO_MODEL)
    if options.model is not None and not (options.model / "model.json").is_file():
        raise UserError(f"{options.model}: holds no model.json; give a folder that seada-bench export wrote")
    names = [name for name in Options.__dataclass_fields__ if name != "images"]
    importing = Options(images=options.bids_dir, **{name: options[name] for name in names})
    if "participant" not in levels:
        _check_group(parser, options, [*names, "site_from", "participant_label", "session_label"])
    with _temporary_files(options.work_dir):
        status = _participant(options, importing) if "participant" in levels else 0
        return max(status, _group(options)) if "group" in levels else status


def _participant(options: Any, importing: Any) -> int:
    from benchmark.bids_app.participant import participant
    from benchmark.plugins import use_plugins

    use_plugins(options.plugins)
    done = participant(
        importing,
        options.output_dir,
        options.model,
        options.site_from,
        [label.removeprefix("sub-") for label in options.participant_label],
        [label.removeprefix("ses-") for label in options.session_label],
        options.n_cpus,
        options.trust,
        progress=True,
    )
    for line in done.told:
        say(line)
    before = f", {done.there} were there" if done.there else ""
    say(f"{options.output_dir}: {done.made} scans made{before}, {len(done.problems)} failed")
    for line in done.problems:
        fail(line)
    return 1 if done.problems else 0


def _group(options: Any) -> int:
    from benchmark.bids_app.group import INDEX, TABLE, group

    if options.model is not None:
        from benchmark.bids_app.folder import model_of
        from benchmark.train.description import read_description

        if read_description(options.model)["digest"] != model_of(options.output_dir):
            raise UserError(f"--model: {options.model} is not the model of {options.output_dir}")
    found = group(options.output_dir)
    say(f"{options.output_dir / INDEX}, {TABLE}: {found.scans} scans, {found.warned} to look at")
    say(f"scores: {found.page}" if found.page else f"no scores: {found.unscored}")
    return 0


def _check_group(parser: Parser, options: Any, names: Sequence[str]) -> None:
    """Refuse what only the participant level heeds."""
    given = next((name for name in names if options[name] != parser.get_default(name)), None)
    if given is not None:
        raise UserError(f"--{given}: is for the participant level; group gathers what that wrote")


@contextmanager
def _temporary_files(folder: Path | None) -> Iterator[None]:
    """Have temporary files, those of programs and processes that are started too, in a folder."""
    if folder is None:
        yield
        return
    make_writable(folder, "work_dir")
    with environment_variables(TMPDIR=str(folder.resolve())):
        tempfile.tempdir = None
        try:
            yield
        finally:
            tempfile.tempdir = None
