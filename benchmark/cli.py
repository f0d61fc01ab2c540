"""The command line: `seada-bench fit | predict | sweep | evaluate | compare | phantom`."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import UserError

LIGHTNING = ("fit", "validate", "test", "predict")

USAGE = """\
usage: seada-bench COMMAND [options]

Benchmark of scanner-free representations of brain MRI.

commands:
  sweep      run methods x protocols x seeds, and write retrieval and leakage tables
  fit        train one method from its YAML file, and write its embeddings (a LightningCLI)
  predict    embed scans with a trained model (a LightningCLI)
  evaluate   score embeddings made by this or any other software
  compare    say what differs between two results folders
  phantom    generate the multi-site T1 phantom

'seada-bench COMMAND --help' lists the options of a command.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments
        Arguments after the program's name; those of the process by default.

    Returns
    -------
    int
        0 if all went well, 1 if cells of a sweep failed or compared results differ, 2 for input that cannot be
        used, 130 if interrupted.
    """
    args = sys.argv[1:] if arguments is None else arguments
    commands: dict[str, Callable[[list[str]], int]] = {
        "sweep": _sweep,
        "evaluate": _evaluate,
        "compare": _compare,
        "phantom": _phantom,
        **dict.fromkeys(("fit", "predict"), _lightning),
    }
    if not args or args[0] in ("-h", "--help"):
        _say(USAGE)
        return 0 if args else 2
    if args[0] not in commands:
        return _fail(f"unknown command '{args[0]}'; allowed: {', '.join(commands)}")
    try:
        return commands[args[0]](args if args[0] in LIGHTNING else args[1:])
    except KeyboardInterrupt:
        _fail("interrupted; the same command goes on from here")
        return 130
    except (UserError, ValueError, OSError) as error:
        if os.environ.get("SEADA_BENCH_DEBUG"):
            traceback.print_exc()
        return _fail(str(error))


def _lightning(args: list[str]) -> int:
    from benchmark.fitting import run

    run(args)
    return 0


def _parser(command: str, description: str) -> Any:
    from jsonargparse import ArgumentParser

    return ArgumentParser(prog=f"seada-bench {command}", description=description)


def _sweep(args: list[str]) -> int:
    parser = _parser("sweep", "Run the cells of a sweep that are missing, then write the tables.")
    parser.add_argument(
        "--config", type=Path, required=True, help="Sweep file, such as benchmark/configs/sweeps/quick.yaml."
    )
    parser.add_argument(
        "--out",
        type=Path | None,
        default=None,
        help="Results folder; results/NAME of the sweep file by default.",
    )
    parser.add_argument(
        "--plan", action="store_true", help="Print the cells with state and estimated cost; run nothing."
    )
    parser.add_argument("--workers", type=int | None, default=None, help="Cells at a time, over the sweep file's own.")
    options = parser.parse_args(args)

    from dataclasses import replace

    from benchmark.report.tables import format_terminal
    from benchmark.runner.config import read_sweep
    from benchmark.runner.sweep import plan, prepare, run_sweep

    sweep = read_sweep(options.config)
    if options.workers is not None:
        sweep = replace(sweep, workers=options.workers)
    out = options.out or Path("results") / options.config.stem
    if options.plan:
        prepare(sweep)
        _say(_plan_text(plan(sweep, out)))
        return 0
    failures = run_sweep(sweep, out)
    import pandas as pd

    scores = out / "scores.parquet"
    if scores.is_file():
        _say(format_terminal(pd.read_parquet(scores), method_order=list(sweep.method_files())))
    _say(f"tables: {out}/retrieval.md, {out}/leakage.md (and .csv); every score: {out}/scores.csv\n")
    if failures:
        return _fail(f"{len(failures)} cells failed; their errors are in {out}/cells/*/error.txt", status=1)
    return 0


def _plan_text(rows: list[Any]) -> str:
    from tabulate import tabulate

    table = [(cell.run_key[:16], cell.name, state, f"{seconds:.0f} s") for cell, state, seconds in rows]
    total = sum(seconds for _, _, seconds in rows)
    text = tabulate(table, headers=["run key", "cell", "state", "cost"])
    return f"{text}\n{len(rows)} cells, about {total / 60:.1f} minutes of one worker\n"


def _evaluate(args: list[str]) -> int:
    from benchmark.metrics.evaluate import EvaluationSettings

    parser = _parser("evaluate", "Score embeddings, whatever software made them.")
    parser.add_argument("--embeddings", type=Path, required=True, help="Parquet or CSV file; see docs/embeddings.md.")
    parser.add_argument("--out", type=Path, required=True, help="Folder for scores and tables.")
    parser.add_class_arguments(EvaluationSettings, "evaluation")
    options = parser.instantiate(parser.parse_args(args))
    if (options.out / "scores.csv").exists():
        raise UserError(f"--out: {options.out} already holds scores; name another folder, or remove them first")

    from benchmark.report.evaluate_file import evaluate_file
    from benchmark.report.tables import format_terminal

    scores = evaluate_file(options.embeddings, options.out, options.evaluation)
    _say(format_terminal(scores))
    return 0


def _compare(args: list[str]) -> int:
    parser = _parser("compare", "Say what differs between two results folders; exit status 1 if anything does.")
    parser.add_argument("a", type=Path, help="Results folder.")
    parser.add_argument("b", type=Path, help="Results folder that is compared with it.")
    parser.add_argument("--tolerance", type=float, default=1e-6, help="Difference of two values that counts as none.")
    parser.add_argument(
        "--fail_on",
        type=Literal["tolerance", "chance", "never"],
        default="tolerance",
        help="What makes the exit status 1: a value beyond the tolerance, a claim beyond chance, nothing.",
    )
    parser.add_argument("--csv", type=Path | None, default=None, help="New file for every score of both, side by side.")
    options = parser.parse_args(args)
    if not options.tolerance >= 0:
        raise UserError(f"--tolerance: {options.tolerance} is not allowed; it must be at least 0")
    if options.csv is not None and options.csv.exists():
        raise UserError(f"--csv: {options.csv} is already there; name another file, or remove it first")

    from benchmark.report.compare import compare
    from benchmark.report.comparison_text import comparison_text
    from benchmark.report.results import read_results

    found = compare(read_results(options.a), read_results(options.b), options.tolerance)
    _say(comparison_text(found, options.a, options.b))
    if options.csv is not None:
        found.values.to_csv(options.csv, index=False, lineterminator="\n")
    fine = {"tolerance": found.same, "chance": found.same_but_for_chance, "never": True}
    return 0 if fine[options.fail_on] else 1


def _phantom(args: list[str]) -> int:
    from benchmark.data.phantom import PhantomSettings, generate

    parser = _parser("phantom", "Generate the multi-site T1 phantom: volumes, masks, manifests, truth table.")
    parser.add_argument("--out", type=Path, required=True, help="Folder of the phantom.")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="Processes that generate volumes.")
    parser.add_class_arguments(PhantomSettings, None)
    options = parser.parse_args(args)
    names = PhantomSettings.__dataclass_fields__
    settings = PhantomSettings(**{name: options[name] for name in names})
    manifests = generate(settings, options.out, processes=options.processes)
    _say(f"{len(manifests)} manifests in {options.out}\n")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def _fail(message: str, status: int = 2) -> int:
    sys.stderr.write(f"error: {message}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
