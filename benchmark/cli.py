"""The command line: `seada-bench COMMAND`."""

from __future__ import annotations

import os
import shlex
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import UserError, cause

LIGHTNING = ("fit", "validate", "test", "predict")

USAGE = """\
usage: seada-bench COMMAND [options]

Benchmark of scanner-free representations of brain MRI.

commands:
  sweep      run methods x protocols x seeds, and write retrieval and leakage tables
  status     say how the cells of a sweep on a cluster are
  collect    write the tables of what a cluster has done of a sweep so far
  fit        train one method from its YAML file, and write its embeddings (a LightningCLI)
  predict    embed scans with a trained model (a LightningCLI)
  evaluate   score embeddings made by this or any other software
  compare    say what differs between two results folders
  tables     write a results folder's tables as Markdown, CSV, LaTeX and one HTML page
  verify     run the sweep of a results folder again, and say whether the same comes out
  manifest   write per-site manifests from a downloaded dataset
  preprocess bring raw T1 images to template space
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
        0 if all went well, 1 if cells of a sweep failed or are missing or compared results differ, 2 for input that
        cannot be used, 130 if interrupted.
    """
    args = [_with_underscores(each) for each in (sys.argv[1:] if arguments is None else arguments)]
    commands: dict[str, Callable[[list[str]], int]] = {
        "sweep": _sweep,
        "status": _status,
        "collect": _collect,
        "evaluate": _evaluate,
        "compare": _compare,
        "tables": _tables,
        "verify": _verify,
        "manifest": _manifest,
        "preprocess": _preprocess,
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
        return _fail(cause(error) if isinstance(error, OSError) else str(error))


def _with_underscores(argument: str) -> str:
    """An option with the underscores that all have: ``--site-from=scanner`` is ``--site_from=scanner``."""
    name, equals, value = argument.partition("=")
    return name.replace("-", "_").replace("__", "--", 1) + equals + value if name.startswith("--") else argument


def _lightning(args: list[str]) -> int:
    from benchmark.fitting import run

    run(args)
    return 0


def _parser(command: str, description: str) -> Any:
    from benchmark.parsing import Parser

    return Parser(command, description)


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
        "--plan",
        action="store_true",
        help="Print the cells with their state, and time, memory and disk after a short calibration; run nothing.",
    )
    parser.add_argument("--scans", type=int | None, default=None, help="With --plan: so many scans, none looked at.")
    parser.add_argument("--sites", type=int | None, default=None, help="With --plan and --scans: their sites.")
    parser.add_argument(
        "--shape",
        type=tuple[int, int, int] | None,
        default=None,
        help="With --plan: voxels of a volume, as '[80,96,80]'.",
    )
    parser.add_argument("--workers", type=int | None, default=None, help="Cells at a time, over the sweep file's own.")
    options = parser.parse_args(args)
    out = options.out or Path("results") / options.config.stem
    asked = {name: options[name] for name in ("scans", "sites", "shape") if options[name] is not None}

    from benchmark.runner.unchanged import still_finished

    printed = None if options.plan or asked else still_finished(out, options.config)
    if printed is not None:
        _say(printed)
        return 0

    from dataclasses import replace

    from benchmark.cluster_cli import check_not_submitted, submit
    from benchmark.report.text import count
    from benchmark.runner.config import read_sweep
    from benchmark.runner.executor_config import SLURM
    from benchmark.runner.sweep import run_sweep, tables_text

    sweep = read_sweep(options.config)
    if options.workers is not None:
        sweep = replace(sweep, workers=options.workers)
    if options.plan:
        return _plan(sweep, out, asked)
    if asked:
        raise UserError(f"--{next(iter(asked))}: only with --plan")
    if sweep.executor.kind == SLURM:
        if options.workers is not None:
            raise UserError("--workers: is for worker processes of this machine; the sweep file says 'kind: slurm'")
        return submit(sweep, out)
    check_not_submitted(out)
    failures = run_sweep(sweep, out, file=options.config)
    _say(tables_text(sweep, out))
    if failures:
        cell, error = failures[0]
        what = f"{count(len(failures), 'cell')} failed, the first is '{cell.name}' ({error})"
        return _fail(f"{what}; tracebacks are in {out}/cells/*/error.txt", status=1)
    return 0


