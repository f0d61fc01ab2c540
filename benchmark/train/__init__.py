"""From a method's YAML file, or from Python, to a trained model and its embeddings; and embeddings of other files.

>>> from benchmark.train import fit, load_method
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.train.loaded_method import LoadedMethod, load_method
    from benchmark.train.training import fit

__all__ = ["LoadedMethod", "fit", "load_method"]


def __getattr__(name: str) -> Any:
    # On demand: they load torch and Lightning, which not every user of this package needs.
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'; it has {', '.join(__all__)}")
    module = "training" if name == "fit" else "loaded_method"
    return getattr(import_module(f"{__name__}.{module}"), name)
