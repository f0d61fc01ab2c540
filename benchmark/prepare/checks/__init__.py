"""What is wrong with a collection of manifests, and what could be measured with it."""

from typing import Literal

#: How closely images are looked at: not at all, whether they are there, every voxel, or every voxel with a search for
#: scans that are equal.
Depth = Literal["none", "exist", "read", "hash"]
