"""DICOM folders that cannot be used. Each function writes one and returns a part of the answer that it must get."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom

from benchmark.replicas.dicom import write_series
from tests.corpus.images import AFFINE, SHAPE, head

Write = Callable[[Path], str]
DAY = datetime.date(2020, 1, 2)


def series(folder: Path, name: str = "MPRAGE") -> list[Path]:
    """Write a sound series of one volume."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{name}-{number:03d}.dcm" for number in range(SHAPE[2])]
    write_series(paths, head(), AFFINE, "replica", DAY, ("SIEMENS", "Trio", 3.0), name)
    return paths


def _changed(answer: str, change: Callable[[int, Any], None]) -> Write:
    def write(folder: Path) -> str:
        for number, path in enumerate(series(folder)):
            image = pydicom.dcmread(path)
            change(number, image)
            image.save_as(path)
        return answer

    return write


def _without(numbers: tuple[int, ...], answer: str) -> Write:
    def write(folder: Path) -> str:
        for number, path in enumerate(series(folder)):
            if number in numbers:
                path.unlink()
        return answer

    return write


def _empty(folder: Path) -> str:
    folder.mkdir()
    return "holds no DICOM file"


def _text(folder: Path) -> str:
    folder.mkdir()
    (folder / "1.dcm").write_text("no slice")
    return "holds no DICOM file"


def _two_series(folder: Path) -> str:
    series(folder, "MPRAGE")
    series(folder, "FLAIR")
    return "holds 2 DICOM series; one is needed"


def _twice(folder: Path) -> str:
    for number, path in enumerate(series(folder)):
        image = pydicom.dcmread(path)
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number + 1}"
        image.save_as(folder / f"again-{number}.dcm")
    return "holds slices at the same place; one volume is needed"


def _cut(folder: Path) -> str:
    path = series(folder)[5]
    path.write_bytes(path.read_bytes()[:-100])
    return "1 of 16 slices have no pixels, or too few"


def _nowhere(number: int, image: Any) -> None:
    if number == 3:
        del image.ImagePositionPatient


def _no_pixels(number: int, image: Any) -> None:
    del image.PixelData


def _localizer(number: int, image: Any) -> None:
    if number % 3:
        image.ImageOrientationPatient = [0, 1, 0, 0, 0, -1] if number % 3 == 1 else [1, 0, 0, 0, 0, -1]


def _shifted(number: int, image: Any) -> None:
    if number == 7:
        image.ImagePositionPatient = [*image.ImagePositionPatient[:2], float(image.ImagePositionPatient[2]) + 4]


def _other_size(number: int, image: Any) -> None:
    if number == 7:
        image.Rows, image.PixelData = image.Rows // 2, image.PixelData[: len(image.PixelData) // 2]


def _report(number: int, image: Any) -> None:
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    image.Modality = "SR"
    for name in ("PixelData", "Rows", "Columns", "ImagePositionPatient", "ImageOrientationPatient"):
        delattr(image, name)


#: Folder name and what writes it.
SERIES: dict[str, Write] = {
    "empty-folder": _empty,
    "text-called-dcm": _text,
    "one-slice-missing": _without((6,), "1 slice is missing; slices are 10 mm apart"),
    "three-slices-missing": _without((3, 6, 7), "3 slices are missing"),
    "few-slices": _without(tuple(range(5, 16)), "has 5 slices; a 3D series of at least 8 is needed"),
    "two-series": _two_series,
    "every-slice-twice": _twice,
    "slice-cut-short": _cut,
    "slice-without-place": _changed("1 of 16 slices do not say where they are", _nowhere),
    "slice-out-of-step": _changed("distances between slices differ", _shifted),
    "slice-of-another-size": _changed("holds slices of 10 × 16 and 20 × 16 pixels", _other_size),
    "localizer": _changed("its slices are not parallel", _localizer),
    "no-pixels": _changed("16 of 16 slices have no pixels, or too few", _no_pixels),
    "structured-report": _changed("slices do not say where they are", _report),
}
