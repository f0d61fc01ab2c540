"""Figures: the same bytes every time, and no label on another."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from itertools import combinations
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest

from benchmark.report.statistics.diagram import (
    critical_difference_diagram,
    critical_difference_figure,
    interval_diagram,
    interval_figure,
)

METHODS = [f"method_{name}_with_a_rather_long_name_{name}" for name in "abcdefgh"]


def ranks(mean, critical=4.7, p=0.01):
    return pd.DataFrame(
        {
            "method": METHODS[: len(mean)],
            "mean_rank": mean,
            "critical_difference": critical,
            "friedman_p": p,
            "blocks": 5,
        }
    )


def intervals(value):
    value = np.array(value, float)
    covers = np.where(np.isfinite(value), "subjects and seeds", "")
    frame = {"method": METHODS[: len(value)], "value": value, "ci_low": value - 0.1, "ci_high": value + 0.1}
    return pd.DataFrame(frame | {"covers": covers})


EIGHT = [1.0, 3.2, 3.4, 4.2, 4.6, 4.8, 7.0, 7.8]


def words(figure):
    return {text.get_text(): text for text in figure.findobj(matplotlib.text.Text) if text.get_text()}


@pytest.mark.parametrize(
    "make",
    [
        lambda: critical_difference_figure(ranks(EIGHT), "mAP CN/AD, pooled"),
        lambda: critical_difference_figure(ranks([4.5] * 8, p=1.0), "all alike"),
        lambda: critical_difference_figure(ranks(EIGHT, critical=1.2), "four bars"),
        lambda: interval_figure(intervals([0.5, 0.52, 0.51, 0.5, 0.6, 0.8, 0.2, math.nan]), "mAP CN/AD"),
    ],
)
def test_labels_lie_apart_and_within_the_figure(make):
    figure = make()
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    shown = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text() and text.get_visible()]
    axes = figure.axes[0]
    if axes.axison:
        # Ticks beyond the limits are kept but not drawn.
        low, high = axes.get_xlim()
        outside = [tick.label1 for tick in axes.xaxis.get_major_ticks() if not low <= tick.get_loc() <= high]
        shown = [text for text in shown if text not in outside]
    else:
        ticks = {*axes.get_xticklabels(), *axes.get_yticklabels()}
        shown = [text for text in shown if text not in ticks]
    boxes = [text.get_window_extent(renderer) for text in shown]
    assert len(boxes) >= 10
    for (one, first), (two, second) in combinations(zip(boxes, shown, strict=True), 2):
        assert not one.overlaps(two), (first.get_text(), second.get_text())
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height


def test_same_bytes_whatever_the_style_and_row_order():
    given, values = ranks(EIGHT), intervals([0.5, 0.6, 0.7])
    plain = critical_difference_diagram(given, "title"), interval_diagram(values, "title")
    with matplotlib.rc_context({"font.size": 20, "svg.fonttype": "none", "axes.facecolor": "red"}):
        again = critical_difference_diagram(given[::-1], "title"), interval_diagram(values[::-1], "title")
    assert plain == again
    for text in plain:
        assert ElementTree.fromstring(text).tag.endswith("svg")  # noqa: S314
        assert "<dc:date>" not in text


@pytest.mark.slow
def test_same_bytes_whatever_the_order_of_sets():
    code = (
        "import pandas; from benchmark.report.statistics.diagram import critical_difference_diagram as draw; "
        "given = {'method': list('abcdef'), 'mean_rank': [1, 2, 2, 3, 5, 6.0], 'critical_difference': 2.5}; "
        "print(draw(pandas.DataFrame(given).assign(friedman_p=0.01, blocks=5), 'title'))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": hashing}, capture_output=True, check=True
        ).stdout
        for hashing in ("1", "2")
    }
    assert len(texts) == 1


def test_two_figures_share_no_identifier():
    identifiers = [
        {element.get("id") for element in ElementTree.fromstring(text).iter() if element.tag.endswith("clipPath")}  # noqa: S314
        for text in (interval_diagram(intervals([0.5, 0.6]), "one"), interval_diagram(intervals([0.5, 0.6]), "two"))
    ]
    assert identifiers[0]
    assert not identifiers[0] & identifiers[1]


def test_names_are_text_not_formulas():
    values = intervals([0.5, 0.6])
    values["method"] = ["$x$", "a$b"]
    assert {"$x$", "a$b"} <= set(words(interval_figure(values, "50 $ for $")))


def bars(figure):
    lines = [line.get_xdata() for line in figure.axes[0].lines if line.get_linewidth() == 3.5]
    return sorted((min(ends), max(ends)) for ends in lines)


@pytest.mark.parametrize(
    ("mean", "critical", "joined"),
    [
        # 1 to 2.5, 2.5 to 4 (1 and 4 differ by 3); 7 stands alone.
        ([1.0, 2.5, 4.0, 7.0], 2.0, [(1.0, 2.5), (2.5, 4.0)]),
        # A run within another is not drawn.
        ([1.0, 1.5, 2.0, 4.0], 1.8, [(1.0, 2.0)]),
        ([1.0, 2.0, 3.0], 0.5, []),
        ([1.0, 2.0, 3.0], 5.0, [(1.0, 3.0)]),
        # Exactly the critical difference counts as different.
        ([1.0, 3.0], 2.0, []),
    ],
)
def test_bars_join_what_the_test_cannot_tell_apart(mean, critical, joined):
    assert bars(critical_difference_figure(ranks(mean, critical))) == joined


def test_names_that_look_alike_when_shortened_are_all_there():
    given = ranks([1.0, 2.0, 3.0]).assign(method=[f"method_name_{letter}_with_the_same_end" for letter in "abc"])
    shown = [text for text in words(critical_difference_figure(given)) if "…" in text]
    name = "method_nam…he_same_end"
    assert sorted(map(str.strip, shown)) == [f"3.00  {name}", f"{name}  1.00", f"{name}  2.00"]


def test_friedman_speaks_before_nemenyi():
    figure = critical_difference_figure(ranks([1.0, 2.0, 3.0], critical=0.5, p=0.2))
    ((low, high),) = bars(figure)
    assert (low, high) == (1, 3)
    assert any("no pair is told apart" in text for text in words(figure))


def test_nothing_to_draw():
    assert critical_difference_diagram(ranks([1.0, 2.0], critical=math.nan)) == ""
    assert critical_difference_diagram(ranks([math.nan] * 3)) == ""
    assert interval_diagram(intervals([math.nan, math.nan])) == ""


def test_missing_method_keeps_its_line():
    figure = interval_figure(intervals([0.5, math.nan]), method_order=["unknown", METHODS[1]])
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert len(labels) == 2
    assert labels[0].startswith("method_b_")
    assert "missing" in words(figure)
    assert "bars: 95 % interval over subjects and seeds" in words(figure)


def test_value_without_interval():
    values = intervals([0.5, 0.6]).assign(ci_low=math.nan, ci_high=math.nan, covers="")
    assert "no intervals" in words(interval_figure(values))


def test_lines_of_the_first_and_last_rank_are_not_cut_off():
    figure = critical_difference_figure(ranks([1.0, 2.0, 3.0], critical=1.5))
    low, high = figure.axes[0].get_xlim()
    beyond = [line for line in figure.axes[0].lines if min(line.get_xdata()) < low or max(line.get_xdata()) > high]
    assert len(beyond) == 3
    assert not any(line.get_clip_on() for line in beyond)
