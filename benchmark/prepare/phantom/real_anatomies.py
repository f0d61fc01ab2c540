"""Subjects made from people's label maps: warped, mirrored, aged and diseased."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.prepare.phantom.biology import Biology
from benchmark.prepare.phantom.fields import smooth_field
from benchmark.prepare.phantom.label_maps import TISSUES, map_files
from benchmark.prepare.phantom.prepared_anatomy import MAPS, WARP_SPACING, Person, PreparedAnatomy, box, person, prepare
from benchmark.prepare.phantom.sampled_grid import FLOWING, SampledGrid, flowed, in_map_voxels
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.prepare.phantom.structures import STRUCTURES
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

    Parameters
    ----------
    folder
        Label maps, see :mod:`benchmark.prepare.phantom.label_maps`; all of them are read.
    settings
        Seed and grid are used.
    towards_typical
        How far the people's own volumes of lateral ventricles, hippocampus and amygdala, deep grey matter and cortex
        are taken to their geometric mean over all people before a state's factors apply: 0 (not at all) to 1. People of
        unknown age and health differ in them by as much as disease changes them; with 1, the default, effects have the
        sizes, relative to the spread between subjects, that :mod:`benchmark.prepare.phantom.biology` states.

    Raises
    ------
    UserError
        If the folder holds fewer than four label maps, or one that cannot be used.
    """

    def __init__(self, folder: Path, settings: PhantomSettings, towards_typical: float = 1.0) -> None:
        if not 0 <= towards_typical <= 1:
            raise UserError(f"towards_typical: {towards_typical} is not allowed; it must be between 0 and 1")
        self._settings = settings
        files = sorted(map_files(folder), key=lambda path: derive_seed(settings.seed, "anatomy split", path.name))
        tests = len(files) // 2
        self._files = {"test": files[:tests], "train": files[tests:]}
        self.people = {path: person(path) for path in sorted(files)}
        self._factors = {path: _towards_typical(self.people, path, towards_typical) for path in files}

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
        """Anatomy of a subject in a state; see :class:`benchmark.prepare.phantom.brain.AnatomySource`."""
        files = self._files[split]
        path = files[derive_seed(self._settings.seed, "anatomy", subject) % len(files)]
        mirrored = derive_seed(self._settings.seed, "mirrored", subject) % 2 == 1
        return RealBrain(self._settings, prepare(path), subject, mirrored, state, self._factors[path])


