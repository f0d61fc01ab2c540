"""What a method must keep to hold in a setting of a stress sweep, and where it does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from benchmark.report.columns import CROSS_SITE_MAP, DISEASE_PROBE, HEADLINES, TRAVELLING_TOP1

#: Keys of the scores that criteria read, beside the headlines'.
COLLAPSED, QUALITY = "collapsed", "ssim"
#: The method whose leakage is the most that one may have, and the one that shows what the network keeps and leaks.
REFERENCE, UNTOUCHED = "combat", "autoencoder"
LEAST_TOP1, MOST_EXCESS, MOST_SD, PROBE_LOSS, LEAST_QUALITY = 0.9, 0.2, 0.03, 0.02, 0.9
_LEAKAGES = tuple(each.key for each in HEADLINES if each.table == "leakage")
#: Read in every sweep.
_MLP = "mlp_standardised"

#: Means, standard deviations and chance levels of a setting, each by score, then method.
Numbers = dict[str, dict[str, dict[str, float]]]


def holding(scores: pd.DataFrame, methods: Sequence[str]) -> list[str]:
    """Say what must hold, and of each axis which method holds at which values.

    By means over seeds. A method does not hold where a number of its own, or of the method that it is compared with, is
    missing. A score that no method of a setting has is not asked for there, nor is what needs the autoencoder, where
    that is not among the methods, or a reconstruction, where the method makes none.

    Parameters
    ----------
    scores
        :func:`benchmark.report.stress.long_table`.
    methods
        Those that compete.
    """
    if REFERENCE not in methods:
        return [f"Which method holds where is not said: {REFERENCE} is not among the methods."]
    with_untouched = (
        f", and at most a fifth of the {UNTOUCHED}'s above chance; its CN/AD probe is at most {PROBE_LOSS:g} below the "
        f"{UNTOUCHED}'s and its SSIM at least {LEAST_QUALITY:g} of it"
    )
    lines = [
        f"A method holds where its kNN and MLP leakage, standardised and whitened, is at most that of {REFERENCE}"
        f"{with_untouched if UNTOUCHED in methods else ''}; its mAP is not below the best other method's, with a "
        f"standard deviation over seeds of at most {MOST_SD:g}; its travelling top-1 is at least {LEAST_TOP1:g}; and "
        "no run has collapsed. By means over seeds, without a test."
    ]
    for axis, of_axis in scores.groupby("axis", sort=False):
        values = list(dict.fromkeys(of_axis["value"]))
        numbers = {value: _numbers(of_axis[of_axis["value"] == value]) for value in values}
        lacking = {method: {value: _lacking(numbers[value], method, methods) for value in values} for method in methods}
        told = [_told(method, of_values) for method, of_values in lacking.items() if not all(of_values.values())]
        if not told:
            missed = {method: sum(map(len, of_values.values())) for method, of_values in lacking.items()}
            nearest = min(methods, key=missed.__getitem__)
            told = [f"no method at any value; nearest {_told(nearest, lacking[nearest])}"]
        lines.append(f"{axis} ({', '.join(values)}): {'; '.join(told)}")
    return lines


def _numbers(scores: pd.DataFrame) -> Numbers:
    found: Numbers = {"mean": {}, "sd": {}, "chance": {}}
    for row in scores.to_dict("records"):
        for name, numbers in found.items():
            numbers.setdefault(str(row["score"]), {})[str(row["method"])] = float(row[name])
    return found


def _lacking(numbers: Numbers, method: str, methods: Sequence[str]) -> list[str]:
    """By which criteria a method does not hold."""
    mean, sd, chance = numbers["mean"], numbers["sd"], numbers["chance"]
    asked = [key for key in _LEAKAGES if key == _MLP or _is_there(mean[key])]
    others = [mean[CROSS_SITE_MAP.key][other] for other in methods if other != method]
    holds = {
        "leakage": all(mean[key][method] <= mean[key][REFERENCE] for key in asked),
        "mAP": mean[CROSS_SITE_MAP.key][method] >= max(filter(math.isfinite, others), default=0.0),
        "SD of mAP": not sd[CROSS_SITE_MAP.key][method] > MOST_SD,
        "top-1": mean[TRAVELLING_TOP1.key][method] >= LEAST_TOP1,
        "collapse": not mean[COLLAPSED][method] > 0,
    }
    if UNTOUCHED in methods and method != UNTOUCHED:
        probe, quality = mean[DISEASE_PROBE.key], mean[QUALITY]
        excess = {key: {of: mean[key][of] - chance[key][of] for of in (method, UNTOUCHED)} for key in asked}
        holds |= {
            "a fifth": all(each[method] <= MOST_EXCESS * each[UNTOUCHED] for each in excess.values()),
            "CN/AD probe": not _is_there(probe) or probe[method] >= probe[UNTOUCHED] - PROBE_LOSS,
            "SSIM": math.isnan(quality[method]) or quality[method] >= LEAST_QUALITY * quality[UNTOUCHED],
        }
    return [name for name, fine in holds.items() if not fine]


def _is_there(of_methods: Mapping[str, float]) -> bool:
    return any(map(math.isfinite, of_methods.values()))


def _told(method: str, lacking: Mapping[str, Sequence[str]]) -> str:
    if not any(lacking.values()):
        return f"{method} at every value"
    held = ", ".join(value for value, reasons in lacking.items() if not reasons)
    not_held = "; ".join(f"{value} by {', '.join(reasons)}" for value, reasons in lacking.items() if reasons)
    return f"{method} at {held} (not at {not_held})" if held else f"{method} (not at {not_held})"
