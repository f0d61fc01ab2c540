"""Metrics as they declare themselves: which there are, and which are bounded in [0, 1]."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

import benchmark.metrics
from benchmark.metrics.rows import Metric


def is_bounded(table: str, metric: str) -> bool:
    """Whether a module of the metrics declares this metric with bounds within [0, 1]; False for an unknown one."""
    return (table, metric) in _bounded()


@cache
def declared_metrics() -> tuple[Metric, ...]:
    """Every metric that a module of the metrics declares, by table and name."""
    modules = pkgutil.walk_packages(benchmark.metrics.__path__, f"{benchmark.metrics.__name__}.")
    found = {
        (metric.table, metric.name): metric
        for module in modules
        for value in vars(importlib.import_module(module.name)).values()
        for metric in _metrics(value)
    }
    return tuple(found[name] for name in sorted(found))


@cache
def _bounded() -> frozenset[tuple[str, str]]:
    return frozenset(
        (metric.table, metric.name) for metric in declared_metrics() if metric.lowest >= 0 and metric.highest <= 1
    )


def _metrics(value: Any) -> list[Metric]:
    several = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
    return [each for each in several if isinstance(each, Metric)]
