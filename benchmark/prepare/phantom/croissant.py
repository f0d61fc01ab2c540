"""Metadata of a phantom's manifests in Croissant (Akhtar et al., DEEM 2024), version 1.0 of the format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.data.atomic import atomic_path
from benchmark.errors import UserError
from benchmark.prepare.phantom.generate import VERSION
from benchmark.prepare.phantom.settings import PhantomSettings

FILE = "croissant.json"
#: Day of the first commit with this version of the phantom.
PUBLISHED = "2026-11-28"
#: Of each column of a manifest: its type, and what it is.
COLUMNS = {
    "subject_id": ("sc:Text", "One made-up person, under the same name at every site."),
    "session_id": ("sc:Text", "Visit of the subject."),
    "image": ("sc:Text", "T1 volume, NIfTI, relative to the folder of the phantom."),
    "mask": ("sc:Text", "Brain mask on the grid of the image, NIfTI, relative to the folder of the phantom."),
    "site": ("sc:Text", "Made-up site, which is the domain label."),
    "diagnosis": ("sc:Text", "CN, MCI, AD or PD, by which the anatomy was changed."),
    "age": ("sc:Float", "Age at the scan in years."),
    "sex": ("sc:Text", "F or M."),
    "split": ("sc:Text", "train or test; a subject is in one of them."),
    "travelling": ("sc:Integer", "1 for subjects who are scanned at every site, else 0."),
    "scanner_manufacturer": ("sc:Text", "phantom, for every scan."),
    "scanner_model": ("sc:Text", "Made-up scanner of the site."),
    "field_strength": ("sc:Float", "Imitated field strength in tesla."),
}
#: Terms of the format, as its specification gives them.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(settings: PhantomSettings, manifests: Sequence[Path]) -> dict[str, Any]:
    """Metadata of a phantom, whose manifests it names by SHA-256; equal manifests give equal metadata.

    Parameters
    ----------
    settings
        Of the phantom.
    manifests
        One CSV file per site, in one folder.

    Raises
    ------
    UserError
        For a manifest that cannot be read, and a column that no manifest of the phantom has.
    """
    manifests = sorted(manifests)
    files, records = [], []
    for path in manifests:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from None
        names = content.split(b"\n", 1)[0].decode().split(",")
        unknown = [name for name in names if name not in COLUMNS]
        if unknown:
            raise UserError(f"{path}: column '{unknown[0]}' is none of a phantom's manifest")
        files.append(
            {
                "@type": "cr:FileObject",
                "@id": path.name,
                "name": path.name,
                "description": f"Manifest of the site {path.stem}, one row per scan.",
                "contentUrl": path.name,
                "contentSize": f"{len(content)} B",
                "encodingFormat": "text/csv",
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
        records.append(
            {
                "@type": "cr:RecordSet",
                "@id": path.stem,
                "name": path.stem,
                "description": f"Scans of the site {path.stem}.",
                "key": [{"@id": f"{path.stem}/subject_id"}, {"@id": f"{path.stem}/session_id"}],
                "field": [_field(path, name) for name in names],
            }
        )
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": "seada-bench-phantom",
        "description": (
            "Synthetic data: no scan is of a person. T1-weighted brain volumes of made-up subjects at "
            f"{len(manifests)} made-up sites, generated by version {VERSION} of the phantom of seada-bench"
            f"{_anatomies(settings)}. The files here are the manifests; 'seada-bench phantom' with the same settings "
            f"writes the volumes, byte for byte: {_command(settings)}."
        ),
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "version": f"{VERSION}.0.0",
        "datePublished": PUBLISHED,
        "license": "https://www.apache.org/licenses/LICENSE-2.0",
        "creator": {"@type": "sc:Organization", "name": "The seada-bench developers"},
        "keywords": ["synthetic", "MRI", "T1-weighted", "harmonisation", "domain adaptation", "phantom"],
        "citeAs": "Tobari et al., SE-ADA, arXiv 2501.01326; and seada-bench, by its CITATION.cff",
        "distribution": files,
        "recordSet": records,
    }


def write_croissant(settings: PhantomSettings, manifests: Sequence[Path], out: Path) -> Path:
    """Write the metadata of manifests, where they lie, as ``croissant.json``; its path."""
    path = out / FILE
    with atomic_path(path) as temporary:
        text = json.dumps(croissant(settings, manifests), indent=1, ensure_ascii=False)
        temporary.write_text(f"{text}\n", encoding="utf-8")
    return path


def _field(path: Path, name: str) -> dict[str, Any]:
    kind, description = COLUMNS[name]
    return {
        "@type": "cr:Field",
        "@id": f"{path.stem}/{name}",
        "name": name,
        "description": description,
        "dataType": kind,
        "source": {"fileObject": {"@id": path.name}, "extract": {"column": name}},
    }


def _anatomies(settings: PhantomSettings) -> str:
    if settings.anatomies is None:
        return " from the tissue maps of the ICBM 152 template (Fonov et al., NeuroImage 2009)"
    return " from a folder of label maps, whose own terms of use hold for the volumes"


def _command(settings: PhantomSettings) -> str:
    default = PhantomSettings()
    # Where label maps lie is nobody else's concern.
    changed = {
        name: "FOLDER" if name == "anatomies" else getattr(settings, name)
        for name in settings.__dataclass_fields__
        if getattr(settings, name) != getattr(default, name)
    }
    return " ".join(["seada-bench phantom --out OUT", *(f"--{name} {value}" for name, value in changed.items())])
