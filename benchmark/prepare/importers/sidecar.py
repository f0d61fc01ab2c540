"""JSON files beside images: the scanner and the kind of acquisition, as the converter read them from the raw data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.prepare.importers import normalise
from benchmark.prepare.importers.files import stem


@dataclass(frozen=True)
class Acquisition:
    """What is known of a scanner and an acquisition; "" or NaN where nothing is.

    Manufacturer and model are as :mod:`benchmark.prepare.importers.normalise` writes them, the field strength is in
    tesla, and dimensions are ``2D`` or ``3D``.
    """

    manufacturer: str = ""
    model: str = ""
    field_strength: float = math.nan
    dimensions: str = ""

    @property
    def of_scan(self) -> tuple[str, str, float]:
        """Manufacturer, model and field strength, as :class:`benchmark.prepare.importers.record.Scan` takes them."""
        return self.manufacturer, self.model, self.field_strength

    @property
    def scanner(self) -> tuple[str, str, str]:
        """Manufacturer, model and tesla as text."""
        return self.manufacturer, self.model, normalise.tesla(self.field_strength)

    def filled(self, other: Acquisition) -> Acquisition:
        """Itself, with the other's values where nothing is known."""
        return Acquisition(
            self.manufacturer or other.manufacturer,
            self.model or other.model,
            other.field_strength if math.isnan(self.field_strength) else self.field_strength,
            self.dimensions or other.dimensions,
        )

    def contradicts(self, other: Acquisition) -> bool:
        """Whether the two say different things of manufacturer, model or field strength."""
        return any(mine and theirs and mine != theirs for mine, theirs in zip(self.scanner, other.scanner, strict=True))


def acquisition(fields: Mapping[str, Any]) -> Acquisition:
    """From fields under their DICOM names, as dcm2niix and BIDS write them, or under those of LONI's protocols."""

    def text(*names: str) -> str:
        return next((str(fields[name]) for name in names if fields.get(name) is not None), "")

    dimensions = text("MRAcquisitionType").strip().upper()
    return Acquisition(
        normalise.manufacturer(text("Manufacturer", "manufacturer")),
        normalise.model(text("ManufacturersModelName", "ManufacturerModelName", "mfg model")),
        normalise.field_strength(text("MagneticFieldStrength", "field strength")),
        dimensions if dimensions in ("2D", "3D") else "",
    )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; a file that cannot be read or is something else is an error."""
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{path}: is no JSON file in UTF-8: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: is no JSON object")
    return found


def beside(image: Path) -> Acquisition:
    """From the JSON file of the same name beside an image, or in ``BIDS`` beside its folder ``NIFTI``."""
    name = f"{stem(image)}.json"
    places = [image.with_name(name)]
    parts = image.parts
    if "NIFTI" in parts:
        at = len(parts) - 1 - parts[::-1].index("NIFTI")
        places.append(Path(*parts[:at], "BIDS", *parts[at + 1 : -1], name))
    found = next((place for place in places if place.is_file()), None)
    return acquisition(read_json(found)) if found else Acquisition()
