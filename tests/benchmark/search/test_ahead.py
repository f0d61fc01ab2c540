"""Volumes that another process has read are those that this one would read."""

from __future__ import annotations

import os
import signal
from dataclasses import asdict

import numpy as np
import pytest

from benchmark.data.manifest import read_manifests
from benchmark.data.preprocessing import Preprocessing
from benchmark.data.store import stored_volume
from benchmark.errors import UserError
from benchmark.search import ahead as module
from benchmark.search.ahead import reading_ahead

SETTINGS = Preprocessing((16, 24, 16), 10.0)


@pytest.fixture(scope="module")
def scans(phantom):
    table = read_manifests(sorted(phantom.glob("phantom-*.csv")), phantom)[:80].reset_index(drop=True)
    return table.assign(mask=table["mask"].fillna(""))


@pytest.mark.slow
def test_they_are_the_same_bits_whoever_reads_them_and_a_bad_file_is_named(scans, tmp_path):
    (tmp_path / "torn.nii.gz").write_bytes(b"\x1f\x8b torn")
    scans = scans.assign(image=scans["image"].where(scans.index != 20, str(tmp_path / "torn.nii.gz")))
    with reading_ahead(scans, asdict(SETTINGS), processes=1) as ahead:
        found = ahead.volumes_of(scans[:16])
        expected = [stored_volume(row, SETTINGS)[0] for row in scans[:16].to_dict("records")]
        np.testing.assert_array_equal(found, expected)
        # Those that were handed out, and those that nobody began to read, are read by whoever asks.
        assert ahead.volumes_of(scans[:16]) is None
        assert ahead.volumes_of(scans[:1].assign(image="/other.nii.gz")) is None
        with pytest.raises(UserError, match=r"torn\.nii\.gz"):
            ahead.volumes_of(scans[16:32])
        assert len(ahead.volumes_of(scans[32:48])) == 16


def test_a_process_that_is_killed_costs_time_alone(scans):
    with reading_ahead(scans, asdict(SETTINGS), processes=1) as ahead:
        (process,) = ahead._pool._processes.values()
        os.kill(process.pid, signal.SIGKILL)
        process.join(10)
        assert ahead.volumes_of(scans[:16]) is None
        assert ahead.volumes_of(scans[16:32]) is None


def test_few_scans_are_not_worth_a_process(scans, monkeypatch):
    def no_pool(*_):
        raise AssertionError("a process was started")

    monkeypatch.setattr(module, "process_pool", no_pool)
    with reading_ahead(scans, asdict(SETTINGS)) as ahead:
        assert ahead.volumes_of(scans[:16]) is None
