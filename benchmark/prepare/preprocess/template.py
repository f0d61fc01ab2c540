"""The ICBM 152 template that comes with nilearn."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmark.data.images import Image


@cache
def template(resolution: int = 2) -> tuple[Image, Image]:
    """T1 of the brain and brain mask (Fonov et al., NeuroImage 2009), RAS; files of nilearn's, no network.

    Parameters
    ----------
    resolution
        Voxel size in mm.
    """
    from nilearn.datasets import load_mni152_brain_mask, load_mni152_template

    t1, mask = load_mni152_template(resolution=resolution), load_mni152_brain_mask(resolution=resolution)
    return (
        Image(np.asarray(t1.dataobj, np.float32), np.asarray(t1.affine, np.float64)),
        Image(np.asarray(mask.dataobj, np.uint8), np.asarray(mask.affine, np.float64)),
    )
