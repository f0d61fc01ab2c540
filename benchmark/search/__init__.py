"""Models that carry their own preprocessing, and what is done with them; see docs/search.md.

>>> from benchmark.search import load_model
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.search.export import export_model
    from benchmark.train.exported_model import ExportedModel, load_model

__all__ = ["ExportedModel", "export_model", "load_model"]

_HOMES = {
    "ExportedModel": "benchmark.train.exported_model",
    "export_model": "benchmark.search.export",
    "load_model": "benchmark.train.exported_model",
}


def __getattr__(name: str) -> Any:
    # On demand: they load torch and Lightning, which not every user of this package needs.
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)
