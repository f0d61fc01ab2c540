"""Scanner of a LONI image: from the tables, the archive's metadata XML, or the header of one slice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from benchmark.prepare.importers import normalise

_TAGS = {
    "Manufacturer": "manufacturer",
    "ManufacturerModelName": "mfg model",
    "MagneticFieldStrength": "field strength",
}


@dataclass(frozen=True)
class Scanner:
    """Of one image.

    Attributes
    ----------
    manufacturer, model
        As :mod:`benchmark.prepare.importers.normalise` writes them; "" where unknown.
    field_strength
        Tesla; NaN where unknown.
    """

    manufacturer: str = ""
    model: str = ""
    field_strength: float = math.nan

    @property
    def complete(self) -> bool:
        """Whether nothing is unknown."""
        return bool(self.manufacturer and self.model) and not math.isnan(self.field_strength)

    def filled(self, other: Scanner) -> Scanner:
        """Itself, with what it lacks from another source."""
        return Scanner(
            self.manufacturer or other.manufacturer,
            self.model or other.model,
            other.field_strength if math.isnan(self.field_strength) else self.field_strength,
        )


def scanner_of(protocol: dict[str, str], document: Path | None, first_slice: Path | None, notes: list[str]) -> Scanner:
    """Scanner by the first source that states each of its three properties.

    Parameters
    ----------
    protocol
        Of the advanced search.
    document
        Metadata XML of the image; opened only if something is unknown by then.
    first_slice
        DICOM file; its header is read only if something is unknown by then. Nothing else of it is used.
    notes
        Gets files that cannot be read.
    """
    scanner = _scanner(protocol)
    if not scanner.complete and document is not None:
        scanner = scanner.filled(_scanner(read_document(document, notes)))
    if not scanner.complete and first_slice is not None:
        scanner = scanner.filled(_scanner(_header(first_slice, notes)))
    return scanner


def read_document(path: Path, notes: list[str]) -> dict[str, str]:
    """Protocol terms in lower case, and ``visit``, of a metadata XML file; empty for a stub.

    Parameters
    ----------
    path
        One file an image.
    notes
        Gets a file that is no XML.
    """
    try:
        root = ElementTree.parse(path).getroot()  # noqa: S314 - expat fetches no external entity and limits expansion
    except (ElementTree.ParseError, OSError, ValueError):
        notes.append("metadata XML cannot be read: passed over")
        return {}
    facts = {term: text for term, text in _terms(root) if text}
    visit = root.find(".//visitIdentifier")
    return facts | ({"visit": visit.text.strip()} if visit is not None and visit.text else {})


def _terms(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    # Reversed, so that of the image's own protocol and that of the image it was made from, the first stays.
    for each in reversed(list(root.iter("protocol"))):
        yield each.get("term", "").casefold(), (each.text or "").strip()


def _header(path: Path, notes: list[str]) -> dict[str, str]:
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
        return {name: str(header.get(tag) or "") for tag, name in _TAGS.items()}
    except (InvalidDicomError, OSError, ValueError, AttributeError, NotImplementedError):
        notes.append("header of a DICOM slice cannot be read: scanner unknown")
        return {}


def _scanner(facts: dict[str, str]) -> Scanner:
    return Scanner(
        normalise.manufacturer(facts.get("manufacturer", "")),
        normalise.model(facts.get("mfg model", "")),
        normalise.field_strength(facts.get("field strength", "")),
    )
