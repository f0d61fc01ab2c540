"""What an importer finds in a download: scans, images that are none, and what could be read in two ways."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Scan:
    """One T1 image of one session, with what the archive's tables say of it; "" or NaN where they say nothing.

    Attributes
    ----------
    subject_id
        The same for all images of a person, whatever collection or phase they are from.
    session_id
        Unique within a subject and dataset.
    image, dataset
        Absolute path of the image file (the ``.hdr`` of an Analyze pair), or of the folder of a DICOM series; the
        collection that it was acquired for, such as ``ADNI1``, which is the default site label.
    diagnosis, age, sex
        One of :data:`benchmark.data.schema.DIAGNOSES`, years at the scan, ``F`` or ``M``.
    manufacturer, model, field_strength
        As :mod:`benchmark.prepare.importers.normalise` writes them; tesla.
    orientation
        Directions of the voxel axes, such as ``ASL`` (towards anterior, superior, left), where the file itself states
        none.
    extra
        Further columns of the manifest by name: the archive's image identifier, its own words for the diagnosis, days
        between scan and clinical visit. Never a date.
    """

    subject_id: str
    session_id: str
    image: Path
    dataset: str
    diagnosis: str = ""
    age: float = math.nan
    sex: str = ""
    manufacturer: str = ""
    model: str = ""
    field_strength: float = math.nan
    orientation: str = ""
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LeftOut:
    """An image or a row of a table that is no scan of the manifests.

    ``what`` is its path relative to the download, or file and row; ``reason`` says why, in words that are the same for
    all images left out for it.
    """

    what: str
    reason: str


@dataclass
class Import:
    """Everything that an importer found: scans, one a session, and what none of them is.

    ``ambiguous`` has a line for each thing that could be read in two ways, and says how it was read.
    """

    scans: list[Scan] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)

    def leave_out(self, what: str, reason: str) -> None:
        """Add an entry for something that is no scan."""
        self.left_out.append(LeftOut(what, reason))
