"""Images a second that training gets: from the volume store, and from torchio's loader over the same NIfTI files.

Run as ``python -m benchmarks.loading``; nothing else should run beside it. Both give the same volumes, which is
checked. torchio reads, checks nothing, and preprocesses every image in every epoch anew; the store has done it once.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torchio
from jsonargparse import auto_cli

from benchmark.data.datamodule import SiteDataModule
from benchmark.data.grid import CentredGrid
from benchmark.data.preprocessing import Preprocessing
from benchmark.prepare.phantom.generate import generate
from benchmark.prepare.phantom.settings import PhantomSettings

_TORCHIO: Any = torchio


class UnitRange:
    """The range from 0 to 1 that the suite brings images to before anything else."""

    def __call__(self, subject: Any) -> Any:
        """Subject with its image ``t1`` in that range."""
        data = subject.t1.data.float()
        subject.t1.set_data((data - data.min()) / (data.max() - data.min()))
        return subject


def subjects(scans: pd.DataFrame, preprocessing: Preprocessing, augmentation: Any) -> Any:
    """The same scans as a dataset of torchio's."""
    steps = [
        _TORCHIO.ToCanonical(),
        CentredGrid(preprocessing.shape, preprocessing.spacing),
        _TORCHIO.ZNormalization(masking_method="mask"),
        _TORCHIO.Mask("mask"),
        *([] if augmentation is None else [augmentation]),
    ]
    listed = [
        _TORCHIO.Subject(t1=_TORCHIO.ScalarImage(row["image"]), mask=_TORCHIO.LabelMap(row["mask"]))
        for row in scans.to_dict("records")
    ]

    def prepared(subject: Any) -> Any:
        subject = UnitRange()(subject)
        for step in steps:
            subject = step(subject)
        return subject

    return _TORCHIO.SubjectsDataset(listed, transform=prepared)


def rate(batches: Callable[[], Iterable[Any]], size: Callable[[Any], int], seconds: float) -> float:
    """Images a second over whole epochs, at least one of them and for at least so many seconds."""
    images, started = 0, time.perf_counter()
    while True:
        images += sum(size(batch) for batch in batches())
        taken = time.perf_counter() - started
        if taken > seconds:
            return images / taken


def main(
    scans: int = 128,
    spacing: float = 2.0,
    batch_size: int = 8,
    workers: tuple[int, ...] = (0, 2),
    seconds: float = 5.0,
    augment: bool = False,
) -> None:
    """Print images a second, and the ratio.

    Parameters
    ----------
    scans
        Training scans of the phantom that is made for it.
    spacing
        Edge of its voxels in mm, and of the network's grid.
    batch_size
        Images a batch.
    workers
        Numbers of loader processes that are compared.
    seconds
        Shortest time of a measurement.
    augment
        Whether both augment (a flip, then a bias field).
    """
    torch.set_num_threads(1)
    flip: Any = _TORCHIO.Compose([_TORCHIO.RandomFlip(axes=(0,)), _TORCHIO.RandomBiasField()]) if augment else None
    settings = PhantomSettings(spacing=spacing, train_scans=scans, test_subjects=3, travelling_subjects=3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "phantom"
        generate(settings, folder, processes=2)
        preprocessing = Preprocessing(shape=settings.shape, spacing=spacing)
        for count in workers:
            data = SiteDataModule(
                [f"{folder}/phantom-*.csv"], str(folder), preprocessing, batch_size=batch_size,
                cache_dir=f"{name}/cache", num_workers=count, augmentation=flip, store_processes=2,
            )  # fmt: skip
            started = time.perf_counter()
            rows = np.flatnonzero((data.scans["split"] == "train").to_numpy())
            store = data.store
            built = time.perf_counter() - started
            theirs = subjects(data.scans.iloc[rows], preprocessing, flip)
            if count == workers[0]:
                grid = " × ".join(map(str, settings.shape))
                sys.stdout.write(
                    f"{len(rows)} images of {grid}; store of {len(store.volumes)} built in {built:.1f} s\n"
                )
                if flip is None:
                    apart = float(np.abs(theirs[0].t1.numpy()[0] - store.volumes[rows[0]]).max())
                    sys.stdout.write(f"largest difference of a voxel, in standard deviations: {apart:.4f}\n")
            loader = data.train_dataloader()
            ours = rate(lambda found=loader: found, lambda batch: len(batch["index"]), seconds)  # type: ignore[misc]
            other = _TORCHIO.SubjectsLoader(
                theirs, batch_size=batch_size, shuffle=True, num_workers=count, persistent_workers=count > 0
            )
            found = rate(lambda found=other: found, lambda batch: len(batch["t1"]["data"]), seconds)  # type: ignore[misc]
            sys.stdout.write(
                f"{count} loader processes: store {ours:.0f} images a second, torchio {found:.1f}; "
                f"{ours / found:.0f} times as many\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
