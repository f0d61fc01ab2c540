"""One raw scan to template space: load, correct, register, find the brain, resample, measure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.contrast import check_contrast
from benchmark.data.images import Image, read_mask
from benchmark.errors import UserError
from benchmark.prepare.preprocess.brain import extract_brain, installed
from benchmark.prepare.preprocess.load import load
from benchmark.prepare.preprocess.quality import Quality, quality
from benchmark.prepare.preprocess.register import matrix, register
from benchmark.prepare.preprocess.settings import RawSettings
from benchmark.prepare.preprocess.spatial import from_sitk, grid, resampled, sitk, to_sitk
from benchmark.prepare.preprocess.template import template

#: Voxels along an axis that N4 fits its field to: more take minutes and say no more about shading.
N4_VOXELS = 48
#: N4's iterations at each of its resolutions.
N4_ITERATIONS = (30, 30, 20)


@dataclass(frozen=True)
class Prepared:
    """A scan on the output grid, not yet normalised.

    Attributes
    ----------
    volume, mask
        Shape (x, y, z). Where no brain mask was wanted, the voxels above half of the mean of all that aren't air.
    affine
        Voxel to template world, RAS, mm.
    brain
        Where the mask comes from.
    information
        Mutual information that registration reached; NaN without one.
    transform
        Template world to scanner world, RAS, shape (4, 4).
    quality
        Measured on the volume.
    """

    volume: NDArray[np.float32]
    mask: NDArray[np.bool_]
    affine: NDArray[np.float64]
    brain: str
    information: float
    transform: NDArray[np.float64]
    quality: Quality


def prepare(path: Path, mask_path: Path | None, orientation: str, sha256: str, settings: RawSettings) -> Prepared:
    """Bring one scan to the output grid.

    Parameters
    ----------
    path, orientation, sha256
        As for :func:`benchmark.prepare.preprocess.load.load`.
    mask_path
        Brain mask on the image's grid; None for none.
    settings
        What is done.

    Raises
    ------
    UserError
        For an image or mask that cannot be used; the message names the file and the cause.
    """
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    image = load(path, orientation, sha256)
    check_contrast(path, image.data)
    given = None
    if mask_path is not None and settings.brain in ("auto", "mask"):
        read_mask(mask_path, path, image)
        given = load(mask_path)
    if settings.brain == "mask" and given is None:
        raise UserError(f"{path}: has no mask in its manifest; brain 'mask' needs one")
    if settings.bias_correction:
        image = _n4(image)
    moving = to_sitk(image)
    if settings.registration == "none":
        transform, information = sitk.AffineTransform(3), float("nan")
        reference = grid(settings.shape, settings.spacing, _middle(image))
    else:
        transform, information = register(image, settings.registration)
        reference = grid(settings.shape, settings.spacing)
    volume = from_sitk(resampled(moving, reference, transform))
    t1, brain = _template_on(settings.shape, settings.spacing)
    mask, source = _mask(image, given, brain, reference, transform, settings)
    if source == "none":
        # Only here: preprocessing works without PyTorch where every scan has a mask of its own or of the template.
        import torch

        from benchmark.data.preprocessing import foreground

        mask = foreground(torch.from_numpy(volume.data - volume.data.min())).numpy()
    if not mask.any():
        raise UserError(f"{mask_path or path}: the brain mask ({source}) covers no voxel of the output grid")
    return Prepared(
        volume.data,
        mask,
        volume.affine,
        source,
        information,
        matrix(transform),
        quality(volume.data, mask, t1, brain),
    )


def _mask(
    image: Image, given: Image | None, brain: NDArray[np.bool_], reference: Any, transform: Any, settings: RawSettings
) -> tuple[NDArray[np.bool_], str]:
    source: str = settings.brain
    if source == "auto":
        source = "mask" if given is not None else installed() or "template"
        if source == "template" and settings.registration == "none":
            source = "none"
    if source == "none":
        return np.ones(settings.shape, bool), source
    if source == "template":
        return brain, source
    own = given if source == "mask" and given is not None else extract_brain(image, source)  # type: ignore[arg-type]
    return from_sitk(resampled(to_sitk(own), reference, transform, mask=True)).data > 0.5, source


def _n4(image: Image) -> Image:
    """The image over its shading, found on a coarse copy within the head (Otsu's threshold)."""
    full = to_sitk(image)
    full = full - float(image.data.min())
    shrink = [max(1, size // N4_VOXELS) for size in full.GetSize()]
    small = sitk.Shrink(full, shrink)
    head = sitk.OtsuThreshold(small, 0, 1, 128)
    corrector = sitk.N4BiasFieldCorrectionImageFilter()
    corrector.SetMaximumNumberOfIterations(N4_ITERATIONS)
    try:
        corrector.Execute(small, head)
    except RuntimeError as error:
        raise UserError(f"N4 bias correction fails: {str(error).strip().splitlines()[-1]}") from None
    field = sitk.Exp(sitk.Cast(corrector.GetLogBiasFieldAsImage(full), sitk.sitkFloat32))
    return from_sitk(full / field)


def _middle(image: Image) -> NDArray[np.float64]:
    tissue = image.data > image.data[image.data > image.data.min()].mean() / 2
    ends = np.array([np.flatnonzero(tissue.any(axis=tuple({0, 1, 2} - {axis})))[[0, -1]] for axis in range(3)])
    middle: NDArray[np.float64] = image.affine[:3, :3] @ ends.mean(axis=1) + image.affine[:3, 3]
    return middle


@cache
def _template_on(shape: tuple[int, int, int], spacing: float) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    reference, identity = grid(shape, spacing), sitk.AffineTransform(3)
    t1, brain = template()
    on_grid = from_sitk(resampled(to_sitk(t1), reference, identity)).data
    return on_grid, from_sitk(resampled(to_sitk(brain), reference, identity, mask=True)).data > 0.5
