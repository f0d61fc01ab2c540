"""Folder tree of a LONI IDA download, as ADNI and PPMI come in."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmark.prepare.importers.files import IMAGES, image_files, relative, stem
from benchmark.prepare.importers.record import LeftOut

#: ``ADNI_<subject>_MR_<description>_Br_<upload>_S<series>_I<image>``; case and what stands between vary.
_NAME = re.compile(r"(?:(?P<project>[A-Z]+)_)?.*?(?:_S(?P<series>\d+))?_I(?P<image>\d+)", re.IGNORECASE | re.DOTALL)
_TAKEN = re.compile(r"(\d{4})-(\d{2})-(\d{2})_\d{2}_\d{2}_\d{2}(\.\d+)?")
_SLICES = (".dcm", ".ima")


@dataclass(frozen=True)
class Found:
    """An image in the tree.

    Attributes
    ----------
    image_id
        Digits, without the ``I``.
    path
        The file, or the folder of a DICOM series.
    shown
        Path within the download, for people.
    name
        Of the file, or of the first slice, without ending.
    series
        Number of the series; 0 where the name has none.
    date
        Day of the scan by the folder that is named after it; None where none is.
    first_slice
        Of a DICOM series; None for other images.
    """

    image_id: str
    path: Path
    shown: str
    name: str
    series: int
    date: datetime.date | None
    first_slice: Path | None = None


@dataclass(frozen=True)
class Tree:
    """What lies below a folder.

    Attributes
    ----------
    images
        By image identifier.
    documents
        Metadata XML files by image identifier.
    """

    images: dict[str, Found]
    documents: dict[str, Path]


def read_tree(folder: Path, project: str, left_out: list[LeftOut]) -> Tree:
    """Find the images of a project by the ``_I<digits>`` at the end of their names, whatever their folders are called.

    Parameters
    ----------
    folder
        Of one or several unpacked zips.
    project
        First word of file names, such as ``ADNI``.
    left_out
        Gets files that are no image of the project, and second copies.

    Raises
    ------
    UserError
        If the folder is not there.
    """
    images: dict[str, Found] = {}
    documents: dict[str, Path] = {}
    # Slices of one image in one folder are one series; of two images they cannot be told apart by the folder.
    owners: dict[Path, str] = {}
    mixed: set[Path] = set()
    for path in image_files(folder, left_out, (*IMAGES, ".xml")):
        document = path.suffix.lower() == ".xml"
        named = _NAME.fullmatch(path.stem if document else stem(path))
        shown = relative(path, folder)
        if document:
            if named is not None:
                documents.setdefault(named["image"].lstrip("0"), path)
        elif named is None:
            left_out.append(LeftOut(shown, "file name does not end in an image id, _I and digits"))
        elif (named["project"] or "").upper() != project:
            left_out.append(LeftOut(shown, f"file name does not begin with {project}_"))
        else:
            slices = path.suffix.lower() in _SLICES
            image = named["image"].lstrip("0")
            if slices and owners.setdefault(path.parent, image) != image:
                mixed.add(path.parent)
                continue
            _keep(_found(path, image, named["series"], folder, slices), images, left_out)
    for image in [image for image, one in images.items() if one.path in mixed]:
        left_out.append(LeftOut(images.pop(image).shown, "folder holds slices of several images"))
    return Tree(images, documents)


def _found(path: Path, image: str, series: str | None, folder: Path, slices: bool) -> Found:
    place = path.parent if slices else path
    return Found(
        image_id=image,
        path=place,
        shown=relative(place, folder),
        name=stem(path),
        series=int(series or 0),
        date=_date(path),
        first_slice=path if slices else None,
    )


def _keep(found: Found, images: dict[str, Found], left_out: list[LeftOut]) -> None:
    first = images.setdefault(found.image_id, found)
    if first.path == found.path:
        return
    # A converted file is ready to use; the slices it was made from are the copy.
    if first.first_slice is not None and found.first_slice is None:
        images[found.image_id] = found
        found = first
    elif found.first_slice is not None and any(found.shown == one.what for one in left_out[-1:]):
        return
    left_out.append(LeftOut(found.shown, "second copy of an image"))


def _date(path: Path) -> datetime.date | None:
    for part in reversed(path.parts[:-1]):
        taken = _TAKEN.fullmatch(part)
        if taken is not None:
            try:
                return datetime.date(int(taken[1]), int(taken[2]), int(taken[3]))
            except ValueError:
                continue
    return None


def counted(notes: Iterable[str], images: bool = True) -> list[str]:
    """Each note once, in the order of its first, with how often it was made where that is more than once."""
    counts = Counter(notes)
    return [f"{note} ({count} images)" if count > 1 and images else note for note, count in counts.items()]
