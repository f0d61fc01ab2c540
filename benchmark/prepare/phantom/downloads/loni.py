"""What replicas of LONI archives have in common: the folder tree, the image tables, and the truth about each image."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from benchmark.prepare.phantom.downloads.dicom import write_series
from benchmark.prepare.phantom.downloads.expected import write_csv
from benchmark.prepare.phantom.downloads.loni_entry import Entry
from benchmark.prepare.phantom.downloads.volumes import Volume, heads, write_nifti
from benchmark.seeds import generator

#: First identifiers of images and series; no archive has come that far.
FIRST_IMAGE, FIRST_SERIES = 90_000_001, 80_000_001

COLLECTION = (
    "Image Data ID",
    "Subject",
    "Group",
    "Sex",
    "Age",
    "Visit",
    "Modality",
    "Description",
    "Type",
    "Acq Date",
    "Format",
    "Downloaded",
)
SEARCH = (
    "Subject ID",
    "Phase",
    "Sex",
    "Research Group",
    "Visit",
    "Study Date",
    "Age",
    "Modality",
    "Description",
    "Type",
    "Imaging Protocol",
    "Image ID",
)
TRUTH = (
    "image_id",
    "outcome",
    "subject_id",
    "session_id",
    "dataset",
    "diagnosis",
    "group_diagnosis",
    "age",
    "sex",
    "manufacturer",
    "model",
    "field_strength",
)


class Archive:
    """Images of a project, gathered and then written.

    Parameters
    ----------
    project
        ``ADNI`` or ``PPMI``.
    seed
        Of all draws.
    """

    def __init__(self, project: str, seed: int) -> None:
        self.project = project
        self.seed = seed
        self.rng = generator("replica", project, seed)
        self.entries: list[Entry] = []

    def add(self, entry: Entry) -> Entry:
        """Give an image its identifiers, which do not follow from its order within the subject."""
        entry.image = FIRST_IMAGE + 7 * len(self.entries)
        entry.series = FIRST_SERIES + 3 * len(self.entries)
        self.entries.append(entry)
        return entry

    def write_images(self, out: Path, volume: Volume | None) -> None:
        """Write the tree with all images that are on disk, and their metadata."""
        make = volume or heads(self.seed)
        volumes: dict[tuple[int, str, str], Any] = {}
        for entry in self.entries:
            key = entry.index, entry.label, entry.dataset
            if key not in volumes:
                volumes = {key: make(*key)}
            if entry.document:
                self._write_document(out, entry)
            if entry.on_disk:
                self._write_image(out, entry, *volumes[key])

    def write_collection(self, path: Path, mark: bool = False) -> None:
        """Write the table that comes with a download.

        Parameters
        ----------
        path
            CSV; every field is quoted.
        mark
            Whether it begins with a byte-order mark.
        """
        rows = [self._collection_row(entry) for entry in self.entries if entry.in_collection]
        write_csv(path, COLLECTION, rows, "utf-8-sig" if mark else "utf-8", quote=True)

    def write_search(self, path: Path) -> None:
        """Write the table of the advanced search, in another order than the collection."""
        listed = [entry for entry in self.entries if entry.in_search]
        order = self.rng.permutation(len(listed))
        write_csv(path, SEARCH, [self._search_row(listed[place]) for place in order])

    def write_truth(self, path: Path) -> None:
        """Write what an import with all tables and default options should make of each image."""
        first: dict[str, datetime.date] = {}
        for entry in self.entries:
            if entry.on_disk and (entry.in_collection or entry.in_search):
                first[entry.subject] = min(entry.day, first.get(entry.subject, entry.day))
        write_csv(path, TRUTH, [self._truth_row(entry, first) for entry in self.entries])

    def path(self, out: Path, entry: Entry, place: int = 1) -> Path:
        """File of an image, or its slice of a number."""
        last = f"S{entry.series}" if entry.folder == "S" else f"I{entry.image}"
        taken = f"{entry.day.isoformat()}_10_15_00.0"
        uploaded = f"{entry.day + datetime.timedelta(days=9):%Y%m%d}101112131"
        middle = f"br_raw_{uploaded}_{place}" if entry.raw else f"Br_{uploaded}"
        described = sanitised(entry.description)
        name = f"{self.project}_{entry.subject}_MR_{described}_{middle}_S{entry.series}_I{entry.image}"
        folder = out / self.project / entry.subject / described / taken / last
        return folder / f"{name}.{'dcm' if entry.dicom else 'nii'}"

    def _write_image(self, out: Path, entry: Entry, array: Any, affine: Any) -> None:
        path = self.path(out, entry)
        path.parent.mkdir(parents=True)
        if not entry.dicom:
            write_nifti(path, array, affine)
            return
        paths = [self.path(out, entry, place + 1) for place in range(array.shape[2])]
        scanner = entry.unit.manufacturer, entry.unit.model, float(entry.unit.strength)
        write_series(paths, array, affine, entry.subject, entry.day, scanner, entry.description)

    def _write_document(self, out: Path, entry: Entry) -> None:
        name = f"{self.project}_{entry.subject}_{sanitised(entry.description)}_S{entry.series}_I{entry.image}.xml"
        folder = out / self.project
        folder.mkdir(parents=True, exist_ok=True)
        if entry.document == "stub":
            text = f'<metadata><subject id="{entry.subject}"/><image uid="I{entry.image}"/></metadata>\n'
        else:
            text = _document(self.project, entry)
        (folder / name).write_text(text)

    def _collection_row(self, entry: Entry) -> tuple[str, ...]:
        day = entry.day.isoformat() if entry.iso else american(entry.day)
        form = "DCM" if entry.dicom or entry.modality != "MRI" else "NiFTI"
        years = str(int(entry.age))
        start = (f"{entry.prefix}{entry.image}", entry.subject, entry.group, entry.sex, years, entry.visit)
        return (*start, entry.modality, entry.description, entry.kind, day, form, "")

    def _search_row(self, entry: Entry) -> tuple[str, ...]:
        start = (entry.subject, entry.phase, entry.sex, entry.group, entry.visit_name, american(entry.day))
        end = (entry.modality, entry.description, entry.kind, self._protocol(entry), str(entry.image))
        return (*start, f"{entry.age:.1f}", *end)

    def _protocol(self, entry: Entry) -> str:
        terms = {"Acquisition Plane": "SAGITTAL", "Matrix Z": f"{entry.matrix}.0", "Acquisition Type": "3D"}
        terms |= {"Matrix X": "256.0", "Matrix Y": "256.0", "Weighting": entry.weighting, "Slice Thickness": "1.2"}
        terms |= {"Manufacturer": entry.unit.manufacturer, "Mfg Model": entry.unit.model}
        terms |= {"Field Strength": entry.unit.strength}
        kept = [f"{key}={value}" for key, value in terms.items() if key not in entry.lacks]
        return ";".join(kept[place] for place in self.rng.permutation(len(kept)))

    def _truth_row(self, entry: Entry, first: dict[str, datetime.date]) -> tuple[str, ...]:
        subject = f"{self.project}_{entry.subject.rsplit('_', 1)[-1]}"
        values = {"image_id": f"I{entry.image}", "outcome": entry.outcome}
        if entry.outcome == "used":
            values |= {
                "subject_id": subject,
                "session_id": f"d{(entry.day - first[entry.subject]).days:04d}",
                "dataset": entry.dataset,
                "diagnosis": entry.label,
                "group_diagnosis": entry.label,
                "age": f"{round(entry.age, 1):.2f}",
                "sex": entry.sex,
                "manufacturer": entry.unit.maker,
                "model": entry.unit.name,
                "field_strength": entry.unit.tesla,
                **entry.truth,
            }
        return tuple(values.get(name, "") for name in TRUTH)


def sanitised(description: str) -> str:
    """A description as folder and file names have it."""
    return re.sub(r"[\s();/]", "_", description)


def american(day: datetime.date) -> str:
    """``M/D/YYYY``, not zero padded."""
    return f"{day.month}/{day.day}/{day.year}"


def _document(project: str, entry: Entry) -> str:
    terms = {"Acquisition Type": "3D", "Weighting": entry.weighting, "Manufacturer": entry.unit.manufacturer}
    terms |= {"Mfg Model": entry.unit.model, "Field Strength": entry.unit.strength}
    protocol = "".join(f'<protocol term="{escape(term)}">{escape(text)}</protocol>' for term, text in terms.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<idaxs><project><projectIdentifier>{project}</projectIdentifier><siteKey>{entry.subject[:3]}</siteKey>"
        f"<subject><subjectIdentifier>{entry.subject}</subjectIdentifier>"
        f"<researchGroup>{escape(entry.group)}</researchGroup><subjectSex>{entry.sex}</subjectSex>"
        f"<visit><visitIdentifier>{escape(entry.visit_name)}</visitIdentifier></visit>"
        f"<study><studyIdentifier>{entry.series}</studyIdentifier><subjectAge>{entry.age:.1f}</subjectAge>"
        f"<series><seriesIdentifier>{entry.series}</seriesIdentifier><modality>{entry.modality}</modality>"
        f"<dateAcquired>{entry.day.isoformat()} 10:15:00.0</dateAcquired>"
        f"<imagingProtocol><imageUID>{entry.image}</imageUID><description>{escape(entry.description)}</description>"
        f"<protocolTerm>{protocol}</protocolTerm></imagingProtocol>"
        "</series></study></subject></project></idaxs>\n"
    )
