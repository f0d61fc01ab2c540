import json
import math

import pytest

from benchmark.errors import UserError
from benchmark.prepare.importers.sidecar import Acquisition, acquisition, beside, read_json


def test_fields_are_normalised():
    found = acquisition(
        {
            "Manufacturer": "SIEMENS",
            "ManufacturersModelName": "Biograph_mMR",
            "MagneticFieldStrength": 2.89,
            "MRAcquisitionType": "3d",
        }
    )
    assert found == Acquisition("Siemens", "Biograph mMR", 2.9, "3D")
    assert acquisition({"Manufacturer": None, "MRAcquisitionType": "?"}).scanner == ("", "", "")


def test_what_is_unknown_is_filled():
    found = Acquisition("GE", "", math.nan, "").filled(Acquisition("Siemens", "Trio", 3.0, "3D"))
    assert found == Acquisition("GE", "Trio", 3.0, "3D")


def test_only_what_both_know_can_contradict():
    assert Acquisition("GE").contradicts(Acquisition("Siemens"))
    assert Acquisition("GE", "", 1.5).contradicts(Acquisition("GE", "", 3.0))
    assert not Acquisition("GE").contradicts(Acquisition("", "Trio", 3.0))


@pytest.mark.parametrize(
    ("image", "sidecar"),
    [("anat1/a_T1w.nii.gz", "anat1/a_T1w.json"), ("scans/NIFTI/files/a.nii.gz", "scans/BIDS/files/a.json")],
)
def test_files_are_found_beside_an_image_and_in_the_folder_beside_its_own(tmp_path, image, sidecar):
    assert beside(tmp_path / image) == Acquisition()
    (tmp_path / sidecar).parent.mkdir(parents=True)
    (tmp_path / sidecar).write_text(json.dumps({"MagneticFieldStrength": 3}))
    assert beside(tmp_path / image).field_strength == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"{", "is no JSON file in UTF-8"), (b"\xff", "is no JSON file in UTF-8"), (b"3", "is no JSON object")],
)
def test_files_that_cannot_be_read_are_named(tmp_path, content, message):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=f"a.json: {message}"):
        read_json(tmp_path / "a.json")
    with pytest.raises(UserError, match="b.json: cannot be read: No such file"):
        read_json(tmp_path / "b.json")
