"""Replicas by name: the modules of this package that offer ``describe``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from types import ModuleType

import benchmark.prepare.phantom.downloads
from benchmark.prepare.phantom.downloads.volumes import Volume


class Layout:
    """A module with ``describe(seed, subjects) -> Replica`` and the tables of its importer's ``OPTIONS``."""

    def __init__(self, module: ModuleType) -> None:
        self.describe = module.describe
        self.options: dict[str, str] = {name: table.path for name, table in module.OPTIONS.items()}

    def write(self, out: Path, seed: int = 0, subjects: int = 12, volume: Volume | None = None) -> Path:
        """Write the replica into a folder, which is returned; small made-up heads by default."""
        path: Path = self.describe(seed, subjects).write(out, volume)
        return path

    def import_options(self, out: Path) -> list[str]:
        """Arguments of ``manifest build`` after the importer's name, but for ``--out``."""
        tables = [word for name, path in self.options.items() for word in (f"--{name}", str(out / path))]
        return ["--images", str(out), *tables]


@cache
def replicas() -> dict[str, Layout]:
    """Replicas by the name of their module, in the alphabet's order. Nothing else needs to know of one."""
    found: dict[str, Layout] = {}
    for each in sorted(module.name for module in pkgutil.iter_modules(benchmark.prepare.phantom.downloads.__path__)):
        module = importlib.import_module(f"{benchmark.prepare.phantom.downloads.__name__}.{each}")
        if hasattr(module, "describe"):
            found[each] = Layout(module)
    return found
