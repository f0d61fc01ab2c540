"""`seada-bench merge`: one results folder from several."""

from __future__ import annotations

from pathlib import Path

from benchmark.commands.terminal import say
from benchmark.folders import check_holds_scores
from benchmark.parsing import Parser


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    parser = Parser("merge", "Join results folders of one task that have different runs, and write their tables.")
    parser.add_argument("results", type=Path, nargs="+", help="Results folders of sweeps, and of submissions.")
    parser.add_argument("--out", type=Path, required=True, help="New folder.")
    options = parser.parse_args(args)
    for folder in options.results:
        check_holds_scores(folder)

    from benchmark.report.about import About
    from benchmark.report.pairing import paired_values
    from benchmark.report.statistics.settings import StatisticsSettings
    from benchmark.report.tables import write_tables
    from benchmark.report.write_statistics import write_statistics
    from benchmark.results.merge import merge
    from benchmark.results.read import read_results

    merged = merge(options.results, options.out)
    about = About.of(merged.provenance)
    replicates, without = paired_values([read_results(folder) for folder in dict.fromkeys(options.results)])
    if len(replicates):
        primary = merged.provenance["sweep"]["primary"]
        settings = StatisticsSettings(reference=primary["method"] or None, primary_scores=tuple(primary["scores"]))
        write_statistics(replicates, options.out, about, settings)
    write_tables(merged.scores, options.out, about)
    if without:
        say(
            f"note: {', '.join(without)} without replicates: methods are paired by seed, not by subject; with fewer "
            "than three seeds nothing can be tested"
        )
    say(f"{merged.provenance['runs']} runs: {options.out}; 'seada-bench tables {options.out}' writes them for readers")
    return 0
