"""OASIS-1 (cross-sectional, 18 to 96 years): discs of Analyze pairs and oasis_cross-sectional.csv or .xlsx."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.prepare.importers.oasis import cdr
from benchmark.prepare.importers.oasis_pairs import Pairs, from_cdr
from benchmark.prepare.importers.record import Import
from benchmark.prepare.importers.tables import Row

_RETEST = re.compile(r"OAS1_\d{4}_MR[2-9]\d*")
#: Names of images after that of the session, by kind; the number is the repeat, or how many were averaged.
_KINDS = {
    "raw": re.compile(r"_mpr-(\d+)_anon"),
    "subj_111": re.compile(r"_mpr_n(\d+)_anon_sbj_111"),
    "t88_masked": re.compile(r"_mpr_n(\d+)_anon_111_t88_masked_gfc"),
    "t88": re.compile(r"_mpr_n(\d+)_anon_111_t88_gfc"),
    "segmentation": re.compile(r"_mpr_n(\d+)_anon_.*fseg"),
}
_AXES = {"raw": "ASL", "subj_111": "ASL", "t88_masked": "LAS"}
#: Years below which adults were not rated unless something was the matter.
YOUNG = 60


@dataclass(frozen=True)
class Options:
    """What is imported, and how.

    Attributes
    ----------
    images
        Folder with the unpacked discs (disc1/OAS1_...), or with the session folders (OAS1_...) themselves.
    table
        oasis_cross-sectional.csv, or the site's spreadsheet, oasis_cross-sectional-NNNN.xlsx.
    image
        subj_111: the session's repeats averaged at 1 mm, with skull. raw: the first repeat as acquired. t88_masked:
        registered to the atlas, without skull.
    blank_cdr_young_as_cn
        Take adults below 60 years without a CDR for CN. They were not rated; without this their diagnosis is unknown.
    keep_retest
        Keep the second session (_MR2) of the subjects who were scanned again within 90 days.
    """

    images: Path
    table: Path
    image: Literal["subj_111", "raw", "t88_masked"] = "subj_111"
    blank_cdr_young_as_cn: bool = False
    keep_retest: bool = True


def collect(options: Options) -> Import:
    """Scans of the archive: of raw repeats the first, of averages that of the most."""
    archive = Pairs(1, options.images, options.table, "ID")

    def retest(session: str) -> bool:
        return not options.keep_retest and _RETEST.fullmatch(session) is not None

    def rank(name: str, session: str) -> int | str:
        start = archive.session.match(name)
        if start is None or start[0] != session:
            return "named after another session than its folder"
        for kind, pattern in _KINDS.items():
            number = pattern.fullmatch(name[start.end() :])
            if number is None:
                continue
            if kind != options.image:
                return f"kind of image that was not asked for: {kind}"
            return "retest session" if retest(session) else int(number[1]) * (1 if kind == "raw" else -1)
        return "kind of image that the archive does not describe"

    def diagnosis(row: Row) -> tuple[str, str]:
        label, source = from_cdr(row)
        if not label and options.blank_cdr_young_as_cn and row.age("Age") < YOUNG:
            return "CN", f"{source} below {YOUNG} years"
        return label, source

    def reason(session: str) -> str:
        return "retest session" if retest(session) else f"row without an image of kind {options.image}"

    used = archive.collect(_AXES[options.image], rank, diagnosis, reason)
    rated = [(name, row.age("Age"), cdr(row, "CDR")) for name, row in archive.rows.items()]
    young = sum(math.isnan(rating) and age < YOUNG and name in used for name, age, rating in rated)
    if young:
        taken = "taken for CN" if options.blank_cdr_young_as_cn else "their diagnosis is left unknown"
        archive.found.ambiguous.append(f"{young} scans of adults below {YOUNG} years have no CDR; {taken}")
    return archive.found
