"""Which PPMI images are 3D T1, and which of a session's comes first."""

from __future__ import annotations

import math
import re
from typing import Any

from benchmark.prepare.importers.loni_sessions import Candidate
from benchmark.prepare.importers.loni_t1 import words
from benchmark.prepare.importers.loni_tables import Row
from benchmark.prepare.importers.normalise import field_strength, number

# Weighting and Modality are unreliable here: T1 is listed with Weighting=PD, and under DTI.
_T1 = re.compile(r"mp[ -]?rage|t1|spgr|tfe")
_OTHER = re.compile(
    r"2d|phantom|dti|dwi|fmri|bold|t2|flair|neuromelanin|\bnm\b|gre\b.*\bmt\b|\bcor\b|coronal|\btra\b|transverse"
    r"|\bax\b|axial|cal head"
)
_NO_MRI = ("pet", "spect", "ct", "nm")


def rejected(row: Row) -> str:
    """Why an image is no 3D T1; "" if it is one."""
    text = words(row.description)
    if row.modality.casefold() in _NO_MRI:
        return f"not T1: modality {row.modality}"
    if text == "sag spgr" and not field_strength(row.protocol.get("field strength", "")) > 1:
        return "SAG SPGR of a low-field unit, or of an unknown one"
    if _OTHER.search(text) or not _T1.search(text):
        return "not T1 by its description"
    return ""


def rank(one: Candidate) -> Any:
    """Smallest for the image that stands for its session.

    Raw before processed, first acquisitions before repeats, corrected for distortion before ``_ND``, then the largest
    matrix.
    """
    sides = [number(one.row.protocol.get(f"matrix {axis}", "")) for axis in "xyz"]
    voxels = math.prod(sides)
    return not one.raw, one.repeat, one.twin, 0.0 if math.isnan(voxels) else -voxels
