"""Heads of the phantom as the volumes of a replica, each dataset with the scanner of the phantom's site of its name."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.phantom.acquisition import acquire, acquisition
from benchmark.data.phantom.anatomy import biology, tissue
from benchmark.data.phantom.atlas import atlas
from benchmark.data.phantom.settings import PhantomSettings
from benchmark.data.phantom.sites import SITES
from benchmark.replicas.volumes import Volume

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
    maps = atlas(settings)

    def head(index: int, diagnosis: str, dataset: str) -> tuple[NDArray[Any], NDArray[Any]]:
        site = f"phantom-{dataset}" if f"phantom-{dataset}" in SITES else _OTHER
        subject = f"replica-{dataset}-{index}"
        shown = diagnosis if diagnosis in ("CN", "MCI", "AD", "PD") else "CN"
        age = 60.0 + 7.0 * index % 27
        brain = tissue(settings, maps, subject, biology(settings, subject, shown, "FM"[index % 2], age, 0.0))
        key = f"{site}/{subject}/{diagnosis}"
        image = acquire(settings, brain, acquisition(settings, site, key), key).astype(np.float32)
        return image / image.max(), maps.affine

    return head
