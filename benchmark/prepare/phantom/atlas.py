"""Tissue maps of the ICBM 152 2009a template on the phantom's grid.

The maps (Fonov et al., NeuroImage 2009) come with nilearn's wheel: real anatomy, offline.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from benchmark.errors import UserError
from benchmark.prepare.phantom.brain import STRUCTURES
from benchmark.prepare.phantom.fields import sample
from benchmark.prepare.phantom.settings import PhantomSettings

Volume = NDArray[np.float32]

#: World coordinate (MNI, mm) of the middle of the field of view: about the middle of the brain.
CENTRE = (0.0, -18.0, 8.0)
#: Ellipsoid (centre and half axes, MNI mm) around the lateral ventricles.
VENTRICLES = ((0.0, -8.0, 12.0), (30.0, 48.0, 24.0))
#: Gaussian bumps (centre and widths, MNI mm, both hemispheres) over hippocampus and amygdala, and deep grey matter.
MEDIAL_TEMPORAL = ((26.0, -18.0, -15.0), (4.6, 10.0, 4.6))
DEEP_GREY = ((22.0, 0.0, 0.0), (12.0, 18.0, 10.0))
BRAINSTEM = ((0.0, -28.0, -38.0), (10.0, 10.0, 20.0))
#: Width of the smoothing, in mm, that says how far the surroundings of the brain reach.
HEAD_MM = 6.0
#: Largest inward shift of the sampling point, in mm, at which the ventricle flow is tabulated.
LARGEST_FLOW = 18.0
FLOW_STEPS = 36


@dataclass(frozen=True)
class Atlas:
    """Maps on the phantom's grid, each of its shape.

    Attributes
    ----------
    maps
        Shape (structure, x, y, z), values in [0, 1]; structures as in
        :data:`benchmark.prepare.phantom.brain.STRUCTURES`.
    frontal
        Shape (x, y, z), from -1 behind to 1 in front.
    flow
        Shape (step, axis, x, y, z): displacement of the sampling point, in voxels, after 0, 1, … steps of a flow
        towards the inside of the ventricles. Many small steps along a smooth field cannot fold, as one large one does.
    flow_ml
        Shape (step,): volume of the ventricles after each of them, in ml, increasing.
    """

    maps: Volume
    frontal: Volume
    flow: Volume
    flow_ml: NDArray[np.float64]


def load_template() -> tuple[Volume, Volume, Volume, NDArray[np.float64]]:
    """Grey matter, white matter and brain mask of the template at 1 mm, and the affine."""
    # Importing nilearn takes seconds and is not needed to read its files.
    spec = find_spec("nilearn")
    if spec is None or spec.origin is None:
        raise UserError("the phantom is made from the ICBM 152 maps in the package nilearn, which is not installed")
    folder = Path(spec.origin).parent / "datasets" / "data"
    images: dict[str, Any] = {
        name: nibabel.load(folder / f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz")
        for name in ("gm", "wm", "t1")
    }
    volumes = {name: np.asarray(image.dataobj, np.float32) / 255 for name, image in images.items()}
    return volumes["gm"], volumes["wm"], (volumes["t1"] > 0).astype(np.float32), images["gm"].affine


@cache
def atlas(settings: PhantomSettings) -> Atlas:
    """Maps on the grid of these settings."""
    grey, white, brain, template_affine = load_template()
    world = _mapped(grid_affine(settings), np.indices(settings.shape, float))
    voxel = _mapped(np.linalg.inv(template_affine), world)

    def sampled(volume: Volume) -> Volume:
        smooth = gaussian_filter(volume, settings.spacing / 2.5)
        return np.asarray(map_coordinates(smooth, voxel, order=1), np.float32)

    grey, white, brain = (sampled(volume) for volume in (grey, white, brain))
    csf = np.clip(brain - grey - white, 0, 1)
    inside = (((world - _column(VENTRICLES[0])) / _column(VENTRICLES[1])) ** 2).sum(axis=0) < 1
    ventricle = np.where(inside, csf, 0)
    temporal, deep = (_bump(world, *where) for where in (MEDIAL_TEMPORAL, DEEP_GREY))
    temporal = np.where(temporal > 0.5, 1.0, 2 * temporal)
    deep = np.clip(2 * deep - temporal, 0, 1)
    stem = np.clip(2 * _bump(world, *BRAINSTEM), 0, 1)
    # What is around a brain, as far as a brain mask that is too wide would take it in.
    around = np.clip(8 * gaussian_filter(brain, HEAD_MM / settings.spacing), 0, 1)
    by_name = {
        "cortex": grey * (1 - np.clip(temporal + deep, 0, 1)),
        "white": white * (1 - stem),
        "deep_grey": grey * deep,
        "medial_temporal": grey * temporal,
        "brainstem": white * stem,
        "csf": csf - ventricle,
        "ventricles": ventricle,
        "head": np.clip(around - brain, 0, 1),
    }
    maps = np.stack([by_name[name] for name in STRUCTURES]).astype(np.float32)
    flow = _flow(by_name["ventricles"], settings.spacing)
    frontal = np.clip((world[1] + 20) / 60, -1, 1).astype(np.float32)
    return Atlas(maps, frontal, flow, _flow_ml(by_name["ventricles"], flow, settings.spacing))


def grid_affine(settings: PhantomSettings) -> NDArray[np.float64]:
    """Voxel to world of the grid, RAS, mm."""
    affine = np.diag([settings.spacing] * 3 + [1.0])
    affine[:3, 3] = np.array(CENTRE) - (np.array(settings.shape) - 1) / 2 * settings.spacing
    return affine


def _mapped(affine: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    mapped: NDArray[np.float64] = np.tensordot(affine[:3, :3], points, 1) + affine[:3, 3][:, None, None, None]
    return mapped


def _column(values: tuple[float, float, float]) -> NDArray[np.float64]:
    return np.array(values)[:, None, None, None]


def _bump(
    world: NDArray[np.float64], centre: tuple[float, float, float], width: tuple[float, float, float]
) -> NDArray[np.float64]:
    folded = np.stack([np.abs(world[0]), world[1], world[2]])
    bump: NDArray[np.float64] = np.exp(-0.5 * (((folded - _column(centre)) / _column(width)) ** 2).sum(axis=0))
    return bump


def _flow(ventricle: Volume, spacing: float) -> Volume:
    """Cumulative displacement, in voxels, shape (step, axis, x, y, z)."""
    smooth = gaussian_filter(ventricle, 8.0 / spacing)
    inward = np.stack(np.gradient(smooth))
    # Unit speed where the pull is strong, none far from the ventricles.
    speed = inward / (np.linalg.norm(inward, axis=0).max() * 0.35 + 1e-12)
    length = np.linalg.norm(speed, axis=0)
    speed = speed / np.maximum(length, 1)
    step = LARGEST_FLOW / spacing / FLOW_STEPS
    grid = np.indices(ventricle.shape, float)
    position, flow = grid, [np.zeros_like(grid)]
    for _ in range(FLOW_STEPS):
        position = position + step * np.stack([map_coordinates(part, position, order=1) for part in speed])
        flow.append(position - grid)
    return np.asarray(np.stack(flow), np.float32)


def _flow_ml(ventricle: Volume, flow: Volume, spacing: float) -> NDArray[np.float64]:
    grid = np.indices(ventricle.shape, np.float32)
    ml = [float(sample(ventricle[None], grid + step).sum()) * spacing**3 / 1000 for step in flow]
    # Near its end a flow may stand still; what inverts this needs it to increase.
    return np.asarray(np.maximum.accumulate(np.array(ml)) + 1e-9 * np.arange(len(ml)), np.float64)
