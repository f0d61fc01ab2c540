"""Volumes as the model sees them, and maps of what two of them differ in or have in common."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import nibabel
import numpy as np
import numpy.typing as npt
import torch

from benchmark.errors import UserError
from benchmark.methods.representation import Batch
from benchmark.search.segments import unit_vectors
from benchmark.train.exported_model import ExportedModel

#: Cubes along the longest axis of the grid that are taken out one at a time.
CUBES = 6
#: Volumes that are embedded at a time.
AT_A_TIME = 8
#: Share of voxels, in percent, between which colours run.
PERCENT = 99.5
_NIBABEL: Any = nibabel

Volume = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Map:
    """A map on the model's grid.

    Attributes
    ----------
    values
        Shape (x, y, z), signed.
    unit
        What a value is.
    """

    values: Volume
    unit: str

    @property
    def high(self) -> float:
        """Where colours end, above 0."""
        found = float(np.percentile(np.abs(self.values[self.values != 0]), PERCENT)) if self.values.any() else 0.0
        return found if found > 0 else 1.0


def volume_of(batch: Batch) -> Volume:
    """Volume of a batch of one scan, shape (x, y, z)."""
    return cast(Volume, batch["volume"][0, 0].numpy())


def drawn(batch: Batch, masked: bool) -> Volume:
    """Volume of a batch of one scan, shape (x, y, z), in which what lies outside of a mask is as dark as anything."""
    volume = volume_of(batch)
    return np.where(volume == 0, volume.min(), volume) if masked else volume


def nifti(volume: Volume, spacing: float) -> bytes:
    """A NIfTI file of a volume on the model's grid, RAS, whose centre is the origin; it has no other header."""
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = -spacing * (np.array(volume.shape) - 1) / 2
    content: bytes = _NIBABEL.Nifti1Image(volume.astype(np.float32), affine).to_bytes()
    return content


def difference(query: Batch, hit: Batch) -> Map:
    """Query minus hit."""
    return Map(volume_of(query) - volume_of(hit), "query minus hit, in units of the model's intensities")


def residual(model: ExportedModel, query: Batch) -> Map:
    """Query minus what the method reconstructs of it.

    Raises
    ------
    UserError
        If the method reconstructs nothing.
    """
    made = model.reconstructed(query)
    if made is None:
        raise UserError("the method does not reconstruct, so that there is no residual")
    return Map(volume_of(query) - made[0], "query minus its reconstruction, in units of the model's intensities")


def occlusion(model: ExportedModel, query: Batch, hit: npt.NDArray[np.float32], tell: Callable[[float], None]) -> Map:
    """By how much the similarity to a hit falls when a cube is taken out of the query (Zeiler and Fergus, ECCV 2014).

    A cube becomes what lies outside of brains: 0 for a model of masked scans, else the volume's least value. Values are
    those of whole cubes; 0 where there was nothing to take out. What falls little may still matter together.

    Parameters
    ----------
    model
        The model.
    query
        One scan.
    hit
        LDR of the hit, shape (dimension,).
    tell
        Told the share that is done.
    """
    volume = query["volume"][0, 0]
    outside = 0.0 if model.masks == "all" else float(volume.min())
    edge = max(-(-max(volume.shape) // CUBES), 1)
    corners = itertools.product(*(range(0, length, edge) for length in volume.shape))
    cubes: list[Any] = [tuple(slice(start, start + edge) for start in corner) for corner in corners]
    cubes = [cube for cube in cubes if bool((volume[cube] != outside).any())]
    centre = model.centre.astype(np.float64)
    target = unit_vectors(hit[None], centre)[0]

    def similarity(volumes: torch.Tensor) -> npt.NDArray[np.float64]:
        count = len(volumes)
        repeated = {name: value.repeat_interleave(count, dim=0) for name, value in cast(dict[str, Any], query).items()}
        ldrs = model.embedded(cast(Batch, {**repeated, "volume": volumes}))
        found: npt.NDArray[np.float64] = unit_vectors(ldrs, centre) @ target
        return found

    whole = float(similarity(volume[None, None])[0])
    values = np.zeros(tuple(volume.shape), np.float32)
    for start in range(0, len(cubes), AT_A_TIME):
        tell(start / len(cubes))
        some = cubes[start : start + AT_A_TIME]
        volumes = volume.expand(len(some), 1, *volume.shape).clone()
        for number, cube in enumerate(some):
            volumes[(number, 0, *cube)] = outside
        for cube, found in zip(some, similarity(volumes), strict=True):
            values[cube] = whole - found
    return Map(values, f"fall of the similarity ({whole:.3f}) when the cube is taken out of the query")
