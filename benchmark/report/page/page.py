"""The page: everything a reviewer asks of a results folder in one HTML file that needs no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from benchmark.errors import UserError
from benchmark.report.about import About
from benchmark.report.blocks import Block
from benchmark.report.grid import Grid
from benchmark.report.page.aggregate import aggregate, only_keys
from benchmark.report.page.every_metric import metric_blocks
from benchmark.report.page.examples import Examples
from benchmark.report.page.pareto import pareto_plots
from benchmark.report.page.provenance import provenance_grids
from benchmark.report.page.subgroups import QUERY_SITE, matrices, per_site
from benchmark.report.text import best_apart, not_competing, section_title
from benchmark.report.wide_grid import section_grid
from benchmark.report.wide_tables import WideTable
from benchmark.results.read import StoredResults

#: What the page may load: nothing but pictures in data URIs, its own styles, and the one script with this digest.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)


def render_page(
    results: StoredResults,
    wide: Sequence[WideTable],
    examples: Examples | None = None,
    statistics: Sequence[Block] = (),
    figures: Mapping[str, str] | None = None,
    intervals: pd.DataFrame | None = None,
) -> str:
    """The page as text; equal input gives equal text.

    Parameters
    ----------
    results
        Scores and provenance.
    wide
        The wide tables.
    examples
        Example retrievals (:func:`benchmark.report.page.examples.examples`); without them their section says how
        to get them.
    statistics
        Further text with tables, such as tests between methods.
    figures
        SVG files by title. They are shown as pictures, so that no script in them can run.
    intervals
        Intervals of the statistics between methods, for the plots of leakage against retrieval
        (:func:`benchmark.report.page.pareto.pareto_plots`).

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
    script, style = _asset("page.js"), _asset("page.css")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            policy=_POLICY.format(digest=digest),
            script=Markup(script),  # noqa: S704 (a file of this package)
            style=Markup(style),  # noqa: S704 (a file of this package)
            titles=titles,
            compared=_compared(results, list(titles.values()), methods, about),
            wide=[(table, _grids(table)) for table in wide],
            pareto=[(plot, Markup(plot.svg)) for plot in plots],  # noqa: S704 (made by matplotlib, which escapes)
            sites=per_site(summaries, methods, titles),
            matrices=matrices(summaries, methods),
            examples=examples,
            statistics=[_numbered(block, place) for place, block in enumerate(statistics, start=1)],
            figures={title: _picture(title, svg) for title, svg in (figures or {}).items()},
            every=metric_blocks(summaries, methods),
            provenance=provenance_grids(results.provenance),
        )
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


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("benchmark.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = _code
    return environment


def _asset(name: str) -> str:
    return files("benchmark.report.page").joinpath("templates", name).read_text(encoding="utf-8")


def _code(text: str) -> Markup:
    """Escaped text in which what stands between backticks is code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return escape(text)
    marked = (
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece) for place, piece in enumerate(pieces)
    )
    return Markup("").join(marked)


def _numbered(block: Block, place: int) -> Block:
    grid = block.grid
    return block if grid is None else replace(block, grid=replace(grid, identifier=f"statistics-{place}"))


def _picture(title: str, svg: str) -> str:
    text = svg.strip()
    if not text.startswith(("<svg", "<?xml", "<!DOCTYPE svg")) or "<svg" not in text:
        raise UserError(f"figure '{title}': no SVG; the text must begin with <svg or <?xml")
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode("ascii")


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
        "apart": best_apart(about.bounds),
        "bounds": not_competing(about.bounds),
    }


def _sites(scores: pd.DataFrame) -> list[str]:
    querying = {only_keys(text).get(QUERY_SITE, "") for text in scores["subgroup"].unique()}
    return sorted((querying | set(scores["held_out_site"].unique())) - {""})
