"""Subjects made from people's label maps: warped, mirrored, aged and diseased."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.prepare.phantom.biology import Biology
from benchmark.prepare.phantom.brain import STRUCTURES
from benchmark.prepare.phantom.fields import smooth_field
from benchmark.prepare.phantom.label_maps import TISSUES, map_files
from benchmark.prepare.phantom.prepared_anatomy import (
    LAYERS,
    MAPS,
    WARP_SPACING,
    Person,
    PreparedAnatomy,
    box,
    person,
    prepare,
)
from benchmark.prepare.phantom.sampled_grid import FLOWING, flowed, flowing_volumes, in_map_voxels, millilitres, sampled
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.prepare.phantom.volume_flow import flow, grid_points
from benchmark.prepare.phantom.volume_search import responses, search
from benchmark.prepare.phantom.warps import moved
from benchmark.seeds import derive_seed, generator

#: Tissues whose volumes a state changes.
CHANGING = (*FLOWING, "cortex")
#: Standard deviation, in mm along each axis, of a subject's velocity at two scales, and control points over the field
#: of view and its margin (40 and 20 mm apart). It fades towards the outline of the brain, which stays its source's:
#: with outlines of their own, subjects were found by masks alone (travelling top-1 0.78, with ComBat 0.96).
COARSE_MM, COARSE_POINTS = 3.0, (6, 7, 6)
FINE_MM, FINE_POINTS = 1.2, (11, 13, 11)


class RealAnatomies:
    """Makes brains from a folder of label maps; may be sent to other processes.

    Half of the people (of an odd number the larger half) are for training subjects, the others for test subjects, dealt
    by hashing the seed with the files' names; each subject is made from one of its split's people, likewise.

    The people's own volumes of :data:`CHANGING` are taken to their geometric mean over all people before a state's
    factors apply. People of unknown age and health differ in them by as much as disease changes them; so effects have
    the sizes, relative to the spread between subjects, that :mod:`benchmark.prepare.phantom.biology` states.

    Parameters
    ----------
    folder
        Label maps, see :mod:`benchmark.prepare.phantom.label_maps`; all of them are read.
    settings
        Seed and grid are used.

    Raises
    ------
    UserError
        If the folder holds fewer than four label maps, or one that cannot be used.
    """

    def __init__(self, folder: Path, settings: PhantomSettings) -> None:
        self._settings = settings
        files = sorted(map_files(folder), key=lambda path: derive_seed(settings.seed, "anatomy split", path.name))
        tests = len(files) // 2
        self._files = {"test": files[:tests], "train": files[tests:]}
        self.people = {path: person(path) for path in sorted(files)}
        self._factors = {path: _to_typical(self.people, path) for path in files}

    def table(self) -> pd.DataFrame:
        """One row per person.

        Columns are ``source`` (the file's name), ``split``, ``rotation`` in degrees and ``scale_r, scale_a, scale_s``
        by which the head was put into the phantom's space, and the volume of each tissue, in ml, by the file's voxels.
        """
        split = {path: name for name, paths in self._files.items() for path in paths}
        return pd.DataFrame(
            [
                {
                    "source": path.name,
                    "split": split[path],
                    "rotation": own.alignment.rotation,
                    **dict(zip(("scale_r", "scale_a", "scale_s"), own.alignment.scale, strict=True)),
                    **{f"{name}_ml": own.labelled[name] for name in TISSUES},
                }
                for path, own in self.people.items()
            ]
        )

    def brain(self, subject: str, split: str, state: Biology) -> RealBrain:
        """Anatomy of a subject in a state; see :data:`benchmark.prepare.phantom.brain.BrainMaker`."""
        files = self._files[split]
        path = files[derive_seed(self._settings.seed, "anatomy", subject) % len(files)]
        mirrored = derive_seed(self._settings.seed, "mirrored", subject) % 2 == 1
        return RealBrain(self._settings, prepare(path), subject, mirrored, state, self._factors[path])


def _to_typical(people: Mapping[Path, Person], path: Path) -> dict[str, float]:
    """Factors that take a person's volumes to the geometric mean of all people."""
    own = people[path].in_template
    return {
        name: float(np.exp(np.mean([np.log(person.in_template[name] / own[name]) for person in people.values()])))
        for name in CHANGING
    }


@dataclass(frozen=True, eq=False)
class RealBrain:
    """A subject's anatomy at one session, made from a person's label map.

    Hippocampus and amygdala, lateral ventricles and deep grey matter change by flows whose lengths are found such that
    the volumes are the person's times the state's factors (and the head's size); the cortex by turning its outer layer
    into CSF, or the CSF at it into cortex.

    Attributes
    ----------
    settings, source, subject, mirrored, state
        What it is made from.
    own_factors
        What the source's volumes are multiplied by before the state's factors, by tissue.
    """

    settings: PhantomSettings
    source: PreparedAnatomy
    subject: str
    mirrored: bool
    state: Biology
    own_factors: Mapping[str, float]

    @property
    def truth(self) -> Mapping[str, float | str]:
        """Volumes in ml, the source, and whether left and right are exchanged.

        ``ventricle_ml`` is of the lateral ventricles with their temporal horns, ``hippocampus_ml`` of hippocampus and
        amygdala, ``cortex_ml`` of the cerebral cortex, ``brain_ml`` of the brain with all fluid in and
        around it.
        """
        volumes = self._volumes
        # Counted with more points than images are made from.
        fine = flowing_volumes(self.settings, self.source, self.warp)
        flowing = dict(zip(FLOWING, fine.tolist(), strict=True))
        return {
            "ventricle_ml": flowing["lateral_ventricles"],
            "hippocampus_ml": flowing["medial_temporal"],
            "cortex_ml": volumes["cortex"] + _growth(volumes, self._cortex),
            "deep_grey_ml": flowing["deep_grey"],
            "brain_ml": sum(volumes[name] for name in TISSUES if name != "head"),
            "source": self.source.person.name,
            "mirrored": "yes" if self.mirrored else "no",
        }

    def shares(self, displacement: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Share of every structure in every voxel; see :class:`benchmark.prepare.phantom.brain.Brain`."""
        maps = self._undistorted
        if displacement is not None:
            maps = sampled(self.settings, self.source, self.warp, displacement)
        by_name = dict(zip(MAPS, np.moveaxis(maps, -1, 0), strict=True))
        growth = _growth(by_name, self._cortex)
        structures = {
            "cortex": by_name["cortex"] + growth + by_name["cerebellar_cortex"],
            "white": by_name["white"] + by_name["cerebellar_white"] + by_name["pallidum"] / 2,
            "deep_grey": by_name["deep_grey"] + by_name["pallidum"] / 2,
            "medial_temporal": by_name["medial_temporal"],
            "brainstem": by_name["brainstem"],
            "csf": by_name["csf"] - growth,
            "ventricles": by_name["lateral_ventricles"] + by_name["other_ventricles"],
            "head": by_name["head"],
        }
        # Rounding alone can leave the range.
        return np.asarray(np.clip(np.stack([structures[name] for name in STRUCTURES]), 0, 1), np.float32)

    @property
    def wanted(self) -> dict[str, float]:
        """Volumes, in ml, of the tissues that change, as the state wants them."""
        state, own = self.state, self.source.person.in_template
        size = state.width * state.length * state.height
        factors = state.ventricles, state.hippocampus, state.deep_grey, state.cortex
        return {
            name: own[name] * self.own_factors[name] * factor * size
            for name, factor in zip(CHANGING, factors, strict=True)
        }

    @cached_property
    def warp(self) -> NDArray[np.float32]:
        """Where in the source's surroundings (voxels) this brain's points are: shape (x, y, z, axis), every 4 mm."""
        state, settings, source = self.state, self.settings, self.source
        size = state.width, state.length, state.height
        wanted = np.array([self.wanted[name] for name in FLOWING])
        points = _subject_points(source, settings.seed, self.subject, self.mirrored, size)

        def made(after: NDArray[np.float64]) -> NDArray[np.float64]:
            return flowing_volumes(settings, source, flowed(source, after, points))

        unchanged = flowing_volumes(settings, source, in_map_voxels(points))
        return flowed(source, search(made, unchanged, wanted, _slopes(source)), points)

    @cached_property
    def _undistorted(self) -> NDArray[np.float32]:
        return sampled(self.settings, self.source, self.warp)

    @cached_property
    def _volumes(self) -> dict[str, float]:
        return dict(zip(MAPS, millilitres(self.settings, self._undistorted).tolist(), strict=True))

    @cached_property
    def _cortex(self) -> Mapping[str, float]:
        return _exchanged(self._volumes, self.wanted["cortex"] - self._volumes["cortex"], self.state.extent)


def _exchanged(volumes: Mapping[str, float], change: float, extent: float) -> dict[str, float]:
    """Shares of :data:`LAYERS` that turn to CSF or, of the CSF at the cortex, to cortex, to change that by so many ml.

    Loss is frontal as far as the disease's extent says.
    """
    frontal, other, csf = 0.0, 0.0, 0.0
    if change >= 0:
        csf = min(change / volumes["csf_at_cortex"], 1.0)
    else:
        share = 1 / (1 + np.exp(-1.7 * extent))
        other = min(-change / (volumes["outer_other"] + share * volumes["outer_frontal"]), 1.0)
        frontal = np.clip((-change - other * volumes["outer_other"]) / volumes["outer_frontal"], 0, 1)
    return dict(zip(LAYERS, (float(frontal), float(other), float(csf)), strict=True))


def _growth(maps: Mapping[str, Any], exchanged: Mapping[str, float]) -> Any:
    """What the cortex gains from the CSF, less what it loses to it: of volumes or of each voxel's shares."""
    gained, lost_frontal, lost_other = (
        exchanged[name] * maps[name] for name in ("csf_at_cortex", "outer_frontal", "outer_other")
    )
    return gained - (lost_frontal + lost_other)


@cache
def _slopes(source: PreparedAnatomy) -> NDArray[np.float64]:
    """How a source's volumes follow the flows, undeformed; what subjects' searches start from."""
    settings, points = PhantomSettings(), grid_points(box(WARP_SPACING)[0])
    return responses(lambda after: flowing_volumes(settings, source, flowed(source, after, points)), len(FLOWING))


@lru_cache(maxsize=4)
def _subject_points(
    source: PreparedAnatomy, seed: int, subject: str, mirrored: bool, size: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Where a subject's points are in its source, before age and disease: shape (x, y, z, axis), the warp's voxels."""
    shape, _ = box(WARP_SPACING)
    rng = generator(seed, "shape", subject)
    along = smooth_field(rng, shape, COARSE_POINTS, 3) * (COARSE_MM / WARP_SPACING)
    along += smooth_field(rng, shape, FINE_POINTS, 3) * (FINE_MM / WARP_SPACING)
    along *= source.depth
    middle = (np.array(shape, np.float32) - 1) / 2
    scale = np.array(size, np.float32) * np.array([-1 if mirrored else 1, 1, 1], np.float32)
    points = middle + (grid_points(shape) - middle) / scale
    return moved(flow(np.ascontiguousarray(np.moveaxis(along, 0, -1))), np.ascontiguousarray(points, np.float32))
