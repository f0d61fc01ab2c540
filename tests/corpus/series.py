"""DICOM folders that cannot be used. Each function writes one and returns a part of the answer that it must get."""

from __future__ import annotations

import datetime
import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from benchmark.prepare.phantom.downloads.dicom import write_series
from tests.corpus.images import AFFINE, LOGIN_PAGE, SHAPE, head

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
    return "1 of 16 files have no pixels, or too few, the first is MPRAGE-005.dcm"


def _content(number: int, content: bytes, answer: str) -> Write:
    def write(folder: Path) -> str:
        series(folder)[number].write_bytes(content)
        return answer

    return write


def _set(name: str, value: Any, numbers: tuple[int, ...] = tuple(range(SHAPE[2]))) -> Callable[[int, Any], None]:
    def change(number: int, image: Any) -> None:
        if number in numbers:
            setattr(image, name, value)

    return change


def _header_cut(folder: Path) -> str:
    path = series(folder)[15]
    path.write_bytes(path.read_bytes()[:300])
    return "1 of 16 files have no pixels, or too few, the first is MPRAGE-015.dcm"


def _last_not_fetched(folder: Path) -> str:
    path = series(folder)[15]
    path.unlink()
    path.symlink_to("not-fetched")
    return "1 of 16 DICOM files cannot be read, the first is MPRAGE-015.dcm"


def _one_twice(folder: Path) -> str:
    shutil.copyfile(series(folder)[7], folder / "copy of MPRAGE-007.dcm")
    return "holds slices at the same place; one volume is needed"


def _half_in_a_folder(folder: Path) -> str:
    paths = series(folder)
    (folder / "rest").mkdir()
    for path in paths[8:]:
        path.rename(folder / "rest" / path.name)
    return "and more of them in its folder rest"


def _all_in_a_folder(folder: Path) -> str:
    (folder / "2020-01-02").mkdir(parents=True)
    series(folder / "2020-01-02")
    return "holds no DICOM file; one of its folders may, such as 2020-01-02"


def _packed(folder: Path) -> str:
    for path in series(folder):
        path.with_suffix(".dcm.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    return "holds no DICOM file"


def _moved_in_plane(number: int, image: Any) -> None:
    if number == 7:
        image.ImagePositionPatient = [50.0, *image.ImagePositionPatient[1:]]


def _compressed(number: int, image: Any) -> None:
    image.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.201"
    image.PixelData = encapsulate([b"\xff\x4f\xff\x51" * 20])
    image["PixelData"].is_undefined_length = True


def _without_number(number: int, image: Any) -> None:
    if number == 15:
        del image.InstanceNumber


def several_slices(folder: Path, frames: int = SHAPE[2]) -> Path:
    """Write a sound volume as the one file of an enhanced series."""
    paths = series(folder)
    slices = [pydicom.dcmread(path) for path in paths]
    for path in paths:
        path.unlink()
    image = slices[0]
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = pydicom.uid.EnhancedMRImageStorage
    image.NumberOfFrames, image.PixelData = SHAPE[2], b"".join(one.PixelData for one in slices)
    measures, axes = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = image.PixelSpacing, image.SliceThickness
    axes.ImageOrientationPatient = image.ImageOrientationPatient
    shared = Dataset()
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [axes]
    image.SharedFunctionalGroupsSequence = [shared]
    image.PerFrameFunctionalGroupsSequence = [_frame(one, place) for place, one in enumerate(slices[:frames], start=1)]
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(image, name)
    image.save_as(folder / "enhanced.dcm")
    return folder / "enhanced.dcm"


def _frame(image: Any, place: int) -> Any:
    position, content, frame = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = image.ImagePositionPatient
    content.StackID, content.InStackPositionNumber, content.DimensionIndexValues = "1", place, [1, place]
    frame.PlanePositionSequence, frame.FrameContentSequence = [position], [content]
    return frame


def _several_slices_cut(folder: Path) -> str:
    path = several_slices(folder)
    path.write_bytes(path.read_bytes()[:-2000])
    return "1 of 1 files have no pixels, or too few, the first is enhanced.dcm"


def _several_slices_without_pixels(folder: Path) -> str:
    path = several_slices(folder)
    image = pydicom.dcmread(path)
    del image.PixelData
    image.save_as(path)
    return "1 of 1 files have no pixels, or too few, the first is enhanced.dcm"


def _places_missing(folder: Path) -> str:
    several_slices(folder, 12)
    return "enhanced.dcm holds 16 slices and says of 12 where they are"


def _two_volumes(folder: Path) -> str:
    path = several_slices(folder)
    shutil.copyfile(path, folder / "second.dcm")
    return "holds 2 files, 2 of them of several slices; one volume is needed"


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
    "no-pixels": _changed("16 of 16 files have no pixels, or too few", _no_pixels),
    "last-slice-empty": _content(15, b"", "1 of 16 DICOM files cannot be read, the first is MPRAGE-015.dcm"),
    "first-slice-a-web-page": _content(0, LOGIN_PAGE, "1 of 16 DICOM files cannot be read, the first is MPRAGE-000"),
    "last-header-cut": _header_cut,
    "last-slice-not-fetched": _last_not_fetched,
    "one-slice-twice": _one_twice,
    "half-in-a-folder": _half_in_a_folder,
    "all-in-a-folder": _all_in_a_folder,
    "packed-slices": _packed,
    "slice-moved-in-plane": _changed("its slices do not lie in a line one behind the other", _moved_in_plane),
    "slice-without-number": _changed("1 of 16 files state no InstanceNumber", _without_number),
    "pixel-size-zero": _changed("16 of 16 slices state no pixel size", _set("PixelSpacing", [0, 0])),
    "pixel-size-of-one-slice": _changed("slices with pixels of 5 and 10 mm", _set("PixelSpacing", [5, 5], (7,))),
    "pixel-size-in-metres": _changed("at most 1000 is allowed", _set("PixelSpacing", [1e6, 1e6])),
    "directions-too-long": _changed("not at right angles", _set("ImageOrientationPatient", [2, 0, 0, 0, 2, 0])),
    "direction-short": _changed("1 of 16 slices do not say", _set("ImageOrientationPatient", [1, 0, 0, 0, 1], (15,))),
    "two-patients": _changed("holds 2 patients; one is needed", _set("PatientID", "another", (8, 9, 10))),
    "series-nameless": _changed("16 of 16 files state no SeriesInstanceUID", _set("SeriesInstanceUID", "")),
    "tomography": _changed("holds files of modality CT; MR is needed", _set("Modality", "CT")),
    "blank": _changed("is constant, every voxel is 0", _set("PixelData", b"\0" * 2 * SHAPE[0] * SHAPE[1])),
    "twelve-bits": _changed("the DICOM series cannot be converted", _set("BitsAllocated", 12)),
    "no-decoder": _changed("'High-Throughput JPEG 2000", _compressed),
    "several-slices-cut": _several_slices_cut,
    "several-slices-without-pixels": _several_slices_without_pixels,
    "several-slices-places-missing": _places_missing,
    "several-slices-two-files": _two_volumes,
    "structured-report": _changed("holds files of modality SR; MR is needed", _report),
}
