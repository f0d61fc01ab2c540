"""What scanners need to know of an anatomy, whatever it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.prepare.phantom.biology import Biology


class Brain(Protocol):
    """A subject's anatomy at one session."""

    @property
    def truth(self) -> Mapping[str, float | str]:
        """Volumes as made, in ml (``ventricle_ml``, ``hippocampus_ml``, ``cortex_ml``, ``brain_ml``), and more.

        They are of the head as the images show it, before a scanner distorts it.
        """
        ...

    def shares(self, displacement: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Share of every structure in every voxel.

        Parameters
        ----------
        displacement
            Shape (axis, x, y, z), in mm along R, A and S: the voxel at position p shows what is at
            p + displacement(p). None for none.

        Returns
        -------
        ndarray
            Shape (structure, x, y, z), float32 in [0, 1], structures as in
            :data:`benchmark.prepare.phantom.structures.STRUCTURES`; air is what is left to 1.
        """
        ...


class AnatomySource(Protocol):
    """Something that makes brains."""

    def brain(self, subject: str, split: str, state: Biology) -> Brain:
        """Anatomy of a subject in a state; its shape depends on the subject's name alone.

        Parameters
        ----------
        subject
            Its name.
        split
            ``train`` or ``test``: sources made from several people give either split people of its own.
        state
            What the brain is like.
        """
        ...
