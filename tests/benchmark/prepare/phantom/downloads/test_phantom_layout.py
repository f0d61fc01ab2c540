"""`seada-bench phantom --layout`: replicas with the phantom's heads."""

from __future__ import annotations

import shlex

import nibabel
import numpy as np

from benchmark.cli import main
from benchmark.data.manifest import read_manifests
from benchmark.prepare.phantom.replica_heads import phantom_heads
from benchmark.prepare.phantom.settings import PhantomSettings


def test_a_replica_can_be_written_imported_and_read(tmp_path, capsys, monkeypatch):
    out = tmp_path / "download"
    assert main(["phantom", "--layout", "oasis3", "--out", str(out), "--subjects", "12"]) == 0
    program, *command = shlex.split(capsys.readouterr().out.splitlines()[1])
    assert program == "seada-bench"
    monkeypatch.chdir(tmp_path)
    assert main(command) == 0
    scans = read_manifests([tmp_path / "manifests" / "OASIS3.csv"])
    volume = np.asarray(nibabel.load(scans["image"][0]).dataobj)
    assert volume.shape == (40, 48, 40)
    assert volume.std() > 0
    status = main(["phantom", "--layout", "oasis3", "--out", str(out)])
    assert (status, "holds files already" in capsys.readouterr().err) == (2, True)


def test_heads_are_the_same_for_a_subject_and_differ_between_datasets():
    head = phantom_heads(PhantomSettings())
    one, affine = head(3, "AD", "ADNI1")
    assert np.array_equal(one, head(3, "AD", "ADNI1")[0])
    assert (one.min() >= 0, one.max()) == (True, 1.0)
    assert np.linalg.det(affine[:3, :3]) > 0
    assert not np.array_equal(one, head(3, "AD", "OASIS2")[0])
    assert head(1, "SWEDD", "elsewhere")[0].shape == one.shape
