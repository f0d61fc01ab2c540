"""What LONI archives of T1 images have in common: raw or processed, and words of descriptions."""

from __future__ import annotations

import re
from typing import Literal

from benchmark.prepare.importers.loni import Found
from benchmark.prepare.importers.loni_tables import Row

#: Which images are wanted: as scanned, as the archive processed them, or raw ones and processed where there is none.
Processed = Literal["raw", "processed", "any"]

_KINDS = {"original": True, "processed": False, "pre-processed": False, "post-processed": False}


def words(description: str) -> str:
    """Lower case, with single spaces for runs of spaces and underscores."""
    return " ".join(description.replace("_", " ").split()).casefold()


def is_raw(row: Row, found: Found) -> bool | None:
    """Whether an image is as scanned, by its ``Type``, else by its file name; None where neither says."""
    by_table = _KINDS.get(row.kind.casefold())
    if by_table is not None:
        return by_table
    name = found.name.casefold()
    return True if "_br_raw_" in name else False if "_br_" in name else None


def unwanted(raw: bool | None, wanted: Processed) -> str:
    """Why an image of this kind is not wanted; "" where it is."""
    if raw is None:
        return "neither its Type nor its file name says whether the image is raw or processed"
    if wanted == "raw" and not raw:
        return "processed by the archive, and raw images are wanted"
    if wanted == "processed" and raw:
        return "raw, and processed images are wanted"
    return ""


def is_repeat(description: str) -> bool:
    """Whether a description is of a second acquisition: ``MP-RAGE REPEAT``, ``MPR-R; GradWarp``."""
    text = words(description)
    return "repeat" in text or re.match(r"mpr-r\b", text) is not None


def is_twin(description: str) -> bool:
    """Whether a description ends in ``_ND``, as that of the copy without distortion correction does."""
    return words(description).endswith(" nd")
