"""`seada-bench sweep`: run what is missing of methods × protocols × seeds."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from benchmark.commands.terminal import fail, say
from benchmark.configs.shipped import sweep_file
from benchmark.errors import UserError
from benchmark.parsing import Parser


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    options = _parser().parse_args(args)
    options.config = sweep_file(options.config)
    out = options.out or Path("results") / options.config.stem
    asked = {name: options[name] for name in ("scans", "sites", "shape") if options[name] is not None}

    from benchmark.plugins import use_plugins
    from benchmark.sweep.up_to_date import still_finished

    use_plugins(options.plugins)

    printed = None if options.plan or asked else still_finished(out, options.config)
    if printed is not None:
        say(printed)
        return 0

    from dataclasses import replace

    import yaml

    from benchmark.sweep.config import method_patterns, read_sweep
    from benchmark.sweep.up_to_date import matches

    # Before all that takes seconds to load.
    sweep = read_sweep(options.config)
    for pattern in method_patterns(yaml.safe_load(options.config.read_text(encoding="utf-8"))):
        if not matches(pattern):
            say(f"note: {options.config}: field 'methods': no file matches {pattern}", sys.stderr)

    from benchmark.commands.cluster import check_not_submitted, submit
    from benchmark.report.text import count
    from benchmark.sweep.design import blind_spots
    from benchmark.sweep.executor_config import SLURM
    from benchmark.sweep.stress import run_stress
    from benchmark.sweep.sweep import locked, run_sweep, tables_text

    if options.workers is not None:
        sweep = replace(sweep, workers=options.workers)
    for line in blind_spots(sweep):
        say(f"note: {line}", sys.stderr)
    if options.plan:
        return _plan(sweep, out, **asked)
    if asked:
        raise UserError(f"--{next(iter(asked))}: only with --plan")
    if sweep.executor.kind == SLURM:
        if options.workers is not None:
            raise UserError("--workers: is for worker processes of this machine; the sweep file says 'kind: slurm'")
        return submit(sweep, out)
    check_not_submitted(out)
    from benchmark.sweep.display import log_line
    from benchmark.sweep.plan_text import end_text, start_text

    # Before anything is said of a folder that another sweep works in.
    with locked(out):
        lines, due = start_text(sweep, out)
    for line in lines:
        log_line(line, terminal=True)
    started = time.monotonic()
    if sweep.axes:
        failures, text = run_stress(sweep, out, options.config)
    else:
        failures, text = run_sweep(sweep, out, file=options.config), tables_text(sweep, out)
    say(text)
    if not sweep.axes:
        log_line(end_text(due, len(failures), time.monotonic() - started, out), terminal=True)
    if failures:
        run, error = failures[0]
        what = f"{count(len(failures), 'run')} failed, the first is '{run.name}' ({error})"
        return fail(f"{what}; tracebacks are in {run.folder.parent}/*/error.txt", status=1)
    return 0


def _parser() -> Parser:
    parser = Parser("sweep", "Train and score the runs of a sweep that are missing, then write the tables.")
    parser.add_argument(
        "--config", type=Path, required=True, help="Sweep file, or the name of a shipped one, such as quick."
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
        help="Print the runs with their state, and estimated time, memory and disk; start nothing.",
    )
    parser.add_argument("--scans", type=int | None, default=None, help="With --plan: so many scans, none looked at.")
    parser.add_argument("--sites", type=int | None, default=None, help="With --plan and --scans: their sites.")
    parser.add_argument(
        "--shape",
        type=tuple[int, int, int] | None,
        default=None,
        help="With --plan: voxels of a volume, as '[80,96,80]'.",
    )
    parser.add_argument("--workers", type=int | None, default=None, help="Runs at a time, over the sweep file's own.")
    parser.add_argument(
        "--plugins",
        type=Path,
        nargs="+",
        default=[],
        help="Folders with modules of class paths, beside those of the methods' YAML files.",
    )
    return parser


def _plan(sweep: Any, out: Path, shape: tuple[int, int, int] | None = None, **asked: int) -> int:
    from dataclasses import replace

    from benchmark.sweep.axes import settings_of
    from benchmark.sweep.changes import out_of_date
    from benchmark.sweep.plan_text import Limits, plan_text, settings_text
    from benchmark.sweep.planning import make_plan, planned_runs

    if shape is not None:
        sweep = replace(sweep, overrides=sweep.overrides | {"data.preprocessing.shape": list(shape)})
    settings = settings_of(sweep) if sweep.axes else {"": sweep}
    planned = {name: planned_runs(setting, out / name, **asked) for name, setting in settings.items()}
    runs = next(iter(planned.values()))
    if not runs:
        raise UserError("the sweep has no runs: give 'seeds' of a protocol")
    limits = Limits.here(out, Path(runs[0].run.config["data"]["cache_dir"]))
    plans = {name: make_plan(runs, out / name, sweep.evaluation, sweep.workers) for name, runs in planned.items()}
    say(settings_text(plans, limits) if sweep.axes else plan_text(plans[""], limits))
    for name, runs in planned.items():
        for line in out_of_date([each.run for each in runs if each.has_data], out / name):
            say(f"{name}: {line}" if name else line)
    return 0
