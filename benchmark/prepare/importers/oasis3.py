"""OASIS-3 (longitudinal, 42 to 95 years): NIfTI files in any layout, demographics and clinical tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.errors import UserError
from benchmark.prepare.importers.files import relative, stem
from benchmark.prepare.importers.normalise import DAYS_PER_YEAR
from benchmark.prepare.importers.oasis import OVERLAP, SEX_CODES
from benchmark.prepare.importers.oasis3_visits import Visits, visits_by_cdr, visits_by_d1
from benchmark.prepare.importers.oasis_sessions import Scanners, t1_images
from benchmark.prepare.importers.record import Import, Scan
from benchmark.prepare.importers.sessions import Image, gather
from benchmark.prepare.importers.tables import read_table

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

    The age is that at entry plus the days since. Visits without a diagnosis are passed over; a scan with no other
    within the window has none.
    """
    if options.window_days < 1:
        raise UserError(f"window_days: {options.window_days} is not allowed; it must be at least 1")
    found = Import(ambiguous=[OVERLAP])
    people = read_table(options.demographics)
    rows = people.keyed("OASISID", r"OAS3\d{4}", "OAS3NNNN")
    for row in people.rows:
        row.age("AgeatEntry")
        row.code("GENDER", SEX_CODES)
    visits = _visits(options, found)
    scanners = Scanners(options.scanners, found)

    def scan(image: Image) -> Scan | str:
        if (image.subject, image.session) in WITHDRAWN:
            return "session that the archive withdrew"
        if image.subject not in rows:
            return "image without a row in the demographics"
        acquired = scanners.of(image, relative(image.path, options.images))
        if acquired.dimensions == "2D":
            return "2D acquisition"
        row, day = rows[image.subject], int(image.session[1:])
        visit = visits.nearest(image.subject, day, options.window_days)
        age = row.age("AgeatEntry") + day / DAYS_PER_YEAR
        facts = (visit.diagnosis if visit else "", age, row.code("GENDER", SEX_CODES), *acquired.of_scan)
        extra = {"image_id": stem(image.path)}
        if visit:
            extra |= {"diagnosis_source": visit.source, "days_to_visit": str(visit.day - day)}
        return Scan(image.subject, image.session, image.path, "OASIS3", *facts, extra=extra)

    gather(t1_images(options.images, "OAS3", found), scan, options.images, found)
    used = {scan.subject_id for scan in found.scans}
    found.left_out += people.rest((rows[subject] for subject in used), "subject without an image", "OASISID")
    visits.leave_out_rest(found)
    scanners.leave_out_rest()
    return found


def _visits(options: Options, found: Import) -> Visits:
    clinical = read_table(options.clinical) if options.clinical else None
    if options.scheme == "cdr":
        if clinical is None:
            raise UserError("clinical: scheme cdr needs the table OASIS3_UDSb4_cdr.csv")
        return visits_by_cdr(clinical, found)
    if options.diagnoses is None:
        raise UserError("diagnoses: scheme d1 needs the table OASIS3_UDSd1_diagnoses.csv")
    return visits_by_d1(read_table(options.diagnoses), clinical, found)
