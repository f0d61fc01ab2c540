"""OASIS-1 (cross-sectional, 18 to 96 years): discs of Analyze pairs and oasis_cross-sectional.csv."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.errors import UserError
from benchmark.prepare.importers.analyze import pairs, states_orientation
from benchmark.prepare.importers.cells import code, decimal, keyed, one_sex, row_left_out
from benchmark.prepare.importers.files import image_files, relative, stem
from benchmark.prepare.importers.oasis import OLDEST, OVERLAP, SEX_LETTERS, VISION, cdr, from_cdr
from benchmark.prepare.importers.picking import pick
from benchmark.prepare.importers.record import Import, LeftOut, Scan
from benchmark.prepare.importers.tables import Table, read_table

_SESSION = re.compile(r"(OAS1_\d{4})_(MR\d+)")
_RETEST = re.compile(r"MR[2-9]\d*")
#: Names of images after that of the session, by kind; the number is the repeat, or how many were averaged.
_KINDS = {
    "raw": re.compile(r"_mpr-(\d+)_anon"),
    "subj_111": re.compile(r"_mpr_n(\d+)_anon_sbj_111"),
    "t88_masked": re.compile(r"_mpr_n(\d+)_anon_111_t88_masked_gfc"),
    "t88": re.compile(r"_mpr_n(\d+)_anon_111_t88_gfc"),
    "segmentation": re.compile(r"_mpr_n(\d+)_anon_.*fseg"),
}
#: Directions of the voxel axes, which Analyze files do not state.
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
        oasis_cross-sectional.csv; the site offers it as a spreadsheet too: save that as CSV in UTF-8.
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


@dataclass(frozen=True)
class _Found:
    session: str
    number: int
    header: Path


def collect(options: Options) -> Import:
    """Scans of the archive.

    A CDR of 0 is CN and one above 0 is AD; without CDR the diagnosis is unknown.

    Raises
    ------
    UserError
        For a folder or table that is not of this archive, and for impossible values.
    """
    found = Import(ambiguous=[OVERLAP])
    table = read_table(options.table)
    rows = keyed(table, table.column("ID"), _SESSION, "OAS1_NNNN_MRn")
    images = _images(options, found.left_out)
    scans, numbers, stating = [], {}, 0
    for image in images:
        name = relative(image.header, options.images)
        if image.session not in rows:
            found.left_out.append(LeftOut(name, "image without a row in the table"))
            continue
        stated = states_orientation(image.header)
        stating += stated
        scans.append(_scan(image, table, rows[image.session], options, "" if stated else _AXES[options.image]))
        numbers[image.header] = image.number
    # Of raw repeats the first; of averages that of the most.
    sign = 1 if options.image == "raw" else -1
    found.scans = pick(scans, lambda scan: sign * numbers[scan.image], options.images, found.left_out, found.ambiguous)
    _account_for_rows(table, rows, options, found)
    if stating:
        found.ambiguous.append(f"{stating} image headers state an orientation; it is used in place of the archive's")
    return found


def _images(options: Options, left_out: list[LeftOut]) -> list[_Found]:
    images = []
    headers = pairs(image_files(options.images, left_out), options.images, left_out)
    seen = False
    for header in headers:
        name = stem(header)
        folder = next((part for part in reversed(header.parts[:-1]) if _SESSION.fullmatch(part)), None)
        seen = seen or folder is not None
        outcome = _read_name(name, folder, options)
        if isinstance(outcome, str):
            left_out.append(LeftOut(relative(header, options.images), outcome))
        else:
            images.append(_Found(*outcome, header))
    if not seen and not any("OAS1_" in entry.what for entry in left_out):
        raise UserError(f"{options.images}: holds no image in a folder of OASIS-1; they are named OAS1_NNNN_MRn")
    return images


def _read_name(name: str, folder: str | None, options: Options) -> tuple[str, int] | str:
    """Session and number of an image, or why it is left out."""
    start = _SESSION.match(name)
    if folder is None:
        return "in no session folder (OAS1_NNNN_MRn)"
    if start is None or start[0] != folder:
        return "named after another session than its folder"
    rest = name[start.end() :]
    for kind, pattern in _KINDS.items():
        number = pattern.fullmatch(rest)
        if number is None:
            continue
        if kind != options.image:
            return f"kind of image that was not asked for: {kind}"
        if _RETEST.fullmatch(start[2]) and not options.keep_retest:
            return "retest session"
        return folder, int(number[1])
    return "kind of image that the archive does not describe"


def _scan(image: _Found, table: Table, index: int, options: Options, orientation: str) -> Scan:
    subject, session = image.session.rsplit("_", 1)
    age = decimal(table, index, table.column("Age"), 0, OLDEST)
    column = table.column("CDR")
    diagnosis = from_cdr(cdr(table, index, column))
    source = f"{table.path.name} CDR={table.rows[index][column]}"
    if not diagnosis and options.blank_cdr_young_as_cn and age < YOUNG:
        diagnosis, source = "CN", f"{source} below {YOUNG} years"
    manufacturer, model, tesla = VISION
    return Scan(
        subject_id=subject,
        session_id=session,
        image=image.header,
        dataset="OASIS1",
        diagnosis=diagnosis,
        age=age,
        sex=code(table, index, table.column("M/F"), SEX_LETTERS),
        manufacturer=manufacturer,
        model=model,
        field_strength=tesla,
        orientation=orientation,
        extra={"image_id": stem(image.header), "diagnosis_source": source},
    )


def _account_for_rows(table: Table, rows: dict[str, int], options: Options, found: Import) -> None:
    sex, rating, age = table.column("M/F"), table.column("CDR"), table.column("Age")
    one_sex(table, ((name[:9], index, code(table, index, sex, SEX_LETTERS)) for name, index in rows.items()), sex)
    used = {f"{scan.subject_id}_{scan.session_id}" for scan in found.scans}
    young = 0
    for name, index in rows.items():
        years, blank = decimal(table, index, age, 0, OLDEST), cdr(table, index, rating)
        young += blank != blank and years < YOUNG and name in used
        if name in used:
            continue
        retest = not options.keep_retest and _RETEST.fullmatch(name.rsplit("_", 1)[1])
        reason = "retest session" if retest else f"row without an image of kind {options.image}"
        found.left_out.append(row_left_out(table, index, reason, table.column("ID")))
    if young:
        taken = "taken for CN" if options.blank_cdr_young_as_cn else "their diagnosis is left unknown"
        found.ambiguous.append(f"{young} scans of adults below {YOUNG} years have no CDR; {taken}")
