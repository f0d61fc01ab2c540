"""Small images and manifests."""

from __future__ import annotations

import csv

import nibabel
import numpy as np
import pytest

COLUMNS = ["subject_id", "session_id", "image", "site", "diagnosis", "age", "sex"]


def head(shape=(20, 24, 20)):
    """A smooth blob that is brighter on the right, at the front and at the top."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    blob = np.exp(-2 * (x**2 + y**2 + z**2)) * (1 + 0.5 * x + 0.3 * y + 0.2 * z)
    return (1000 * blob).astype(np.float32)


@pytest.fixture
def image(tmp_path):
    """Write an image file; the affine is RAS with 4 mm voxels unless given."""

    def write(name="scan.nii.gz", data=None, affine=None):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        affine = np.diag([4.0, 4, 4, 1]) if affine is None else affine
        nibabel.save(nibabel.Nifti1Image(head() if data is None else data, affine), path)
        return path

    return write


@pytest.fixture
def manifest(tmp_path, image):
    """Write a manifest of rows given as changes to a good one; images are written unless named."""

    def write(*rows, name="site.csv", columns=COLUMNS, encoding="utf-8"):
        path = tmp_path / name
        with path.open("w", newline="", encoding=encoding) as stream:
            writer = csv.writer(stream)
            writer.writerow(columns)
            for i, changes in enumerate(rows):
                row = {
                    "subject_id": f"s{i}", "session_id": "1", "image": f"{name}-{i}.nii.gz", "site": "A",
                    "diagnosis": "CN", "age": "70", "sex": "F", "split": "", **changes,
                }  # fmt: skip
                if "image" not in changes:
                    image(row["image"])
                writer.writerow([row[column] for column in columns])
        return path

    return write
