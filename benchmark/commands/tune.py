"""`seada-bench tune`: choose each method's settings from equally many trials, by rules that use no test label."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.commands.terminal import fail, say
from benchmark.configs.shipped import sweep_file
from benchmark.errors import UserError
from benchmark.parsing import Parser

if TYPE_CHECKING:
    from benchmark.sweep.run import Run
    from benchmark.tune.study import Study


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    options = _parser().parse_args(args)
    config = sweep_file(options.config)
    for name in ("trials", "workers", "held_out_sites"):
        if options[name] is not None and options[name] < 1:
            raise UserError(f"--{name}: {options[name]} is not allowed; it must be at least 1")
    if not options.seeds or min(options.seeds) < 0:
        raise UserError(f"--seeds: {options.seeds} is not allowed; it must be integers >= 0")

    from benchmark.tune.rules import RULES

    unknown = [name for name in options.rules if name not in RULES]
    if unknown:
        raise UserError(f"--rules: '{unknown[0]}' is not allowed; allowed: {', '.join(RULES)}")

    from benchmark.commands.cluster import check_not_submitted
    from benchmark.folders import make_writable
    from benchmark.plugins import use_plugins
    from benchmark.sweep.config import read_sweep
    from benchmark.sweep.executor_config import SLURM

    use_plugins(options.plugins)
    sweep = read_sweep(config)
    on_cluster = sweep.executor.kind == SLURM
    if options.workers is not None:
        if on_cluster:
            raise UserError("--workers: is for worker processes of this machine; the sweep file says 'kind: slurm'")
        sweep = replace(sweep, workers=options.workers)

    from benchmark.tune.plan import costs_of, counted, plan_of, plan_text
    from benchmark.tune.study import make_study, make_trials, train

    out = (options.out or Path("results") / f"tune-{config.stem}").absolute()
    make_writable(out, "out")
    trials = make_trials(sweep, out / "methods", options.trials)
    rules = [name for name in RULES if name in options.rules]
    study = make_study(sweep, out, trials, options.seeds, rules, options.held_out_sites, options.oracle)
    if not on_cluster:
        check_not_submitted(study.trainings)
    costs: dict[str, float] = {}
    if options.plan or not on_cluster:
        plan = plan_of(study)
        say(plan_text(study, plan) if plan.due else counted(study), sys.stdout if options.plan else sys.stderr)
        costs = costs_of(plan)
        if options.plan:
            return 0
    else:
        say(counted(study), sys.stderr)
    failures, submitted = train(study, costs)
    if on_cluster and _waits(study, submitted or [], {run.name for run, _ in failures}):
        return 0
    return _choose(study, failures, sweep.phantom is not None)


def _waits(study: Study, submitted: list[tuple[Run, str]], failed: set[str]) -> bool:
    """Whether a cluster has still to do something; says what, and how to go on."""
    from benchmark.report.text import count
    from benchmark.sweep.sweep import collect_sweep

    for run, job in submitted:
        say(f"job {job}: {run.name}")
    coming = [run for run, _ in collect_sweep(study.trainings) if run.name not in failed]
    if not coming:
        return False
    say(
        f"{count(len(submitted), 'training')} submitted, {len(coming)} to come; 'seada-bench status "
        f"{study.trainings}' says how they are, and the same command goes on once all are over"
    )
    return True


def _choose(study: Study, failures: list[tuple[Run, str]], phantom: bool) -> int:
    from benchmark.report.text import count
    from benchmark.sweep.executor_config import SLURM
    from benchmark.tune.report import picks, to_markdown, write
    from benchmark.tune.study import machine_of, measured, write_selected

    table = measured(study, [run.name for run, _ in failures])
    who = "of the tuning seeds" if phantom else "of the sweep's own seeds, whom its tables report"
    tested = f"labels of test subjects {who}" if study.tests else ""
    sites = study.sweep.held_out_sites
    text = to_markdown(table, study.rules, sites, tested, machine_of(study))
    write(table, text, study.out, oracle=bool(study.tests))
    say(text)
    where = f"held-out training subjects of seeds {', '.join(map(str, study.seeds))}"
    selected = study.out / "selected"
    for rule, picked in picks(table, study.rules).items():
        write_selected(study.trials, picked, selected / rule, f"{where}, by the rule '{rule}' of seada-bench tune")
    say(f"methods with the chosen settings: {selected}/RULE/METHOD.yaml; every trial: {study.out / 'trials.csv'}")
    if failures:
        run, error = failures[0]
        what = f"{count(len(failures), 'training')} failed, the first is '{run.name}' ({error})"
        again = "the same command tries again"
        if study.sweep.executor.kind == SLURM:
            again += ", where error.txt is removed"
        return fail(f"{what}; tracebacks are in {run.folder.parent}/*/error.txt; {again}", 1)
    return 0


def _parser() -> Parser:
    parser = Parser(
        "tune",
        "Choose the settings of a sweep's methods from equally many trials each, on held-out training subjects, by "
        "rules that use no label of a test subject (docs/tuning.md).",
    )
    parser.add_argument("--config", type=Path, required=True, help="Sweep file, or the name of a shipped one.")
    parser.add_argument(
        "--out", type=Path | None, default=None, help="Folder of the study; results/tune-NAME of the sweep by default."
    )
    parser.add_argument("--trials", type=int, default=8, help="Trials per method, its own settings included.")
    parser.add_argument(
        "--seeds", type=list[int], default=[101, 102], help="Of data and trainings; none that the sweep reports."
    )
    parser.add_argument(
        "--rules",
        nargs="+",
        default=["unsupervised", "diagnoses"],
        help="Rules that choose. leave_one_training_site_out needs further trainings of every trial.",
    )
    parser.add_argument(
        "--held_out_sites", type=int, default=2, help="Sites that it holds out, one a training: so many times as many."
    )
    parser.add_argument(
        "--oracle",
        action="store_true",
        help="Also score test subjects, to show what choosing without their labels costs; chooses nothing.",
    )
    parser.add_argument(
        "--plan",
        action="store_true",
        help="Make the data, say how many trainings there are and how long they take; train nothing.",
    )
    parser.add_argument("--workers", type=int | None, default=None, help="Runs at a time, over the sweep file's own.")
    parser.add_argument(
        "--plugins", type=Path, nargs="+", default=[], help="Further folders with modules of class paths."
    )
    return parser
