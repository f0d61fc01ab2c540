"""The plot of leakage against retrieval."""

from __future__ import annotations

import math
from itertools import combinations
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest

from benchmark.report.columns import CROSS_SITE_MAP
from benchmark.report.page.pareto import SECOND, pareto_plots, undominated
from benchmark.report.page.pareto_figure import MOST_NAMES, Measured, Point, pareto_figure
from benchmark.results.schema import joined
from tests.tables import long_table

MLP = {
    "table": "leakage",
    "metric": "balanced_accuracy",
    "params": "coordinates=standardised;folds=5;probe=mlp",
    "higher_is_better": False,
}


def plotted(make_score, values, seeds=(1, 2), spread=0.02, **changes):
    """Leakage and retrieval by method; seeds lie at the values ± spread."""
    rows = []
    for method, (leakage, retrieval) in values.items():
        for seed, sign in zip(seeds, (-1, 1), strict=False):
            rows.append(make_score(method, leakage + sign * spread, seed=seed, **MLP))
            rows.append(make_score(method, retrieval + sign * spread, seed=seed, **changes))
    return long_table(rows)


def parsed(plot):
    return ElementTree.fromstring(plot.svg)  # noqa: S314 (made here)


def brute_force(values):
    best = set()
    for name, (leakage, retrieval) in values.items():
        beaten = False
        for other_leakage, other_retrieval in values.values():
            no_worse = other_leakage <= leakage and other_retrieval >= retrieval
            beaten |= no_worse and (other_leakage < leakage or other_retrieval > retrieval)
        if not beaten:
            best.add(name)
    return best


def test_undominated():
    values = {"a": (0.2, 0.6), "b": (0.3, 0.7), "c": (0.3, 0.6), "d": (0.2, 0.6), "e": (0.1, 0.1)}
    assert undominated(values) == brute_force(values) == {"a", "b", "d", "e"}
    assert undominated({}) == set()


def test_values_intervals_and_roles(make_score):
    values = {"a": (0.2, 0.6), "b": (0.3, 0.5), "true_anatomy": (0.1, 0.9)}
    (plot,) = pareto_plots(plotted(make_score, values), ["b", "a"], bounds={"true_anatomy": "ceiling"})
    assert plot.intervals == ("± SD over seeds", "± SD over seeds")
    rows = {row[0].text: row[1:] for row in plot.grid.rows}
    assert list(rows) == ["b", "a", "true_anatomy"]
    assert [row[-1].text for row in rows.values()] == ["dominated", "non-dominated", "ceiling"]
    # Seeds 0.18 and 0.22: SD 0.04 / √2 = 0.0283.
    sd = 0.04 / math.sqrt(2)
    assert [cell.value for cell in rows["a"][:6]] == pytest.approx([0.2, 0.2 - sd, 0.2 + sd, 0.6, 0.6 - sd, 0.6 + sd])


def test_intervals_of_one_seed(make_score):
    values = {"a": (0.2, 0.6), "b": (0.3, 0.5)}
    scores = plotted(make_score, values, seeds=(1,), spread=0.0, ci_low=0.4, ci_high=0.7)
    (plot,) = pareto_plots(scores, [])
    assert plot.intervals == (SECOND["none"], SECOND["interval"])
    assert [cell.text for cell in plot.grid.rows[0][1:7]] == ["0.200", "–", "–", "0.600", "0.400", "0.700"]


def test_missing_values_are_named(make_score):
    scores = plotted(make_score, {"a": (0.2, 0.6), "b": (math.nan, 0.5)})
    (plot,) = pareto_plots(scores, [])
    assert plot.absent == ["b"]
    (empty,) = pareto_plots(scores[scores["table"] == "retrieval"], [])
    assert empty.svg == ""
    assert empty.absent == ["a", "b"]


def test_svg_is_whole_escaped_and_the_same_every_time(make_score):
    values = {"<script>alert(1)</script>": (0.2, 0.6), "a$_b$ & c": (0.3, 0.7), "z" * 80: (0.4, 0.5)}
    scores = plotted(make_score, values)
    (plot,) = pareto_plots(scores, [])
    root = parsed(plot)
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"<script>al…1)</script>", "a$_b$ & c", "z" * 10 + "…" + "z" * 11} <= set(texts)
    assert not [each for each in root.iter() if each.tag.endswith(("script", "metadata", "style", "image"))]
    assert "#010101" not in plot.svg
    assert "var(--accent)" in plot.svg
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "svg.fonttype": "path"}):
        (again,) = pareto_plots(scores.sample(frac=1, random_state=0), [])
    assert again.svg == plot.svg


