"""NPY: one array of vectors in NumPy's own file, and what is known of the scans in a table beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.embeddings.loaded import Loaded
from benchmark.embeddings.npz import with_rows
from benchmark.embeddings.options import ForeignOptions
from benchmark.errors import UserError


def read_npy(path: Path, options: ForeignOptions) -> Loaded:
    """Read vectors from a ``.npy`` file, shape (scans, dimensions), and their rows from a table; never a pickle.

    Parameters
    ----------
    path
        ``.npy``.
    options
        ``rows``.

    Raises
    ------
    UserError
        For files that are missing or cannot be read, an array that is pickled or of another shape or type, a value
        that is not finite, and another number of rows than of vectors.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with path.open("rb") as stream:
            array = np.load(stream, allow_pickle=False)
    except (ValueError, OSError, EOFError, MemoryError) as error:
        problem = " ".join(str(error).split())
        if "allow_pickle" in problem:
            problem = "pickled Python objects are not allowed, nor loaded; it must hold numbers"
        raise UserError(f"{path}: cannot be read as npy: {problem or 'truncated'}") from None
    return with_rows(path, "array", array, options)
