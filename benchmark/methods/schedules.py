"""Schedules as pure functions of the share of training that is done, so that resuming needs no state."""

from __future__ import annotations

import math


def cosine(progress: float, floor: float = 0.02) -> float:
    """Factor of the learning rate, from 1 at ``progress`` 0 down to ``floor`` at 1 along a half cosine."""
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(max(progress, 0.0), 1.0)))


def ramp(progress: float, start: float, length: float) -> float:
    """0 before ``start``, then linear, 1 from ``start + length`` on; all in shares of the training."""
    if progress < start:
        return 0.0
    return 1.0 if length <= 0 else min((progress - start) / length, 1.0)


def dann_schedule(progress: float, steepness: float = 10.0) -> float:
    """Logistic rise from 0 to nearly 1 of the reversal's weight (Ganin et al., JMLR 2016, section 5.2.2)."""
    return 2 / (1 + math.exp(-steepness * progress)) - 1
