"""`seada-bench leaderboard`: one page over several results folders."""

from __future__ import annotations

from pathlib import Path

from benchmark.commands.terminal import say
from benchmark.folders import check_holds_scores
from benchmark.parsing import Parser


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    parser = Parser("leaderboard", "Write a page with every method of several results folders, to sort and to filter.")
    parser.add_argument("results", type=Path, nargs="+", help="Results folders of sweeps or of evaluate.")
    parser.add_argument("--out", type=Path, required=True, help="Folder for index.html.")
    parser.add_argument(
        "--reports", type=bool, default=False, help="Write the tables of every folder, too, and link its report."
    )
    parser.add_argument("--overwrite", type=bool, default=False, help="Replace files that were not written by this.")
    options = parser.parse_args(args)
    for folder in options.results:
        check_holds_scores(folder)

    from benchmark.commands.tables import write_views
    from benchmark.report.page.leaderboard import names_of
    from benchmark.report.text import count
    from benchmark.report.write_all import PAGE, write_leaderboard
    from benchmark.results.read import read_results

    names = names_of(options.results)
    results = {name: read_results(folder) for folder, name in names.items()}
    reports = {name: f"{name}/{PAGE}" for name in results} if options.reports else {}
    # First the page, which finds out what cannot be shown.
    path = write_leaderboard(results, options.out, reports, overwrite=options.overwrite)
    for name in reports:
        write_views(results[name], options.out / name, overwrite=options.overwrite)
    say(f"{path}: {count(len(results), 'results folder')}")
    return 0
