"""Mean of every method and score over seeds, with its interval."""

from __future__ import annotations

from typing import Any

from benchmark.report.statistics.cells import ScoreCells
from benchmark.report.statistics.hierarchical import NOTHING, Bootstrap, percentile_interval

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
    "reason",
)


def interval_rows(cells: ScoreCells, bootstrap: Bootstrap) -> list[dict[str, Any]]:
    """One row per method, with the columns :data:`INTERVAL_COLUMNS`.

    ``value`` is the mean over seeds of the mean over held-out sites, NaN with a reason where a cell is missing;
    ``ci_low`` and ``ci_high`` the 95 % percentile interval of its bootstrap means, NaN with a reason where there are
    none; ``covers`` says which variation it holds; ``n`` the items of the seed with the fewest.
    """
    rows = []
    for place, method in enumerate(cells.methods):
        low, high = percentile_interval(bootstrap.means[place])
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
                "reason": bootstrap.reason[place],
            }
        )
    return rows
