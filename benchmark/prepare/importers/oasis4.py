"""OASIS-4 (memory clinic, 21 to 94 years): NIfTI files in any layout, clinical and imaging tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import UserError
from benchmark.prepare.importers.files import relative, stem
from benchmark.prepare.importers.normalise import DAYS_PER_YEAR, folded, missing
from benchmark.prepare.importers.oasis import SEX_CODES
from benchmark.prepare.importers.oasis_sessions import Scanners, t1_images
from benchmark.prepare.importers.record import Import, Scan
from benchmark.prepare.importers.sessions import Image, gather
from benchmark.prepare.importers.tables import Row, Table, read_table

#: Day of the clinical baseline.
BASELINE = 3000
#: Final diagnoses by :func:`folded` text; those that are listed under none of the others are ``OTHER``.
_DIAGNOSES = {
    "AD": "alzheimer disease dementia, ad variant, early onset ad, ad vascular, ad non neurodegenerative",
    "MCI": "mci, mild cognitive impairment",
    "CN": "cognitively normal, cn",
    "OTHER": "dlb, ftd, ppa, vascular cognitive impairment, vascular cognitive impairment vci, vci, "
    "uncertain ad possible, non neurodegenerative neurologic disease, other non ad neurodegenerative disorder, "
    "mood polypharmacy sleep, other miscellaneous",
}
_BY_TEXT = {text: diagnosis for diagnosis, texts in _DIAGNOSES.items() for text in texts.split(", ")}


@dataclass(frozen=True)
class Options:
    """What is imported, and how.

    Attributes
    ----------
    images
        Folder of the download: sessions of the archive's scripts or zips (OAS4NNNN_MR_dNNNN) or BIDS (sub-OAS4NNNN).
    clinical
        OASIS4_data_clinical.csv.
    imaging
        OASIS4_data_imaging.csv, for ages at the scan; without it the age is that at the clinical baseline (day 3000)
        plus the days since.
    scanners
        OASIS4_json_information.csv; without it the JSON files beside the images must say which images are 3D.
    window_days
        The final diagnosis is of the clinical baseline; scans more than so many days before or after it have none.
    """

    images: Path
    clinical: Path
    imaging: Path | None = None
    scanners: Path | None = None
    window_days: int = 184


def collect(options: Options) -> Import:
    """Scans of the archive, the lowest run of each session that is a 3D acquisition."""
    if options.window_days < 0:
        raise UserError(f"window_days: {options.window_days} is not allowed; it must be at least 0")
    found = Import()
    people = read_table(options.clinical)
    rows = people.keyed("oasis_id", r"OAS4\d{4}", "OAS4NNNN")
    labels = _labels(people, found)
    imaging = read_table(options.imaging) if options.imaging else None
    at_scan = _by_session(imaging) if imaging else {}
    scanners = Scanners(options.scanners, found)

    def scan(image: Image) -> Scan | str:
        acquired = scanners.of(image, relative(image.path, options.images))
        if image.subject not in rows:
            return "image without a row in the clinical table"
        if acquired.dimensions == "2D":
            return "2D acquisition"
        if acquired.dimensions != "3D":
            return "neither the table of scanners nor a JSON file says that it is a 3D acquisition (MRAcquisitionType)"
        row, away = rows[image.subject], BASELINE - int(image.session[1:])
        ages = [each.age("image_age") for each in at_scan.get((image.subject, image.session), [])]
        otherwise = row.age("age") - away / DAYS_PER_YEAR
        age = next((age for age in ages if not math.isnan(age)), otherwise)
        label = labels[image.subject] if abs(away) <= options.window_days else ""
        extra = {"image_id": stem(image.path), "diagnosis_source": row.source("final_dx"), "days_to_visit": str(away)}
        facts = (label, age, row.code("sex", SEX_CODES), *acquired.of_scan)
        return Scan(image.subject, image.session, image.path, "OASIS4", *facts, extra=extra)

    gather(t1_images(options.images, "OAS4", found), scan, options.images, found)
    used = {scan.subject_id for scan in found.scans}
    found.left_out += people.rest((rows[subject] for subject in used), "subject without an image", "oasis_id")
    if imaging:
        listed = [row for scan in found.scans for row in at_scan.get((scan.subject_id, scan.session_id), [])]
        found.left_out += imaging.rest(listed, "imaging session without a scan that is used")
    scanners.leave_out_rest()
    return found


def _labels(people: Table, found: Import) -> dict[str, str]:
    labels, unknown = {}, set()
    for row in people.rows:
        row.age("age")
        row.code("sex", SEX_CODES)
        text = row["final_dx"]
        labels[row["oasis_id"]] = "" if missing(text) else _BY_TEXT.get(folded(text), "OTHER")
        if not missing(text) and folded(text) not in _BY_TEXT:
            unknown.add(text)
    if unknown:
        text = "final_dx that the archive does not describe, read as OTHER"
        found.ambiguous.append(f"{text}: {', '.join(sorted(unknown))}")
    return labels


def _by_session(imaging: Table) -> dict[tuple[str, str], list[Row]]:
    by_session: dict[tuple[str, str], list[Row]] = {}
    for row in imaging.rows:
        day = row.whole("visit_days")
        if day is not None:
            row.age("image_age")
            by_session.setdefault((row["oasis_id"], f"d{day:04d}"), []).append(row)
    return by_session
