"""`seada-bench task`: tasks that others can take part in."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmark.commands.terminal import say
from benchmark.errors import UserError
from benchmark.folders import make_writable

USAGE = """\
usage: seada-bench task list
       seada-bench task show NAME
       seada-bench task export NAME --out FOLDER [options]

List the tasks that there are, the phantom's and those on open data; show all that is known of one, with every command
from the archive to a row; write the task of a sweep as a folder: scans, splits, rules and settings, for anybody to
embed with any software.

'seada-bench task export --help' lists the options.
"""


def main(args: list[str]) -> int:
    """Run ``task`` with the arguments after that word; its exit status."""
    actions = {"list": _list, "show": _show, "export": _export}
    if not args or args[0] in ("-h", "--help"):
        say(USAGE)
        return 0 if args else 2
    if args[0] not in actions:
        raise UserError(f"unknown action 'task {args[0]}'; allowed: {', '.join(actions)}")
    return actions[args[0]](args[1:])


def _list(args: list[str]) -> int:
    from benchmark.parsing import Parser

    Parser("task list", "List the tasks: name, data, size, licence, what is needed, what is measured.").parse_args(args)
    from benchmark.tasks.shown import task_lines

    say("\n".join(task_lines()))
    return 0


def _show(args: list[str]) -> int:
    from benchmark.parsing import Parser

    parser = Parser("task show", "Show a task, with every command from the archive to a row; nothing is downloaded.")
    parser.add_argument("name", type=str, help="Of 'seada-bench task list', or a YAML file like those of open tasks.")
    options = parser.parse_args(args)
    from benchmark.tasks.shown import task_text

    say(task_text(options.name))
    return 0


def _export(args: list[str]) -> int:
    from benchmark.parsing import Parser

    parser = Parser("task export", "Write the task of a sweep as a folder whose README.md says what to do with it.")
    parser.add_argument("name", type=str, help="Shipped sweep, such as quick, or a sweep file.")
    parser.add_argument("--out", type=Path, required=True, help="New folder.")
    parser.add_argument(
        "--make", type=bool, default=False, help="Make phantoms that are missing first, so that images have checksums."
    )
    options = parser.parse_args(args)
    out: Path = options.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out: {out} is already there; name a new folder")

    from importlib.metadata import version

    from benchmark.report.text import count
    from benchmark.tasks.export import sweep_named, task_of
    from benchmark.tasks.readme import readme
    from benchmark.tasks.task import write_task

    sweep = sweep_named(options.name)
    if options.make:
        from benchmark.sweep.sweep import prepare

        prepare(sweep)
    task, tables = task_of(sweep, Path(options.name).stem)
    make_writable(out, "out")
    write_task(task, tables, out, readme(task), f"seada-bench {version('seada-bench')}")
    for seed, data in task.data.items():
        if not data.images and data.command:
            say(f"note: no checksums of the images of seed {seed}, which are not here; '{data.command}' makes them, as "
                "--make true does", sys.stderr)  # fmt: skip
    say(f"{out}: {count(len(task.runs), 'run')}, digest {task.digest[:16]}; {out}/README.md says what to do with it")
    return 0