def _status(args: list[str]) -> int:
    from benchmark.cluster_cli import status

    return status(args)


def _collect(args: list[str]) -> int:
    from benchmark.cluster_cli import collect

    return collect(args)


def _plan(sweep: Any, out: Path, asked: dict[str, Any]) -> int:
    from benchmark.runner.advice import Limits
    from benchmark.runner.plan_text import plan_text
    from benchmark.runner.planning import make_plan
    from benchmark.runner.works import Question, works_of

    question = Question(**asked)
    works = works_of(question.of(sweep), out, question)
    if not works:
        raise UserError("the sweep has no cells: give 'seeds' of a protocol")
    cache = Path(works[0].config["data"]["cache_dir"])
    _say(plan_text(make_plan(works, sweep.evaluation, sweep.workers), Limits.here(out, cache)))
    return 0


def _evaluate(args: list[str]) -> int:
    from benchmark.metrics.evaluate import EvaluationSettings

    parser = _parser("evaluate", "Score embeddings, whatever software made them; see docs/embeddings.md.")
    parser.add_argument(
        "--embeddings",
        type=Path,
        required=True,
        help="Parquet, CSV, NPZ or AnnData (.h5ad) file, or a folder of them, each a method named after its file.",
    )
    parser.add_argument("--out", type=Path, required=True, help="Folder for scores and tables.")
    parser.add_argument(
        "--rows",
        type=Path | None,
        default=None,
        help="Table with the rows of an .npz array; same stem, .csv by default.",
    )
    parser.add_argument("--key", type=str | None, default=None, help="Array of an .npz file, or entry of .h5ad's obsm.")
    parser.add_argument("--manifest", type=Path, nargs="+", default=[], help="Manifests that know more of the scans.")
    parser.add_argument("--label", type=str | None, default=None, help="Column to retrieve by; diagnosis by default.")
    parser.add_argument("--site", type=str | None, default=None, help="Column in place of site.")
    parser.add_argument("--subject", type=str | None, default=None, help="Column in place of subject_id.")
    parser.add_argument("--session", type=str | None, default=None, help="Column in place of session_id.")
    parser.add_argument(
        "--vectors", type=str | None, default=None, help="Prefix of the vectors' columns; z by default."
    )
    parser.add_argument(
        "--allow_different_scans", type=bool, default=False, help="Let the files of a folder have different scans."
    )
    parser.add_class_arguments(EvaluationSettings, "evaluation")
    options = parser.instantiate(parser.parse_args(args))
    if (options.out / "scores.csv").exists():
        raise UserError(f"--out: {options.out} already holds scores; name another folder, or remove them first")
    if options.embeddings.is_dir() and options.out.resolve() == options.embeddings.resolve():
        raise UserError(f"--out: {options.out} is the folder of the embeddings; name another folder")

    from benchmark.foreign.options import ForeignOptions
    from benchmark.report.evaluate_file import evaluate_file
    from benchmark.report.tables import format_terminal

    names = ("rows", "key", "label", "site", "subject", "session", "vectors")
    foreign = ForeignOptions(manifests=tuple(options.manifest), **{name: options[name] for name in names})
    scores = evaluate_file(options.embeddings, options.out, options.evaluation, foreign, options.allow_different_scans)
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


