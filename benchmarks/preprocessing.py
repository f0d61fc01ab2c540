"""Scans a minute of raw T1 preprocessing, by one process and by several.

Run as ``python -m benchmarks.preprocessing --scans 16``; nothing else should run beside it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from jsonargparse import auto_cli

from benchmark.prepare.phantom.downloads.volumes import write_nifti
from benchmark.prepare.phantom.replica_heads import phantom_heads
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.prepare.preprocess.run import preprocess
from benchmark.prepare.preprocess.settings import RawSettings


def made_up(folder: Path, scans: int, spacing: float) -> Path:
    """Write heads of the phantom as scans of one site, and their manifest."""
    head = phantom_heads(PhantomSettings(spacing=spacing))
    rows = []
    for number in range(scans):
        write_nifti(folder / f"{number}.nii.gz", *head(number, "CN", "ADNI1"))
        row = {"subject_id": f"s{number}", "session_id": "1", "image": f"{number}.nii.gz", "site": "A"}
        rows.append(row | {"diagnosis": "CN", "age": 70, "sex": "F"})
    path = folder / "A.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def main(
    scans: int = 16,
    spacing: float = 2.0,
    processes: tuple[int, ...] = (1, 2),
    raw: RawSettings = RawSettings(),  # noqa: B008 (frozen)
) -> None:
    """Print scans a minute, start of the processes included.

    Parameters
    ----------
    scans
        Scans that are preprocessed.
    spacing
        Voxel size of the raw volumes in mm.
    processes
        Numbers of processes that are compared.
    raw
        What is done to a scan.
    """
    with tempfile.TemporaryDirectory() as name:
        manifest = made_up(Path(name), scans, spacing)
        seconds = []
        for count in processes:
            started = time.perf_counter()
            preprocess([manifest], Path(name) / f"out-{count}", raw, processes=count, progress=False)
            seconds.append(time.perf_counter() - started)
            rate, ratio = 60 * scans / seconds[-1], seconds[0] / seconds[-1]
            sys.stdout.write(f"{count} processes: {rate:.1f} scans a minute, {ratio:.2f} times the first\n")
            sys.stdout.flush()


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
