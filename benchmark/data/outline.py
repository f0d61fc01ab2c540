"""The brain's outline: principal components of the masks, and the mask that is common to the training scans."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmark.data.atomic import atomic_path
from benchmark.data.store import VolumeStore

#: Changes whenever the same volumes and training scans give another outline.
OUTLINE_VERSION = 1
#: Leading principal components of the masks.
COMPONENTS = 20
#: Share of the training scans' masks that must hold a voxel of the common mask.
COMMON_SHARE = 0.99
#: Training scans that the components are taken from, at most; evenly spaced ones of more.
MOST_FITTED = 1000
#: Volumes read at a time.
CHUNK = 64
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outline:
    """What the masks of a volume store say, without any intensity.

    Attributes
    ----------
    components
        Scores of every scan on the leading principal components of the training scans' binary masks, shape
        (scan, :data:`COMPONENTS`), float32, in the order of the store; 0 for components that there are not.
    common
        Shape (x, y, z), bool: voxels that at least :data:`COMMON_SHARE` of the training scans' masks hold.
    """

    components: NDArray[np.float32]
    common: NDArray[np.bool_]

    @classmethod
    def of(cls, volumes: NDArray[np.float16], training: NDArray[np.int64]) -> Outline:
        """Outline of masked volumes.

        Parameters
        ----------
        volumes
            Shape (scan, x, y, z); 0 outside of the mask.
        training
            Rows of the training scans, which components and common mask are taken from.
        """
        held = np.zeros(volumes.shape[1:], np.int64)
        for rows in _chunks(training):
            held += (volumes[rows] != 0).sum(axis=0)
        # Where all training scans agree there is nothing to explain.
        varies = (held > 0) & (held < len(training))
        mean = held[varies] / len(training)
        fitted = training[:: -(-len(training) // MOST_FITTED)]
        return cls(_scores(volumes, fitted, varies, mean), held >= COMMON_SHARE * len(training))

    @classmethod
    def cached(cls, store: VolumeStore, training: NDArray[np.int64]) -> Outline:
        """:meth:`of` a store's volumes, from a file in its folder; computed and left there by whoever is first."""
        text = f"{OUTLINE_VERSION} {COMPONENTS} {COMMON_SHARE} {store.digest} {','.join(map(str, training))}"
        path = store.folder / f"outline-{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"
        known = _read(path, store.volumes.shape)
        if known is not None:
            return known
        made = cls.of(store.volumes, training)
        try:
            with atomic_path(path) as temporary, temporary.open("wb") as stream:
                np.savez(stream, components=made.components, common=made.common)
        except OSError as error:
            # A cache that belongs to someone else: every run then computes it for itself.
            _LOG.warning("%s cannot be written (%s); the masks are read again by every run", path, error.strerror)
        return made


def _read(path: Path, shape: tuple[int, ...]) -> Outline | None:
    if not path.is_file():
        return None
    try:
        with np.load(path) as file:
            known = Outline(file["components"], file["common"])
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        _LOG.warning("%s is damaged (%s); it is made again", path, error)
        return None
    return known if (len(known.components), *known.common.shape) == shape else None


def _scores(
    volumes: NDArray[np.float16],
    fitted: NDArray[np.int64],
    varies: NDArray[np.bool_],
    mean: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Scores (scan, component) of all scans on the components of some scans' masks, by their Gram matrix."""
    scores = np.zeros((len(volumes), COMPONENTS), np.float32)
    if not varies.any():
        return scores
    # One thread: sums over several round differently, and the file is the same whoever makes it.
    with threadpool_limits(1):
        centred = np.concatenate([_masks(volumes, rows, varies, mean) for rows in _chunks(fitted)])
        eigenvalues, vectors = np.linalg.eigh((centred @ centred.T).astype(np.float64))
        order = np.argsort(eigenvalues)[::-1][:COMPONENTS]
        # There are fewer directions than scans; what is left of others is rounding.
        order = order[eigenvalues[order] > 1e-6 * eigenvalues[order[0]]]
        axes = (centred.T @ vectors[:, order] / np.sqrt(eigenvalues[order])).astype(np.float32)
        # Signs are arbitrary: the largest weight is positive.
        axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(len(order))])
        for rows in _chunks(np.arange(len(volumes))):
            scores[rows, : len(order)] = _masks(volumes, rows, varies, mean) @ axes
    return scores


def _masks(
    volumes: NDArray[np.float16], rows: NDArray[np.int64], varies: NDArray[np.bool_], mean: NDArray[np.float64]
) -> NDArray[np.float32]:
    centred: NDArray[np.float32] = (volumes[rows][:, varies] != 0) - mean.astype(np.float32)
    return centred


def _chunks(rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    return [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
