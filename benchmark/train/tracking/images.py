"""Reconstructions as images: what a method keeps of a scan, to be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from lightning import Callback, LightningModule, Trainer

from benchmark.data.atomic import atomic_path
from benchmark.errors import UserError
from benchmark.seeds import generator
from benchmark.train.tracking.loggers import LOGS
from benchmark.train.tracking.undisturbed import batches_of, forward, undisturbed

Floats = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]
KEY = "reconstructions"


class Reconstructions(Callback):
    """Draw a few training scans beside their reconstructions, every few epochs and at the end.

    The middle slices of each axis, volume above reconstruction, both on the volume's grey scale; below, for a method
    whose reconstruction is a sum, what is summed, each on a grey scale of its own. They go to
    ``logs/reconstructions`` and to every logger that takes images (Weights & Biases, TensorBoard). Scans are drawn
    from all sites in turn and named by their site alone. A method that does not reconstruct gets no images.

    Parameters
    ----------
    scans
        Number of scans; the same all along.
    every
        Epochs between two drawings; 0 for the end alone.

    Raises
    ------
    UserError
        For a number out of range.
    """

    def __init__(self, scans: int = 4, every: int = 0) -> None:
        for name, value, least in (("scans", scans, 1), ("every", every, 0)):
            if value < least:
                raise UserError(f"Reconstructions: {name} {value} is not allowed; it must be an integer >= {least}")
        self.scans = scans
        self.every = every

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: images of an epoch."""
        epoch = trainer.current_epoch + 1
        if self.every and epoch % self.every == 0 and epoch != trainer.max_epochs:
            self._draw(trainer, pl_module, epoch)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: images of the finished method, also of one that is fitted after its epochs."""
        self._draw(trainer, pl_module, trainer.current_epoch)

    def _draw(self, trainer: Trainer, module: Any, epoch: int) -> None:
        if not trainer.is_global_zero or not hasattr(module, "reconstruct"):
            return
        table = trainer.datamodule.scans  # type: ignore[attr-defined]
        rows = shown_rows(table, self.scans)
        embed = getattr(module, "embed_in_training", module.embed) if trainer.training else module.embed
        drawn: list[Picture] = []
        with undisturbed(module), forward(trainer):
            for batch in batches_of(trainer, rows, 1):
                made = module.reconstruct(batch, embed(batch))
                if made is None:
                    return
                summands = module.summands(batch, embed(batch)) if hasattr(module, "summands") else {}
                volumes = [one[0, 0] for one in (batch["volume"], made, *summands.values())]
                drawn.append(picture(torch.stack(volumes).float().cpu().numpy()))
        captions = [f"{table['site'].iloc[row]}, epoch {epoch}" for row in rows]
        folder = Path(trainer.default_root_dir) / LOGS / KEY
        folder.mkdir(parents=True, exist_ok=True)
        write_png(np.concatenate(drawn), folder / f"epoch-{epoch:04d}.png")
        # The step that Lightning logs the losses of this epoch at.
        step = max(epoch * int(min(trainer.num_training_batches, 2**31)) - 1, 0)
        loggers: list[Any] = list(trainer.loggers)
        for logger in loggers:
            if hasattr(logger, "log_image"):
                logger.log_image(KEY, images=drawn, caption=captions, step=step)
            elif hasattr(logger.experiment, "add_image"):
                logger.experiment.add_image(KEY, np.concatenate(drawn), step, dataformats="HW")


def shown_rows(scans: pd.DataFrame, count: int) -> list[int]:
    """Rows of training scans, one of each site in turn.

    Parameters
    ----------
    scans
        The scans table, with ``split``, ``site`` and ``scan_key``.
    count
        How many.
    """
    train = scans.reset_index(drop=True).query("split == 'train'")
    # Which scan of a site follows from its key, so that images of two runs show the same heads.
    draw = {key: generator("shown", key).random() for key in train["scan_key"]}
    order = train.assign(draw=train["scan_key"].map(draw)).sort_values("draw", kind="stable")
    turn = order.groupby("site").cumcount()
    rows = order.assign(turn=turn).sort_values(["turn", "site"], kind="stable").index[:count]
    return [int(row) for row in rows]


def picture(volumes: Floats) -> Picture:
    """Grey picture of a volume, its reconstruction, and what that is the sum of.

    Parameters
    ----------
    volumes
        Shape (2 or more, x, y, z): the volume, then its reconstruction, then any summands.

    Returns
    -------
    numpy.ndarray
        Shape (height, width): middle slices across z, y and x side by side, anterior or superior up, one row per
        volume, on the grey scale of the first volume's 0.5th to 99.5th percentile; a summand on that of its own.
    """
    _, x, y, z = volumes.shape
    rows = []
    for number, volume in enumerate(volumes):
        low, high = np.percentile(volume if number > 1 else volumes[0], [0.5, 99.5])
        slices = [volume[:, :, z // 2].T[::-1], volume[:, y // 2].T[::-1], volume[x // 2].T[::-1]]
        tallest = max(one.shape[0] for one in slices)
        padded = [np.pad(one, ((0, tallest - len(one)), (0, 0)), constant_values=low) for one in slices]
        rows.append((np.concatenate(padded, axis=1) - low) / max(float(high - low), 1e-6))
    grey: Picture = (np.clip(np.nan_to_num(np.concatenate(rows)), 0, 1) * 255).astype(np.uint8)
    return grey


def write_png(image: Picture, path: Path) -> None:
    """Write a grey picture (height, width)."""
    from PIL import Image

    with atomic_path(path) as temporary:
        Image.fromarray(image).save(temporary)
