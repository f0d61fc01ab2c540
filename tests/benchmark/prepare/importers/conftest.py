"""Importers run through the command line, as a user runs them."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmark.cli import main
from benchmark.data.manifest import read_manifests
from benchmark.prepare.phantom.downloads.loni import FIRST_IMAGE, FIRST_SERIES
from benchmark.prepare.phantom.downloads.registry import import_options, replicas


@dataclass(frozen=True)
class Built:
    """What `seada-bench manifest build` did."""

    out: Path
    text: str

    @property
    def rows(self):
        """Rows of all manifests, as text."""
        found = []
        for path in sorted(self.out.glob("*.csv")):
            if not path.name.endswith("-import.csv"):
                with path.open(encoding="utf-8", newline="") as stream:
                    found += list(csv.DictReader(stream))
        return found

    @property
    def record(self):
        """Outcome and reason by path or row."""
        path = next(self.out.glob("*-import.csv"))
        with path.open(encoding="utf-8", newline="") as stream:
            return {row["what"]: row["site or reason"] for row in csv.DictReader(stream)}

    def reasons(self):
        """How often each reason is given."""
        counts = {}
        for reason in self.record.values():
            counts[reason] = counts.get(reason, 0) + 1
        return counts

    def scan(self, subject, session):
        """The one row of a scan."""
        (row,) = [row for row in self.rows if (row["subject_id"], row["session_id"]) == (subject, session)]
        return row

    def check(self, images=True):
        """The manifests through the reader of the suite, images and all."""
        paths = [path for path in sorted(self.out.glob("*.csv")) if not path.name.endswith("-import.csv")]
        return read_manifests(paths, check_images=images)


@pytest.fixture
def replica(request, tmp_path, tiny_volume):
    """The replica that a module of tests is of, by its NAME, or a test by its parameter; the test may change it."""
    name = name_of(request)
    made = replicas()[name].describe(subjects=6 if name in ("adni", "ppmi") else 12)
    return made.write(tmp_path / "replica", tiny_volume)


@pytest.fixture
def given(request, replica):
    """Arguments of the import of the replica with all its tables."""
    return name_of(request), *import_options(name_of(request), replica)


def name_of(request):
    return request.getfixturevalue("name") if "name" in request.fixturenames else request.module.NAME


@pytest.fixture
def build(tmp_path, capsys):
    """Run an importer and expect it to succeed."""

    def run(importer, *arguments, out="out"):
        place = tmp_path / out
        status = main(["manifest", "build", importer, "--out", str(place), *map(str, arguments)])
        shown = capsys.readouterr()
        assert status == 0, shown.err
        return Built(place, shown.out)

    return run


@pytest.fixture
def refuse(tmp_path, capsys):
    """Run an importer that must refuse its input in one line, and give that line."""

    def run(importer, *arguments):
        status = main(["manifest", "build", importer, "--out", str(tmp_path / "refused"), *map(str, arguments)])
        shown = capsys.readouterr()
        assert status == 2
        assert not (tmp_path / "refused").exists()
        assert len(shown.err.strip().splitlines()) == 1, shown.err
        return shown.err.strip()

    return run


@pytest.fixture
def edit():
    """Replace text in a table that must have it."""

    def run(path, old, new):
        text = path.read_bytes().decode("utf-8-sig")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return run


@pytest.fixture
def same_scans():
    """Compare manifest rows with what a replica knows of its scans."""

    def run(built, expected, replica):
        names = ("subject_id", "session_id", "image", "diagnosis", "age", "sex")
        scanner = ("scanner_manufacturer", "scanner_model", "field_strength")
        found = sorted(tuple(row[name] for name in (*names, *scanner)) for row in built.rows)
        wanted = sorted(
            (
                each.subject_id,
                each.session_id,
                str(replica / each.image),
                each.diagnosis,
                f"{each.age:.2f}",
                each.sex,
                each.manufacturer,
                each.model,
                f"{each.field_strength:g}" if each.field_strength else "",
            )
            for each in expected
        )
        assert found == wanted
        assert len(built.check()) == len(wanted)

    return run


@pytest.fixture
def same_as_truth():
    """Compare an import with the truth table of a replica of a LONI archive, image by image."""

    def run(built, replica, **changes):
        with (replica / "truth.csv").open(encoding="utf-8", newline="") as stream:
            truth = {row["image_id"]: row for row in csv.DictReader(stream)}
        for image, columns in changes.items():
            truth[image].update(columns)
        names = {"subject_id", "session_id", "dataset", "diagnosis", "age", "sex", "field_strength"}
        of_scanner = {"scanner_manufacturer": "manufacturer", "scanner_model": "model"}
        columns = {name: name for name in sorted(names)} | of_scanner
        found = {row["image_id"]: {name: row[name] for name in columns} for row in built.rows}
        used = {image: row for image, row in truth.items() if row["outcome"] == "used"}
        assert found == {image: {name: row[column] for name, column in columns.items()} for image, row in used.items()}
        # Folders of DICOM are converted before training reads them.
        scans = built.check(images=False)
        assert len(scans) == len(used)
        assert all(Path(image).exists() for image in scans["image"])
        reasons = {}
        for what, reason in built.record.items():
            images = re.findall(r"I\d{8,}", what)
            # A folder of slices may be named after its series alone.
            series = int(what.rsplit("/S", 1)[-1]) if not images else 0
            reasons[images[-1] if images else f"I{FIRST_IMAGE + 7 * (series - FIRST_SERIES) // 3}"] = reason
        left_out = {image: row["outcome"] for image, row in truth.items() if row["outcome"] != "used"}
        assert {image: reasons[image] for image in left_out} == left_out
        assert set(reasons) == set(truth)

    return run
