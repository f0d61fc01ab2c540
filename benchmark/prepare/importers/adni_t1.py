"""Which ADNI images are 3D T1, and which of a session's comes first."""

from __future__ import annotations

import math
import re
from typing import Any

from benchmark.prepare.importers.loni_sessions import Candidate
from benchmark.prepare.importers.loni_t1 import words
from benchmark.prepare.importers.loni_tables import Row
from benchmark.prepare.importers.normalise import field_strength

#: ``MPR; GradWarp; B1 Correction; N3; Scaled``, ``MPR-R; ...``, ``MT1; N3m``.
_PROCESSED = re.compile(r"(mpr(-r)?|mt1) ?;")
_T1 = re.compile(r"mp[ -]?rage|f?spgr")
_NEVER = re.compile(r"mask|segment|hippo|phantom")
_OTHER = re.compile(
    r"locali[sz]er|scout|plane|calibration|\bb1\b|flair|t2|\bpd\b|field ?map|dti|asl|fmri|moco|swi\b|\bpet\b"
)
_MODALITIES = ("", "mri", "mr")
#: Endings of processed images, best first.
_ENDINGS = ("scaled", "scaled 2", "n3m", "n3")


def rejected(row: Row) -> str:
    """Why an image is no 3D T1; "" if it is one."""
    text = words(row.description)
    if row.modality.casefold() not in _MODALITIES:
        return f"not T1: modality {row.modality}"
    other = _NEVER.search(text) or (None if _PROCESSED.match(text) else _OTHER.search(text))
    if other is not None or not (_PROCESSED.match(text) or _T1.search(text)):
        return "not T1 by its description"
    return ""


def rank(one: Candidate) -> Any:
    """Smallest for the image that stands for its session.

    Raw before processed; the field strength that the phase was designed for (1.5 T in ADNI1, 3 T later); first
    acquisitions before repeats; corrected for distortion before ``_ND``; accelerated ones last, but first in ADNI3 and
    ADNI4, which were designed with them; ``MPRAGE SENSE2`` after others; of processed ones the most processed.
    """
    text = words(one.row.description)
    strength = field_strength(one.row.protocol.get("field strength", ""))
    accelerated = "acc" in text
    ending = next((place for place, end in enumerate(_ENDINGS) if text.endswith(end)), len(_ENDINGS))
    return (
        not one.raw,
        not math.isnan(strength) and (strength < 2) != (one.dataset == "ADNI1"),
        one.repeat,
        one.twin,
        accelerated != (one.dataset in ("ADNI3", "ADNI4")),
        "sense" in text,
        0 if one.raw else ending,
    )
