"""A quality gate before a search: whether a query is like the scans that the model was trained on.

A network gives every volume some LDR, and every LDR has neighbours. So a query is measured as training scans were, and
refused where it is further from their median than any of them, by a margin.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.data.preprocessing import Preprocessing
from benchmark.data.store import one_thread, stored_volume
from benchmark.train.exported_model import ExportedModel

#: A query fails where it is this many times as far from the training scans' median as the furthest of them.
MARGIN = 2.0
#: Training scans that the gate is measured on, at most; evenly spaced ones of more.
MOST = 256
#: Scans that it needs at least.
FEWEST = 20
#: Shares of voxels between which the intensity range is taken.
RANGE = (0.1, 99.9)

Volume = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Measure:
    """Something that is measured of a query.

    Attributes
    ----------
    said
        What it is, for the message.
    worse
        -1 where less of it is worse, 1 where more is, 0 for either.
    """

    said: str
    worse: int


#: Overlap and likeness with the training's mean are of volumes on the model's grid: registration that failed and a mask
#: of something else show in the first, another contrast or modality in the second.
MEASURES: Mapping[str, Measure] = {
    "overlap": Measure("overlap (Dice) of its brain mask with the training's mean mask", -1),
    "size": Measure("share of the grid in its brain mask", 0),
    "likeness": Measure("correlation with the training's mean volume", -1),
    "low": Measure("lowest intensities, in standard deviations", 0),
    "high": Measure("highest intensities, in standard deviations", 0),
    "mahalanobis": Measure("Mahalanobis distance of its LDR from the training's", 1),
}


@dataclass(frozen=True)
class Reference:
    """What the training's volumes are like on average.

    Attributes
    ----------
    mean
        Mean volume, shape (x, y, z).
    held
        Share of the training scans whose mask holds a voxel, shape (x, y, z); None where they have no masks.
    """

    mean: Volume
    held: Volume | None

    @classmethod
    def of(cls, volumes: npt.NDArray[np.float32], masked: bool) -> Reference:
        """Of volumes, shape (scans, x, y, z), which are 0 outside of their mask where they are masked."""
        held = (volumes != 0).mean(axis=0, dtype=np.float32) if masked else None
        return cls(volumes.mean(axis=0, dtype=np.float32), held)

    def numbers(self, volume: Volume) -> dict[str, float]:
        """Measures of one volume, shape (x, y, z), by name."""
        found: dict[str, float] = {}
        inside = np.ones(volume.shape, bool)
        values = volume.ravel()
        if self.held is not None:
            mask, inside = volume != 0, self.held > 0.5
            found["overlap"] = float(2 * (mask & inside).sum() / max(mask.sum() + inside.sum(), 1))
            found["size"] = float(mask.mean())
            values = volume[mask] if mask.any() else np.zeros(1, np.float32)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found["likeness"] = float(np.nan_to_num(np.corrcoef(volume[inside], self.mean[inside])[0, 1]))
        found["low"], found["high"] = (float(value) for value in np.percentile(values, RANGE))
        return found


def limits_of(numbers: Iterable[Mapping[str, float]]) -> dict[str, list[float]]:
    """Median, least and greatest of each measure over training scans, by name."""
    found: dict[str, list[float]] = {}
    rows = list(numbers)
    for name in rows[0] if rows else ():
        values = np.array([row[name] for row in rows])
        found[name] = [float(np.median(values)), float(values.min()), float(values.max())]
    return found


def typical_volumes(
    scans: pd.DataFrame,
    preprocessing: Preprocessing,
    masks: str,
    stored: tuple[npt.NDArray[np.float16], npt.NDArray[np.int64]] | None = None,
) -> tuple[dict[str, Volume], dict[str, list[float]]]:
    """What a model takes along for the gate.

    Parameters
    ----------
    scans
        Training scans, columns ``image`` and, where they have masks, ``mask``.
    preprocessing
        Of their volumes.
    masks
        ``all`` where each of them has a mask.
    stored
        Volumes of a store of the training, shape (rows, x, y, z), and the row of each scan in it; None to read files.

    Returns
    -------
    volumes
        Attributes of :class:`Reference` by name, without those that are None; none for fewer than :data:`FEWEST` scans.
    limits
        As :func:`limits_of`.

    Raises
    ------
    UserError
        For a file that cannot be used.
    """
    if len(scans) < FEWEST:
        return {}, {}
    step = -(-len(scans) // MOST)
    if stored is not None:
        of_all, rows = stored
        volumes: Volume = of_all[rows[::step]].astype(np.float32)
    else:
        columns = [name for name in ("image", "mask") if name in scans]
        chosen = scans.iloc[::step][columns].fillna("").astype(str)
        with one_thread():
            halves = [stored_volume(row, preprocessing)[0] for row in chosen.to_dict("records")]
        volumes = np.stack(halves).astype(np.float32)
    reference = Reference.of(volumes, masks == "all" and preprocessing.mask_background)
    kept = {name: value for name, value in reference.__dict__.items() if value is not None}
    return kept, limits_of(map(reference.numbers, volumes))


def failures(model: ExportedModel, scan: pd.DataFrame, ldr: npt.NDArray[np.float32]) -> list[str]:
    """Why a scan is not like those that a model was trained on, a phrase per measure; none where it is.

    Parameters
    ----------
    model
        The model. Of one that was exported without the training's files only the LDR's distance is known.
    scan
        Scans table of one row.
    ldr
        Its LDR, shape (dimension,).
    """
    return problems(*measured(model, scan, ldr))


def measured(
    model: ExportedModel, scan: pd.DataFrame, ldr: npt.NDArray[np.float32]
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """What the gate looks at: a scan's numbers, and what they were in training (:func:`limits_of`), both by name.

    Parameters are those of :func:`failures`.
    """
    statistics = model.description["statistics"]
    limits = dict(statistics["volumes"])
    numbers: dict[str, float] = {}
    if model.typical:
        reference = Reference(model.typical["mean"], model.typical.get("held"))
        numbers |= reference.numbers(model.volumes_of(scan)[0])
    if "mahalanobis" in statistics:
        known = dict(zip(statistics["quantiles"], statistics["mahalanobis"], strict=True))
        limits["mahalanobis"] = [known[0.5], known[0.0], known[1.0]]
        numbers["mahalanobis"] = _mahalanobis(model, ldr)
    return numbers, limits


def _mahalanobis(model: ExportedModel, ldr: npt.NDArray[np.float32]) -> float:
    """Of an LDR from the training's, by their shrunk covariance, as the export measures it."""
    statistics, dimension = model.description["statistics"], model.dimension
    scans, shrinkage = statistics["scans"], statistics["shrinkage"]
    covariance = model.covariance * (scans - 1) / scans
    level = shrinkage * np.trace(covariance) / dimension
    shrunk = (1 - shrinkage) * covariance + level * np.eye(dimension)
    away = ldr.astype(np.float64) - model.centre
    return float(np.sqrt(max(away @ np.linalg.lstsq(shrunk, away, rcond=None)[0], 0.0)))


def problems(numbers: Mapping[str, float], limits: Mapping[str, list[float]]) -> list[str]:
    """Why a query is not like the training scans, a phrase per measure; none where it is.

    Parameters
    ----------
    numbers
        Of the query, by name.
    limits
        As :func:`limits_of` gives them.
    """
    found = []
    for name, value in numbers.items():
        if name not in limits:
            continue
        measure = MEASURES[name]
        median, least, most = limits[name]
        low, high = median - MARGIN * (median - least), median + MARGIN * (most - median)
        if not ((measure.worse > 0 or value >= low) and (measure.worse < 0 or value <= high)):
            found.append(f"{measure.said} is {value:.3g}; in training it was {least:.3g} to {most:.3g}")
    return found
