"""Time of an import of a made-up ADNI download, of which the images are empty files.

Run as ``python -m benchmarks.importing --images 20000``.
"""

from __future__ import annotations

import datetime
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from jsonargparse import auto_cli

from benchmark.prepare.importers.adni import Options, collect
from benchmark.prepare.importers.write import write_manifests
from benchmark.prepare.phantom.downloads.adni import COLLECTION, DXSUM, MERGE, merge, rate
from benchmark.prepare.phantom.downloads.loni import SEARCH, Archive, Entry, Unit

_UNIT = Unit("SIEMENS", "TrioTim", "3.0")
_SESSIONS = 4


def made_up(out: Path, images: int) -> Options:
    """Write tree and tables: two images a session, the second of which is a repeat, and four sessions a subject."""
    archive = Archive("ADNI", 0, 0, COLLECTION, DXSUM, MERGE)
    for number in range(images):
        subject, session = number // (2 * _SESSIONS), number // 2 % _SESSIONS
        ptid, baseline = f"950_S_{90_000 + subject}", datetime.date(2012, 1, 2)
        day = baseline + datetime.timedelta(days=subject % 100 + 180 * session)
        age = 70 + (day - baseline).days / 365.25
        description = "MP-RAGE REPEAT" if number % 2 else "MPRAGE"
        entry = Entry(ptid, subject, day, description, "CN", "F", age, _UNIT, "ADNI2", "CN")
        entry.phase, entry.visit, entry.visit_name = "ADNI 2", "bl", "ADNI2 Year 1 Visit"
        archive.add(entry)
        if number % 2 == 0:
            rate(archive, ptid, day, "CN", "ADNI2")
            merge(archive, ptid, day, "CN", "ADNI2", "F", 70.0, baseline)
    archive.finished()
    archive.images = [(path, key, _touch) for path, key, _ in archive.images]
    archive.write(out, lambda *_: (np.zeros(0), np.zeros(0)))
    merged, diagnoses = out / MERGE.path, out / DXSUM.path
    return Options(out, out / COLLECTION.path, out / SEARCH.path, adnimerge=merged, dxsum=diagnoses)


def _touch(path: Path, *_: object) -> None:
    path.touch()


def main(images: int = 20_000) -> None:
    """Print seconds from folder and tables to manifests.

    Parameters
    ----------
    images
        Files of the download.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = made_up(Path(folder), images)
        started = time.perf_counter()
        found = collect(options)
        written = write_manifests(found, Path(folder) / "manifests", "adni", "dataset")
        seconds = time.perf_counter() - started
        used = sum(map(len, written.scans.values()))
    sys.stdout.write(f"{images} images, {used} scans used: {seconds:.1f} s\n")


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
