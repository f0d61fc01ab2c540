"""OASIS-4 (memory clinic, 21 to 94 years): NIfTI files in any layout, clinical and imaging tables."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import UserError
from benchmark.prepare.importers.cells import code, decimal, grouped, keyed, row_left_out
from benchmark.prepare.importers.files import relative, stem
from benchmark.prepare.importers.normalise import DAYS_PER_YEAR, missing
from benchmark.prepare.importers.oasis import OLDEST, SEX_CODES
from benchmark.prepare.importers.oasis_sessions import Image, Scanners, days, t1_images
from benchmark.prepare.importers.picking import pick
from benchmark.prepare.importers.record import Import, LeftOut, Scan
from benchmark.prepare.importers.sidecar import Acquisition
from benchmark.prepare.importers.tables import Table, read_table

_SUBJECT = re.compile(r"OAS4\d{4}")
#: Day of the clinical baseline.
BASELINE = 3000
#: Final diagnoses by :func:`normalised` text; those that are listed under none of the others are ``OTHER``.
_DIAGNOSES = {
    "AD": ("alzheimer disease dementia", "ad variant", "early onset ad", "ad vascular", "ad non neurodegenerative"),
    "MCI": ("mci", "mild cognitive impairment"),
    "CN": ("cognitively normal", "cn"),
    "OTHER": (
        "dlb",
        "ftd",
        "ppa",
        "vascular cognitive impairment",
        "vascular cognitive impairment vci",
        "vci",
        "uncertain ad possible",
        "non neurodegenerative neurologic disease",
        "other non ad neurodegenerative disorder",
        "mood polypharmacy sleep",
        "other miscellaneous",
    ),
}
_BY_TEXT = {text: diagnosis for diagnosis, texts in _DIAGNOSES.items() for text in texts}


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
    """Scans of the archive, the lowest run of each session that is a 3D acquisition.

    Raises
    ------
    UserError
        For a folder or table that is not of this archive, and for impossible values.
    """
    if options.window_days < 0:
        raise UserError(f"window_days: {options.window_days} is not allowed; it must be at least 0")
    found = Import()
    people = read_table(options.clinical)
    rows = keyed(people, people.column("oasis_id"), _SUBJECT, "OAS4NNNN")
    labels = _labels(people, found.ambiguous)
    ages = _Ages(people, read_table(options.imaging) if options.imaging else None)
    scanners = Scanners(read_table(options.scanners) if options.scanners else None, found.ambiguous)
    images: dict[Path, Image] = {}
    candidates = []
    for image in t1_images(options.images, "OAS4", found.left_out):
        name = relative(image.path, options.images)
        acquired = scanners.of(image, name)
        reason = _refused(image, rows, acquired)
        if reason:
            found.left_out.append(LeftOut(name, reason))
            continue
        images[image.path] = image
        index = rows[image.subject]
        candidates.append(_scan(image, people, index, labels[index], ages.of(image, index), acquired, options))
    found.scans = pick(candidates, lambda scan: images[scan.image].run, options.images, found.left_out, found.ambiguous)
    used = {scan.subject_id for scan in found.scans}
    for subject, index in rows.items():
        if subject not in used:
            entry = row_left_out(people, index, "subject without an image", people.column("oasis_id"))
            found.left_out.append(entry)
    found.left_out += ages.unused((scan.subject_id, images[scan.image].day) for scan in found.scans)
    found.left_out += scanners.unused()
    return found


def normalised(text: str) -> str:
    """A diagnosis in small letters, its punctuation and runs of spaces made single spaces."""
    plain = re.sub(r"['’]s\b", "", text.casefold())
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain).split())


def _labels(people: Table, ambiguous: list[str]) -> list[str]:
    column, sex, age = people.column("final_dx"), people.column("sex"), people.column("age")
    labels, unknown = [], set()
    for index, row in enumerate(people.rows):
        decimal(people, index, age, 0, OLDEST)
        code(people, index, sex, SEX_CODES)
        text = row[column]
        label = "" if missing(text) else _BY_TEXT.get(normalised(text), "OTHER")
        if label == "OTHER" and normalised(text) not in _BY_TEXT:
            unknown.add(text)
        labels.append(label)
    if unknown:
        ambiguous.append(f"final_dx that the archive does not describe, read as OTHER: {', '.join(sorted(unknown))}")
    return labels


def _refused(image: Image, rows: dict[str, int], acquired: Acquisition) -> str:
    if image.subject not in rows:
        return "image without a row in the clinical table"
    if acquired.dimensions == "2D":
        return "2D acquisition"
    if acquired.dimensions != "3D":
        return "neither the table of scanners nor a JSON file says that it is a 3D acquisition (MRAcquisitionType)"
    return ""


class _Ages:
    """Age at the day of an image: that of the imaging table, else that at the clinical baseline plus days."""

    def __init__(self, people: Table, imaging: Table | None) -> None:
        self.people = people
        self.imaging = imaging
        self.by_day: dict[tuple[str, int], float] = {}
        self.rows: dict[tuple[str, int], list[int]] = {}
        if imaging is None:
            return
        column, day_column = imaging.column("image_age"), imaging.column("visit_days")
        for subject, indices in grouped(imaging, imaging.column("oasis_id")).items():
            for day, index in days(imaging, day_column, indices):
                self.rows.setdefault((subject, day), []).append(index)
                age = decimal(imaging, index, column, 0, OLDEST)
                if not math.isnan(age):
                    self.by_day.setdefault((subject, day), age)

    def of(self, image: Image, index: int) -> float:
        at_baseline = decimal(self.people, index, self.people.column("age"), 0, OLDEST)
        otherwise = at_baseline + (image.day - BASELINE) / DAYS_PER_YEAR
        return self.by_day.get((image.subject, image.day), otherwise)

    def unused(self, scans: Iterable[tuple[str, int]]) -> list[LeftOut]:
        if self.imaging is None:
            return []
        used = {index for scan in scans for index in self.rows.get(scan, [])}
        rest = sorted(set(range(len(self.imaging.rows))) - used)
        return [row_left_out(self.imaging, index, "imaging session without a scan that is used") for index in rest]


def _scan(
    image: Image, people: Table, index: int, label: str, age: float, acquired: Acquisition, options: Options
) -> Scan:
    away = BASELINE - image.day
    near = abs(away) <= options.window_days
    text = people.rows[index][people.column("final_dx")]
    return Scan(
        subject_id=image.subject,
        session_id=image.session,
        image=image.path,
        dataset="OASIS4",
        diagnosis=label if near else "",
        age=age,
        sex=code(people, index, people.column("sex"), SEX_CODES),
        manufacturer=acquired.manufacturer,
        model=acquired.model,
        field_strength=acquired.field_strength,
        extra={
            "image_id": stem(image.path),
            "diagnosis_source": f"{people.path.name} final_dx={text}",
            "days_to_visit": str(away),
        },
    )
