"""Scans that are nobody's, of the right shape and number, to time methods and scoring with."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.data.datamodule import SiteDataModule
from benchmark.data.outline import COMPONENTS, Outline
from benchmark.data.preprocessing import Preprocessing
from benchmark.data.store import VolumeStore
from benchmark.methods.image_quality import QUALITIES
from benchmark.seeds import generator


def synthetic_scans(train: int, test: int, sites: int) -> pd.DataFrame:
    """Scans table of made-up subjects: labels of the usual mix, one scan each, sites in turn.

    Parameters
    ----------
    train, test
        Scans of the two splits.
    sites
        Number of sites.
    """
    count = train + test
    draw = generator("synthetic scans", count, sites)
    names = np.array([f"site{number:02d}" for number in range(sites)])
    # In turn within a split, so that every site has its share of both.
    order = np.concatenate([np.arange(train), np.arange(test)]) % sites
    return pd.DataFrame(
        {
            "subject_id": [f"synthetic{number:06d}" for number in range(count)],
            "session_id": "1",
            "scan_key": [f"synthetic/{number:06d}" for number in range(count)],
            "site": names[order],
            "site_code": order.astype(np.int64),
            "diagnosis": draw.choice(["CN", "MCI", "AD"], count),
            "age": draw.uniform(55, 90, count),
            "sex": draw.choice(["F", "M"], count),
            "split": ["train"] * train + ["test"] * test,
        }
    )


#: Length of the LDR of the methods that are shipped.
LDR_DIM = 32


class SyntheticData(SiteDataModule):
    """The datamodule of a configuration with noise in place of its volumes; reads and writes no file.

    Parameters
    ----------
    config
        The ``data`` section of a resolved configuration.
    train
        Scans, all of them for training.
    sites
        Number of sites.
    shape
        Voxels along x, y and z, in place of the configuration's.
    """

    def __init__(self, config: dict[str, Any], train: int, sites: int, shape: tuple[int, ...]) -> None:
        super().__init__(
            [], batch_size=int(config["batch_size"]), preprocessing=Preprocessing(shape=(shape[0], shape[1], shape[2]))
        )
        self._scans = synthetic_scans(train, 0, sites)
        self._store = cast(VolumeStore, _Store(_Noise(shape)))
        self.has_truth = config.get("truth") is not None

    @property
    def outline(self) -> Outline:
        """Of masks that hold every voxel, for the second embedding of every scan takes its time."""
        return Outline(np.zeros((len(self.scans), COMPONENTS), np.float32), np.ones(self.preprocessing.shape, bool))

    def true_anatomy(self) -> pd.DataFrame | None:
        """Made-up anatomy where the configuration has a truth table."""
        if not self.has_truth:
            return None
        values = generator("synthetic anatomy").standard_normal((len(self.scans), 8)).astype(np.float32)
        return pd.DataFrame(values, self.scans.index, [f"anatomy_{number}" for number in range(8)])


class _Store:
    def __init__(self, volumes: _Noise) -> None:
        self.volumes = volumes


class _Noise:
    """Volumes that are one noise, shifted: in memory once, as a mapped store's pages are the system's.

    Half of their voxels are 0, as a real volume's background is.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        noise = generator("synthetic volumes").standard_normal(shape, dtype=np.float32)
        self.noise = np.maximum(noise, 0).astype(np.float16)

    def __getitem__(self, rows: list[int]) -> NDArray[np.float16]:
        flat = self.noise.ravel()
        return np.stack([np.roll(flat, 7919 * row).reshape(self.noise.shape) for row in rows])


def synthetic_embeddings(scans: pd.DataFrame, anatomy: bool) -> pd.DataFrame:
    """Embeddings of scans, with some site and disease in them: probes stop sooner on noise.

    Parameters
    ----------
    scans
        Scans table.
    anatomy
        Whether the true anatomy is known.
    """
    kept = ["subject_id", "session_id", "site", "diagnosis", "age", "sex", "split"]
    kept += [column for column in ("travelling",) if column in scans]
    draw = generator("synthetic embeddings", len(scans))
    signal = np.zeros((len(scans), LDR_DIM))
    for column in ("site", "diagnosis"):
        codes = np.unique(scans[column].fillna("").to_numpy(str), return_inverse=True)[1]
        signal += 0.5 * draw.standard_normal((codes.max() + 1, LDR_DIM))[codes]
    vectors = signal + draw.standard_normal(signal.shape)
    tables = [scans[kept].reset_index(drop=True)]
    known = {"anatomy_": 8 * anatomy, "m": COMPONENTS, "c": LDR_DIM, "s": 8}
    extra = {prefix: draw.standard_normal((len(scans), count)) for prefix, count in known.items()}
    quality = pd.DataFrame(draw.uniform(0.5, 0.9, (len(scans), 3)).astype(np.float32), columns=list(QUALITIES))
    tables.append(quality)
    for prefix, values in (*extra.items(), ("z", vectors)):
        names = [f"{prefix}{number}" for number in range(values.shape[1])]
        tables.append(pd.DataFrame(values.astype(np.float32), columns=names))
    return pd.concat(tables, axis=1)
