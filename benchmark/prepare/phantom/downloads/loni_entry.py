"""An image of a replica of a LONI archive, and the scanner that it is from."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Unit:
    """A scanner, in the archive's words and in those of a manifest.

    Attributes
    ----------
    manufacturer, model, strength
        As ``Imaging Protocol`` has them.
    maker, name, tesla
        As a manifest has them.
    """

    manufacturer: str
    model: str
    strength: str
    maker: str
    name: str
    tesla: str


@dataclass
class Entry:
    """An image of the archive, what is said of it where, and what an import should make of it.

    Attributes
    ----------
    subject
        PTID or PATNO.
    index
        Of the subject, for its volume.
    day
        Of the scan.
    description, kind, modality, group, sex, visit, phase
        As in the tables; ``visit`` is the code of the collection.
    visit_name
        ``Visit`` of the search.
    age
        Years, with decimals.
    unit
        Scanner.
    lacks
        Keys that ``Imaging Protocol`` lacks.
    weighting
        As ``Imaging Protocol`` says, true or not.
    matrix
        Voxels along the third axis.
    dicom
        Whether it is a series of slices.
    folder
        First letter of the fourth folder: ``S`` or ``I``.
    prefix
        What stands before the digits in the collection.
    on_disk, in_collection, in_search
        Where it is.
    iso
        Whether the collection writes its date year first.
    document
        Metadata XML: ``full``, ``stub`` or "".
    outcome
        ``used``, or why it is left out with all tables given and default options.
    truth
        Columns of the truth that do not follow from the others.
    """

    subject: str
    index: int
    day: datetime.date
    description: str
    group: str
    sex: str
    age: float
    unit: Unit
    dataset: str
    label: str
    kind: str = "Original"
    modality: str = "MRI"
    visit: str = ""
    visit_name: str = ""
    phase: str = ""
    lacks: tuple[str, ...] = ()
    weighting: str = "T1"
    matrix: int = 160
    dicom: bool = False
    folder: str = "I"
    prefix: str = "I"
    on_disk: bool = True
    in_collection: bool = True
    in_search: bool = True
    iso: bool = False
    document: str = ""
    outcome: str = "used"
    truth: dict[str, str] = field(default_factory=dict)
    image: int = 0
    series: int = 0

    @property
    def raw(self) -> bool:
        """Whether it is as scanned."""
        return self.kind == "Original"
