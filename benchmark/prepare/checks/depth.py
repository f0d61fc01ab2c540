"""How closely images are looked at."""

from __future__ import annotations

from typing import Literal

#: Not at all, whether they are there, every voxel, or every voxel with a search for scans that are equal.
Depth = Literal["none", "exist", "read", "hash"]
