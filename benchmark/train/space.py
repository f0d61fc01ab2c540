"""Where the volumes of a training lie: the grids of their files, by which one that is not prepared alike is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from benchmark.data.images import Image, same_grid
from benchmark.errors import UserError

#: Grids that prepared volumes can have: where there are more, files say nothing of a common preparation.
MOST = 16
_NIBABEL: Any = nibabel


def space_of(paths: Iterable[Path]) -> dict[str, Any] | None:
    """The grids of images, from their headers, in plain values for JSON.

    Parameters
    ----------
    paths
        Images. Those whose header cannot be read are left out.

    Returns
    -------
    dict or None
        ``grids``, each a ``shape`` in voxels and an ``affine`` (4, 4) in mm, in any order of axes; and ``placed``,
        whether it counts where in the world they lie: false where the same voxels lie at several places, as without
        registration. None for more than :data:`MOST` grids, or without an image.
    """
    read = (_grid_of(path) for path in paths)
    images = {(image.data.shape, image.affine.tobytes()): image for image in read if image is not None}
    centred = _distinct(map(_centred, images.values()))
    if not 0 < len(centred) <= MOST:
        return None
    as_they_lie = _distinct(images.values())
    placed = len(as_they_lie) == len(centred)
    grids = as_they_lie if placed else centred
    return {
        "placed": placed,
        "grids": [{"shape": list(each.data.shape), "affine": each.affine.tolist()} for each in grids],
    }


def check_space(path: Path, space: Mapping[str, Any] | None, hint: str) -> None:
    """See that an image is on a grid of the training's, in whatever order of axes.

    Parameters
    ----------
    path
        The image. One whose header cannot be read is for others to refuse.
    space
        As :func:`space_of` gives it; None for no check.
    hint
        Ends the message: what to do.

    Raises
    ------
    UserError
        If it is on none; the message names the file, its grid and theirs.
    """
    image = _grid_of(path) if space is not None else None
    if space is None or image is None:
        return
    known = [
        Image(np.broadcast_to(np.uint8(0), each["shape"]), np.array(each["affine"], np.float64))
        for each in space["grids"]
    ]
    given = image if space["placed"] else _centred(image)
    if any(same_grid(given, each) for each in known):
        return
    alike = any(same_grid(_centred(given), _centred(each)) for each in known)
    what = "lies elsewhere in space than" if alike else f"is on a grid of {_told(image)}, which is none of"
    allowed = " or ".join(sorted({_told(each) for each in known}))
    raise UserError(f"{path}: {what} the prepared volumes of the training ({allowed}); {hint}")


def _grid_of(path: Path) -> Image | None:
    try:
        image = _NIBABEL.load(path)
        affine = np.asarray(image.affine, np.float64)
        fine = np.isfinite(affine).all() and np.linalg.det(affine[:3, :3]) != 0
        usable = len(image.shape) >= 3 and min(image.shape) > 0 and fine
    except Exception:  # noqa: BLE001 (whoever reads the voxels says what is wrong)
        return None
    return Image(np.broadcast_to(np.uint8(0), image.shape[:3]), affine) if usable else None


def _distinct(images: Iterable[Image]) -> list[Image]:
    """The first of each grid; of more than :data:`MOST`, some."""
    distinct: list[Image] = []
    for image in images:
        if not any(same_grid(image, other) for other in distinct):
            distinct.append(image)
        if len(distinct) > MOST:
            break
    return distinct


def _centred(image: Image) -> Image:
    affine = image.affine.copy()
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(image.data.shape) - 1) / 2)
    return Image(image.data, affine)


def _told(image: Image) -> str:
    """In the order of RAS axes, as far as they are near to them."""
    order = np.argsort(np.abs(image.affine[:3, :3]).argmax(axis=0), kind="stable")
    shape = np.array(image.data.shape)[order]
    steps = np.linalg.norm(image.affine[:3, :3], axis=0)[order]
    return f"{' × '.join(map(str, shape))} voxels of {' × '.join(f'{step:.3g}' for step in steps)} mm"
