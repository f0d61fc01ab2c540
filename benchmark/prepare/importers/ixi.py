"""IXI (healthy adults at three hospitals in London): the unpacked IXI-T1.tar and the table of subjects, IXI.xls."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmark.data.schema import SEXES
from benchmark.errors import UserError
from benchmark.prepare.importers.files import image_files, relative, stem
from benchmark.prepare.importers.record import Import, Scan
from benchmark.prepare.importers.sessions import Image, gather
from benchmark.prepare.importers.tables import Row, read_table

T = TypeVar("T")

_ID, _SEX, _AGE = "IXI_ID", "SEX_ID (1=m, 2=f)", "AGE"
_NAME = re.compile(r"IXI(\d{3,})-(Guys|HH|IOP)-(\d+)-([A-Z0-9]+)(?:-\d+)?")
#: Manufacturer, model and field strength by hospital, as the archive's page names them; Guy's Hospital, Hammersmith
#: Hospital, Institute of Psychiatry. Of the last it says no model.
SCANNERS = {"Guys": ("Philips", "Gyroscan Intera", 1.5), "HH": ("Philips", "Intera", 3.0), "IOP": ("GE", "", 1.5)}


@dataclass(frozen=True)
class Options:
    """What is imported, and how.

    Attributes
    ----------
    images
        Folder with the unpacked images, such as IXI002-Guys-0828-T1.nii.gz.
    table
        IXI.xls, saved as .xlsx or .csv.
    """

    images: Path
    table: Path


def collect(options: Options) -> Import:
    """Scans of the archive; each hospital is a site.

    The table has several rows of some subjects, most of them a full one and one of zeros. What all rows of a subject
    that say anything agree on counts; what they contradict each other in is unknown. Nobody has a diagnosis.
    """
    found = Import()
    people = _people(options.table)
    contradicted: set[str] = set()

    def scan(image: Image) -> Scan:
        _, hospital, _, _ = _named(image.path)
        rows = people.get(_number(image.subject), [])
        ages, sexes = _stated(_age(row) for row in rows), _stated(_sex(row) for row in rows)
        contradicted.update(
            f"{image.subject} ({what})" for what, values in (("age", ages), ("sex", sexes)) if len(values) > 1
        )
        age, sex = ages[0] if len(ages) == 1 else math.nan, sexes[0] if len(sexes) == 1 else ""
        extra = {"image_id": stem(image.path)}
        where = (image.session, image.path, f"IXI-{hospital}")
        return Scan(image.subject, *where, "", age, sex, *SCANNERS[hospital], extra=extra)

    gather(_images(options.images, found), scan, options.images, found)
    used = {_number(scan.subject_id) for scan in found.scans}
    if not used:
        raise UserError(f"{options.images}: holds no T1 image of IXI; they are named IXInnn-HOSPITAL-nnnn-T1.nii.gz")
    for number, rows in people.items():
        if number not in used:
            found.left_out += [row.left_out("row without a T1 image", _ID) for row in rows]
    absent = len(used - set(people))
    if absent:
        found.ambiguous.append(f"{absent} subjects with images have no row in the table; age and sex are left unknown")
    if contradicted:
        listing = ", ".join(sorted(contradicted))
        found.ambiguous.append(f"rows of one subject contradict each other; left unknown: {listing}")
    return found


def _number(subject: str) -> int:
    return int(subject.removeprefix("IXI"))


def _stated(values: Iterable[T | None]) -> list[T]:
    return list(dict.fromkeys(value for value in values if value is not None))


def _people(path: Path) -> dict[int, list[Row]]:
    if path.suffix.lower() == ".xls":
        raise UserError(
            f"{path}: .xls is not allowed; save the table as .xlsx or .csv, such as by 'libreoffice --headless "
            f"--convert-to xlsx {path.name}'"
        )
    table = read_table(path, (_ID, _SEX, _AGE))
    for column in (_ID, _SEX, _AGE):
        table.column(column)
    people: dict[int, list[Row]] = {}
    for row in table.rows:
        number = row.whole(_ID)
        if number is None:
            raise row.complaint(_ID, "it must be the number of a subject")
        people.setdefault(number, []).append(row)
    return people


def _age(row: Row) -> float | None:
    # They are adults: 0 is no age.
    years = row.age(_AGE)
    return None if math.isnan(years) or years == 0 else years


def _sex(row: Row) -> str | None:
    sex = row.code(_SEX, {"1": "M", "2": "F", "0": "unknown"})
    return sex if sex in SEXES else None


def _named(path: Path) -> tuple[str, str, str, str]:
    """Number of the subject, hospital, number of the scan and kind of an image; all "" for a name that is not IXI's."""
    name = _NAME.fullmatch(stem(path))
    return (name[1], name[2], name[3], name[4]) if name else ("", "", "", "")


def _images(folder: Path, found: Import) -> list[Image]:
    images = []
    for path in image_files(folder, found):
        number, _, scan, kind = _named(path)
        if kind == "T1":
            images.append(Image(path, f"IXI{number}", scan, 0))
        else:
            reason = f"kind of image that is no T1: {kind}" if kind else "no name of IXI"
            found.leave_out(relative(path, folder), reason)
    return images
