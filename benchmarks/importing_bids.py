"""Time of importing a made-up BIDS dataset of empty files, all of it and without pybids.

Run as ``python -m benchmarks.importing_bids --scans 20000``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from jsonargparse import auto_cli

from benchmark.prepare.importers.bids import Options, collect
from benchmark.prepare.importers.files import image_files
from benchmark.prepare.importers.record import Import


def make_dataset(root: Path, scans: int) -> None:
    """Write a dataset of empty T1w and T2w images, two sessions a subject, with a JSON file each.

    Parameters
    ----------
    root
        Folder of the dataset.
    scans
        T1w images.
    """
    (root / "dataset_description.json").write_text(json.dumps({"Name": "speed", "BIDSVersion": "1.8.0"}))
    fields = json.dumps({"Manufacturer": "Siemens", "ManufacturersModelName": "Trio", "MagneticFieldStrength": 3})
    lines = ["participant_id\tage\tsex\tgroup"]
    for number in range(-(-scans // 2)):
        subject = f"sub-{number:05d}"
        lines.append(f"{subject}\t{50 + number % 40}\t{'FM'[number % 2]}\t{('control', 'AD')[number % 2]}")
        for session in ("ses-1", "ses-2"):
            folder = root / subject / session / "anat"
            folder.mkdir(parents=True)
            for suffix in ("T1w", "T2w"):
                (folder / f"{subject}_{session}_{suffix}.nii.gz").touch()
                (folder / f"{subject}_{session}_{suffix}.json").write_text(fields)
    (root / "participants.tsv").write_text("\n".join(lines) + "\n")


def main(scans: int = 20_000, folder: Path | None = None) -> None:
    """Print seconds of writing the dataset, walking through it, and importing it.

    Parameters
    ----------
    scans
        T1w images.
    folder
        Where the dataset is written, and removed from again; the system's temporary folder by default.
    """
    with tempfile.TemporaryDirectory(dir=folder) as name:
        root = Path(name)
        started = time.perf_counter()
        make_dataset(root, scans)
        started = _line("writing the dataset", started)
        files = sum(1 for _ in image_files(root, Import()))
        started = _line(f"walking through {files} image files", started)
        found = collect(Options(images=root))
        _line(f"importing {len(found.scans)} scans", started)


def _line(text: str, started: float) -> float:
    sys.stdout.write(f"{text:<60} {time.perf_counter() - started:8.2f} s\n")
    sys.stdout.flush()
    return time.perf_counter()


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
