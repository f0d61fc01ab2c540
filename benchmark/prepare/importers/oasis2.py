"""OASIS-2 (longitudinal, 60 to 96 years): parts of raw image pairs and oasis_longitudinal.csv or .xlsx."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from benchmark.prepare.importers.oasis_pairs import Pairs, from_cdr
from benchmark.prepare.importers.record import Import
from benchmark.prepare.importers.tables import Row

_REPEAT = re.compile(r"mpr-(\d+)(\.nifti)?")
_GROUPS = {name: name for name in ("Nondemented", "Demented", "Converted")}


@dataclass(frozen=True)
class Options:
    """What is imported, and how.

    Attributes
    ----------
    images
        Folder with the unpacked parts (OAS2_RAW_PART1/OAS2_...), or with the session folders (OAS2_...) themselves.
    table
        oasis_longitudinal.csv, or the site's spreadsheet, oasis_longitudinal_demographics-NNNN.xlsx.
    """

    images: Path
    table: Path


def collect(options: Options) -> Import:
    """Scans of the archive, the first repeat of each session.

    The diagnosis is of the visit itself. The group of a subject (Nondemented, Demented, Converted) is not used. Rows
    are joined to folders by ``MRI ID``; visits and MR numbers may differ.
    """
    archive = Pairs(2, options.images, options.table, "MRI ID")
    group = archive.table.find("Group")
    for row in archive.table.rows:
        if row["MRI ID"].rsplit("_", 1)[0] != row["Subject ID"]:
            raise row.complaint("Subject ID", f"MRI ID is {row['MRI ID']}; they must be of one subject")
        if group:
            row.code(group, _GROUPS)

    def rank(name: str, session: str) -> int | str:
        repeat = _REPEAT.fullmatch(name)
        return int(repeat[1]) if repeat else "stray name: images of the archive are named mpr-N"

    def diagnosis(row: Row) -> tuple[str, str]:
        label, source = from_cdr(row)
        return label, f"{source} Group={row[group]}" if group else source

    used = archive.collect("ASL", rank, diagnosis, lambda session: "row without an image")
    count = sum(archive.rows[session].get("Group").casefold() == "converted" for session in used)
    if count:
        text = "scans are of the group Converted; each is labelled by the CDR of its own visit"
        archive.found.ambiguous.append(f"{count} {text}")
    return archive.found
