"""The page: everything a reviewer asks of a results folder in one HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from markupsafe import Markup

from benchmark.errors import UserError
from benchmark.report.about import SYNTHETIC, About
from benchmark.report.blocks import Block
from benchmark.report.columns import pair_of
from benchmark.report.findings import findings
from benchmark.report.grid import Grid
from benchmark.report.page.added import AddedPart
from benchmark.report.page.aggregate import aggregate, only_keys
from benchmark.report.page.assets import data_uri, rendered
from benchmark.report.page.comparisons import comparison_grids
from benchmark.report.page.every_metric import metric_blocks
from benchmark.report.page.examples import Examples
from benchmark.report.page.pareto import pareto_plots
from benchmark.report.page.provenance import provenance_grids
from benchmark.report.page.subgroups import QUERY_SITE, matrices, per_site
from benchmark.report.statistics.stored import stored_comparisons
from benchmark.report.text import not_competing, section_title
from benchmark.report.ties import told
from benchmark.report.wide_grid import section_grid
from benchmark.report.wide_tables import WideTable
from benchmark.results.read import StoredResults


def render_page(
    results: StoredResults,
    wide: Sequence[WideTable],
    examples: Examples | None = None,
    added: Sequence[AddedPart] = (),
    statistics: Sequence[Block] = (),
    figures: Mapping[str, str] | None = None,
    intervals: pd.DataFrame | None = None,
    downloads: Mapping[str, bytes] | None = None,
) -> str:
    """The page as text; equal input gives equal text.

    Parameters
    ----------
    results
        Scores and provenance.
    wide
        The wide tables, with their ties (:func:`benchmark.report.ties.with_ties`).
    examples
        Example retrievals (:func:`benchmark.report.page.examples.examples`); without them their section says how
        to get them.
    added
        What methods add to the scans of each site (:func:`benchmark.report.page.added.added`); without any the page has
        no such section.
    statistics
        Further text with tables, such as tests between methods.
    figures
        SVG files by title. They are shown as pictures, so that no script in them can run.
    intervals
        Intervals of the statistics between methods, for the plots of leakage against retrieval
        (:func:`benchmark.report.page.pareto.pareto_plots`).
    downloads
        CSV files by name that the page hands out, each beside what it holds: of a wide table, by its name, of query
        sites, and of the statistics.

    Raises
    ------
    UserError
        For a figure that is not SVG.
    """
    about = About.of(results.provenance)
    methods = about.order(results.scores["method"].unique())
    summaries = aggregate(results.scores)
    titles = {part.protocol: section_title(part) for table in wide for part in table.sections}
    plots = pareto_plots(results.scores, methods, intervals=intervals, bounds=about.bounds)
    given = {name: data_uri("text/csv;charset=utf-8", content) for name, content in sorted((downloads or {}).items())}
    return rendered(
        "page.html.j2",
        ["sort.js", "page.js"],
        titles=titles,
        compared=_compared(results, list(titles.values()), methods, about),
        synthetic=SYNTHETIC,
        findings=findings(results),
        wide=[(table, _grids(table)) for table in wide],
        pareto=[(plot, Markup(plot.svg)) for plot in plots],  # noqa: S704 (made by matplotlib, which escapes)
        sites=per_site(summaries, methods, titles),
        matrices=matrices(summaries, methods),
        examples=examples,
        added=added,
        statistics=[_numbered(block, place) for place, block in enumerate(_captioned(statistics), start=1)],
        differences=comparison_grids(stored_comparisons(results.folder), methods, pair_of(results.scores)),
        figures={title: _picture(title, svg) for title, svg in (figures or {}).items()},
        every=metric_blocks(summaries, methods),
        provenance=provenance_grids(results.provenance),
        downloads={
            "wide": {table.name: _named(given, f"{table.name}.csv", f"{table.name}_held_out.csv") for table in wide},
            "sites": _named(given, "retrieval_by_site.csv"),
            "statistics": _named(given, "statistics_"),
        },
    )


def _grids(table: WideTable) -> list[Grid]:
    """A wide table as grids, one a protocol."""
    return [
        replace(
            section_grid(part, [each for each in table.columns if each.shown_in(part.protocol)], table.directions),
            identifier=f"{table.name}-{place}",
            caption=f"{table.title}. {section_title(part)}",
        )
        for place, part in enumerate(table.sections, start=1)
    ]


def _named(downloads: Mapping[str, str], *beginnings: str) -> dict[str, str]:
    return {name: address for name, address in downloads.items() if name.startswith(beginnings)}


def _captioned(blocks: Sequence[Block]) -> Iterator[Block]:
    """Blocks whose tables are named by the headings above them, for readers who hear the page."""
    above: dict[int, str] = {}
    for block in blocks:
        if block.kind == "heading":
            above = {level: text for level, text in above.items() if level < block.level} | {
                block.level: block.lines[0]
            }
        label = ": ".join(above[level] for level in sorted(above))
        yield block if block.grid is None else replace(block, grid=replace(block.grid, label=label))


def _numbered(block: Block, place: int) -> Block:
    grid = block.grid
    return block if grid is None else replace(block, grid=replace(grid, identifier=f"statistics-{place}"))


def _picture(title: str, svg: str) -> str:
    text = svg.strip()
    if not text.startswith(("<svg", "<?xml", "<!DOCTYPE svg")) or "<svg" not in text:
        raise UserError(f"figure '{title}': no SVG; the text must begin with <svg or <?xml")
    return data_uri("image/svg+xml", text.encode())


def _compared(results: StoredResults, protocols: Sequence[str], methods: Sequence[str], about: About) -> dict[str, Any]:
    """What the results compare, for the heading."""
    scores = results.scores
    environment = results.provenance.get("environment")
    environment = environment if isinstance(environment, dict) else {}
    return {
        "methods": [(method, about.bounds.get(method, "")) for method in methods],
        "protocols": protocols,
        "sites": _sites(scores),
        "runs": len(scores[["method", "protocol", "held_out_site", "seed"]].drop_duplicates()),
        "scores": len(scores),
        "commit": str(environment.get("git_commit") or ""),
        "dirty": bool(environment.get("git_dirty")),
        "synthetic": about.synthetic,
        "marked": told(about.bounds),
        "bounds": not_competing(about.bounds),
    }


def _sites(scores: pd.DataFrame) -> list[str]:
    querying = {only_keys(text).get(QUERY_SITE, "") for text in scores["subgroup"].unique()}
    return sorted((querying | set(scores["held_out_site"].unique())) - {""})
