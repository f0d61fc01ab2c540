"""`seada-bench list`: what there is, by name."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.commands.terminal import say
from benchmark.configs import METHODS, SWEEPS
from benchmark.configs.described import described
from benchmark.errors import UserError

KINDS = ("methods", "sweeps", "metrics", "importers")


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    if len(args) != 1 or args[0] not in KINDS:
        if args in (["-h"], ["--help"]):
            say(f"usage: seada-bench list {'|'.join(KINDS)}")
            return 0
        raise UserError(f"list: '{' '.join(args)}' is not allowed; allowed: {', '.join(KINDS)}")
    rows = list({"methods": _methods, "sweeps": _sweeps, "metrics": _metrics, "importers": _importers}[args[0]]())
    width = max(len(name) for name, _ in rows)
    for name, what in rows:
        say(f"{name:<{width}}  {what}")
    return 0


def _methods() -> Iterator[tuple[str, str]]:
    yield from described(METHODS)
    for rule in sorted((METHODS / "selected").iterdir()):
        names = ", ".join(sorted(file.stem for file in rule.glob("*.yaml")))
        yield f"selected/{rule.name}/NAME", f"The settings that tune chose by the rule {rule.name}, of {names}"


def _sweeps() -> Iterator[tuple[str, str]]:
    yield from described(SWEEPS)


def _metrics() -> Iterator[tuple[str, str]]:
    from benchmark.report.statistics.bounds import declared_metrics

    for metric in declared_metrics():
        direction = "higher is better" if metric.higher_is_better else "lower is better"
        yield f"{metric.table}/{metric.name}", f"version {metric.version}, {direction}"


def _importers() -> Iterator[tuple[str, str]]:
    from benchmark.prepare.importers.registry import importers

    for name, module in importers().items():
        yield name, str(module.__doc__).strip().splitlines()[0].rstrip(".")
