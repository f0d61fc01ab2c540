"""Folder tree of a LONI IDA download, as ADNI and PPMI come in, and metadata XML in it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from benchmark.prepare.importers.files import IMAGES, image_files, relative, stem
from benchmark.prepare.importers.record import Import
from benchmark.prepare.importers.sidecar import Acquisition, acquisition

#: ``ADNI_<subject>_MR_<description>_Br_<upload>_S<series>_I<image>``; case and what stands between vary.
_NAME = re.compile(r"(?:(?P<project>[A-Z]+)_)?.*?(?:_S(?P<series>\d+))?_I(?P<image>\d+)", re.IGNORECASE | re.DOTALL)
_TAKEN = re.compile(r"(\d{4}-\d{2}-\d{2})_\d{2}_\d{2}_\d{2}(\.\d+)?")
_SLICES = (".dcm", ".ima")
_TAGS = ("Manufacturer", "ManufacturerModelName", "MagneticFieldStrength")


@dataclass(frozen=True)
class File:
    """An image in the tree: a file, or the folder of a DICOM series.

    ``image`` are the digits of its identifier, ``shown`` is the path within the download, ``name`` that of the file or
    the first slice without ending, ``series`` its number or 0, ``date`` the day by the folder that is named after it.
    """

    image: str
    path: Path
    shown: str
    name: str
    series: int
    date: datetime.date | None
    first_slice: Path | None = None


@dataclass(frozen=True)
class Tree:
    """What lies below a folder: images and metadata XML files, by image identifier."""

    images: dict[str, File]
    documents: dict[str, Path]

    def scanner_of(self, file: File, protocol: dict[str, str], notes: list[str]) -> Acquisition:
        """Scanner of an image by the first source that states each of its properties.

        These are the protocol of the advanced search, the metadata XML, and the header of one DICOM slice; a source is
        opened only if something is unknown by then. Files that cannot be read are noted.
        """
        scanner = acquisition(protocol)
        if not all(scanner.scanner):
            scanner = scanner.filled(acquisition(self.document(file.image, notes)))
        if not all(scanner.scanner) and file.first_slice is not None:
            scanner = scanner.filled(acquisition(_header(file.first_slice, notes)))
        return scanner

    def document(self, image: str, notes: list[str]) -> dict[str, str]:
        """Protocol terms in lower case, and ``visit``, of the metadata XML of an image; empty where it has none."""
        if image not in self.documents:
            return {}
        try:
            # expat fetches no external entity and limits expansion.
            root = ElementTree.parse(self.documents[image]).getroot()  # noqa: S314
        except (ElementTree.ParseError, OSError, ValueError):
            notes.append("metadata XML cannot be read: passed over")
            return {}
        facts = {term: text for term, text in _terms(root) if text}
        visit = root.find(".//visitIdentifier")
        return facts | ({"visit": visit.text.strip()} if visit is not None and visit.text else {})


def read_tree(folder: Path, project: str, found: Import) -> Tree:
    """Find the images of a project by the ``_I<digits>`` at the end of their names, whatever their folders are called.

    ``project`` is the first word of file names, such as ``ADNI``. What was found gets files that are no image of the
    project, and second copies.
    """
    images: dict[str, File] = {}
    documents: dict[str, Path] = {}
    # Slices of one image in one folder are one series; of two images they cannot be told apart by the folder.
    owners: dict[Path, str] = {}
    mixed: set[Path] = set()
    for path in image_files(folder, found, (*IMAGES, ".xml")):
        document = path.suffix.lower() == ".xml"
        named = _NAME.fullmatch(path.stem if document else stem(path))
        shown = relative(path, folder)
        if document:
            if named is not None:
                documents.setdefault(named["image"].lstrip("0"), path)
        elif named is None:
            found.leave_out(shown, "file name does not end in an image id, _I and digits")
        elif (named["project"] or "").upper() != project:
            found.leave_out(shown, f"file name does not begin with {project}_")
        else:
            slices = path.suffix.lower() in _SLICES
            image, place = named["image"].lstrip("0"), path.parent if slices else path
            if slices and owners.setdefault(place, image) != image:
                mixed.add(place)
                continue
            series, first_slice = int(named["series"] or 0), path if slices else None
            file = File(image, place, relative(place, folder), stem(path), series, _date(path), first_slice)
            _keep(file, images, found)
    for image in [image for image, file in images.items() if file.path in mixed]:
        found.leave_out(images.pop(image).shown, "folder holds slices of several images")
    return Tree(images, documents)


def _keep(file: File, images: dict[str, File], found: Import) -> None:
    first = images.setdefault(file.image, file)
    if first.path == file.path:
        return
    # A converted file is ready to use; the slices it was made from are the copy.
    if first.first_slice is not None and file.first_slice is None:
        images[file.image] = file
        file = first
    elif file.first_slice is not None and any(file.shown == one.what for one in found.left_out[-1:]):
        return
    found.leave_out(file.shown, "second copy of an image")


def _date(path: Path) -> datetime.date | None:
    for part in reversed(path.parts[:-1]):
        taken = _TAKEN.fullmatch(part)
        if taken is not None:
            try:
                return datetime.date.fromisoformat(taken[1])
            except ValueError:
                continue
    return None


def _terms(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    # Reversed, so that of the image's own protocol and that of the image it was made from, the first stays.
    for each in reversed(list(root.iter("protocol"))):
        yield each.get("term", "").casefold(), (each.text or "").strip()


def _header(path: Path, notes: list[str]) -> dict[str, str]:
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
        return {tag: str(header.get(tag) or "") for tag in _TAGS}
    except (InvalidDicomError, OSError, ValueError, AttributeError, NotImplementedError):
        notes.append("header of a DICOM slice cannot be read: scanner unknown")
        return {}
