"""Small images and manifests written to a temporary folder."""

from __future__ import annotations

import csv

import numpy as np
import pytest

COLUMNS = ("subject_id", "session_id", "image", "site", "diagnosis", "age", "sex")


@pytest.fixture(scope="session")
def head():
    """Function: a head with a bright right side, in RAS order at any spacing, its mask and affine.

    The field of view is 96 × 112 × 104 mm around the origin, so that scans of different spacing show the same head.
    """

    def make(spacing=(4.0, 4.0, 4.0), seed=0):
        extent = np.array([96.0, 112.0, 104.0])
        shape = np.round(extent / spacing).astype(int)
        affine = np.diag([*spacing, 1.0])
        affine[:3, 3] = -(shape - 1) / 2 * spacing
        x, y, z = np.meshgrid(
            *[(np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing, strict=True)], indexing="ij"
        )
        radius = np.sqrt((x / 36) ** 2 + (y / 44) ** 2 + (z / 40) ** 2)
        mask = radius < 1
        blob = np.exp(-((x - 20) ** 2 + (y - 8) ** 2 + (z + 12) ** 2) / 200)
        data = (500 * np.clip(1.2 - radius, 0, 0.6) + 300 * blob) * (radius < 1.2)
        data += np.random.default_rng(seed).uniform(0, 1e-3, data.shape)
        return data, mask.astype(np.uint8), affine

    return make


@pytest.fixture(scope="session")
def write_image():
    """Function: write an array as NIfTI, stored in any orientation."""

    def write(path, data, affine, orientation="RAS", dtype=np.float32, **header):
        import nibabel

        image = nibabel.Nifti1Image(np.asarray(data, dtype=dtype), affine)
        target = nibabel.orientations.axcodes2ornt(orientation)
        image = image.as_reoriented(
            nibabel.orientations.ornt_transform(nibabel.orientations.io_orientation(affine), target)
        )
        image.set_data_dtype(dtype)
        for name, value in header.items():
            image.header[name] = value
        path.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(image, path)
        return path

    return write


@pytest.fixture
def write_manifest(tmp_path):
    """Function: write rows (dictionaries of what differs from a valid row) as a manifest; images are empty files."""

    def write(*rows, name="a.csv", site="A", columns=None, images=True):
        valid = {"session_id": "1", "site": site, "diagnosis": "CN", "age": "70", "sex": "F"}
        full = [
            {"subject_id": f"{site}{n}", "image": f"images/{site}{n}.nii.gz", **valid, **row}
            for n, row in enumerate(rows or ({},))
        ]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        names = columns or list(dict.fromkeys([*COLUMNS, *(key for row in full for key in row)]))
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, names, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(full)
        for row in full if images else ():
            image = path.parent / (row["image"] or "none")
            image.parent.mkdir(parents=True, exist_ok=True)
            image.touch()
        return path

    return write
