"""A person's label map, made ready to be warped: aligned, with CSF and head around the brain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    affine_transform,
    binary_dilation,
    distance_transform_edt,
    gaussian_filter,
    maximum_filter,
    minimum_filter,
)

from benchmark.prepare.phantom.alignment import Alignment, align
from benchmark.prepare.phantom.atlas import CENTRE
from benchmark.prepare.phantom.label_maps import AIR, CSF, TISSUES, LabelMap, file_digest, read_label_map
from benchmark.prepare.phantom.settings import FIELD_OF_VIEW
from benchmark.prepare.phantom.volume_flow import velocity

#: Millimetres around the field of view that are kept: warps look there.
MARGIN = 20.0
#: Edges of voxels, in mm: of the map of what is around the brain, and of the grid on which warps are computed.
MAP_SPACING, WARP_SPACING = 1.0, 4.0
#: Maps beside those of :data:`TISSUES`: the outer layer of the cortex in front and elsewhere, and the CSF at it.
LAYERS = ("outer_frontal", "outer_other", "csf_at_cortex")
MAPS = TISSUES + LAYERS
#: Thickness, in mm, of these layers.
LAYER_MM = 2
#: A map whose fluid outside of the ventricles is less than this share of its brain does not label it.
_LEAST_CSF = 0.06
#: Where CSF has no label: radius, in mm, of the closing that fills sulci, and thickness of the fluid over gyri. Where
#: it has: how far from the brain it may be.
_SULCI_MM, _THINNEST_CSF_MM, _FARTHEST_CSF_MM = 6.0, 2.0, 8.0
#: Thickness, in mm, of the head that is put around a brain without one.
_SHELL_MM = 12.0
#: Depth, in mm below the brain's outline, from which subjects' own shapes have their full size.
_OUTLINE_MM = 15.0
#: How near, in mm, the tissue is that gives way to hippocampus and amygdala and to deep grey matter.
_NEIGHBOURHOOD_MM = 20.0
#: Axes of :func:`_blocks` within a block.
_WITHIN = (1, 3, 5)


@dataclass(frozen=True)
class Person:
    """A label map in numbers.

    Attributes
    ----------
    name
        Its file's name.
    labelled
        Volume of each of :data:`TISSUES` in the file, in ml.
    alignment
        How it is put into the phantom's space.
    """

    name: str
    labelled: Mapping[str, float]
    alignment: Alignment

    @property
    def in_template(self) -> dict[str, float]:
        """Volumes in the phantom's space: the file's times the alignment's factor."""
        return {name: volume * self.alignment.volume for name, volume in self.labelled.items()}


@dataclass(frozen=True, eq=False)
class PreparedAnatomy:
    """An anatomy that subjects are made from; every grid lies around the middle of the phantom's field of view.

    Attributes
    ----------
    person
        Who it is of.
    tissue
        As in the file, shape (i, j, k), uint8: index into :data:`TISSUES`, or :data:`AIR`.
    to_voxel
        Shape (4, 4): voxel of the grid of ``surroundings`` to voxel of ``tissue``.
    surroundings
        Tissue in the phantom's space, shape (x, y, z), uint8, every :data:`MAP_SPACING` mm.
    layers
        Likewise: 1 and 2 where the outer layers of the cortex are, 3 where the CSF at it is.
    velocities
        Shape (structure, x, y, z, axis): of lateral ventricles, hippocampus and amygdala, and deep grey matter, every
        :data:`WARP_SPACING` mm, in voxels; see :func:`benchmark.prepare.phantom.volume_flow.velocity`.
    depth
        Shape (x, y, z), every :data:`WARP_SPACING` mm: 0 from the outline of the brain with its fluid outwards, 1 from
        :data:`_OUTLINE_MM` below it inwards.
    known
        Shape (x, y, z), uint8, every :data:`WARP_SPACING` mm: the tissue, or :data:`AIR`, where all within 8 mm is of
        it; elsewhere 255, or 254 where a structure with a velocity is.
    flowing_near
        Likewise: 255 where a structure with a velocity is within 8 mm, :data:`AIR` elsewhere.
    """

    person: Person
    tissue: NDArray[np.uint8]
    to_voxel: NDArray[np.float64]
    surroundings: NDArray[np.uint8]
    layers: NDArray[np.uint8]
    velocities: NDArray[np.float32]
    depth: NDArray[np.float32]
    known: NDArray[np.uint8]
    flowing_near: NDArray[np.uint8]


def prepare(path: Path) -> PreparedAnatomy:
    """Read and prepare a label map, once in a process as long as its content stays the same."""
    return _prepared(path, file_digest(path))


def person(path: Path) -> Person:
    """Read what is needed to know of a label map before anything is made from it."""
    return _person(read_label_map(path))


def _person(labels: LabelMap) -> Person:
    return Person(labels.name, labels.millilitres, align(labels))


