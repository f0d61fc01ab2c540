"""Heads of the phantom as the volumes of a replica, each dataset with the scanner of the phantom's site of its name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.prepare.phantom.acquisition import acquire, acquisition
from benchmark.prepare.phantom.atlas import grid_affine
from benchmark.prepare.phantom.biology import DRAWS, biology
from benchmark.prepare.phantom.downloads.volumes import Volume
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.prepare.phantom.sites import SITES
from benchmark.prepare.phantom.template import template_brain
from benchmark.seeds import generator

#: Site of datasets that the phantom does not name.
_OTHER = "phantom-OASIS3"


def phantom_heads(settings: PhantomSettings) -> Volume:
    """Volumes in [0, 1] on the phantom's grid, RAS, with the affine of the template's world.

    Parameters
    ----------
    settings
        The phantom's knobs. The same subject of a dataset has the same anatomy in every session; diagnoses that the
        phantom does not know are shown as CN.
    """
    affine = grid_affine(settings)

    def head(index: int, diagnosis: str, dataset: str) -> tuple[NDArray[Any], NDArray[Any]]:
        site = f"phantom-{dataset}" if f"phantom-{dataset}" in SITES else _OTHER
        subject = f"replica-{dataset}-{index}"
        shown = diagnosis if diagnosis in ("CN", "MCI", "AD", "PD") else "CN"
        age = 60.0 + 7.0 * index % 27
        normals = generator(settings.seed, "biology", subject).standard_normal(DRAWS)
        state = biology(shown, "FM"[index % 2], age, 0.0, normals, settings.head_size)
        key = f"{site}/{subject}/{diagnosis}"
        brain = template_brain(settings, subject, "train", state)
        image, _ = acquire(settings, brain, acquisition(settings, site, key), key)
        return image.astype(np.float32) / image.max(), affine

    return head
