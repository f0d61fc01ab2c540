"""seada-bench from Python; docs/api.md has examples.

Scoring: :func:`evaluate`, :func:`load_results`, :func:`compare`, :func:`merge`, :class:`Results`. Training:
:class:`SiteDataModule`, :func:`fit`, :func:`load_method`. Methods are reached by class path only.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmark.kernels import choose_kernels

if TYPE_CHECKING:
    from benchmark.data.datamodule import SiteDataModule
    from benchmark.metrics.settings import EvaluationSettings
    from benchmark.report.evaluate import evaluate
    from benchmark.report.results import Results, load_results
    from benchmark.results.compare import compare
    from benchmark.results.merge import merge
    from benchmark.train.loaded_method import LoadedMethod, load_method
    from benchmark.train.training import fit

__all__ = [
    "EvaluationSettings",
    "LoadedMethod",
    "Results",
    "SiteDataModule",
    "compare",
    "evaluate",
    "fit",
    "load_method",
    "load_results",
    "merge",
]

#: Where each name is. They are imported when they are used: the command line must not wait for all of them.
_HOMES = {
    "EvaluationSettings": "benchmark.metrics.settings",
    "LoadedMethod": "benchmark.train.loaded_method",
    "Results": "benchmark.report.results",
    "SiteDataModule": "benchmark.data.datamodule",
    "compare": "benchmark.results.compare",
    "evaluate": "benchmark.report.evaluate",
    "fit": "benchmark.train.training",
    "load_method": "benchmark.train.loaded_method",
    "load_results": "benchmark.report.results",
    "merge": "benchmark.results.merge",
}

# Before any numerical library is loaded from here.
choose_kernels()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'benchmark' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
