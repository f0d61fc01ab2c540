"""R-precision."""

from __future__ import annotations

import numpy as np

from benchmark.metrics.ranked.lists import Floats, Measure, RankedLists, share


def r_precision(lists: RankedLists) -> Floats:
    """Precision of the first R, R being the number of relevant scans (Manning et al. 2008, section 8.4).

    In [0, 1], higher is better; needs one relevant scan. Expectation under a random order: R/N.
    """
    with np.errstate(invalid="ignore"):
        values: Floats = lists.summed(lists.rank <= np.repeat(lists.total, lists.total)) / lists.total
    return values


MEASURES = (Measure("R-precision", 1, r_precision, share),)
