"""What an exported model says of itself, in ``model.json``; it is read without loading a library that trains."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from benchmark.errors import UserError, cause

#: Goes up when earlier readers would take a folder wrongly.
FORMAT = 1
DESCRIPTION, WEIGHTS, STATISTICS = "model.json", "weights.safetensors", "training.safetensors"
#: Entries of the description that can change an embedding, beside the weights and the files of settings.
IDENTITY = ("format", "model", "spec", "preprocessing", "masks", "held_out_site", "precision", "raw", "state")
#: Entries of the description that cannot.
BESIDE = (
    "method", "space", "statistics", "headline", "needs", "notes", "card", "scores", "synthetic", "prepared",
    "run_key", "place", "libraries", "files", "digest", "checksum",
)  # fmt: skip


def read_description(folder: Path) -> dict[str, Any]:
    """Content of ``model.json``, checked against its own checksum; nothing else is looked at.

    Raises
    ------
    UserError
        For a file that is missing, cannot be read, was changed, or is of a later format.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise UserError(
            f"{path}: there is no such file; the folder of an exported model is needed (seada-bench export)"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {cause(error)}") from None
    version = content.get("format") if isinstance(content, dict) else None
    if version != FORMAT:
        raise UserError(f"{path}: its format is {version}, this seada-bench reads {FORMAT}; use the one that wrote it")
    if content.get("checksum") != checksum_of(content):
        raise UserError(f"{path}: was changed after it was written: its checksum is another; export the model again")
    missing = [name for name in (*IDENTITY, *BESIDE) if name not in content]
    if missing:
        raise UserError(f"{path}: entry '{missing[0]}' is missing; export the model again")
    return cast(dict[str, Any], content)


def checksum_of(description: Mapping[str, Any]) -> str:
    """SHA-256 of a description without its checksum."""
    return _sha256_of_json({name: value for name, value in description.items() if name != "checksum"})


def digest_of(description: Mapping[str, Any]) -> str:
    """SHA-256 of what of a description can change an embedding, with the weights' and the files of settings."""
    files = {name: value for name, value in description["files"].items() if name != STATISTICS}
    return _sha256_of_json({**{name: description[name] for name in IDENTITY}, "files": files})


def _sha256_of_json(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
