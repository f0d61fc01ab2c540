"""Replicas of LONI archives: the folder tree, the image tables, metadata XML, and the truth about each image."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from benchmark.errors import UserError
from benchmark.prepare.phantom.downloads.dicom import write_series
from benchmark.prepare.phantom.downloads.replica import Replica, Table
from benchmark.prepare.phantom.downloads.volumes import write_nifti
from benchmark.seeds import generator

#: First identifiers of images and series; no archive has come that far.
FIRST_IMAGE, FIRST_SERIES = 90_000_001, 80_000_001
#: Identifiers of subjects above are left to the odd cases.
MOST_SUBJECTS = 900
_COLLECTION = "Image Data ID,Subject,Group,Sex,Age,Visit,Modality,Description,Type,Acq Date,Format,Downloaded"
SEARCH = Table(
    "idaSearch_1_15_2024.csv",
    "Subject ID,Phase,Sex,Research Group,Visit,Study Date,Age,Modality,Description,Type,Imaging Protocol,Image ID",
)
#: What an import with all tables and default options should make of each image.
TRUTH = Table(
    "truth.csv",
    "image_id,outcome,subject_id,session_id,dataset,diagnosis,group_diagnosis,age,sex,manufacturer,model,field_strength",
)
COMES_FIRST = "another image of the same session comes first"
PROCESSED = "processed by the archive, and raw images are wanted"
NOT_T1 = "not T1 by its description"
UNKNOWN = {"manufacturer": "", "model": "", "field_strength": ""}
_MAKERS = {"SIEMENS": "Siemens", "GE MEDICAL SYSTEMS": "GE", "Philips Medical Systems": "Philips"}


def collection(mark: bool) -> Table:
    """Layout of the table that comes with a download, with or without a byte-order mark."""
    return Table("Replica_1_15_2024.csv", _COLLECTION, mark=mark, quote=True)


@dataclass(frozen=True)
class Unit:
    """A scanner as ``Imaging Protocol`` has it."""

    manufacturer: str
    model: str
    strength: str

    @property
    def maker(self) -> str:
        """Manufacturer as a manifest has it."""
        return _MAKERS.get(self.manufacturer, self.manufacturer)


@dataclass
class Entry:
    """An image of the archive, what is said of it where, and what an import should make of it."""

    subject: str
    index: int  # of the subject, for its volume
    day: datetime.date
    description: str
    group: str
    sex: str
    age: float  # years, with decimals
    unit: Unit
    dataset: str
    label: str  # diagnosis of a manifest
    kind: str = "Original"
    modality: str = "MRI"
    visit: str = ""  # code of the collection
    visit_name: str = ""  # of the search
    phase: str = ""
    lacks: tuple[str, ...] = ()  # keys that "Imaging Protocol" lacks
    weighting: str = "T1"  # as "Imaging Protocol" says, true or not
    matrix: int = 160  # voxels along the third axis
    dicom: bool = False
    folder: str = "I"  # first letter of the fourth folder: S or I
    prefix: str = "I"  # what stands before the digits in the collection
    on_disk: bool = True
    in_collection: bool = True
    in_search: bool = True
    iso: bool = False  # whether the collection writes its date year first
    document: str = ""  # metadata XML: full, stub or ""
    outcome: str = "used"  # or why it is left out with all tables given and default options
    truth: dict[str, str] = field(default_factory=dict)  # columns of the truth that do not follow from the others
    image: int = 0
    series: int = 0


class Archive(Replica):
    """Images of a project, ``ADNI`` or ``PPMI``; its tables are the collection and the study's.

    It is an error to ask for more subjects than there are identifiers.
    """

    def __init__(self, project: str, seed: int, subjects: int, *tables: Table) -> None:
        if not 0 <= subjects <= MOST_SUBJECTS:
            raise UserError(f"subjects is {subjects}; must be from 0 to {MOST_SUBJECTS}")
        super().__init__(project, (SEARCH, TRUTH, *tables), subjects)
        self.project = project
        self.collection = tables[0]
        self.rng = generator("replica", project, seed)
        self.entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Give an image its identifiers, which do not follow from its order within the subject."""
        entry.image = FIRST_IMAGE + 7 * len(self.entries)
        entry.series = FIRST_SERIES + 3 * len(self.entries)
        self.entries.append(entry)

    def add_images(
        self, images: Iterable[dict[str, Any]], usual: dict[str, Any], day: datetime.date, **common: Any
    ) -> None:
        """Add images by what differs from the usual; ``later`` is a number of days."""
        for image in images:
            changes = usual | common | image
            later = datetime.timedelta(days=changes.pop("later", 0))
            self.add(Entry(day=day + later, **changes))

    def finished(self) -> Archive:
        """Itself, with files and rows of all images; the search is in another order than the collection."""
        first: dict[str, datetime.date] = {}
        for entry in self.entries:
            if entry.on_disk:
                write = partial(_write_slices, entry) if entry.dicom else write_nifti
                self.image(self._path(entry), entry.index, entry.label, write, entry.dataset)
                if entry.in_collection or entry.in_search:
                    first[entry.subject] = min(entry.day, first.get(entry.subject, entry.day))
            if entry.document:
                name = f"{self.project}_{entry.subject}_{sanitised(entry.description)}_S{entry.series}_I{entry.image}"
                self.texts[f"{self.project}/{name}.xml"] = _document(self.project, entry)
            if entry.in_collection:
                self.row(self.collection, *_collection_row(entry))
        listed = [entry for entry in self.entries if entry.in_search]
        for place in self.rng.permutation(len(listed)):
            self.row(SEARCH, *self._search_row(listed[place]))
        for entry in self.entries:
            self.row(TRUTH, *self._truth_row(entry, first))
        return self

    def _path(self, entry: Entry) -> str:
        """Of an image, or its first slice."""
        last = f"S{entry.series}" if entry.folder == "S" else f"I{entry.image}"
        uploaded = f"{entry.day + datetime.timedelta(days=9):%Y%m%d}101112131"
        middle = f"br_raw_{uploaded}_1" if entry.kind == "Original" else f"Br_{uploaded}"
        described = sanitised(entry.description)
        name = f"{self.project}_{entry.subject}_MR_{described}_{middle}_S{entry.series}_I{entry.image}"
        folder = f"{self.project}/{entry.subject}/{described}/{entry.day.isoformat()}_10_15_00.0/{last}"
        return f"{folder}/{name}.{'dcm' if entry.dicom else 'nii'}"

    def _search_row(self, entry: Entry) -> tuple[str, ...]:
        terms = {"Acquisition Plane": "SAGITTAL", "Matrix Z": f"{entry.matrix}.0", "Acquisition Type": "3D"}
        terms |= {"Matrix X": "256.0", "Matrix Y": "256.0", "Weighting": entry.weighting, "Slice Thickness": "1.2"}
        terms |= {"Manufacturer": entry.unit.manufacturer, "Mfg Model": entry.unit.model}
        terms |= {"Field Strength": entry.unit.strength}
        kept = [f"{key}={value}" for key, value in terms.items() if key not in entry.lacks]
        protocol = ";".join(kept[place] for place in self.rng.permutation(len(kept)))
        start = (entry.subject, entry.phase, entry.sex, entry.group, entry.visit_name, _american(entry.day))
        return (*start, f"{entry.age:.1f}", *_kind(entry), protocol, str(entry.image))

    def _truth_row(self, entry: Entry, first: dict[str, datetime.date]) -> tuple[str, ...]:
        values = {"image_id": f"I{entry.image}", "outcome": entry.outcome}
        if entry.outcome == "used":
            values |= {
                "subject_id": f"{self.project}_{entry.subject.rsplit('_', 1)[-1]}",
                "session_id": f"d{(entry.day - first[entry.subject]).days:04d}",
                "dataset": entry.dataset,
                "diagnosis": entry.label,
                "group_diagnosis": entry.label,
                "age": f"{round(entry.age, 1):.2f}",
                "sex": entry.sex,
                "manufacturer": entry.unit.maker,
                "model": entry.unit.model.replace("_", " "),
                "field_strength": f"{float(entry.unit.strength):g}",
                **entry.truth,
            }
        return tuple(values.get(name, "") for name in TRUTH.header.split(","))


