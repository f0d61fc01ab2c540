"""`seada-bench tables`: results for readers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.commands.terminal import say
from benchmark.folders import check_holds_scores
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
    check_holds_scores(options.results)

    from benchmark.report.about import About
    from benchmark.report.findings import summary_lines
    from benchmark.report.statistics_figures import statistics_figures
    from benchmark.report.write_all import write_all
    from benchmark.report.write_statistics import stored_blocks, weighted_blocks
    from benchmark.results.read import read_results

    results = read_results(options.results)
    statistics = stored_blocks(results)
    if options.weights:
        statistics += weighted_blocks(options.results, options.weights)
    out = options.out or options.results / "tables"
    write_all(
        options.results,
        out,
        examples=_examples(options.results, About.of(results.provenance).methods),
        statistics=statistics,
        figures=statistics_figures(results),
        overwrite=options.overwrite,
    )
    say(summary_lines(results))
    say(f"{out}/report.html, and the tables as .md, .csv and .tex beside it\n")
    return 0


def _examples(results: Path, order: Sequence[str]) -> list[Any]:
    """What example retrievals are made from; scores alone have none, and need none of what trains."""
    if not (results / "runs").is_dir():
        return []
    from benchmark.sweep.examples import example_inputs

    return list(example_inputs(results, order))
