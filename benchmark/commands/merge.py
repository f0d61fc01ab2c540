"""`seada-bench merge`: one results folder from several."""

from __future__ import annotations

from pathlib import Path

from benchmark.commands.terminal import say
from benchmark.folders import check_holds_scores
from benchmark.parsing import Parser


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    parser = Parser("merge", "Join results folders of one task that have different runs, and write their tables.")
    parser.add_argument("results", type=Path, nargs="+", help="Results folders of sweeps.")
    parser.add_argument("--out", type=Path, required=True, help="New folder.")
    options = parser.parse_args(args)
    for folder in options.results:
        check_holds_scores(folder)

    from benchmark.report.about import About
    from benchmark.report.statistics.settings import StatisticsSettings
    from benchmark.report.tables import write_tables
    from benchmark.report.write_statistics import write_statistics
    from benchmark.results.merge import merge

    merged = merge(options.results, options.out)
    about, replicates = About.of(merged.provenance) or About(), merged.replicates()
    if replicates is not None:
        primary = merged.provenance["sweep"]["primary"]
        settings = StatisticsSettings(reference=primary["method"] or None, primary_scores=tuple(primary["scores"]))
        write_statistics(replicates, options.out, about, settings)
    write_tables(merged.scores, options.out, about)
    say(f"{merged.provenance['runs']} runs: {options.out}; 'seada-bench tables {options.out}' writes them for readers")
    return 0
