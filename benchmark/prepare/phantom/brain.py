"""What scanners need to know of an anatomy, whatever it was made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.prepare.phantom.biology import Biology

#: Structures that a head is made of, in the order of the first axis of every array of shares: every source of anatomies
#: says what share of each voxel each of them takes.
#:
#: ``cortex`` is cerebral and cerebellar grey matter, ``white`` cerebral and cerebellar white matter, ``deep_grey``
#: thalamus, caudate, putamen, accumbens and half of the pallidum, ``medial_temporal`` hippocampus and amygdala,
#: ``brainstem`` brainstem and ventral diencephalon, ``csf`` fluid outside of the ventricles, ``ventricles`` the fluid
#: in them, ``head`` what is not brain: meninges, skull, skin, eyes.
STRUCTURES = ("cortex", "white", "deep_grey", "medial_temporal", "brainstem", "csf", "ventricles", "head")
#: Structures that a brain mask holds.
BRAIN = STRUCTURES[:-1]


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
            :data:`STRUCTURES`; air is what is left to 1.
        """
        ...


#: Makes the anatomy of a subject: of its name, which alone says what shape it has, of ``train`` or ``test``, as sources
#: made from several people give either split people of its own, and of what the brain is like.
BrainMaker = Callable[[str, str, Biology], Brain]
