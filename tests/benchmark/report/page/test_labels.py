"""Names beside points."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.report.page.labels import Box, place_labels

FRAME = Box(0, 0, 600, 400)


def overlapping(boxes):
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :]]
    return sum(a.overlap(b) > 0 for a, b in pairs)


def test_boxes():
    # 2 wide and 1 high.
    assert Box(0, 0, 4, 3).overlap(Box(2, 2, 8, 8)) == pytest.approx(2.0)
    assert Box(0, 0, 1, 1).overlap(Box(1, 0, 2, 1)) == 0
    assert Box(0, 0, 1, 1).distance((4, 5)) == pytest.approx(5.0)
    assert Box(0, 0, 1, 1).distance((0.5, 0.2)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_no_name_covers_another_or_a_point(seed):
    draw = np.random.default_rng(seed)
    points = [tuple(point) for point in draw.uniform((20, 20), (580, 380), (20, 2))]
    sizes = [(60.0, 12.0)] * 20
    boxes = place_labels(points, sizes, FRAME)
    assert overlapping(boxes) == 0
    assert all(box.inside(FRAME) for box in boxes)
    assert all(box.distance(point) > 0 for box in boxes for point in points)


def test_points_that_lie_on_each_other():
    points = [(300.0, 200.0), (301.0, 200.0), (302.0, 201.0), (300.0, 202.0), (300.0, 200.0)]
    assert overlapping(place_labels(points, [(80.0, 12.0)] * 5, FRAME)) == 0


def test_corner_and_taken():
    taken = Box(10, 0, 600, 60)
    (box,) = place_labels([(4.0, 4.0)], [(50.0, 12.0)], FRAME, [taken])
    assert box.inside(FRAME)
    assert box.overlap(taken) == 0


def test_bars_are_avoided_where_it_is_near():
    bar = Box(300, 199, 500, 201)
    (box,) = place_labels([(300.0, 200.0)], [(50.0, 12.0)], FRAME, [], [bar])
    assert box.overlap(bar) == 0


def test_the_order_of_the_points_does_not_matter():
    draw = np.random.default_rng(0)
    points = [tuple(point) for point in draw.uniform((20, 20), (580, 380), (9, 2))]
    sizes = [(float(width), 12.0) for width in draw.integers(20, 90, 9)]
    forth = place_labels(points, sizes, FRAME)
    assert forth == place_labels(points[::-1], sizes[::-1], FRAME)[::-1]
