"""`seada-bench fit` and `predict`: Lightning's own command line over the methods."""

from __future__ import annotations


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    from benchmark.plugins import use_plugins, without_plugins
    from benchmark.train.cli import run

    kept, folders = without_plugins(args)
    use_plugins(folders)
    run(kept)
    return 0
