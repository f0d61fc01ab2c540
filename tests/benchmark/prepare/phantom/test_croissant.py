"""Croissant metadata of the phantom: what the format asks for, and what a reader of it gets."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from benchmark.errors import UserError
from benchmark.prepare.phantom.croissant import COLUMNS, FILE, croissant, write_croissant
from benchmark.prepare.phantom.generate import write_manifests
from benchmark.prepare.phantom.settings import PhantomSettings

COMMITTED = Path(__file__).parents[4] / "data_manifests" / "phantom"


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    out = tmp_path_factory.mktemp("phantom")
    return write_manifests(PhantomSettings(sites=2, train_scans=16, test_subjects=3, travelling_subjects=3), out)


def test_the_committed_file_is_that_of_the_committed_manifests(tmp_path):
    made = write_croissant(PhantomSettings(), sorted(COMMITTED.glob("*.csv")), tmp_path)
    assert made.read_bytes() == (COMMITTED / FILE).read_bytes()
    for one in json.loads(made.read_text())["distribution"]:
        assert hashlib.sha256((COMMITTED / one["contentUrl"]).read_bytes()).hexdigest() == one["sha256"]


def test_it_says_that_the_data_are_synthetic_and_how_to_make_them(manifests):
    settings = PhantomSettings(sites=2, train_scans=16, test_subjects=3, anatomies="/home/me/maps")
    found = croissant(settings, manifests)
    assert found["description"].startswith("Synthetic data: no scan is of a person.")
    assert "seada-bench phantom --out OUT --sites 2 --train_scans 16" in found["description"]
    assert "/home/me" not in json.dumps(found)
    assert [one["name"] for one in found["recordSet"][0]["field"]] == list(COLUMNS)


def test_another_reader_gets_the_rows_of_the_manifests(manifests, tmp_path):
    mlcroissant = pytest.importorskip("mlcroissant", reason="needs the extra 'dev'")
    folder = manifests[0].parent
    dataset = mlcroissant.Dataset(write_croissant(PhantomSettings(sites=2), manifests, folder))
    assert not dataset.metadata.ctx.issues.errors
    for path in manifests:
        rows = list(dataset.records(path.stem))
        table = pd.read_csv(path)
        assert len(rows) == len(table)
        first = {key.rpartition("/")[2]: value for key, value in rows[0].items()}
        assert first["subject_id"].decode() == table["subject_id"][0]
        assert first["age"] == pytest.approx(table["age"][0])
    (folder / manifests[0].name).write_text("subject_id,shoe_size\n")
    with pytest.raises(UserError, match="column 'shoe_size' is none of a phantom's manifest"):
        croissant(PhantomSettings(sites=2), manifests)
