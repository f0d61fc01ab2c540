"""Whether a design can show any difference at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from benchmark.report.statistics.paired import LEAST_SEEDS
from benchmark.report.statistics.settings import LEVEL
from benchmark.report.text import count


def out_of_reach(
    methods: Sequence[str], reference: str, scores: Sequence[str], seeds: Mapping[str, int], resamples: int
) -> list[str]:
    """Say of each protocol that cannot show a difference why not, a line for each.

    Holm's correction asks of the smallest of m p-values that it is below 0.05 / m. With fewer than three seeds p comes
    from resamples of subjects and is 1 / (1 + resamples) or more
    (:func:`benchmark.report.statistics.paired.comparisons`).

    Parameters
    ----------
    methods
        Those that are compared, without floor and ceiling.
    reference
        Method of the primary comparisons.
    scores
        Keys of the primary scores that there will be.
    seeds
        Number of seeds of each protocol.
    resamples
        Of subjects, of each run.
    """
    tests = len(set(methods) - {reference}) * len(scores)
    lines = []
    for protocol, number in seeds.items():
        if number == 0:
            continue
        if not tests:
            why = "no other method to compare with" if scores else "no primary score is scored"
            lines.append(f"{protocol}: no difference can be shown: {why}")
        elif number < LEAST_SEEDS and resamples + 1 <= tests / LEVEL:
            needed = math.floor(tests / LEVEL)
            lines.append(
                f"{protocol}: no difference can be shown: {count(tests, 'primary comparison')} with "
                f"{count(number, 'seed')} need a p below {LEVEL:g}/{tests}, and {resamples} resamples give none below "
                f"1/{resamples + 1}; set evaluation.bootstrap to {needed} or more, or give {LEAST_SEEDS} seeds"
            )
    return lines


def too_few_resamples(tested: pd.DataFrame) -> str:
    """Say that no test over subjects can be beyond chance after the correction over all tests; "" where one can.

    Parameters
    ----------
    tested
        Comparisons that were tested, column ``resamples`` as in
        :func:`benchmark.report.statistics.paired.comparisons`.
    """
    most = int(tested["resamples"].max()) if len(tested) else 0
    if not most or len(tested) <= LEVEL * (most + 1):
        return ""
    return (
        f"No test over subjects can be beyond chance here: its smallest p, 1/{most + 1} with {most} resamples, is "
        f"above {LEVEL:g} after correction over {len(tested)} tests"
    )
