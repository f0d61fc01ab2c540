"""A DICOM series of a volume, one file a slice."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LPS = np.array([-1.0, -1.0, 1.0])


def write_series(
    paths: Sequence[Path],
    array: NDArray[Any],
    affine: NDArray[np.float64],
    patient: str,
    day: datetime.date,
    scanner: tuple[str, str, float],
    description: str,
) -> None:
    """Write the slices of a volume along its last axis, as MR images that converters read.

    ``paths`` are one a slice. ``array`` has shape (i, j, k) and is scaled to 12 bits where it is not of integers;
    ``affine`` leads from voxel indices to RAS+ mm, without shear. ``patient`` is name and identifier, ``scanner``
    manufacturer, model and tesla, and the description that of the series.
    """
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

    pixels = _integers(array)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    directions = affine[:3, :3] / spacing * _LPS[:, None]
    names = {
        level: generate_uid(entropy_srcs=[patient, str(day), description, level])
        for level in ("study", "series", "frame")
    }
    for place, path in enumerate(paths):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = MRImageStorage
        own = generate_uid(entropy_srcs=[names["series"], str(place)])
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = own
        image.StudyInstanceUID, image.SeriesInstanceUID = names["study"], names["series"]
        image.FrameOfReferenceUID = names["frame"]
        image.PatientName = image.PatientID = patient
        image.StudyDate = image.SeriesDate = image.AcquisitionDate = f"{day:%Y%m%d}"
        image.StudyTime = image.SeriesTime = image.AcquisitionTime = "101500"
        image.StudyID, image.SeriesNumber, image.AcquisitionNumber, image.InstanceNumber = "1", 2, 1, place + 1
        image.Modality, image.SeriesDescription, image.ProtocolName = "MR", description, description
        image.Manufacturer, image.ManufacturerModelName, image.MagneticFieldStrength = scanner
        image.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
        image.ScanningSequence, image.SequenceVariant, image.MRAcquisitionType = ["GR", "IR"], ["SP", "MP"], "3D"
        image.RepetitionTime, image.EchoTime, image.InversionTime, image.FlipAngle = 2300, 3, 900, 9
        image.PatientPosition = "HFS"
        image.ImagePositionPatient = _decimals((affine @ [0, 0, place, 1])[:3] * _LPS)
        image.ImageOrientationPatient = _decimals(np.concatenate([directions[:, 0], directions[:, 1]]))
        image.PixelSpacing = _decimals(spacing[[1, 0]])
        image.SliceThickness = image.SpacingBetweenSlices = float(spacing[2])
        image.SliceLocation = float(place * spacing[2])
        image.Columns, image.Rows = pixels.shape[:2]
        image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 1
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
        image.PixelData = np.ascontiguousarray(pixels[:, :, place].T).astype("<i2").tobytes()
        image.save_as(path, enforce_file_format=True)


def _integers(array: NDArray[Any]) -> NDArray[np.int16]:
    if not np.issubdtype(array.dtype, np.integer):
        array = np.rint(array * (4000 / max(float(np.abs(array).max()), 1e-12)))
    return array.astype(np.int16)


def _decimals(values: NDArray[np.float64]) -> list[float]:
    # Decimal strings hold 16 characters.
    return [round(float(value), 6) + 0.0 for value in values]
