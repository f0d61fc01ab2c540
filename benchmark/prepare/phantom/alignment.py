"""Where a person's head comes to lie in the phantom's field of view, as registration to a template would put it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.prepare.phantom.label_maps import LANDMARKS, TISSUES, LabelMap

#: About where the middles of :data:`LANDMARKS` are in MNI space, in mm; only the directions between them are used.
_LEFT = (
    (-11, -19, 7),
    (-13, 9, 9),
    (-26, 1, 0),
    (-20, -5, -1),
    (-26, -23, -14),
    (-24, -5, -19),
    (-10, 12, -7),
    (-27, -64, -36),
)
_MIDDLES = dict(zip(LANDMARKS, (np.array((s * x, y, z), float) for x, y, z in _LEFT for s in (1, -1)), strict=True))
#: Extent of the cerebrum of the ICBM 152 template (MNI, mm): 0.1st and 99.9th percentile of what its maps call grey or
#: white matter, cerebellum and brainstem apart.
_CEREBRUM = np.array([[-69.0, -103.0, -48.0], [69.0, 70.0, 78.0]])
#: Largest rotation, in degrees, that a header may be off by.
_LARGEST_ROTATION = 60.0


@dataclass(frozen=True, eq=False)
class Alignment:
    """How a head is put into the phantom's space.

    Attributes
    ----------
    to_world
        Shape (4, 4): phantom space to the label map's world, both RAS in mm.
    rotation
        Degrees that the head was turned by, beyond its file's header.
    scale
        Factors along R, A and S that the head's sizes were multiplied by.
    """

    to_world: NDArray[np.float64]
    rotation: float
    scale: tuple[float, float, float]

    @property
    def volume(self) -> float:
        """Factor on every volume."""
        return float(np.prod(self.scale))


def align(labels: LabelMap) -> Alignment:
    """Turn a head upright by the middles of its deep structures, and scale its cerebrum to the template's extent.

    The rotation is the best in the sense of least squares (Kabsch, Acta Crystallographica A 1976). Affine registration
    matches sizes along each axis, and so does this.

    Raises
    ------
    UserError
        If the structures lie otherwise than in a head: the file's orientation is wrong.
    """
    present = [label for label in LANDMARKS if label in labels.middles]
    here = np.stack([labels.middles[label] for label in present])
    there = np.stack([_MIDDLES[label] for label in present])
    middle = here.mean(axis=0)
    left, _, right = np.linalg.svd((there - there.mean(axis=0)).T @ (here - middle))
    turn = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    degrees = float(np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))))
    if degrees > _LARGEST_ROTATION:
        raise UserError(
            f"{labels.name}: its structures lie {degrees:.0f} degrees from upright; the orientation in the file's "
            f"header must be right within {_LARGEST_ROTATION:.0f} degrees"
        )
    cerebrum = np.argwhere(np.isin(labels.tissue, [TISSUES.index("cortex"), TISSUES.index("white")]))
    world = cerebrum @ labels.affine[:3, :3].T + labels.affine[:3, 3]
    low, high = np.percentile((world - middle) @ turn.T, [0.1, 99.9], axis=0)
    scale = (_CEREBRUM[1] - _CEREBRUM[0]) / (high - low)
    # upright = turn (world - middle); phantom = scale (upright - low) + template's low.
    to_world = np.eye(4)
    to_world[:3, :3] = turn.T @ np.diag(1 / scale)
    to_world[:3, 3] = middle + turn.T @ (low - _CEREBRUM[0] / scale)
    return Alignment(to_world, degrees, (float(scale[0]), float(scale[1]), float(scale[2])))
