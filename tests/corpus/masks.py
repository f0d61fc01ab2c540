"""Masks that cannot be used, beside a sound image. Each function writes one and returns a part of the answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.corpus.images import AFFINE, LOGIN_PAGE, SHAPE, save

Write = Callable[[Path], str]


def _array(array: np.ndarray, answer: str, affine: np.ndarray = AFFINE) -> Write:
    def write(path: Path) -> str:
        save(path, array, affine)
        return answer

    return write


def _page(path: Path) -> str:
    path.write_bytes(LOGIN_PAGE)
    return "is no image that can be read: it is a web page"


def _cut(path: Path) -> str:
    whole = save(path, _INSIDE).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return "is damaged or cut short"


def _folder(path: Path) -> str:
    path.mkdir()
    return "there is no such file"


_INSIDE = np.zeros(SHAPE, np.uint8)
_INSIDE[4:12, 4:16, 4:12] = 1
_ELSEWHERE = AFFINE + np.array([[0, 0, 0, 500], [0] * 4, [0] * 4, [0] * 4])

#: File name and what writes it.
MASKS: dict[str, Write] = {
    "mask-absent.nii.gz": lambda path: "there is no such file",
    "mask-empty.nii.gz": _array(np.zeros(SHAPE, np.uint8), "the mask is empty"),
    "mask-of-another-shape.nii.gz": _array(_INSIDE[:-2], "isn't on the grid of"),
    "mask-elsewhere.nii.gz": _array(_INSIDE, "isn't on the grid of", _ELSEWHERE),
    "mask-of-fractions.nii.gz": _array(_INSIDE * np.float32(0.3), "the mask is empty"),
    "mask-of-nan.nii.gz": _array(np.full(SHAPE, np.nan, np.float32), "voxels are NaN or infinite"),
    "mask-of-four-volumes.nii.gz": _array(np.stack([_INSIDE] * 4, axis=-1), "4 volumes; one is needed"),
    "mask-of-minus-one.nii.gz": _array(-_INSIDE.astype(np.int16), "the mask is empty"),
    "mask-mirrored.nii.gz": _array(_INSIDE, "isn't on the grid of", AFFINE * [[-1, 1, 1, 1]]),
    "mask-cut.nii.gz": _cut,
    "mask-a-folder.nii.gz": _folder,
    "mask-web-page.nii.gz": _page,
}
