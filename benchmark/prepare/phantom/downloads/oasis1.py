"""Replica of OASIS-1: discs of big-endian Analyze pairs and the cross-sectional table."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmark.prepare.phantom.downloads.replica import Replica, Table
from benchmark.prepare.phantom.downloads.volumes import write_analyze

FEWEST = 8
TABLE = Table("oasis_cross-sectional.csv", "ID,M/F,Hand,Age,Educ,SES,MMSE,CDR,eTIV,nWBV,ASF,Delay", mark=True)
OPTIONS = {"table": TABLE}
#: Subjects at these places are odd.
RETESTED, NO_IMAGE, NO_VOXELS, NO_ROW = 0, 5, 6, 7
#: CDR, its diagnosis and the lowest age of subjects, in turn; the fifth is old and not rated.
_RATED = (
    ("", "", 20),
    ("0", "CN", 62),
    ("0.5", "AD", 65),
    ("1", "AD", 68),
    ("", "", 62),
    ("2", "AD", 70),
    ("0", "CN", 61),
)
#: Images of a session within its folder, after its name and how many repeats were averaged, and the order of voxels.
_AVERAGED = {
    "PROCESSED/MPRAGE/SUBJ_111/{}_mpr_n{}_anon_sbj_111.hdr": "ASL",
    "PROCESSED/MPRAGE/T88_111/{}_mpr_n{}_anon_111_t88_gfc.hdr": "LAS",
    "PROCESSED/MPRAGE/T88_111/{}_mpr_n{}_anon_111_t88_masked_gfc.hdr": "LAS",
    "FSL_SEG/{}_mpr_n{}_anon_111_t88_masked_gfc_fseg.hdr": "LAS",
}


def describe(seed: int = 0, subjects: int = 12) -> Replica:
    """The replica, of at least 8 subjects.

    Its oddities: no orientation in any file, a fourth axis of length one, one subject scanned twice (``_MR2``), blank
    CDR of a young and of an old subject, a table with a byte-order mark, a row without images, a header without
    voxels, images without a row.
    """
    replica = Replica("OASIS1", [TABLE], subjects, FEWEST)
    for index in range(subjects):
        rng = np.random.default_rng([seed, index, 1])
        cdr, diagnosis, lowest = _RATED[index % len(_RATED)]
        sex, age, repeats = "FM"[int(rng.integers(2))], int(lowest + rng.integers(20)), int(rng.integers(3, 5))
        for session, delay in (("MR1", ""), ("MR2", 40)) if index == RETESTED else (("MR1", ""),):
            name = f"OAS1_{9001 + index}_{session}"
            folder = f"disc{1 + index % 2}/{name}"
            if index != NO_ROW:
                replica.row(TABLE, name, sex, "R", age, 2, "", "", cdr, 1500, 0.8, 1.2, delay)
            if index == NO_IMAGE:
                continue
            paths = {f"RAW/{name}_mpr-{repeat + 1}_anon.hdr": "ASL" for repeat in range(repeats)}
            replica.texts |= {f"{folder}/{path.replace('.hdr', '_sag_66.gif')}": "GIF89a" for path in paths}
            replica.texts[f"{folder}/{name}.txt"] = f"SESSION ID: {name}\n"
            averaged = {path.format(name, repeats): axes for path, axes in _AVERAGED.items()}
            for path, axes in (paths | averaged).items():
                voxels = index != NO_VOXELS or "SUBJ_111" not in path
                replica.image(f"{folder}/{path}", index, diagnosis, partial(write_analyze, axes=axes, voxels=voxels))
            if index not in (NO_VOXELS, NO_ROW):
                image = f"{folder}/{next(iter(averaged))}"
                replica.expect(name[:9], session, image, diagnosis, age, sex, "Siemens", "Vision", 1.5)
    return replica
