"""`seada-bench compare`: what differs between two sets of results."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from benchmark.commands.terminal import say
from benchmark.errors import UserError
from benchmark.folders import check_holds_scores
from benchmark.parsing import Parser


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    parser = Parser("compare", "Say what differs between two results folders; exit status 1 if anything does.")
    parser.add_argument("a", type=Path, help="Results folder.")
    parser.add_argument("b", type=Path, help="Results folder that is compared with it.")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1e-6,
        help="Difference that counts as none, of values, chance levels and ends of intervals.",
    )
    parser.add_argument(
        "--fail_on",
        type=Literal["tolerance", "chance", "never"],
        default="tolerance",
        help="What makes the exit status 1. tolerance: anything that differs. chance: a claim that differs by more "
        "than chance or cannot be tested, a score that one side lacks or has undefined alone. never: nothing.",
    )
    parser.add_argument("--csv", type=Path | None, default=None, help="New file for every score of both, side by side.")
    options = parser.parse_args(args)
    if not options.tolerance >= 0:
        raise UserError(f"--tolerance: {options.tolerance} is not allowed; it must be at least 0")
    if options.csv is not None and options.csv.exists():
        raise UserError(f"--csv: {options.csv} is already there; name another file, or remove it first")

    for folder in (options.a, options.b):
        check_holds_scores(folder)

    from benchmark.data.atomic import atomic_path
    from benchmark.report.comparison_text import comparison_text
    from benchmark.report.new_rows import new_rows_text
    from benchmark.results.compare import compare
    from benchmark.results.read import read_results

    a, b = read_results(options.a), read_results(options.b)
    found = compare(a, b, options.tolerance)
    say(comparison_text(found, options.a, options.b))
    rows = new_rows_text(a, b)
    if rows:
        say(f"\n{rows}")
    if options.csv is not None:
        with atomic_path(options.csv) as temporary:
            found.values.to_csv(temporary, index=False, lineterminator="\n")
    fine = {"tolerance": found.same, "chance": found.same_but_for_chance, "never": True}
    return 0 if fine[options.fail_on] else 1
