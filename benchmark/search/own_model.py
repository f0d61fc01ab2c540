"""The model that an index was made by, as it says of itself: read without loading a library that trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.search.index import Index
from benchmark.train.description import read_description

#: Folder of an index that holds a copy of the model.
MODEL = "model"


def description_of(folder: Path, index: Index) -> dict[str, Any]:
    """What the model of an index says of itself; nothing else of it is read.

    Raises
    ------
    UserError
        If it is missing, was changed, or is another one.
    """
    description = read_description(folder / MODEL)
    if description["digest"] != index.model.digest:
        raise UserError(f"{folder / MODEL}: is another model than the one that made the index")
    return description
