"""Shipped configurations by name."""

from __future__ import annotations

from pathlib import Path

from benchmark.configs import SWEEPS
from benchmark.errors import UserError


def shipped_file(folder: Path, name: str | Path) -> Path | None:
    """File of a name, such as ``dann`` or ``selected/diagnoses/dann``; None where nothing of that name is shipped."""
    place = Path(f"{name}.yaml")
    # A name such as ../x must find nothing.
    if place.is_absolute() or ".." in place.parts or not (folder / place).is_file():
        return None
    return folder / place


def shipped_names(folder: Path) -> str:
    """Names for a message: those of the folder's own files, then a pattern for each folder in it."""
    names = sorted(file.stem for file in folder.glob("*.yaml"))
    patterns = sorted({f"{file.parent.relative_to(folder).as_posix()}/NAME" for file in folder.glob("*/**/*.yaml")})
    return ", ".join([*names, *patterns])


def sweep_file(name: str | Path) -> Path:
    """File that a user means: one that is there, or the shipped sweep of that name.

    Raises
    ------
    UserError
        For a name that is neither. A path to a YAML file is given back as it is: who reads it says what is wrong.
    """
    path = Path(name)
    if path.is_file() or path.suffix in (".yaml", ".yml"):
        return path
    shipped = shipped_file(SWEEPS, name)
    if shipped is None:
        raise UserError(f"{name}: no such sweep file or shipped sweep; shipped: {shipped_names(SWEEPS)}")
    return shipped
