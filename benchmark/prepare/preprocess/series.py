"""What the headers of a folder's DICOM files must say for them to be one volume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError

#: Share of the usual distance between slices by which a place may differ from where it should be.
GAP = 0.05
#: Fewest slices of a 3D series.
FEWEST_SLICES = 8
#: Largest difference between the unit normals of two slices that count as parallel, and of an angle from a right one.
PARALLEL = 0.01
#: Endings of files that cannot be anything else.
ENDINGS = (".dcm", ".ima")
_DIRECTORY = "1.2.840.10008.1.3.10"
#: Without which no converter works.
_STATED = ("SeriesInstanceUID", "Modality", "InstanceNumber")
#: Where a slice lies: corner in mm, directions of rows and columns, pixel spacing in mm; and how many numbers each has.
_PLACE = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}
#: What holds those in files of several slices.
_SHARED, _OF_SLICES = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
_GROUPS = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
_TAGS = [*_STATED, "PatientID", "NumberOfFrames", "Rows", "Columns", "BitsAllocated", "PixelData"]
_TAGS += [*_PLACE, _SHARED, _OF_SLICES]


@dataclass(frozen=True)
class _File:
    """What the header of a file says, and whether all of its pixels are there.

    ``places`` has a row a slice, with the numbers of :data:`_PLACE`, NaN where they are not said: shape (slices, 11).
    """

    path: Path
    stated: dict[str, str]
    frames: int
    size: tuple[int, int]
    places: NDArray[np.float64]
    whole: bool


def check_series(folder: Path) -> tuple[list[Path], int]:
    """Find out from the headers whether a folder holds one whole series; converters go wrong in silence.

    Parameters
    ----------
    folder
        Its files are only read. Hidden ones, and files of other kinds, are passed over.

    Returns
    -------
    tuple
        The DICOM files, and the number of voxels that they hold.

    Raises
    ------
    UserError
        For a folder without DICOM, with damaged files or several series, and for slices that are missing, there
        twice, not parallel or without pixels. The message names the folder.
    """
    files, damaged = _headers(folder)
    problem = next(_problems(folder, files, damaged), None)
    if problem:
        raise UserError(f"{folder}: {problem}")
    return [one.path for one in files], sum(one.frames * one.size[0] * one.size[1] for one in files)


def _headers(folder: Path) -> tuple[list[_File], list[str]]:
    """The DICOM files of a folder, and the names of those that are damaged."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    files, damaged = [], []
    for path in sorted(folder.iterdir()):
        surely = path.suffix.lower() in ENDINGS
        if path.name.startswith(".") or path.is_dir():
            continue
        try:
            if not path.is_file():
                raise InvalidDicomError
            header = pydicom.dcmread(path, defer_size=4096, specific_tags=_TAGS)
            if header.file_meta.get("MediaStorageSOPClassUID") != _DIRECTORY:
                files.append(_file(path, header))
        except InvalidDicomError:
            damaged += [path.name] if surely else []
        except Exception:  # noqa: BLE001 (whatever a damaged header makes the reader stumble over)
            damaged.append(path.name)
    return files, damaged


def _file(path: Path, header: Any) -> _File:
    from pydicom.uid import ImplicitVRLittleEndian, UncompressedTransferSyntaxes

    frames = int(header.get("NumberOfFrames") or 1)
    size = int(header.get("Rows") or 0), int(header.get("Columns") or 0)
    # The element itself: the value stays in the file.
    data = header.get_item("PixelData", keep_deferred=True)
    plain = header.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian) in UncompressedTransferSyntaxes
    wanted = frames * size[0] * size[1] * int(header.get("BitsAllocated") or 0) // 8
    there = data is not None and (not plain or wanted <= data.length <= path.stat().st_size - data.value_tell)
    stated = {name: str(header.get(name) or "") for name in (*_STATED, "PatientID")}
    shared, slices = header.get(_SHARED) or (), header.get(_OF_SLICES)
    places = [_place([header])]
    if slices:
        groups = ([one, *shared] for one in slices)
        places = [
            _place([item for group in some for name in _GROUPS for item in group.get(name) or ()]) for some in groups
        ]
    return _File(path, stated, frames, size, np.array(places), there and all(size) and frames > 0)


def _place(groups: Sequence[Any]) -> NDArray[np.float64]:
    found = []
    for name, size in _PLACE.items():
        values = np.array(next((group.get(name) for group in groups if group.get(name)), ()), dtype=np.float64)
        found.append(values if values.shape == (size,) else np.full(size, np.nan))
    return np.concatenate(found)


