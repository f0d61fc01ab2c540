"""Replicas by name: the modules of this package that offer ``write_NAME``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import benchmark.prepare.phantom.downloads


@dataclass(frozen=True)
class Replica:
    """A replica that can be written.

    Attributes
    ----------
    write
        Takes ``(out, seed, subjects, volume)``.
    options
        Options of the importer of its name, and the files in ``out`` that they take.
    """

    write: Callable[..., Path]
    options: dict[str, str]

    def import_options(self, out: Path) -> list[str]:
        """Arguments of ``manifest build`` after the importer's name, but for ``--out``."""
        tables = [word for name, path in self.options.items() for word in (f"--{name}", str(out / path))]
        return ["--images", str(out), *tables]


@cache
def replicas() -> dict[str, Replica]:
    """Replicas by the name of their module, in the alphabet's order.

    A replica is a module NAME of this package with a function ``write_NAME(out, seed, subjects, volume)`` and a
    dictionary ``OPTIONS``. Nothing else needs to know of it.
    """
    found: dict[str, Replica] = {}
    for each in sorted(module.name for module in pkgutil.iter_modules(benchmark.prepare.phantom.downloads.__path__)):
        module = importlib.import_module(f"{benchmark.prepare.phantom.downloads.__name__}.{each}")
        if hasattr(module, f"write_{each}"):
            found[each] = Replica(getattr(module, f"write_{each}"), module.OPTIONS)
    return found
