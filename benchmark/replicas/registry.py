"""Replicas by name: the modules of this package that offer ``write_NAME``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import benchmark.replicas


@cache
def replicas() -> dict[str, Callable[..., Path]]:
    """Functions that write a replica, by the name of its module, in the alphabet's order.

    A replica is a module NAME of this package with a function ``write_NAME(out, seed, subjects, volume)``. Nothing else
    needs to know of it.
    """
    found: dict[str, Callable[..., Path]] = {}
    for each in sorted(module.name for module in pkgutil.iter_modules(benchmark.replicas.__path__)):
        module = importlib.import_module(f"{benchmark.replicas.__name__}.{each}")
        if hasattr(module, f"write_{each}"):
            found[each] = getattr(module, f"write_{each}")
    return found
