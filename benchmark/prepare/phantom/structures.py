"""Structures that a head is made of; every source of anatomies says what share of each voxel each of them takes."""

from __future__ import annotations

#: In the order of the first axis of every array of shares.
#:
#: ``cortex`` is cerebral and cerebellar grey matter, ``white`` cerebral and cerebellar white matter, ``deep_grey``
#: thalamus, caudate, putamen, accumbens and half of the pallidum, ``medial_temporal`` hippocampus and amygdala,
#: ``brainstem`` brainstem and ventral diencephalon, ``csf`` fluid outside of the ventricles, ``ventricles`` the fluid
#: in them, ``head`` what is not brain: meninges, skull, skin, eyes.
STRUCTURES = ("cortex", "white", "deep_grey", "medial_temporal", "brainstem", "csf", "ventricles", "head")
#: Structures that a brain mask holds.
BRAIN = STRUCTURES[:-1]