def _towards_typical(people: Mapping[Path, Person], path: Path, share: float) -> dict[str, float]:
    """Factors that take a person's volumes a share of the way, in logarithm, to the geometric mean of all people."""
    own = people[path].in_template
    return {
        name: float(
            np.exp(share * np.mean([np.log(person.in_template[name] / own[name]) for person in people.values()]))
        )
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
        volumes = dict(zip(MAPS, self._volumes, strict=True))
        # Counted with more points than images are made from.
        fine = SampledGrid(self.settings).flowing_volumes(self.source, self.warp)
        flowing = dict(zip(FLOWING, (float(volume) for volume in fine), strict=True))
        return {
            "ventricle_ml": flowing["lateral_ventricles"],
            "hippocampus_ml": flowing["medial_temporal"],
            "cortex_ml": volumes["cortex"] + self._cortex.change(volumes),
            "deep_grey_ml": flowing["deep_grey"],
            "brain_ml": sum(volumes[name] for name in TISSUES if name != "head"),
            "source": self.source.name,
            "mirrored": "yes" if self.mirrored else "no",
        }

    def shares(self, displacement: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Share of every structure in every voxel; see :class:`benchmark.prepare.phantom.brain.Brain`."""
        maps = (
            self._undistorted
            if displacement is None
            else SampledGrid(self.settings).shares(self.source, self.warp, displacement)
        )
        by_name = {name: maps[..., index] for index, name in enumerate(MAPS)}
        lost, gained = self._cortex.exchanged(by_name)
        structures = {
            "cortex": by_name["cortex"] - lost + gained + by_name["cerebellar_cortex"],
            "white": by_name["white"] + by_name["cerebellar_white"] + by_name["pallidum"] / 2,
            "deep_grey": by_name["deep_grey"] + by_name["pallidum"] / 2,
            "medial_temporal": by_name["medial_temporal"],
            "brainstem": by_name["brainstem"],
            "csf": by_name["csf"] + lost - gained,
            "ventricles": by_name["lateral_ventricles"] + by_name["other_ventricles"],
            "head": by_name["head"],
        }
        # Rounding alone can leave the range.
        return np.asarray(np.clip(np.stack([structures[name] for name in STRUCTURES]), 0, 1), np.float32)

    @property
    def wanted(self) -> dict[str, float]:
        """Volumes, in ml, of the tissues that change, as the state wants them."""
        state = self.state
        size = state.width * state.length * state.height
        factors = {
            "lateral_ventricles": state.ventricles,
            "medial_temporal": state.hippocampus,
            "deep_grey": state.deep_grey,
            "cortex": state.cortex,
        }
        return {
            name: self.source.millilitres[name] * self.own_factors[name] * factors[name] * size for name in CHANGING
        }

    @cached_property
    def warp(self) -> NDArray[np.float32]:
        """Where in the source's surroundings (voxels) this brain's points are: shape (x, y, z, axis), every 4 mm."""
        size = self.state.width, self.state.length, self.state.height
        wanted = np.array([self.wanted[name] for name in FLOWING])
        points = _subject_points(self.source, self.settings.seed, self.subject, self.mirrored, *size)
        grid = SampledGrid(self.settings)

        def made(after: NDArray[np.float64]) -> NDArray[np.float64]:
            return grid.flowing_volumes(self.source, flowed(self.source, after, points))

        unchanged = grid.flowing_volumes(self.source, in_map_voxels(points))
        return flowed(self.source, search(made, unchanged, wanted, _slopes(self.source)), points)

    @cached_property
    def _undistorted(self) -> NDArray[np.float32]:
        return SampledGrid(self.settings).shares(self.source, self.warp)

    @cached_property
    def _volumes(self) -> NDArray[np.float64]:
        return SampledGrid(self.settings).millilitres(self._undistorted)

    @cached_property
    def _cortex(self) -> _CorticalChange:
        volumes = dict(zip(MAPS, self._volumes, strict=True))
        return _cortical_change(volumes, self.wanted["cortex"] - volumes["cortex"], self.state.extent)


@dataclass(frozen=True)
class _CorticalChange:
    """Shares of the cortex's outer layers that become CSF, and of the CSF at it that becomes cortex."""

    frontal: float
    other: float
    csf: float

    def exchanged(self, maps: Mapping[str, NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        lost = np.float32(self.frontal) * maps["outer_frontal"] + np.float32(self.other) * maps["outer_other"]
        return lost, np.float32(self.csf) * maps["csf_at_cortex"]

    def change(self, volumes: Mapping[str, float]) -> float:
        lost = self.frontal * volumes["outer_frontal"] + self.other * volumes["outer_other"]
        return self.csf * volumes["csf_at_cortex"] - lost


def _cortical_change(volumes: Mapping[str, float], change: float, extent: float) -> _CorticalChange:
    """What makes the cortex larger by ``change`` ml; loss is frontal as far as the disease's extent says."""
    if change >= 0:
        return _CorticalChange(0.0, 0.0, min(change / volumes["csf_at_cortex"], 1.0))
    share = 1 / (1 + np.exp(-1.7 * extent))
    other = min(-change / (volumes["outer_other"] + share * volumes["outer_frontal"]), 1.0)
    frontal = (-change - other * volumes["outer_other"]) / volumes["outer_frontal"]
    return _CorticalChange(float(np.clip(frontal, 0, 1)), float(other), 0.0)


@cache
def _slopes(source: PreparedAnatomy) -> NDArray[np.float64]:
    """How a source's volumes follow the flows, undeformed; what subjects' searches start from."""
    grid, points = SampledGrid(PhantomSettings()), grid_points(box(WARP_SPACING)[0])
    return responses(lambda after: grid.flowing_volumes(source, flowed(source, after, points)), len(FLOWING))


@lru_cache(maxsize=4)
def _subject_points(
    source: PreparedAnatomy, seed: int, subject: str, mirrored: bool, width: float, length: float, height: float
) -> NDArray[np.float32]:
    """Where a subject's points are in its source, before age and disease: shape (x, y, z, axis), the warp's voxels."""
    shape, _ = box(WARP_SPACING)
    rng = generator(seed, "shape", subject)
    along = smooth_field(rng, shape, COARSE_POINTS, 3) * (COARSE_MM / WARP_SPACING)
    along += smooth_field(rng, shape, FINE_POINTS, 3) * (FINE_MM / WARP_SPACING)
    along *= source.depth
    middle = (np.array(shape, np.float32) - 1) / 2
    size = np.array([width * (-1 if mirrored else 1), length, height], np.float32)
    points = middle + (grid_points(shape) - middle) / size
    return moved(flow(np.ascontiguousarray(np.moveaxis(along, 0, -1))), np.ascontiguousarray(points, np.float32))
