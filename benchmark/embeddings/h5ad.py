"""AnnData: vectors in `X` or an entry of `obsm`, and what is known of the scans in `obs`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.embeddings.loaded import Loaded, among, same_length, vector_table
from benchmark.embeddings.options import ForeignOptions
from benchmark.errors import UserError


def read_h5ad(path: Path, options: ForeignOptions) -> Loaded:
    """Read vectors and rows from an ``.h5ad`` file; of it, nothing else is loaded.

    Parameters
    ----------
    path
        ``.h5ad``. Vectors are ``X``, or the entry ``options.key`` of ``obsm``; sparse ones are made dense. Rows are
        the columns of ``obs``, and its index where that has a name.
    options
        ``key``.

    Raises
    ------
    UserError
        If anndata is not installed; for a file that is missing or cannot be read, vectors that are missing, of
        another shape or type, or not finite.
    """
    try:
        read_elem, h5py = import_module("anndata.io").read_elem, import_module("h5py")
    except ImportError:
        raise UserError(
            f"{path}: reading .h5ad needs anndata, which is not installed; pip install 'seada-bench[anndata]'"
        ) from None
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            name, element = _element(path, file, options.key)
            rows, array = read_elem(file["obs"]), _dense(read_elem(element))
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 (whatever a damaged file makes of the libraries' own errors)
        raise UserError(f"{path}: cannot be read as h5ad: {' '.join(str(error).split())}") from None
    if not isinstance(rows, pd.DataFrame):
        raise UserError(f"{path}: 'obs' is a {type(rows).__name__}; it must be a table")
    vectors = vector_table(path, name, array)
    rows = _plain(rows)
    same_length(path, name, vectors, path, rows)
    return Loaded(path, path, rows, vectors)


def _element(path: Path, file: Any, key: str | None) -> tuple[str, Any]:
    obsm = sorted(file["obsm"]) if "obsm" in file else []
    if key is None:
        # AnnData writes an X that is None as an element of that type.
        if "X" not in file or file["X"].attrs.get("encoding-type") == "null":
            raise UserError(f"{path}: 'X' is missing; --key names an entry of obsm; found: {among(obsm)}")
        return "'X'", file["X"]
    if key not in obsm:
        raise UserError(f"{path}: entry '{key}' (--key) of obsm is missing; found: {among(obsm)}")
    return f"obsm '{key}'", file["obsm"][key]


def _dense(element: Any) -> Any:
    if hasattr(element, "toarray"):
        return element.toarray()
    return element.to_numpy() if isinstance(element, pd.DataFrame) else element


def _plain(rows: pd.DataFrame) -> pd.DataFrame:
    # Categories and nullable integers as the values that they stand for.
    plain = rows.reset_index(drop=True).astype(object)
    plain.columns = plain.columns.map(str)
    index = rows.index.name
    if index not in (None, "_index", "index") and str(index) not in plain:
        plain[str(index)] = rows.index.to_numpy(object)
    return plain
