"""Places of the names beside the points of a plot, so that none covers another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: Distances of a name from its point, and directions in degrees, in the order they are tried.
_DISTANCES = (8.0, 13.0, 20.0, 30.0, 42.0, 56.0, 72.0, 90.0, 110.0, 135.0, 160.0, 200.0, 250.0)
_DIRECTIONS = (0, 45, -45, 90, -90, 135, -135, 180, 22, -22, 67, -67, 112, -112, 157, -157)

#: Half of the side of the square that a point takes.
_POINT = 6.5

#: What a pixel of distance costs, beside the area of a bar that a name covers.
_FARTHER = 0.7

#: What a pixel costs by which a name is nearer to a point of another method than to its own.
_MISREAD = 10.0


@dataclass(frozen=True)
class Box:
    """A rectangle, in pixels from the lower left corner."""

    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: Box) -> float:
        """Area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(width, 0.0) * max(height, 0.0)

    def distance(self, point: tuple[float, float]) -> float:
        """Distance of a point from it; 0 inside."""
        across = max(self.left - point[0], 0.0, point[0] - self.right)
        up = max(self.bottom - point[1], 0.0, point[1] - self.top)
        return math.hypot(across, up)

    def inside(self, other: Box) -> bool:
        """Whether it lies wholly in another."""
        fits = self.left >= other.left and self.right <= other.right
        return fits and self.bottom >= other.bottom and self.top <= other.top


def place_labels(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    frame: Box,
    taken: Sequence[Box] = (),
    bars: Sequence[Box] = (),
) -> list[Box]:
    """A box for each name: near its point, on no other name or point, and on bars only where that is shorter.

    The names are placed one after the other, those with the nearest neighbours first, each where it costs least.

    Parameters
    ----------
    points
        Centres of the points, in pixels.
    sizes
        Width and height of the names.
    frame
        Where they may lie.
    taken
        What they must not cover.
    bars
        What they should not cover.

    Returns
    -------
    list of Box
        In the order of the points. Where nothing is free a name takes the place where it covers least.
    """
    spots = [Box(x - _POINT, y - _POINT, x + _POINT, y + _POINT) for x, y in points]
    placed: dict[int, Box] = {}
    for name in sorted(range(len(points)), key=lambda name: (_room(points, name), points[name], name)):
        blocked = [*taken, *placed.values(), *spots]
        candidates = _candidates(points[name], sizes[name])
        strangers = [*points[:name], *points[name + 1 :]]
        costs = [_cost(*each, blocked, bars, strangers, frame) for each in candidates]
        placed[name] = candidates[costs.index(min(costs))][0]
    return [placed[name] for name in range(len(points))]


def _cost(
    box: Box,
    distance: float,
    blocked: Sequence[Box],
    bars: Sequence[Box],
    strangers: Sequence[tuple[float, float]],
    frame: Box,
) -> float:
    covered = sum(box.overlap(other) for other in blocked) + (0.0 if box.inside(frame) else 1e6)
    # A name that is nearer to a point of another method seems to be that one's.
    misread = sum(max(distance + 4.0 - box.distance(point), 0.0) for point in strangers)
    return 1e3 * covered + sum(box.overlap(bar) for bar in bars) + _FARTHER * distance + _MISREAD * misread


def _room(points: Sequence[tuple[float, float]], name: int) -> float:
    others = [math.dist(points[name], other) for place, other in enumerate(points) if place != name]
    return round(min(others, default=0.0), 6)


def _candidates(point: tuple[float, float], size: tuple[float, float]) -> list[tuple[Box, float]]:
    found = []
    for distance in _DISTANCES:
        for degrees in _DIRECTIONS:
            across, up = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
            # The box's side or corner that faces the point lies in the direction.
            left = point[0] + distance * across - size[0] * (1 - round(across, 6)) / 2
            bottom = point[1] + distance * up - size[1] * (1 - round(up, 6)) / 2
            found.append((Box(left, bottom, left + size[0], bottom + size[1]), distance))
    return found
