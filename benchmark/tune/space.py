"""Search space of a method: the values that its options may have, and trials spread evenly over them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.stats import qmc

from benchmark.configs import METHODS, SEARCH
from benchmark.errors import UserError
from benchmark.sweep.fields import typed


@dataclass(frozen=True)
class Range:
    """Numbers between two bounds.

    Attributes
    ----------
    low, high
        Bounds, both included.
    log
        Whether trials are spread evenly over the logarithm.
    """

    low: float
    high: float
    log: bool = False

    def at(self, share: float) -> float:
        """The number at a share of the range in [0, 1), to three significant digits."""
        if self.log:
            value = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + share * (self.high - self.low)
        return float(f"{value:.3g}")


#: Option of the model, dots between nested names, to its range or its list of values.
Space = Mapping[str, Range | list[Any]]


def space_file(method: Path) -> Path:
    """Where the search space of a method's YAML file is: among the shipped ones, or beside it as NAME.search.yaml."""
    return SEARCH / method.name if method.parent == METHODS else method.with_suffix(".search.yaml")


def read_space(path: Path) -> Space:
    """Read a search space; an empty one if there is no such file.

    Raises
    ------
    UserError
        Naming the file and the option that is not as it must be.
    """
    if not path.is_file():
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{path}: is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: must be a mapping of options to a range or a list of values")
    space: dict[str, Range | list[Any]] = {}
    for option, values in content.items():
        if isinstance(values, list) and values:
            space[str(option)] = values
            continue
        try:
            found = typed(f"{option}.", values, Range)
        except UserError as error:
            raise UserError(f"{path}: {error}; allowed: low, high and log, or a list of values") from None
        if not found.low < found.high or (found.log and found.low <= 0):
            least = "0 < low < high" if found.log else "low < high"
            raise UserError(f"{path}: {option}: {found.low:g} to {found.high:g} is not allowed; allowed: {least}")
        space[str(option)] = found
    return space


def trials_of(space: Space, count: int) -> list[dict[str, Any]]:
    """Settings to try, by option: first none, which are the method's own, then points of a scrambled Halton sequence.

    The points fill the space more evenly than random ones, do not depend on what the trials show, and the first ones
    stay the same when more are asked for (Bergstra & Bengio, JMLR 2012, section 5).

    Parameters
    ----------
    space
        What may differ; empty for a method without settings, which has one trial.
    count
        How many trials.
    """
    if not space:
        return [{}]
    points = qmc.Halton(len(space), scramble=True, rng=np.random.default_rng(0)).random(count - 1) if count > 1 else []
    return [{}] + [
        {
            option: values.at(share) if isinstance(values, Range) else values[int(share * len(values))]
            for (option, values), share in zip(space.items(), map(float, point), strict=True)
        }
        for point in points
    ]


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Options with dots between names as nested mappings."""
    result: dict[str, Any] = {}
    for option, value in settings.items():
        *outer, name = option.split(".")
        place = result
        for part in outer:
            place = place.setdefault(part, {})
        place[name] = value
    return result


def with_overrides(settings: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings with others over them; neither is changed."""
    changed = {
        name: with_overrides(settings.get(name) or {}, value) if isinstance(value, dict) else value
        for name, value in overrides.items()
    }
    return {**settings, **changed}
