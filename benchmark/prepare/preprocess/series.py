"""What the headers of a folder's DICOM files must say for them to be one volume."""

from __future__ import annotations

from collections.abc import Sequence
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
_TAGS = ["SeriesInstanceUID", "PatientID", "Modality", "InstanceNumber", "NumberOfFrames", "Rows", "Columns"]
_TAGS += ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "BitsAllocated", "PixelData"]
_TAGS += ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"]
#: Without which no converter works.
_STATED = ("SeriesInstanceUID", "Modality", "InstanceNumber")


@dataclass(frozen=True)
class _Place:
    """Where a slice lies: corner in mm, directions of rows and columns, and pixel spacing; NaN where it is not said."""

    corner: NDArray[np.float64]
    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    spacing: NDArray[np.float64]

    @property
    def normal(self) -> NDArray[np.float64]:
        return np.cross(self.rows, self.columns)


@dataclass(frozen=True)
class _File:
    """What the header of a file says, and whether all of its pixels are there."""

    path: Path
    stated: dict[str, str]
    frames: int
    size: tuple[int, int]
    places: list[_Place]
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
    if not files:
        raise UserError(f"{folder}: holds no DICOM file{_elsewhere(folder, damaged)}")
    if damaged:
        raise UserError(
            f"{folder}: {len(damaged)} of {len(files) + len(damaged)} DICOM files cannot be read, the first is "
            f"{damaged[0]}"
        )
    _check_folders(folder)
    _check_files(folder, files)
    for name in _STATED:
        lacking = [one.path.name for one in files if not one.stated[name]]
        if lacking:
            raise UserError(
                f"{folder}: {len(lacking)} of {len(files)} files state no {name}, the first is {lacking[0]}"
            )
    for name, what in (("SeriesInstanceUID", "DICOM series"), ("PatientID", "patients")):
        several = len({one.stated[name] for one in files} - {""})
        if several > 1:
            raise UserError(f"{folder}: holds {several} {what}; one is needed")
    places = [place for one in files for place in one.places]
    if len(places) < FEWEST_SLICES:
        raise UserError(f"{folder}: has {len(places)} slices; a 3D series of at least {FEWEST_SLICES} is needed")
    _check_planes(folder, places)
    _check_order(folder, places)
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
        if not path.is_file():
            damaged += [path.name] if surely else []
            continue
        try:
            header = pydicom.dcmread(path, defer_size=4096, specific_tags=_TAGS)
            if header.file_meta.get("MediaStorageSOPClassUID") != _DIRECTORY:
                files.append(_file(path, header))
        except InvalidDicomError:
            damaged += [path.name] if surely else []
        except Exception:  # noqa: BLE001 (whatever a damaged header makes the reader stumble over)
            damaged.append(path.name)
    return files, damaged


def _elsewhere(folder: Path, damaged: Sequence[str]) -> str:
    if damaged:
        return f" that can be read; {damaged[0]} is none, or damaged"
    inside = _folders(folder)
    return f"; one of its folders may, such as {inside[0].name}" if inside else ""


def _folders(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]


def _check_folders(folder: Path) -> None:
    for inside in _folders(folder):
        if any(path.suffix.lower() in ENDINGS for path in inside.rglob("*")):
            raise UserError(
                f"{folder}: holds DICOM files, and more of them in its folder {inside.name}; one series is needed"
            )


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
    return _File(path, stated, frames, size, _places(header), there and all(size) and frames > 0)


def _places(header: Any) -> list[_Place]:
    each = header.get("PerFrameFunctionalGroupsSequence")
    if not each:
        return [_place([header])]
    shared = list(header.get("SharedFunctionalGroupsSequence") or [])
    names = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
    return [
        _place([item for group in (frame, *shared) for name in names for item in group.get(name) or []])
        for frame in each
    ]


