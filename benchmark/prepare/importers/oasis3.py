"""OASIS-3 (longitudinal, 42 to 95 years): NIfTI files in any layout, demographics and clinical tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.errors import UserError
from benchmark.prepare.importers.cells import code, decimal, keyed, row_left_out
from benchmark.prepare.importers.files import relative, stem
from benchmark.prepare.importers.normalise import DAYS_PER_YEAR
from benchmark.prepare.importers.oasis import OLDEST, OVERLAP, SEX_CODES
from benchmark.prepare.importers.oasis3_visits import Visit, Visits, visits_by_cdr, visits_by_d1
from benchmark.prepare.importers.oasis_sessions import Image, Scanners, t1_images
from benchmark.prepare.importers.picking import pick
from benchmark.prepare.importers.record import Import, LeftOut, Scan
from benchmark.prepare.importers.sidecar import Acquisition
from benchmark.prepare.importers.tables import Table, read_table

_SUBJECT = re.compile(r"OAS3\d{4}")
#: Sessions that the archive took back.
WITHDRAWN = frozenset({("OAS30552", "d1893"), ("OAS31159", "d1893"), ("OAS30872", "d1277")})


@dataclass(frozen=True)
class Options:
    """What is imported, and how.

    Attributes
    ----------
    images
        Folder of the download: sessions of the archive's scripts or zips (OAS3NNNN_MR_dNNNN) or BIDS (sub-OAS3NNNN).
    demographics
        OASIS3_demographics.csv.
    diagnoses
        OASIS3_UDSd1_diagnoses.csv; scheme d1 needs it.
    clinical
        OASIS3_UDSb4_cdr.csv; scheme cdr needs it. Scheme d1 looks up in it whether a dementia is AD.
    scanners
        OASIS3_MR_json.csv; without it scanners are read from the JSON files beside the images.
    scheme
        d1: clinicians' diagnoses (normal is CN, dementia is AD if Alzheimer's disease is named and OTHER if not, the
        rest is MCI). cdr: clinical dementia rating (0 is CN, 0.5 is MCI, 1 and above is AD).
    window_days
        A scan has the diagnosis of the nearest visit that is less than so many days before or after it; of two as
        near, the earlier. A visit exactly so many days away is too far, as in the archive's own matching.
    """

    images: Path
    demographics: Path
    diagnoses: Path | None = None
    clinical: Path | None = None
    scanners: Path | None = None
    scheme: Literal["d1", "cdr"] = "d1"
    window_days: int = 180


def collect(options: Options) -> Import:
    """Scans of the archive, the lowest run of each session.

    The age is that at entry plus the days since. Visits without a diagnosis are
    passed over; a scan with no other within the window has none.

    Raises
    ------
    UserError
        For a folder or table that is not of this archive, a table that the scheme needs, and impossible values.
    """
    if options.window_days < 1:
        raise UserError(f"window_days: {options.window_days} is not allowed; it must be at least 1")
    found = Import(ambiguous=[OVERLAP])
    people = read_table(options.demographics)
    rows = keyed(people, people.column("OASISID"), _SUBJECT, "OAS3NNNN")
    _check(people)
    visits = _visits(options, found)
    table = read_table(options.scanners) if options.scanners else None
    scanners = Scanners(table, found.ambiguous)
    images: dict[Path, Image] = {}
    candidates = []
    for image in _images(options, rows, found.left_out):
        name = relative(image.path, options.images)
        acquired = scanners.of(image, name)
        if acquired.dimensions == "2D":
            found.left_out.append(LeftOut(name, "2D acquisition"))
            continue
        images[image.path] = image
        visit = visits.nearest(image.subject, image.day, options.window_days)
        candidates.append(_scan(image, people, rows[image.subject], acquired, visit))
    found.scans = pick(candidates, lambda scan: images[scan.image].run, options.images, found.left_out, found.ambiguous)
    _account_for_rows(people, rows, visits, scanners, found)
    return found


def _images(options: Options, rows: dict[str, int], left_out: list[LeftOut]) -> list[Image]:
    kept = []
    for image in t1_images(options.images, "OAS3", left_out):
        reason = ""
        if (image.subject, image.session) in WITHDRAWN:
            reason = "session that the archive withdrew"
        elif image.subject not in rows:
            reason = "image without a row in the demographics"
        if reason:
            left_out.append(LeftOut(relative(image.path, options.images), reason))
        else:
            kept.append(image)
    return kept


def _visits(options: Options, found: Import) -> Visits:
    clinical = read_table(options.clinical) if options.clinical else None
    if options.scheme == "cdr":
        if clinical is None:
            raise UserError("clinical: scheme cdr needs the table OASIS3_UDSb4_cdr.csv")
        return visits_by_cdr(clinical, found)
    if options.diagnoses is None:
        raise UserError("diagnoses: scheme d1 needs the table OASIS3_UDSd1_diagnoses.csv")
    return visits_by_d1(read_table(options.diagnoses), clinical, found)


def _check(people: Table) -> None:
    for index in range(len(people.rows)):
        decimal(people, index, people.column("AgeatEntry"), 0, OLDEST)
        code(people, index, people.column("GENDER"), SEX_CODES)


def _scan(image: Image, people: Table, index: int, acquired: Acquisition, visit: Visit | None) -> Scan:
    entry = decimal(people, index, people.column("AgeatEntry"), 0, OLDEST)
    of_visit = {"diagnosis_source": visit.source, "days_to_visit": str(visit.day - image.day)} if visit else {}
    return Scan(
        subject_id=image.subject,
        session_id=image.session,
        image=image.path,
        dataset="OASIS3",
        diagnosis=visit.diagnosis if visit else "",
        age=entry + image.day / DAYS_PER_YEAR,
        sex=code(people, index, people.column("GENDER"), SEX_CODES),
        manufacturer=acquired.manufacturer,
        model=acquired.model,
        field_strength=acquired.field_strength,
        extra={"image_id": stem(image.path), **of_visit},
    )


def _account_for_rows(people: Table, rows: dict[str, int], visits: Visits, scanners: Scanners, found: Import) -> None:
    used = {scan.subject_id for scan in found.scans}
    for subject, index in rows.items():
        if subject not in used:
            entry = row_left_out(people, index, "subject without an image", people.column("OASISID"))
            found.left_out.append(entry)
    for index in visits.unused():
        found.left_out.append(row_left_out(visits.table, index, "visit that is nearest to no scan"))
    found.left_out += scanners.unused()