@cache
def _prepared(path: Path, digest: str) -> PreparedAnatomy:
    labels = read_label_map(path)
    own = _person(labels)
    to_voxel = np.linalg.inv(labels.affine) @ own.alignment.to_world @ box(MAP_SPACING)[1]
    surroundings = with_surroundings(aligned(labels, own.alignment, MAP_SPACING))
    layers = _layers(surroundings)
    shares = np.stack([_blocks(surroundings == index).mean(axis=_WITHIN, dtype=np.float32) for index in range(AIR)])
    inside = shares[: TISSUES.index("head")].sum(axis=0) > 0.5
    uniform = np.where(layers > 0, np.uint8(255), surroundings)
    lowest, highest = _lowest_near(uniform), maximum_filter(_blocks(uniform).max(axis=_WITHIN), size=5)
    known = np.where(lowest == highest, lowest, np.uint8(255))
    flowing = _lowest_near(surroundings) < 3
    return PreparedAnatomy(
        person=own,
        tissue=labels.tissue,
        to_voxel=to_voxel,
        surroundings=surroundings,
        layers=layers,
        velocities=_velocities(shares, inside),
        depth=_depth(inside),
        known=np.where(flowing & (known == 255), np.uint8(254), known),
        flowing_near=np.where(flowing, np.uint8(255), np.uint8(AIR)),
    )


def box(spacing: float) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
    """Shape and affine of the grid of a spacing, in mm, over the field of view and its margin."""
    x, y, z = (round((extent + 2 * MARGIN) / spacing) for extent in FIELD_OF_VIEW)
    affine = np.diag([spacing] * 3 + [1.0])
    affine[:3, 3] = np.array(CENTRE) - (np.array([x, y, z]) - 1) / 2 * spacing
    return (x, y, z), affine


def aligned(labels: LabelMap, alignment: Alignment, spacing: float) -> NDArray[np.uint8]:
    """Tissue in the phantom's space, shape (x, y, z) of :func:`box`: the label at each voxel's middle."""
    shape, affine = box(spacing)
    to_voxel = np.linalg.inv(labels.affine) @ alignment.to_world @ affine
    return np.asarray(
        affine_transform(labels.tissue, to_voxel, output_shape=shape, order=0, mode="grid-constant", cval=AIR)
    )


def with_surroundings(tissue: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tissue with CSF around the brain and a head around that, at 1 mm.

    Where a map labels the fluid around the brain, what is far from the brain or below it, around the spinal cord, is
    counted as head. Where it does not (FreeSurfer, FastSurfer), what a closing of the brain encloses and a thin layer
    over it become CSF, and the brain's surroundings become head, unless the head has labels.
    """
    result = tissue.copy()
    brain, csf = tissue < CSF, tissue == CSF
    distance = np.asarray(distance_transform_edt(~brain))
    if csf.sum() < _LEAST_CSF * brain.sum():
        closed = np.asarray(distance_transform_edt(distance <= _SULCI_MM)) > _SULCI_MM
        result[(closed | (distance <= _THINNEST_CSF_MM)) & ~brain] = CSF
    else:
        far = distance > _FARTHEST_CSF_MM
        bottom = int(np.flatnonzero(brain.any(axis=(0, 1)))[0])
        far[:, :, :bottom] = True
        result[csf & far] = TISSUES.index("head")
    if not (tissue == TISSUES.index("head")).any():
        around = np.asarray(distance_transform_edt(result == AIR)) <= _SHELL_MM
        result[(result == AIR) & around] = TISSUES.index("head")
    return result


def _layers(tissue: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """1 in the outer cortex in front, 2 in that elsewhere, 3 in the CSF at the cortex, otherwise 0; at 1 mm."""
    cortex, csf = tissue == TISSUES.index("cortex"), tissue == CSF
    outer = cortex & binary_dilation(tissue >= CSF, iterations=LAYER_MM)
    shape, affine = box(1.0)
    forward = affine[1, 3] + np.arange(shape[1])[:, None]
    upward = affine[2, 3] + np.arange(shape[2])
    # Above the temporal lobe and before the central sulcus, which runs backwards as it rises.
    frontal = (forward > 5 - 0.45 * upward) & (upward > -0.6 * (forward - 20))
    layers = np.where(outer, np.where(frontal, 1, 2), 0)
    layers[csf & binary_dilation(cortex, iterations=LAYER_MM)] = 3
    return layers.astype(np.uint8)


def _velocities(shares: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Velocities of the three structures whose volumes change by a flow, from shares of shape (tissue, x, y, z)."""
    ventricles, temporal, deep, pallidum = shares[:4]
    csf, white = shares[CSF], shares[TISSUES.index("white")]
    width = _NEIGHBOURHOOD_MM / 2 / WARP_SPACING
    deep = deep + pallidum
    return np.stack(
        [
            # Half of what the ventricles gain is lost by white matter, half by the fluid around the brain.
            velocity(ventricles, csf / csf.sum() + white / white.sum(), inside),
            velocity(temporal, gaussian_filter(temporal, width) * (csf + 0.5 * white), inside),
            velocity(deep, gaussian_filter(deep, width) * white, inside),
        ]
    )


def _depth(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    below: NDArray[np.float32] = np.asarray(distance_transform_edt(inside), np.float32) * np.float32(WARP_SPACING)
    depth: NDArray[np.float32] = np.clip(gaussian_filter(below, 1.0) / np.float32(_OUTLINE_MM), 0, 1) * inside
    return depth


def _lowest_near(volume: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lowest value of each block of 4 x 4 x 4 voxels and of the two blocks around it."""
    return np.asarray(minimum_filter(_blocks(volume).min(axis=_WITHIN), size=5))


def _blocks(volume: NDArray[Any]) -> NDArray[Any]:
    """Shape (x, 4, y, 4, z, 4)."""
    x, y, z = (n // 4 for n in volume.shape)
    return volume.reshape(x, 4, y, 4, z, 4)
