"""`seada-bench check-method`: try a method on mock data before it sees real ones."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmark.commands.terminal import say
from benchmark.errors import UserError
from benchmark.parsing import Parser


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    parser = Parser(
        "check-method",
        "Train a method on mock data and say what breaks the contract of methods (docs/add-a-method.md); exit status 1 "
        "if anything does.",
    )
    parser.add_argument("method", type=Path, help="YAML file of the method. Class paths are looked for in its folder.")
    parser.add_argument(
        "--plugins", type=Path, nargs="+", default=[], help="Further folders with modules of class paths."
    )
    parser.add_argument(
        "--processes", type=int, default=2, help="CPU processes that train together in the last check; 1 for none."
    )
    options = parser.parse_args(args)
    if not options.method.is_file():
        raise UserError(f"method: {options.method} is no file; allowed: the YAML file of a method")
    if options.processes < 1:
        raise UserError(f"--processes: {options.processes} is not allowed; it must be at least 1")

    from benchmark.methods.card import MethodCard
    from benchmark.methods.conformance import check_method
    from benchmark.plugins import use_plugins
    from benchmark.train.resolve import instantiate_model, resolve

    use_plugins(options.plugins)
    config = resolve(options.method, {})
    card = MethodCard(**config["card"]) if config.get("card") else None
    findings = check_method(lambda: instantiate_model(config["model"]), card, options.processes)
    for finding in findings:
        say(f"{finding.check}: {finding.problem}", sys.stderr)
    if not findings:
        say(f"{options.method}: every check passed")
    return 1 if findings else 0
