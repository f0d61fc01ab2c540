"""`seada-bench tables`: results for readers."""

from __future__ import annotations

from pathlib import Path

from benchmark.commands.terminal import say
from benchmark.parsing import Parser


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    parser = Parser("tables", "Write the tables of a results folder for readers: Markdown, CSV, LaTeX, one HTML page.")
    parser.add_argument("results", type=Path, help="Results folder of a sweep or of evaluate.")
    parser.add_argument("--out", type=Path | None, default=None, help="Folder to write to; RESULTS/tables by default.")
    parser.add_argument("--overwrite", type=bool, default=False, help="Replace files that were not written by this.")
    parser.add_argument(
        "--weights",
        type=dict[str, float] | None,
        default=None,
        help="Adds a weighted score, such as '{map_cn_ad: 0.5, mlp_standardised: 0.5}', beside what it is made of.",
    )
    options = parser.parse_args(args)

    from benchmark.report.results_csv import read_results_or_csv
    from benchmark.report.statistics_figures import statistics_figures
    from benchmark.report.write_all import order_of, write_all
    from benchmark.report.write_statistics import stored_blocks, weighted_blocks
    from benchmark.sweep.examples import example_inputs

    results, order = read_results_or_csv(options.results), order_of(options.results)
    statistics = stored_blocks(results, order)
    if options.weights:
        statistics += weighted_blocks(options.results, options.weights, order)
    out = options.out or options.results / "tables"
    write_all(
        options.results,
        out,
        examples=example_inputs(options.results, order),
        statistics=statistics,
        figures=statistics_figures(results, order),
        overwrite=options.overwrite,
    )
    say(f"{out}/report.html, and the tables as .md, .csv and .tex beside it\n")
    return 0
