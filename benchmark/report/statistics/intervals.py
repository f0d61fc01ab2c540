"""Mean of every method and score over seeds, with its interval."""

from __future__ import annotations

import math
from typing import Any

from benchmark.report.statistics.bounds import is_bounded
from benchmark.report.statistics.cells import ScoreCells
from benchmark.report.statistics.hierarchical import NOTHING, Bootstrap
from benchmark.report.statistics.small_sample_interval import small_sample_interval

#: Columns of the rows.
INTERVAL_COLUMNS = (
    "protocol",
    "score",
    "table",
    "metric",
    "method",
    "value",
    "ci_low",
    "ci_high",
    "covers",
    "seeds",
    "sites",
    "n",
    "higher_is_better",
    "note",
)


def interval_rows(cells: ScoreCells, bootstrap: Bootstrap) -> list[dict[str, Any]]:
    """One row per method, with the columns :data:`INTERVAL_COLUMNS`.

    ``value`` is the mean over seeds of the mean over held-out sites, NaN with a reason where a cell is missing;
    ``ci_low`` and ``ci_high`` the 95 % interval of its bootstrap means, stretched where there are few seeds
    (:mod:`benchmark.report.statistics.small_sample_interval`) and cut where the score is bounded, NaN with a
    reason where there are none; ``covers`` says which variation it holds; ``n`` the items of the seed with the fewest.
    """
    bounds = (0.0, 1.0) if is_bounded(cells.table, cells.metric) else (-math.inf, math.inf)
    rows = []
    for place, method in enumerate(cells.methods):
        replicates = [each[place] for each in cells.replicates]
        low, high = small_sample_interval(cells.value[place], replicates, bootstrap.means[place], bounds)
        rows.append(
            {
                "protocol": cells.protocol,
                "score": cells.score,
                "table": cells.table,
                "metric": cells.metric,
                "method": method,
                "value": float(cells.value[place].mean()),
                "ci_low": low,
                "ci_high": high,
                "covers": bootstrap.covers if low == low else NOTHING,
                "seeds": len(cells.seeds),
                "sites": cells.sites,
                "n": int(cells.n[place]),
                "higher_is_better": cells.higher_is_better,
                "note": bootstrap.reason[place],
            }
        )
    return rows
