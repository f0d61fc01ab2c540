"""The ICBM 152 template that comes with nilearn."""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmark.data.images import Image


@cache
def template() -> tuple[Image, Image]:
    """T1 of the brain and brain mask (Fonov et al., NeuroImage 2009), RAS at 2 mm; files of nilearn's, no network."""
    from nilearn.datasets import load_mni152_brain_mask, load_mni152_template

    t1, mask = load_mni152_template(resolution=2), load_mni152_brain_mask(resolution=2)
    return (
        Image(np.asarray(t1.dataobj, np.float32), np.asarray(t1.affine, np.float64)),
        Image(np.asarray(mask.dataobj, np.uint8), np.asarray(mask.affine, np.float64)),
    )
