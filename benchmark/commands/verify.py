"""`seada-bench verify`: run the sweep of results again."""

from __future__ import annotations

from pathlib import Path

from benchmark.commands.terminal import say
from benchmark.folders import check_holds_scores
from benchmark.parsing import Parser


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    parser = Parser("verify", "Run the sweep of a results folder again; exit status 1 if something else comes out.")
    parser.add_argument("results", type=Path, help="Results folder; it is only read.")
    parser.add_argument(
        "--config", type=Path | None, default=None, help="Sweep file; the sweep in provenance.json by default."
    )
    parser.add_argument(
        "--out",
        type=Path | None,
        default=None,
        help="Folder to run in, kept so that the same command goes on; results/verify-NAME by default.",
    )
    parser.add_argument("--tolerance", type=float, default=1e-6, help="Difference of two values that counts as none.")
    parser.add_argument(
        "--runs", type=int | None, default=None, help="Repeat only the part of the sweep with the first so many runs."
    )
    parser.add_argument("--methods", type=str, nargs="+", default=None, help="Repeat only these methods.")
    options = parser.parse_args(args)
    check_holds_scores(options.results)

    from benchmark.sweep.verify import verification_text, verify

    found = verify(
        options.results,
        options.out or Path("results") / f"verify-{options.results.resolve().name}",
        config=options.config,
        tolerance=options.tolerance,
        runs=options.runs,
        methods=options.methods,
    )
    say(verification_text(found))
    return 0 if found.same else 1