def _problems(folder: Path, files: Sequence[_File], damaged: Sequence[str]) -> Iterator[str]:
    """What is wrong, the most plain first; each check takes for granted that those before it found nothing."""
    inside = [each for each in sorted(folder.iterdir()) if each.is_dir() and not each.name.startswith(".")]
    if not files and damaged:
        yield f"holds no DICOM file that can be read; {damaged[0]} is none, or damaged"
    if not files:
        yield f"holds no DICOM file{f'; one of its folders may, such as {inside[0].name}' if inside else ''}"
    if damaged:
        count = f"{len(damaged)} of {len(files) + len(damaged)}"
        yield f"{count} DICOM files cannot be read, the first is {damaged[0]}"
    for each in inside:
        if any(path.suffix.lower() in ENDINGS for path in each.rglob("*")):
            yield f"holds DICOM files, and more of them in its folder {each.name}; one series is needed"
    yield from _file_problems(files)
    places = np.concatenate([one.places for one in files])
    if len(places) < FEWEST_SLICES:
        yield f"has {len(places)} slices; a 3D series of at least {FEWEST_SLICES} is needed"
    yield from _plane_problems(places)
    yield from _order_problems(places)


def _file_problems(files: Sequence[_File]) -> Iterator[str]:
    other = sorted({one.stated["Modality"] for one in files} - {"MR", ""})
    if other:
        yield f"holds files of modality {' and '.join(other)}; MR is needed"
    torn = [one.path.name for one in files if not one.whole]
    if torn:
        yield f"{len(torn)} of {len(files)} files have no pixels, or too few, the first is {torn[0]}"
    sizes = sorted({one.size for one in files})
    if len(sizes) > 1:
        shown = " and ".join(f"{rows} × {columns}" for rows, columns in sizes[:3])
        yield f"holds slices of {shown} pixels; all of a volume have the same"
    many = sum(one.frames > 1 for one in files)
    if many and len(files) > 1:
        yield f"holds {len(files)} files, {many} of them of several slices; one volume is needed"
    for one in files:
        if one.frames != len(one.places):
            yield f"{one.path.name} holds {one.frames} slices and says of {len(one.places)} where they are"
    for name in _STATED:
        lacking = [one.path.name for one in files if not one.stated[name]]
        if lacking:
            yield f"{len(lacking)} of {len(files)} files state no {name}, the first is {lacking[0]}"
    for name, what in (("SeriesInstanceUID", "DICOM series"), ("PatientID", "patients")):
        several = len({one.stated[name] for one in files} - {""})
        if several > 1:
            yield f"holds {several} {what}; one is needed"


def _plane_problems(places: NDArray[np.float64]) -> Iterator[str]:
    corners, rows, columns, spacings = np.split(places, (3, 6, 9), axis=1)
    normals = np.cross(rows, columns)
    lost = int((~np.isfinite([corners, normals])).any(axis=(0, 2)).sum())
    if lost:
        yield f"{lost} of {len(places)} slices do not say where they are"
    unsized = int((~(spacings > 0)).any(axis=1).sum())
    if unsized:
        yield f"{unsized} of {len(places)} slices state no pixel size"
    if np.abs(spacings - spacings[0]).max() > GAP * spacings.min():
        shown = " and ".join(f"{size:.3g}" for size in sorted({float(size) for size in spacings.ravel()})[:3])
        yield f"holds slices with pixels of {shown} mm; all of a volume have the same"
    products = [(rows * rows).sum(axis=1) - 1, (columns * columns).sum(axis=1) - 1, (rows * columns).sum(axis=1)]
    if np.abs(products).max() > PARALLEL:
        yield "states directions of rows and columns that are not at right angles, or not of length 1"
    if np.abs(normals - normals[0]).max() > PARALLEL:
        yield "its slices are not parallel, as of a localizer; a volume is needed"


def _order_problems(places: NDArray[np.float64]) -> Iterator[str]:
    corners, normal = places[:, :3], np.cross(places[0, 3:6], places[0, 6:9])
    corners = corners[np.argsort(corners @ normal)]
    along = corners @ normal
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    if gaps.min() <= GAP * usual:
        yield "holds slices at the same place; one volume is needed"
    wrong = int((np.abs(gaps - usual) > GAP * usual).sum())
    if wrong:
        absent = int(np.round(gaps.sum() / usual)) + 1 - len(along)
        missing = "1 slice is missing" if absent == 1 else f"{absent} slices are missing"
        what = missing if absent > 0 else f"{wrong} distances between slices differ from the others"
        yield f"{what}; slices are {usual:.3g} mm apart"
    # A slanted stack is fine, a slice that is moved within its plane is not.
    line = np.outer((along - along[0]) / (along[-1] - along[0]), corners[-1] - corners[0])
    if np.abs(corners - corners[0] - line).max() > GAP * usual:
        yield "its slices do not lie in a line one behind the other; one volume is needed"
