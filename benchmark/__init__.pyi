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
