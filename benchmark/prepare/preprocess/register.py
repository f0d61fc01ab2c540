"""Affine registration of a T1 image to the template."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.data.images import Image
from benchmark.prepare.preprocess.spatial import sitk, to_sitk
from benchmark.prepare.preprocess.template import template

#: Coarse and fine stage: shrink factor and smoothing in mm.
STAGES = ((4, 4.0), (2, 2.0))
#: Distance in mm around the template's brain whose voxels count: enough to see where the brain ends.
MARGIN_MM = 10.0
#: Share of voxels that the metric looks at, stage by stage: few coarse voxels must all be seen.
SAMPLED = (1.0, 0.3)
SAMPLING_SEED = 1
#: Smallest and largest stretch of an axis that a head can need; beyond them the affine stage went astray.
STRETCH = (0.6, 1.7)


def register(moving: Image, kind: Literal["affine", "rigid"] = "affine") -> tuple[Any, float]:
    """Find the transform from the template's world to the image's.

    Mattes mutual information within the template's brain and a margin; a rigid search from several starts on coarse
    images, then the full transform on finer ones. Where the affine stage stretches an axis beyond :data:`STRETCH`, the
    rigid transform stays.

    Parameters
    ----------
    moving
        T1 of a head or a brain.
    kind
        12 or 6 parameters.

    Returns
    -------
    tuple
        SimpleITK transform, in LPS mm, and the mutual information that it reaches (higher is better).
    """
    t1, brain = template()
    fixed, mask = to_sitk(t1), sitk.Cast(to_sitk(brain) > 0.5, sitk.sitkUInt8)
    margin = round(MARGIN_MM / fixed.GetSpacing()[0])
    near = sitk.BinaryDilate(mask, [margin] * 3)
    image = to_sitk(moving)
    best: Any = sitk.Euler3DTransform()
    value = np.inf
    for start in _starts(fixed, mask, image):
        transform = sitk.Euler3DTransform(start)
        reached = _optimise(fixed, near, image, transform, STAGES[:1])
        if reached < value:
            best, value = transform, reached
    if kind == "rigid":
        value = _optimise(fixed, near, image, best, STAGES)
        return best, -value
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(best.GetMatrix())
    affine.SetTranslation(best.GetTranslation())
    affine.SetCenter(best.GetCenter())
    value = _optimise(fixed, near, image, affine, STAGES)
    stretch = np.linalg.svd(matrix(affine)[:3, :3], compute_uv=False)
    if not (STRETCH[0] <= stretch.min() and stretch.max() <= STRETCH[1]):
        return best, -_optimise(fixed, near, image, best, STAGES)
    return affine, -value


def matrix(transform: Any) -> NDArray[np.float64]:
    """The transform as a matrix (4, 4) between RAS worlds."""
    flip = np.diag([-1.0, -1.0, 1.0])
    made = np.eye(4)
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    columns = [np.array(transform.TransformPoint(tuple(row))) - origin for row in np.eye(3)]
    made[:3, :3] = flip @ np.stack(columns, axis=1) @ flip
    made[:3, 3] = flip @ origin
    return made


def _starts(fixed: Any, mask: Any, moving: Any) -> list[Any]:
    # Middles of the images; centres of mass; and the top of the head, for a field of view that reaches to the neck.
    kinds = sitk.CenteredTransformInitializerFilter
    starts = [
        sitk.CenteredTransformInitializer(fixed, moving, sitk.Euler3DTransform(), kind)
        for kind in (kinds.GEOMETRY, kinds.MOMENTS)
    ]
    array = sitk.GetArrayViewFromImage(moving)
    head = array > array[array > array.min()].mean() / 2 if array.max() > array.min() else array > 0
    there = np.argwhere(head)
    if len(there):
        points = np.array(
            [moving.TransformIndexToPhysicalPoint(tuple(int(v) for v in each[::-1])) for each in there[::997]]
        )
        top = np.percentile(points[:, 2], 99)
        upper = points[points[:, 2] > top - 150]
        centre = np.array(fixed.TransformContinuousIndexToPhysicalPoint([(s - 1) / 2 for s in fixed.GetSize()]))
        target = np.array([*np.median(upper[:, :2], axis=0), top - 75])
        start = sitk.Euler3DTransform()
        start.SetCenter(centre.tolist())
        start.SetTranslation((target - centre).tolist())
        starts.append(start)
    return starts


def _optimise(fixed: Any, near: Any, moving: Any, transform: Any, stages: Any) -> float:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricFixedMask(near)
    method.SetMetricSamplingStrategy(method.REGULAR)
    # Without a seed the clock moves the sampled places, and no two runs find the same transform.
    method.SetMetricSamplingPercentagePerLevel(SAMPLED[: len(stages)], SAMPLING_SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=0.5, minStep=1e-3, numberOfIterations=120, gradientMagnitudeTolerance=1e-6
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([shrink for shrink, _ in stages])
    method.SetSmoothingSigmasPerLevel([sigma for _, sigma in stages])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(transform, inPlace=True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError:
        # All sampled voxels outside of the image: this start leads nowhere.
        return np.inf
    return float(method.GetMetricValue())
