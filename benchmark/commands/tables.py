"""`seada-bench tables`: results for readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from benchmark.commands.terminal import say
from benchmark.folders import check_holds_scores
from benchmark.parsing import Parser

if TYPE_CHECKING:
    from benchmark.results.read import StoredResults


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

    from benchmark.report.findings import summary_lines
    from benchmark.results.read import read_results

    results = read_results(options.results)
    out = options.out or options.results / "tables"
    write_views(results, out, weights=options.weights, overwrite=options.overwrite)
    say(summary_lines(results))
    say(f"{out}/report.html, and the tables as .md, .csv and .tex beside it\n")
    return 0


def write_views(
    results: StoredResults, out: Path, *, weights: Mapping[str, float] | None = None, overwrite: bool = False
) -> None:
    """Write the tables of a results folder, and its page with all that the folder has for it.

    Parameters
    ----------
    results
        As :func:`benchmark.results.read.read_results` gives them.
    out
        Folder to write to.
    weights
        Of a weighted score, by column key.
    overwrite
        Replace whatever has the name of a file that is written.
    """
    from benchmark.report.about import About
    from benchmark.report.statistics_figures import statistics_figures
    from benchmark.report.write_all import write_all
    from benchmark.report.write_statistics import stored_blocks, weighted_blocks

    folder = cast("Path", results.folder)
    order = About.of(results.provenance).methods
    statistics = stored_blocks(results)
    if weights:
        statistics += weighted_blocks(folder, weights)
    write_all(
        folder,
        out,
        examples=_examples(folder, order),
        added=_added(folder, order),
        statistics=statistics,
        figures=statistics_figures(results),
        overwrite=overwrite,
    )


def _examples(results: Path, order: Sequence[str]) -> list[Any]:
    """What example retrievals are made from; scores alone have none, and need none of what trains."""
    if not (results / "runs").is_dir():
        return []
    from benchmark.sweep.examples import example_inputs

    return list(example_inputs(results, order))


def _added(results: Path, order: Sequence[str]) -> list[Any]:
    """What methods add to the scans of each site; none where no run is left."""
    if not (results / "runs").is_dir():
        return []
    from benchmark.sweep.added import added_inputs

    return list(added_inputs(results, order))
