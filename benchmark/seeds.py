"""Random seeds derived from named axes, so that no draw depends on worker, rank or call order."""

from __future__ import annotations

import hashlib
import json

import numpy as np


def derive_seed(*axes: str | int) -> int:
    """Hash named axes into a seed in [0, 2**63).

    Parameters
    ----------
    *axes
        What the draw belongs to, most general first, such as ``(seed, "augment", epoch, scan_key)``.

    Returns
    -------
    int
        The first 63 bits of the SHA-256 of the axes' canonical JSON.
    """
    text = json.dumps(list(axes), ensure_ascii=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(*axes: str | int) -> np.random.Generator:
    """NumPy generator seeded by :func:`derive_seed` of the same axes."""
    return np.random.default_rng(derive_seed(*axes))
