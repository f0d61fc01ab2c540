"""`seada-bench export`: a finished run as a model that carries its own preprocessing."""

from __future__ import annotations

from pathlib import Path

from benchmark.commands.terminal import say
from benchmark.errors import UserError
from benchmark.folders import check_can_be_made, check_holds_scores
from benchmark.parsing import Parser


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    parser = Parser("export", "Write a finished run as a model that carries its own preprocessing; see docs/search.md.")
    parser.add_argument(
        "run", type=Path, help="Folder of the run, of fit or of a sweep (RESULTS/runs/KEY); with --method of the sweep."
    )
    parser.add_argument("--method", type=str, default="", help="Method of a sweep; its pooled run of the lowest seed.")
    parser.add_argument("--seed", type=int | None, default=None, help="Another seed, with --method.")
    parser.add_argument("--out", type=Path, required=True, help="New folder for the model.")
    parser.add_argument(
        "--results",
        type=Path | None,
        default=None,
        help="Results folder with the run's scores; those in the folder of a sweep's run by default.",
    )
    parser.add_argument("--plugins", type=Path, nargs="+", default=[], help="Folders with modules of class paths.")
    options = parser.parse_args(args)
    if not options.run.is_dir():
        raise UserError(f"{options.run}: there is no such folder; the folder of a finished run is needed")
    if options.out.exists():
        raise UserError(f"--out: {options.out} is already there; name another folder")
    if options.seed is not None and not options.method:
        raise UserError("--seed: is for --method")
    check_can_be_made(options.out, "out")
    if options.results is not None:
        check_holds_scores(options.results)

    from benchmark.plugins import use_plugins
    from benchmark.search.export import export_model, run_of_method

    use_plugins(options.plugins)
    run = run_of_method(options.run, options.method, options.seed) if options.method else options.run
    made = export_model(run, options.out, options.results)
    equal = "the same bits as" if made.difference == 0 else f"within {made.difference:.2g} of"
    say(f"{made.folder}: model {made.digest[:16]}, of {run}")
    say(
        f"not compared with the run's embeddings: {made.unchecked}"
        if made.unchecked
        else f"{made.checked} of the training's scans embedded from their files: {equal} the run's embeddings"
    )
    if made.raw:
        say(f"raw images cannot be embedded: {made.raw}")
    if not made.placed:
        say("whether a volume is on the grid of the prepared ones will not be checked: theirs are not known, or differ")
    return 0
