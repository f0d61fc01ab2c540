"""seada-bench from Python; docs/api.md has examples.

Scoring: :func:`evaluate`, :func:`load_results`, :func:`compare`, :class:`Results`; single metrics are in
:mod:`benchmark.metrics`. Methods are reached by class path only.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.metrics.settings import EvaluationSettings
    from benchmark.report.evaluate import evaluate
    from benchmark.report.results import Results, load_results
    from benchmark.results.compare import compare

__all__ = ["EvaluationSettings", "Results", "compare", "evaluate", "load_results"]

#: Where each name is. They are imported when they are used: the command line must not wait for all of them.
_HOMES = {
    "EvaluationSettings": "benchmark.metrics.settings",
    "Results": "benchmark.report.results",
    "compare": "benchmark.results.compare",
    "evaluate": "benchmark.report.evaluate",
    "load_results": "benchmark.report.results",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'benchmark' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
