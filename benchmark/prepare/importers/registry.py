"""Importers by name: the modules of this package that offer ``collect``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType

import benchmark.prepare.importers


@cache
def importers() -> dict[str, ModuleType]:
    """Modules by name, in the alphabet's order.

    An importer is a module of this package with a dataclass ``Options``, whose fields are options of the command line,
    and a function ``collect(options: Options) -> Import``. Nothing else needs to know of it.
    """
    found = {}
    for each in sorted(module.name for module in pkgutil.iter_modules(benchmark.prepare.importers.__path__)):
        module = importlib.import_module(f"{benchmark.prepare.importers.__name__}.{each}")
        if hasattr(module, "collect") and hasattr(module, "Options"):
            found[each] = module
    return found