def _verify(args: list[str]) -> int:
    parser = _parser("verify", "Run the sweep of a results folder again; exit status 1 if something else comes out.")
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
        "--cells", type=int | None, default=None, help="Run only the part of the sweep with the first so many cells."
    )
    parser.add_argument("--methods", type=str, nargs="+", default=None, help="Run only these methods.")
    options = parser.parse_args(args)

    from benchmark.report.verify import verification_text, verify

    found = verify(
        options.results,
        options.out or Path("results") / f"verify-{options.results.resolve().name}",
        config=options.config,
        tolerance=options.tolerance,
        cells=options.cells,
        methods=options.methods,
    )
    _say(verification_text(found))
    return 0 if found.same else 1


def _tables(args: list[str]) -> int:
    parser = _parser("tables", "Write the tables of a results folder for readers: Markdown, CSV, LaTeX, one HTML page.")
    parser.add_argument("results", type=Path, help="Results folder of a sweep or of evaluate.")
    parser.add_argument("--out", type=Path | None, default=None, help="Folder to write to; RESULTS/tables by default.")
    parser.add_argument("--overwrite", type=bool, default=False, help="Replace files that were not written by this.")
    parser.add_argument(
        "--weights",
        type=dict[str, float] | None,
        default=None,
        help="Adds a weighted score, such as '{map_cn_ad: 0.5, mlp_standardised: 0.5}', beside what it is made of.",
    )
    options = parser.parse_args(args)

    from benchmark.report.write_all import order_of, write_all
    from benchmark.report.write_statistics import statistics_figures, weighted_markdown
    from benchmark.runner.examples import example_inputs

    order, statistics = order_of(options.results), options.results / "statistics.md"
    text = statistics.read_text(encoding="utf-8") if statistics.is_file() else ""
    if options.weights:
        text += "\n" + weighted_markdown(options.results, options.weights, order)
    out = options.out or options.results / "tables"
    write_all(
        options.results,
        out,
        examples=example_inputs(options.results, order),
        statistics_markdown=text or None,
        figures=statistics_figures(options.results, order),
        overwrite=options.overwrite,
    )
    _say(f"{out}/report.html, and the tables as .md, .csv and .tex beside it\n")
    return 0


def _manifest(args: list[str]) -> int:
    from benchmark.manifest_cli import main as manifest

    return manifest(args)


def _preprocess(args: list[str]) -> int:
    from benchmark.preprocess_cli import main as preprocess

    return preprocess(args)


def _phantom(args: list[str]) -> int:
    from benchmark.data.phantom import PhantomSettings, generate
    from benchmark.replicas.registry import replicas

    parser = _parser("phantom", "Generate the multi-site T1 phantom: volumes, masks, manifests, truth table.")
    parser.add_argument("--out", type=Path, required=True, help="Folder of the phantom.")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="Processes that generate volumes.")
    parser.add_argument(
        "--layout",
        choices=list(replicas()),
        default=None,
        help="Write a small replica of an archive's download instead, with made-up subjects, to try importers on.",
    )
    parser.add_argument("--subjects", type=int, default=12, help="Subjects of a replica (--layout).")
    parser.add_class_arguments(PhantomSettings, None)
    options = parser.parse_args(args)
    names = PhantomSettings.__dataclass_fields__
    settings = PhantomSettings(**{name: options[name] for name in names})
    if options.layout is not None:
        return _replica(options.layout, options.out, options.subjects, settings)
    manifests = generate(settings, options.out, processes=options.processes)
    _say(f"{len(manifests)} manifests in {options.out}\n")
    return 0


def _replica(layout: str, out: Path, subjects: int, settings: Any) -> int:
    from benchmark.folders import make_writable
    from benchmark.replicas.phantom import phantom_heads
    from benchmark.replicas.registry import replicas

    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"--out: {out} holds files already; name an empty or a new folder")
    make_writable(out, "--out")
    replica = replicas()[layout]
    replica.write(out, settings.seed, subjects, phantom_heads(settings))
    command = shlex.join(["seada-bench", "manifest", "build", layout, *replica.import_options(out)])
    _say(f"replica of {layout} in {out}; import it by:\n{command} --out manifests\n")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def _fail(message: str, status: int = 2) -> int:
    sys.stderr.write(f"error: {message}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
