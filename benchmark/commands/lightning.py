"""`seada-bench fit` and `predict`: Lightning's own command line over the methods."""

from __future__ import annotations


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    from benchmark.train.cli import run

    run(args)
    return 0
