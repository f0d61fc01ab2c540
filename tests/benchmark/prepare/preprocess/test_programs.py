"""Programs that may be installed, played by scripts: what they write is used, and why they fail is told."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.data.images import Image
from benchmark.errors import UserError
from benchmark.prepare.preprocess.brain import extract_brain
from benchmark.prepare.preprocess.dicom import convert_series
from benchmark.prepare.preprocess.run import no_extractor
from benchmark.prepare.preprocess.settings import RawSettings
from tests.corpus.series import series


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a shell script on the PATH under a name."""

    def write(name, script):
        path = tmp_path / "bin" / name
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")

    return write


def test_the_mask_of_a_brain_extractor_is_used(program):
    program("mri_synthstrip", "cp t1.nii.gz mask.nii.gz")
    image = Image(np.arange(216, dtype=np.float32).reshape(6, 6, 6) % 2, np.eye(4))
    found = extract_brain(image, "synthstrip")
    np.testing.assert_array_equal(found.data, image.data)


@pytest.mark.parametrize(
    ("script", "message"),
    [("echo first >&2; echo no memory >&2; exit 1", "failed: no memory"), ("exit 0", "failed: it wrote no mask")],
)
def test_a_brain_extractor_that_fails(program, script, message):
    program("hd-bet", script)
    with pytest.raises(UserError, match=f"brain: hd-bet {message}"):
        extract_brain(Image(np.ones((6, 6, 6), np.float32), np.eye(4)), "hd-bet")


@pytest.mark.parametrize(
    ("script", "message"), [("echo Error: bad series; exit 2", "Error: bad series"), ("exit 0", "no message")]
)
def test_a_converter_that_fails(program, tmp_path, script, message):
    series(tmp_path / "series")
    (tmp_path / "out").mkdir()
    program("dcm2niix", script)
    with pytest.raises(UserError, match=f"series: dcm2niix cannot convert the DICOM series: {message}"):
        convert_series(tmp_path / "series", tmp_path / "out")


def test_what_every_scan_gets_without_a_program_is_said(tmp_path, monkeypatch):
    header = "subject_id,session_id,image,site,diagnosis,age,sex,mask\n"
    manifest = tmp_path / "a.csv"
    manifest.write_text(f"{header}s1,1,a.nii.gz,A,CN,70,F,\ns2,1,b.nii.gz,A,CN,70,F,m.nii.gz\n", encoding="utf-8")
    monkeypatch.setenv("PATH", str(tmp_path))
    told = no_extractor([manifest], RawSettings())
    assert told.startswith(
        "note: no brain extractor is installed, so 1 of 2 scans, which come without one, get the template's mask"
    )
    assert "so every scan gets" not in told
    assert "get no mask" in no_extractor([manifest], RawSettings(registration="none"))
    assert no_extractor([manifest], RawSettings(brain="template")) == ""
    manifest.write_text(f"{header}s1,1,a.nii.gz,A,CN,70,F,\n", encoding="utf-8")
    assert "so every scan gets the template's mask" in no_extractor([manifest], RawSettings())
    (tmp_path / "hd-bet").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "hd-bet").chmod(0o755)
    assert no_extractor([manifest], RawSettings()) == ""
