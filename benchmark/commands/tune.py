"""`seada-bench tune`: choose each method's settings from equally many trials, by rules that use no test label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmark.commands.terminal import say
from benchmark.configs import SWEEPS
from benchmark.errors import UserError
from benchmark.parsing import Parser


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    options = _parser().parse_args(args)
    shipped = SWEEPS / f"{options.config}.yaml"
    config = shipped if not options.config.is_file() and shipped.is_file() else options.config
    if not config.is_file():
        raise UserError(f"{options.config}: no such sweep file or shipped sweep")
    for name in ("trials", "workers"):
        if options[name] is not None and options[name] < 1:
            raise UserError(f"--{name}: {options[name]} is not allowed; it must be at least 1")
    if not options.seeds or min(options.seeds) < 0:
        raise UserError(f"--seeds: {options.seeds} is not allowed; it must be integers >= 0")

    from benchmark.folders import make_writable
    from benchmark.plugins import use_plugins
    from benchmark.sweep.config import read_sweep

    use_plugins(options.plugins)
    sweep = read_sweep(config)
    if options.workers is not None:
        sweep = replace(sweep, workers=options.workers)

    from benchmark.tune.report import picks, write
    from benchmark.tune.study import make_trials, measure, training_sweep, write_selected

    out = (options.out or Path("results") / f"tune-{config.stem}").absolute()
    make_writable(out, "out")
    trials = make_trials(sweep, out / "methods", options.trials)
    measured = measure(training_sweep(sweep, out, trials, options.seeds), out / "sweep", trials)
    say(write(measured, out))
    where = f"held-out training subjects of seeds {', '.join(map(str, options.seeds))}"
    for rule, picked in picks(measured).items():
        write_selected(trials, picked, out / "selected" / rule, f"{where}, by the rule '{rule}' of seada-bench tune")
    say(f"methods with the chosen settings: {out / 'selected'}/RULE/METHOD.yaml; every trial: {out / 'trials.csv'}")
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
    parser.add_argument("--workers", type=int | None, default=None, help="Runs at a time, over the sweep file's own.")
    parser.add_argument(
        "--plugins", type=Path, nargs="+", default=[], help="Further folders with modules of class paths."
    )
    return parser
