"""Sdist and wheel: what is in them; commands of the wheel work from its files alone, wherever they are called."""

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
FILES = ("README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "constraints.txt")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """Folder with the content of the sdist, built from a copy of the sources."""
    source, unpacked = (tmp_path_factory.mktemp(name) for name in ("source", "sdist"))
    for name in (*PACKAGES, "docs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "MANIFEST.in", *FILES):
        shutil.copy(ROOT / name, source)
    # What setuptools would take along unasked.
    (source / "tests").mkdir()
    shutil.copy(__file__, source / "tests")
    shutil.unpack_archive(built("sdist", source, tmp_path_factory.mktemp("built")), unpacked, filter="data")
    (folder,) = unpacked.iterdir()
    return folder


@pytest.fixture(scope="module")
def unpacked(sdist, tmp_path_factory):
    """Folder with the content of the wheel, built from the sdist."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    # A build leaves files in the folder that it is of.
    source = shutil.copytree(sdist, tmp_path_factory.mktemp("source") / "sdist")
    with zipfile.ZipFile(built("wheel", source, tmp_path_factory.mktemp("built"))) as archive:
        archive.extractall(unpacked)
    return unpacked


def built(kind, source, out):
    program = f"from setuptools.build_meta import build_{kind}; build_{kind}({str(out)!r})"
    done = subprocess.run([sys.executable, "-c", program], cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (file,) = out.iterdir()
    return file


def files_of(folder):
    files = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {path for path in files if "__pycache__" not in path.parts}


def of_the_packages():
    return {Path(name) / path for name in PACKAGES for path in files_of(ROOT / name)}


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


def test_the_wheel_has_every_file_of_the_packages_both_licences_and_nothing_else(unpacked):
    packed = files_of(unpacked)
    (metadata,) = unpacked.glob("*.dist-info")
    assert {path for path in packed if path.parts[0] != metadata.name} == of_the_packages()
    assert {path.parts[0] for path in packed if path.name == "py.typed"} == set(PACKAGES)
    viewer = Path("benchmark/search/serve/static/niivue/LICENSE")
    assert files_of(metadata / "licenses") == {Path("LICENSE"), viewer}
    assert viewer in packed


def test_the_sdist_has_what_builds_and_tells_of_the_packages_and_nothing_else(sdist):
    pages = {path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*") if path.suffix in (".md", ".svg")}
    pages = {path for path in pages if "_site" not in path.parts}
    made = {Path("PKG-INFO"), Path("setup.cfg")}
    packed = {path for path in files_of(sdist) - made if not path.parts[0].endswith(".egg-info")}
    assert packed == of_the_packages() | pages | {Path(name) for name in ("pyproject.toml", "MANIFEST.in", *FILES)}


def test_no_file_names_the_folder_that_it_was_built_in(sdist, unpacked):
    here = str(ROOT).encode()
    files = [folder / path for folder in (sdist, unpacked) for path in files_of(folder)]
    assert not [path for path in files if here in path.read_bytes()]


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