def test_two_plots_share_no_identifier(make_score):
    scores = plotted(make_score, {"a": (0.2, 0.6), "b": (0.3, 0.7)})
    plots = pareto_plots(joined([scores, scores.assign(protocol="other")]), [])
    used = [
        {each.get("id") for each in parsed(plot).iter() if each.tag.endswith(("clipPath", "path")) and each.get("id")}
        for plot in plots
    ]
    assert used[0]
    assert not used[0] & used[1]


def test_one_method_alone(make_score):
    (plot,) = pareto_plots(plotted(make_score, {"a": (0.2, 0.6)}, spread=0.0), [])
    assert "<svg" in plot.svg


def stored(rows, covers="subjects and seeds"):
    """Intervals of the statistics, from (score, method, low, high)."""
    frame = pd.DataFrame(rows, columns=["score", "method", "ci_low", "ci_high"])
    return frame.assign(protocol="pooled", covers=covers)


def test_the_intervals_of_the_statistics_are_the_bars(make_score):
    values = {"a": (0.2, 0.6), "b": (0.3, 0.7), "random_vectors": (0.1, 0.5)}
    ends = [("map_cn_ad", "a", 0.55, 0.66), ("map_cn_ad", "b", math.nan, math.nan), ("mlp_standardised", "a", 0.1, 0.4)]
    (plot,) = pareto_plots(plotted(make_score, values), ["a", "b"], intervals=stored(ends))
    assert plot.intervals == ("95 % interval over subjects and seeds", "95 % interval over subjects and seeds")
    rows = {row[0].text: [cell.text for cell in row[1:7]] for row in plot.grid.rows}
    assert rows["a"] == ["0.200", "0.100", "0.400", "0.600", "0.550", "0.660"]
    # No SD in their place: two kinds of bars in one axis would be read as one.
    assert rows["b"] == ["0.300", "–", "–", "0.700", "–", "–"]
    assert plot.barless == ["b", "random_vectors"]


def test_an_axis_without_stored_intervals_says_what_its_bars_are(make_score):
    intervals = stored([("map_cn_ad", "a", 0.55, 0.66)], covers="subjects")
    (plot,) = pareto_plots(plotted(make_score, {"a": (0.2, 0.6)}), [], intervals=intervals)
    assert plot.intervals == ("± SD over seeds", "95 % interval over subjects")
    assert plot.barless == []


def test_whitened_leakage_stands_beside_standardised(make_score):
    scores = plotted(make_score, {"a": (0.2, 0.6), "b": (0.3, 0.7)})
    white = scores[scores["table"] == "leakage"].copy()
    white["coordinates"] = "whitened"
    white["value"] += 0.5
    plots = pareto_plots(joined([scores, white]), [])
    assert [(plot.protocol, plot.leakage) for plot in plots] == [("pooled", "MLP std."), ("pooled", "MLP white.")]
    assert [plot.grid.rows[0][1].value for plot in plots] == pytest.approx([0.2, 0.7])
    assert len({plot.grid.identifier for plot in plots}) == 2
    assert "MLP white." in plots[1].svg


@pytest.mark.parametrize("seed", range(3))
def test_no_name_covers_another_or_a_point(seed):
    draw = np.random.default_rng(seed)
    spots = draw.uniform(0.2, 0.8, (14, 2))
    points = [
        Point(f"method_{place}", Measured(x, x - 0.02, x + 0.02), Measured(y, y - 0.02, y + 0.02), place == 0, "")
        for place, (x, y) in enumerate(spots)
    ]
    figure = pareto_figure(points, (CROSS_SITE_MAP, CROSS_SITE_MAP), (0.1, 0.1))
    (axes,) = figure.axes
    names = [text for text in axes.texts if text.get_text().startswith("method_")]
    assert len(names) == 14
    boxes = [text.get_window_extent() for text in names]
    assert not any(one.overlaps(two) for one, two in combinations(boxes, 2))
    assert not any(box.contains(*spot) for box in boxes for spot in axes.transData.transform(spots))


@pytest.mark.parametrize("number", [MOST_NAMES, MOST_NAMES + 1])
def test_of_many_methods_those_of_the_front_and_of_the_bounds_are_named(number):
    def point(place):
        x, y = 0.2 + place / 60, 0.5 + place % 5 / 40
        role = "floor" if place == 1 else ""
        return Point(f"method_{place}", Measured(x, x, x), Measured(y, y, y), place == 0, role)

    figure = pareto_figure([point(place) for place in range(number)], (CROSS_SITE_MAP, CROSS_SITE_MAP), (0.1, 0.5))
    named = {text.get_text() for text in figure.axes[0].texts} - {"chance"}
    few = {"method_0", "method_1 (floor)"}
    assert named == (few | {f"method_{place}" for place in range(2, number)} if number == MOST_NAMES else few)
