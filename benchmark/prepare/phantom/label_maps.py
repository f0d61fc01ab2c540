"""Label maps of heads as segmentation software writes them, and what its label numbers mean."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError, cause

#: nibabel is only partly typed.
_NIBABEL: Any = nibabel

#: What labels are sorted into. The first three are those whose volume a flow changes, see
#: :mod:`benchmark.prepare.phantom.volume_flow`.
TISSUES = (
    "lateral_ventricles",
    "medial_temporal",
    "deep_grey",
    "pallidum",
    "cortex",
    "cerebellar_cortex",
    "white",
    "cerebellar_white",
    "brainstem",
    "other_ventricles",
    "csf",
    "head",
)
#: Tissues before this one are brain.
CSF = TISSUES.index("csf")
#: What is nothing of these.
AIR = len(TISSUES)
_UNKNOWN = 255

#: Numbers of FreeSurfer's FreeSurferColorLUT.txt, which FastSurfer and SynthSeg share. 136, 163 and 137, 164 are the
#: choroid plexus of the lateral ventricles and of their temporal horns in SynthSeg's training maps, 25 and 57 lesions
#: of the white matter, 30 and 62 vessels in it.
_NUMBERS: Mapping[str, tuple[int, ...]] = {
    "lateral_ventricles": (4, 43, 5, 44, 31, 63, 136, 163, 137, 164),
    "medial_temporal": (17, 53, 18, 54),
    "deep_grey": (9, 48, 10, 49, 11, 50, 12, 51, 26, 58, 138, 139),
    "pallidum": (13, 52),
    # aparc: 1000-1035; a2009s: 11100-11175 and 12100-12175. 1004 and 2004 are the corpus callosum.
    "cortex": (3, 42, *range(1000, 1004), *range(1005, 2004), *range(2005, 3000), *range(11100, 13000)),
    "cerebellar_cortex": (8, 47),
    # wmparc: 3000-4999, 5001, 5002; of a2009s: 13100-14999. 77 to 82 are hypointensities, 250 to 255 the
    # corpus callosum.
    "white": (
        *(2, 41, 25, 57, 30, 62, *range(77, 83), 85, 192, *range(250, 256), 1004, 2004),
        *(*range(3000, 5003), *range(13100, 15000)),
    ),
    "cerebellar_white": (7, 46),
    "brainstem": (16, 28, 60, 27, 59, *range(170, 176), 178),
    "csf": (24, 257),
    "other_ventricles": (14, 15, 72),
    "head": (165, 258, 259, *range(500, 1000)),
}
#: Labels of which a map must have one of each row in either hemisphere; the first is what error messages name.
_REQUIRED: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "cerebral white matter": (
        (2, *range(3000, 4000), *range(13100, 14000), 5001),
        (41, *range(4000, 5000), *range(14100, 15000), 5002),
    ),
    "cerebral cortex": (
        (3, *range(1000, 2000), *range(11100, 12000)),
        (42, *range(2000, 3000), *range(12100, 13000)),
    ),
    "lateral ventricle": ((4,), (43,)),
    "thalamus": ((10, 9), (49, 48)),
    "putamen": ((12,), (51,)),
    "hippocampus": ((17,), (53,)),
}
#: Fewest millilitres of brain that a map must hold: a newborn's is some 350.
_LEAST_BRAIN_ML = 250.0
_SUFFIXES = (".nii", ".nii.gz", ".mgz", ".mgh")
_ALLOWED = (
    "FreeSurfer's aseg, aparc+aseg, aparc.a2009s+aseg and wmparc, FastSurfer's and SynthSeg's labels are known, and "
    "500 to 999 for the rest of the head"
)


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A person's label map.

    Attributes
    ----------
    name
        Its file's name.
    tissue
        Shape (i, j, k), axes nearest to R, A and S, uint8: index into :data:`TISSUES`, or :data:`AIR`.
    affine
        Voxel to world, RAS, mm.
    middles
        World coordinates, in mm, of the middle of structures by their label; those of :data:`LANDMARKS`.
    """

    name: str
    tissue: NDArray[np.uint8]
    affine: NDArray[np.float64]
    middles: Mapping[int, NDArray[np.float64]]

    @property
    def millilitres(self) -> dict[str, float]:
        """Volume of the voxels of each of :data:`TISSUES`."""
        voxels = np.bincount(self.tissue.ravel(), minlength=len(TISSUES)).tolist()
        volume = abs(float(np.linalg.det(self.affine[:3, :3])))
        return {name: count * volume / 1000 for name, count in zip(TISSUES, voxels, strict=False)}


#: Labels whose middles are kept: both hemispheres' thalamus, caudate, putamen, pallidum, hippocampus, amygdala,
#: accumbens and cerebellar cortex.
LANDMARKS = (10, 49, 11, 50, 12, 51, 13, 52, 17, 53, 18, 54, 26, 58, 8, 47)