def _collection_row(entry: Entry) -> tuple[str, ...]:
    day = entry.day.isoformat() if entry.iso else _american(entry.day)
    form = "DCM" if entry.dicom or entry.modality != "MRI" else "NiFTI"
    start = (f"{entry.prefix}{entry.image}", entry.subject, entry.group, entry.sex, str(int(entry.age)), entry.visit)
    return (*start, *_kind(entry), day, form, "")


def _kind(entry: Entry) -> tuple[str, str, str]:
    return entry.modality, entry.description, entry.kind


def _write_slices(entry: Entry, path: Path, array: Any, affine: Any) -> None:
    names = [path.name.replace("_1_S", f"_{place + 1}_S") for place in range(array.shape[2])]
    scanner = entry.unit.manufacturer, entry.unit.model, float(entry.unit.strength)
    paths = [path.with_name(name) for name in names]
    write_series(paths, array, affine, entry.subject, entry.day, scanner, entry.description)


def sanitised(description: str) -> str:
    """A description as folder and file names have it."""
    return re.sub(r"[\s();/]", "_", description)


def _american(day: datetime.date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _document(project: str, entry: Entry) -> str:
    if entry.document == "stub":
        return f'<metadata><subject id="{entry.subject}"/><image uid="I{entry.image}"/></metadata>\n'
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
