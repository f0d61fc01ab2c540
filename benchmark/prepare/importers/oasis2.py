"""OASIS-2 (longitudinal, 60 to 96 years): parts of raw image pairs and oasis_longitudinal.csv."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import UserError
from benchmark.prepare.importers.analyze import pairs, states_orientation
from benchmark.prepare.importers.cells import code, complaint, decimal, keyed, one_sex, row_left_out
from benchmark.prepare.importers.files import image_files, relative, stem
from benchmark.prepare.importers.oasis import OLDEST, OVERLAP, SEX_LETTERS, VISION, cdr, from_cdr
from benchmark.prepare.importers.picking import pick
from benchmark.prepare.importers.record import Import, LeftOut, Scan
from benchmark.prepare.importers.tables import Table, read_table

_SESSION = re.compile(r"(OAS2_\d{4})_(MR\d+)")
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
        oasis_longitudinal.csv; the site offers it as a spreadsheet too: save that as CSV in UTF-8.
    """

    images: Path
    table: Path


def collect(options: Options) -> Import:
    """Scans of the archive, the first repeat of each session.

    The diagnosis is of the visit itself: a CDR of 0 is CN, one above 0 is AD. The group of a subject (Nondemented,
    Demented, Converted) is not used. Rows are joined to folders by ``MRI ID``; visits and MR numbers may differ.

    Raises
    ------
    UserError
        For a folder or table that is not of this archive, and for impossible values.
    """
    found = Import(ambiguous=[OVERLAP])
    table = read_table(options.table)
    rows = keyed(table, table.column("MRI ID"), _SESSION, "OAS2_NNNN_MRn")
    _check(table)
    scans, numbers, stating = [], {}, 0
    for session, number, header in _images(options, found.left_out):
        if session not in rows:
            found.left_out.append(LeftOut(relative(header, options.images), "image without a row in the table"))
            continue
        stated = states_orientation(header)
        stating += stated
        scans.append(_scan(header, session, table, rows[session], "" if stated else "ASL"))
        numbers[header] = number
    found.scans = pick(scans, lambda scan: numbers[scan.image], options.images, found.left_out, found.ambiguous)
    used = {f"{scan.subject_id}_{scan.session_id}" for scan in found.scans}
    for session, index in rows.items():
        if session not in used:
            found.left_out.append(row_left_out(table, index, "row without an image", table.column("MRI ID")))
    if stating:
        found.ambiguous.append(f"{stating} image headers state an orientation; it is used in place of the archive's")
    found.ambiguous += _converted(table, [rows[session] for session in sorted(used)])
    return found


def _images(options: Options, left_out: list[LeftOut]) -> list[tuple[str, int, Path]]:
    images, seen = [], False
    for header in pairs(image_files(options.images, left_out), options.images, left_out):
        folder = next((part for part in reversed(header.parts[:-1]) if _SESSION.fullmatch(part)), None)
        repeat = _REPEAT.fullmatch(stem(header))
        seen = seen or folder is not None
        name = relative(header, options.images)
        if folder is None:
            left_out.append(LeftOut(name, "in no session folder (OAS2_NNNN_MRn)"))
        elif repeat is None:
            left_out.append(LeftOut(name, "stray name: images of the archive are named mpr-N"))
        else:
            images.append((folder, int(repeat[1]), header))
    if not seen and not any("OAS2_" in entry.what for entry in left_out):
        raise UserError(f"{options.images}: holds no image in a folder of OASIS-2; they are named OAS2_NNNN_MRn")
    return images


def _scan(header: Path, session: str, table: Table, index: int, orientation: str) -> Scan:
    subject, number = session.rsplit("_", 1)
    column = table.column("CDR")
    group = table.find("Group")
    source = f"{table.path.name} CDR={table.rows[index][column]}"
    manufacturer, model, tesla = VISION
    return Scan(
        subject_id=subject,
        session_id=number,
        image=header,
        dataset="OASIS2",
        diagnosis=from_cdr(cdr(table, index, column)),
        age=decimal(table, index, table.column("Age"), 0, OLDEST),
        sex=code(table, index, table.column("M/F"), SEX_LETTERS),
        manufacturer=manufacturer,
        model=model,
        field_strength=tesla,
        orientation=orientation,
        extra={
            "image_id": stem(header),
            "diagnosis_source": f"{source} Group={table.rows[index][group]}" if group else source,
        },
    )


def _check(table: Table) -> None:
    subject, session, sex = table.column("Subject ID"), table.column("MRI ID"), table.column("M/F")
    group = table.find("Group")
    for index, row in enumerate(table.rows):
        if row[session].rsplit("_", 1)[0] != row[subject]:
            raise complaint(table, index, subject, f"MRI ID is {row[session]}; they must be of one subject")
        decimal(table, index, table.column("Age"), 0, OLDEST)
        cdr(table, index, table.column("CDR"))
        if group:
            code(table, index, group, _GROUPS)
    sexes = ((row[subject], index, code(table, index, sex, SEX_LETTERS)) for index, row in enumerate(table.rows))
    one_sex(table, sexes, sex)


def _converted(table: Table, indices: list[int]) -> list[str]:
    group = table.find("Group")
    count = sum(table.rows[index][group].casefold() == "converted" for index in indices) if group else 0
    return [f"{count} scans are of the group Converted; each is labelled by the CDR of its own visit"] if count else []