def _place(groups: Sequence[Any]) -> _Place:
    def numbers(name: str, size: int) -> NDArray[np.float64]:
        stated = next((group.get(name) for group in groups if group.get(name)), None)
        values = np.full(size, np.nan) if stated is None else np.array(stated, dtype=np.float64)
        return values if values.shape == (size,) else np.full(size, np.nan)

    axes = numbers("ImageOrientationPatient", 6)
    return _Place(numbers("ImagePositionPatient", 3), axes[:3], axes[3:], numbers("PixelSpacing", 2))


def _check_files(folder: Path, files: Sequence[_File]) -> None:
    other = sorted({one.stated["Modality"] for one in files} - {"MR", ""})
    if other:
        raise UserError(f"{folder}: holds files of modality {' and '.join(other)}; MR is needed")
    torn = [one.path.name for one in files if not one.whole]
    if torn:
        raise UserError(
            f"{folder}: {len(torn)} of {len(files)} files have no pixels, or too few, the first is {torn[0]}"
        )
    sizes = sorted({one.size for one in files})
    if len(sizes) > 1:
        shown = " and ".join(f"{rows} × {columns}" for rows, columns in sizes[:3])
        raise UserError(f"{folder}: holds slices of {shown} pixels; all of a volume have the same")
    many = sum(one.frames > 1 for one in files)
    if many and len(files) > 1:
        raise UserError(f"{folder}: holds {len(files)} files, {many} of them of several slices; one volume is needed")
    for one in files:
        if one.frames != len(one.places):
            raise UserError(
                f"{folder}: {one.path.name} holds {one.frames} slices and says of {len(one.places)} where they are"
            )


def _check_planes(folder: Path, places: Sequence[_Place]) -> None:
    lost = sum(not np.isfinite([*one.corner, *one.normal]).all() for one in places)
    if lost:
        raise UserError(f"{folder}: {lost} of {len(places)} slices do not say where they are")
    spacings = np.array([one.spacing for one in places])
    if not (spacings > 0).all():
        raise UserError(
            f"{folder}: {int((~(spacings > 0)).any(axis=1).sum())} of {len(places)} slices state no pixel size"
        )
    if np.abs(spacings - spacings[0]).max() > GAP * spacings.min():
        shown = " and ".join(f"{size:.3g}" for size in sorted({float(size) for size in spacings.ravel()})[:3])
        raise UserError(f"{folder}: holds slices with pixels of {shown} mm; all of a volume have the same")
    squares = [abs(axis @ axis - 1) for one in places for axis in (one.rows, one.columns)]
    if max(*squares, *(abs(one.rows @ one.columns) for one in places)) > PARALLEL:
        raise UserError(
            f"{folder}: states directions of rows and columns that are not at right angles, or not of length 1"
        )
    normals = np.array([one.normal for one in places])
    if np.abs(normals - normals[0]).max() > PARALLEL:
        raise UserError(f"{folder}: its slices are not parallel, as of a localizer; a volume is needed")


def _check_order(folder: Path, places: Sequence[_Place]) -> None:
    corners = np.array([one.corner for one in places])
    along = corners @ places[0].normal
    order = np.argsort(along)
    corners, along = corners[order], along[order]
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    if gaps.min() <= GAP * usual:
        raise UserError(f"{folder}: holds slices at the same place; one volume is needed")
    wrong = int((np.abs(gaps - usual) > GAP * usual).sum())
    if wrong:
        absent = int(np.round(gaps.sum() / usual)) + 1 - len(along)
        missing = "1 slice is missing" if absent == 1 else f"{absent} slices are missing"
        what = missing if absent > 0 else f"{wrong} distances between slices differ from the others"
        raise UserError(f"{folder}: {what}; slices are {usual:.3g} mm apart")
    # A slanted stack is fine, a slice that is moved within its plane is not.
    line = np.outer((along - along[0]) / (along[-1] - along[0]), corners[-1] - corners[0])
    if np.abs(corners - corners[0] - line).max() > GAP * usual:
        raise UserError(f"{folder}: its slices do not lie in a line one behind the other; one volume is needed")
