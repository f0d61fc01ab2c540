"""Replicas by name: the modules of this package that offer ``describe``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from types import ModuleType

import benchmark.prepare.phantom.downloads as package


@cache
def replicas() -> dict[str, ModuleType]:
    """Modules by name, in the alphabet's order. Nothing else needs to know of one.

    Each has ``describe(seed, subjects) -> Replica`` and ``OPTIONS``: the tables of its importer by their option.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    modules = {name: importlib.import_module(f"{package.__name__}.{name}") for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "describe")}


def import_options(name: str, folder: Path) -> list[str]:
    """Arguments of ``manifest build`` for a replica in a folder, after the importer's name, but for ``--out``."""
    words = ["--images", str(folder)]
    for option, table in replicas()[name].OPTIONS.items():
        words += [f"--{option}", str(folder / table.path)]
    return words
