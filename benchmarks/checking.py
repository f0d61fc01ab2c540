"""Time of a check of made-up manifests without a look at their images.

Run as ``python -m benchmarks.checking --rows 100000``.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from jsonargparse import auto_cli

from benchmark.data.manifest import read_manifests
from benchmark.prepare.checks.design import design_of
from benchmark.prepare.checks.images import check_images
from benchmark.prepare.checks.text import check_text


def made_up(folder: Path, rows: int, sites: int = 8) -> list[Path]:
    """Write one manifest a site, of subjects with two sessions each; their images are not there."""
    rng = np.random.default_rng(0)
    subject = np.arange(rows) // 2
    table = pd.DataFrame(
        {
            "subject_id": np.char.add("s", subject.astype(str)),
            "session_id": np.char.add("d", (np.arange(rows) % 2).astype(str)),
            "image": np.char.add(np.char.add("images/", np.arange(rows).astype(str)), ".nii.gz"),
            "site": np.char.add("site", (subject % sites).astype(str)),
            "diagnosis": np.array(["CN", "MCI", "AD"])[rng.integers(3, size=rows // 2 + 1)[subject]],
            "age": rng.uniform(55, 90, size=rows).round(2),
            "sex": np.array(["F", "M"])[rng.integers(2, size=rows // 2 + 1)[subject]],
        }
    )
    paths = []
    for site, part in table.groupby("site"):
        paths.append(folder / f"{site}.csv")
        part.to_csv(paths[-1], index=False)
    return paths


def main(rows: int = 100_000) -> None:
    """Print the seconds that ``manifest check --images none`` needs after its imports.

    Parameters
    ----------
    rows
        Scans of all manifests together.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = made_up(Path(folder), rows)
        started = time.perf_counter()
        scans = read_manifests(paths, check_images=False)
        text = check_text(design_of(scans), check_images(scans, "none"), len(scans))
        seconds = time.perf_counter() - started
    sys.stdout.write(f"{text}\n{rows} rows: {seconds:.1f} s\n")


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
