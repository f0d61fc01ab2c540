"""Importers run through the command line, as a user runs them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmark.cli import main
from benchmark.data.manifest import read_manifests


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

    def check(self):
        """The manifests through the reader of the suite, images and all."""
        paths = [path for path in sorted(self.out.glob("*.csv")) if not path.name.endswith("-import.csv")]
        return read_manifests(paths, check_images=True)


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
