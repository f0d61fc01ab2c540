"""Brains made from the ICBM 152 template: one anatomy, deformed for every subject."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.prepare.phantom.atlas import FLOW_STEPS, Atlas, atlas
from benchmark.prepare.phantom.biology import Biology
from benchmark.prepare.phantom.brain import BRAIN, STRUCTURES
from benchmark.prepare.phantom.fields import sample, smooth_field
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.seeds import generator

#: Lateral ventricles, in ml, of healthy people of the reference age. The template is of young people; older ones have
#: about twice that (30 to 40 ml in the controls of ADNI).
VENTRICLES_ML = 34.0
#: Factors of the structures that the template itself shows: below them, fluid takes the place of tissue.
INTACT = {"hippocampus": 1.25, "cortex": 1.1, "deep_grey": 1.1}
#: Deformations of a subject: control points and standard deviation in mm.
DEFORMATIONS = (((6, 7, 6), 1.6), ((11, 13, 11), 0.8))
#: Standard deviation of a subject's own texture, relative.
TEXTURE = np.float32(0.02)
#: Largest difference of cortical loss along the brain that one standard deviation of the extent makes.
EXTENT = 0.35


@dataclass(frozen=True)
class TemplateBrain:
    """A subject's anatomy at one session.

    Attributes
    ----------
    maps
        Structures of the template with what disease and age left of them, shape (structure, x, y, z). A texture of
        cortex and white matter is the subject's own: no two brains are the same inside.
    offset
        From a voxel to the point of the maps that it shows, in voxels, shape (axis, x, y, z).
    spacing
        Edge of a voxel in mm.
    truth
        Volumes in ml.
    """

    maps: NDArray[np.float32]
    offset: NDArray[np.float32]
    spacing: float
    truth: dict[str, float]

    def shares(self, displacement: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Shares of the structures, see :class:`benchmark.prepare.phantom.brain.Brain`."""
        grid = np.indices(self.offset.shape[1:], np.float32)
        if displacement is None:
            return sample(self.maps, grid + self.offset)
        seen = grid + displacement / np.float32(self.spacing)
        # Near the edge of the grid an offset counts on, rather than to fall to the 0 that is outside.
        last = np.array(self.offset.shape[1:], np.float32)[:, None, None, None] - 1
        return sample(self.maps, seen + sample(self.offset, np.clip(seen, 0, last)))


def template_brain(settings: PhantomSettings, subject: str, split: str, state: Biology) -> TemplateBrain:
    """Anatomy of a subject by the phantom's seed and on its grid; both splits come from the one template.

    See :data:`benchmark.prepare.phantom.brain.BrainMaker`.
    """
    source = atlas(settings)
    rng = generator(settings.seed, "shape", subject)
    grid = np.indices(settings.shape, np.float32)
    middle = (np.array(settings.shape, np.float32)[:, None, None, None] - 1) / 2
    size = np.array([state.width, state.length, state.height], np.float32)[:, None, None, None]
    offset = (middle - grid) * (1 - 1 / size)
    for points, spread in DEFORMATIONS:
        offset += smooth_field(rng, settings.shape, points, 3) * (spread / settings.spacing)
    ventricles = state.ventricles * VENTRICLES_ML
    offset += _ventricle_flow(source, grid + offset, ventricles)
    maps = _diseased(source, state, min(ventricles / source.flow_ml[0], 1.0))
    truth = _volumes(sample(maps, grid + offset), settings.spacing)
    maps[:2] *= 1 + TEXTURE * smooth_field(rng, settings.shape, (16, 19, 16), 2)
    return TemplateBrain(maps, offset, settings.spacing, truth)


def _volumes(shares: NDArray[np.float32], spacing: float) -> dict[str, float]:
    ml = dict(zip(STRUCTURES, shares.sum(axis=(1, 2, 3), dtype=np.float64) * spacing**3 / 1000, strict=True))
    return {
        "ventricle_ml": float(ml["ventricles"]),
        "hippocampus_ml": float(ml["medial_temporal"]),
        "cortex_ml": float(ml["cortex"]),
        "brain_ml": float(sum(ml[name] for name in BRAIN)),
    }


def _diseased(source: Atlas, state: Biology, ventricles: float) -> NDArray[np.float32]:
    """The template's maps with what is lost of grey matter turned to fluid, or to white matter in the middle.

    Ventricles that are smaller than the template's, by the factor given, leave their place to white matter.
    """
    share = dict(zip(STRUCTURES, source.maps.copy(), strict=True))
    left = {name: min(getattr(state, name) / intact, 1.0) for name, intact in INTACT.items()}
    # The same amount of cortex in all, but more or less of it in front.
    weight = 1 + EXTENT * np.clip(state.extent, -2, 2) * source.frontal
    weight *= share["cortex"].sum() / max(float((weight * share["cortex"]).sum()), 1e-6)
    for tissue, loss, successor in (
        ("medial_temporal", np.float32(1 - left["hippocampus"]), "csf"),
        ("cortex", np.clip((1 - left["cortex"]) * weight, 0, 0.9).astype(np.float32), "csf"),
        ("deep_grey", np.float32(1 - left["deep_grey"]), "white"),
        ("ventricles", np.float32(1 - ventricles), "white"),
    ):
        lost = share[tissue] * loss
        share[tissue] -= lost
        share[successor] += lost
    return np.stack([share[name] for name in STRUCTURES])


def _ventricle_flow(source: Atlas, position: NDArray[np.float32], millilitres: float) -> NDArray[np.float32]:
    """Displacement of the sampling points that gives the ventricles a volume, in voxels."""
    step = float(np.interp(millilitres, source.flow_ml, np.arange(FLOW_STEPS + 1)))
    low = min(int(step), FLOW_STEPS - 1)
    field = source.flow[low] + np.float32(step - low) * (source.flow[low + 1] - source.flow[low])
    return sample(field, position)
