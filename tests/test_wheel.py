"""The wheel: commands work from its files alone, wherever they are called."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("benchmark", "baselines", "seada")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """Folder with the content of the wheel, built from a copy of the sources."""
    source, built, unpacked = (tmp_path_factory.mktemp(name) for name in ("source", "built", "unpacked"))
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    program = f"from setuptools.build_meta import build_wheel; print(build_wheel({str(built)!r}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    return unpacked


@pytest.fixture
def call(unpacked, tmp_path):
    """Run a command of the wheel in an empty folder."""

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "benchmark.cli", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(unpacked), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_it_has_every_file_of_the_packages_and_nothing_else(unpacked):
    here = {path.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*") if path.is_file()}
    packed = {path.relative_to(unpacked) for path in unpacked.rglob("*") if path.is_file()}
    assert {path for path in packed if not path.parts[0].endswith(".dist-info")} == {
        path for path in here if "__pycache__" not in path.parts
    }
    assert {path.parts[0] for path in packed if path.name == "py.typed"} == set(PACKAGES)


def test_what_is_shipped_is_listed(call):
    assert "smoke" in call("list", "sweeps")
    assert "seada" in call("list", "methods")
    assert "bids" in call("list", "importers")


@pytest.mark.needs("train")
def test_a_sweep_is_planned_by_its_name(call):
    text = call("sweep", "--config", "smoke", "--plan", "--scans", "60", "--sites", "4", "--shape", "[16,24,16]")
    assert "seada" in text
    assert text.startswith("run key")


def test_scores_become_a_page(call, tmp_path):
    shutil.copytree(ROOT / "results" / "reference", tmp_path / "reference")
    call("tables", "reference", "--out", "tables")
    assert (tmp_path / "tables" / "report.html").stat().st_size > 10_000
