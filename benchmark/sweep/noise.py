"""Made-up scans and LDRs of the right shape and number, to plan with and to time methods and scoring on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import as_strided

from benchmark.data.datamodule import SiteDataModule
from benchmark.data.outline import COMPONENTS, Outline
from benchmark.data.preprocessing import Preprocessing
from benchmark.data.store import VolumeStore
from benchmark.methods.image_quality import QUALITIES
from benchmark.seeds import generator

#: Columns of an embeddings table, by the letters of their names, and how many of each there are.
COLUMNS = {"m": COMPONENTS, "c": 32, "s": 8, "z": 32}
#: Voxels by which each volume of noise is shifted against the one before.
SHIFT = 7919


def noise_scans(train: int, test: int, sites: int) -> pd.DataFrame:
    """Scans table of so many made-up subjects in two splits, with one scan each, the sites in turn."""
    count = train + test
    draw = generator("noise scans", count, sites)
    # In turn within a split, so that every site has its share of both.
    code = np.concatenate([np.arange(train), np.arange(test)]) % sites
    return pd.DataFrame(
        {
            "subject_id": [f"noise{number:06d}" for number in range(count)],
            "session_id": "1",
            "scan_key": [f"noise/{number:06d}" for number in range(count)],
            "site": [f"site{number:02d}" for number in code],
            "site_code": code.astype(np.int64),
            "diagnosis": draw.choice(["CN", "MCI", "AD"], count),
            "age": draw.uniform(55, 90, count),
            "sex": draw.choice(["F", "M"], count),
            "split": ["train"] * train + ["test"] * test,
        }
    )


class NoiseData(SiteDataModule):
    """The datamodule of a configuration with noise in place of its volumes; reads and writes no file.

    Parameters
    ----------
    config
        The ``data`` section of a resolved configuration.
    train, sites
        Number of scans, all of them for training, and of their sites.
    batch
        Scans of a batch, in place of the configuration's.
    """

    def __init__(self, config: dict[str, Any], train: int, sites: int, batch: int) -> None:
        x, y, z = shape = tuple(config["preprocessing"]["shape"])
        super().__init__([], batch_size=batch, preprocessing=Preprocessing(shape=(x, y, z)), truth=config.get("truth"))
        self._scans = noise_scans(train, 0, sites).assign(mask="mask")
        # Half of the voxels are 0, as a real background is. Each volume is the one before, shifted: in memory once.
        noise = generator("noise volumes").standard_normal(x * y * z + train * SHIFT, dtype=np.float32)
        voxels = np.maximum(noise, 0).astype(np.float16)
        steps = [voxels.itemsize * size for size in (SHIFT, y * z, z, 1)]
        self._store = cast(VolumeStore, SimpleNamespace(volumes=as_strided(voxels, (train, *shape), steps)))
        # Of masks that hold every voxel: the second embedding of every scan takes its time.
        self._outline = Outline(np.zeros((train, COMPONENTS), np.float32), np.ones(shape, bool))

    def true_anatomy(self) -> pd.DataFrame | None:
        """Made-up anatomy where the configuration has a truth table."""
        values = generator("noise anatomy").standard_normal((len(self.scans), 8)).astype(np.float32)
        return None if self.truth is None else pd.DataFrame(values, self.scans.index).add_prefix("anatomy_")


def noise_embeddings(scans: pd.DataFrame) -> pd.DataFrame:
    """Embeddings table of made-up scans, with some site and disease in the LDRs: probes stop sooner on pure noise."""
    draw = generator("noise embeddings", len(scans))
    numbers = {letter: draw.standard_normal((len(scans), count)) for letter, count in COLUMNS.items()}
    for column in ("site", "diagnosis"):
        codes = np.unique(scans[column].to_numpy(str), return_inverse=True)[1]
        numbers["z"] += 0.5 * draw.standard_normal((codes.max() + 1, COLUMNS["z"]))[codes]
    quality = pd.DataFrame(draw.uniform(0.5, 0.9, (len(scans), 3)).astype(np.float32), columns=list(QUALITIES))
    columns = [pd.DataFrame(values.astype(np.float32)).add_prefix(letter) for letter, values in numbers.items()]
    return pd.concat([scans.drop(columns=["scan_key", "site_code"]), quality, *columns], axis=1)