def map_files(folder: Path) -> list[Path]:
    """Label maps in a folder, by name.

    Raises
    ------
    UserError
        If it is no folder, or holds fewer than four: two for training subjects and two for test subjects.
    """
    if not folder.is_dir():
        raise UserError(f"anatomies: {folder} is not a folder; it must hold one label map per person")
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name.lower().endswith(_SUFFIXES))
    if len(files) < 4:
        raise UserError(
            f"anatomies: {folder} holds {len(files)} label maps ({', '.join(_SUFFIXES)}); at least 4 are needed, two "
            "people for training and two others for test subjects"
        )
    return files


def folder_digest(folder: Path) -> str:
    """SHA-256 of names and contents of a folder's label maps; see :func:`map_files` for errors."""
    lines = [f"{path.name} {file_digest(path)}\n" for path in map_files(folder)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_label_map(path: Path) -> LabelMap:
    """Read a label map of any orientation and voxel size.

    Parameters
    ----------
    path
        NIfTI or MGH file.

    Raises
    ------
    UserError
        For a file that cannot be read, is not of three dimensions, holds other than whole numbers, an unknown label,
        too little brain, or left and right exchanged.
    """
    labels, affine = _read(path)
    table = _table()
    outside = (labels < 0) | (labels >= len(table))
    tissue = table[np.where(outside, 0, labels)]
    tissue[outside] = _UNKNOWN
    unknown = tissue == _UNKNOWN
    if unknown.any():
        values, counts = np.unique(labels[unknown], return_counts=True)
        more = f" and {len(values) - 1} more labels are" if len(values) > 1 else " is"
        raise UserError(f"{path}: label {values[0]} in {counts[0]} voxels{more} not known; {_ALLOWED}")
    _require(path, labels, tissue, abs(float(np.linalg.det(affine[:3, :3]))))
    brain = np.flatnonzero(tissue < CSF)
    of_brain = labels.ravel()[brain]
    voxels = np.stack(np.unravel_index(brain, labels.shape), axis=-1)
    middles = {
        label: affine[:3, :3] @ voxels[here].mean(axis=0) + affine[:3, 3]
        for label in LANDMARKS
        if (here := of_brain == label).any()
    }
    for left, right, name in ((17, 53, "hippocampus"), (12, 51, "putamen")):
        if middles[left][0] >= middles[right][0]:
            raise UserError(
                f"{path}: the left {name} (label {left}) lies to the right of the right one (label {right}); the "
                "orientation in the file's header must be that of the voxels"
            )
    return LabelMap(path.name, tissue, affine, middles)


def _read(path: Path) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    try:
        image = _NIBABEL.load(path)
        # In the order in which warps go through it: caches would be missed otherwise.
        image = _NIBABEL.as_closest_canonical(image)
        stored = np.ascontiguousarray(image.dataobj)
    except (OSError, EOFError, ValueError, _NIBABEL.filebasedimages.ImageFileError) as error:
        raise UserError(f"{path}: cannot be read as a label map: {cause(error)}") from error
    affine = np.asarray(image.affine, float)
    if stored.ndim > 3 and stored.size == np.prod(stored.shape[:3]):
        stored = stored.reshape(stored.shape[:3])
    if stored.ndim != 3 or min(stored.shape) < 8:
        raise UserError(f"{path}: has shape {stored.shape}; a label map has three dimensions of at least 8 voxels")
    if abs(np.linalg.det(affine[:3, :3])) < 1e-6:
        raise UserError(f"{path}: the affine in its header has no volume; voxel sizes must be above 0")
    if stored.dtype.kind not in "iu":
        whole = np.isfinite(stored) & (stored == np.rint(stored)) if stored.dtype.kind == "f" else np.zeros(1, bool)
        if not whole.all():
            raise UserError(
                f"{path}: holds values that are not whole numbers; a label map is needed, not an image or a map of "
                "probabilities"
            )
    # What is beyond any table of labels becomes a number that is known to be unknown.
    if stored.min() < -(2**30) or stored.max() > 2**30:
        stored = np.clip(stored, -(2**30), 2**30)
    return stored.astype(np.int32), affine


@cache
def _table() -> NDArray[np.uint8]:
    table = np.full(15000, _UNKNOWN, np.uint8)
    table[0] = AIR
    for tissue, numbers in _NUMBERS.items():
        table[list(numbers)] = TISSUES.index(tissue)
    return table


def _require(path: Path, labels: NDArray[np.int32], tissue: NDArray[np.uint8], voxel: float) -> None:
    present = set(np.flatnonzero(np.bincount(labels.ravel())).tolist())
    for name, sides in _REQUIRED.items():
        for side, numbers in zip(("left", "right"), sides, strict=True):
            if present.isdisjoint(numbers):
                raise UserError(f"{path}: has no {side} {name} (label {numbers[0]}); {_ALLOWED}")
    brain = np.count_nonzero(tissue < CSF) * voxel / 1000
    if brain < _LEAST_BRAIN_ML:
        raise UserError(f"{path}: holds {brain:.0f} ml of brain; at least {_LEAST_BRAIN_ML:.0f} ml are needed")
