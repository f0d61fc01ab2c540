"""Memory of the data path, for few scans and for many.

Run as ``python -m benchmarks.memory``. For each number of scans, a process of its own goes through one epoch of
training batches and one of evaluation batches of a store that is as large as a real one (and sparse on disk). What
it keeps for itself is printed; pages of the store that the system holds for it, and can drop, are not part of it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from jsonargparse import auto_cli


def own_mib() -> float:
    """Memory of this process in MiB that is no file's."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def through(scans: int, shape: tuple[int, int, int], batch_size: int, folder: Path) -> float:
    """Go through the scans; memory in MiB that this added at most."""
    from torch.utils.data import DataLoader

    from benchmark.data.dataset import VolumeDataset
    from benchmark.data.sampling import EveryScanOnce, SiteBalancedSampler

    volumes = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
        folder / f"{scans}.npy", mode="w+", dtype=np.float16, shape=(scans, *shape)
    )
    rows = np.arange(scans)
    sites = np.array(["A", "B", "C", "D"])[rows % 4]
    table = pd.DataFrame(
        {"scan_key": [f"{site}/{row}/1" for row, site in zip(rows, sites, strict=True)], "site_code": rows % 4}
    ).assign(age=70.0, sex="F")
    before, most = own_mib(), 0.0
    for sampler in (SiteBalancedSampler(rows, sites, batch_size, 1), EveryScanOnce(rows, batch_size)):
        for _ in DataLoader(VolumeDataset(volumes, table), batch_size=None, sampler=sampler):
            most = max(most, own_mib() - before)
    return most


def main(
    scans: tuple[int, ...] = (100, 1_000, 10_000),
    shape: tuple[int, int, int] = (80, 96, 80),
    batch_size: int = 8,
    within: str | None = None,
) -> None:
    """Print the memory for each number of scans.

    Parameters
    ----------
    scans
        Numbers of scans that are compared.
    shape
        Voxels of a volume.
    batch_size
        Volumes a batch.
    within
        Folder of the store; a temporary one by default. Given to the processes that measure.
    """
    if within is not None:
        sys.stdout.write(f"{scans[0]} scans: {through(scans[0], shape, batch_size, Path(within)):.0f} MiB\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        for number in scans:
            given = [f"--scans=[{number}]", f"--shape={list(shape)}", f"--batch_size={batch_size}"]
            command = [sys.executable, "-m", "benchmarks.memory", *given, f"--within={folder}"]
            subprocess.run(command, check=True)  # noqa: S603 (this very module)
            (Path(folder) / f"{number}.npy").unlink()


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
