import hashlib
import json
import os
from pathlib import Path

import pytest

from benchmark.data import contents
from benchmark.data.contents import RECORD, sha256_of

_REAL = contents._sha256


@pytest.fixture
def files(tmp_path):
    """Three small files."""
    paths = []
    for n in range(3):
        path = tmp_path / f"{n}.nii"
        path.write_bytes(bytes([n]) * 1000)
        paths.append(str(path))
    return paths


@pytest.fixture
def another_process(monkeypatch):
    """Forget what this process has read; the files it reads from then on."""

    def begin():
        read = []
        monkeypatch.setattr(contents, "_KNOWN", {})
        monkeypatch.setattr(contents, "SETTLED", -(10**9))
        real = _REAL
        monkeypatch.setattr(contents, "_sha256", lambda name: read.append(name) or real(name))
        return read

    return begin


def test_digests_are_those_of_the_contents(files):
    found = sha256_of(files)
    assert found == {path: hashlib.sha256(bytes([n]) * 1000).hexdigest() for n, path in enumerate(files)}


def test_a_file_is_read_once_and_again_when_it_changed(files, tmp_path, another_process):
    read = another_process()
    first = sha256_of(files, tmp_path / "cache")
    assert len(read) == 3
    read = another_process()
    assert sha256_of(files, tmp_path / "cache") == first
    assert read == []
    with Path(files[1]).open("r+b") as stream:
        stream.write(b"other")
    # As if it had been put back by a program that keeps the time of the last change.
    os.utime(files[1], ns=(5, 5))
    again = sha256_of(files, tmp_path / "cache")
    assert read == [files[1]]
    assert {path for path in files if again[path] != first[path]} == {files[1]}


def test_what_changed_just_now_is_not_recorded(files, tmp_path, monkeypatch):
    """Two changes within the clock's tick look like one."""
    monkeypatch.setattr(contents, "_KNOWN", {})
    monkeypatch.setattr(contents, "SETTLED", 10**15)
    sha256_of(files, tmp_path / "cache")
    assert not (tmp_path / "cache" / RECORD).exists()


@pytest.mark.parametrize("torn", ["", "[]", '{"a": 1}', "{"])
def test_a_torn_record_is_no_record(files, tmp_path, another_process, torn):
    another_process()
    (tmp_path / RECORD).write_text(torn)
    assert len(sha256_of(files, tmp_path)) == 3
    assert set(json.loads((tmp_path / RECORD).read_text())) == set(files)


def test_a_record_that_cannot_be_written_is_no_error(files, tmp_path, another_process):
    another_process()
    (tmp_path / "cache").write_text("a file in the way")
    assert len(sha256_of(files, tmp_path / "cache")) == 3


def test_a_missing_file_is_an_error(files, tmp_path):
    with pytest.raises(FileNotFoundError):
        sha256_of([*files, str(tmp_path / "gone.nii")])
