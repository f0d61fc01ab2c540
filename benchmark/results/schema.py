"""What a results folder holds: its files, their columns and types, and the version of both.

``scores.parquet``, and the same as ``scores.csv``
    One row per score: :data:`RUN_COLUMNS`, :data:`benchmark.metrics.rows.COLUMNS`, and one text column per parameter of
    any metric (``gallery``, ``label``, ``distance``, ``coordinates``, ``probe``, ...) between ``version`` and
    ``subgroup``, empty for scores without that parameter. Numbers among parameters are text, too.
``replicates.parquet``
    Resampled values of the scores that wide tables show, from which methods are compared:
    :data:`REPLICATE_COLUMNS` and the parameters.
``replicates_headline.parquet``
    Those of them that the statistics between methods are made of, small enough to be published with the scores: from
    them rows of others are compared with these, subject by subject.
``provenance.json``
    Where the scores come from: the sweep or the call of ``evaluate``, code, libraries, machine, run keys, and what
    readers of tables are told (:class:`benchmark.report.about.About`): order, cards and notes of methods.

Every other file is a view on these.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmark.folders import SCORE_FILES
from benchmark.metrics.rows import COLUMNS

#: Goes up when columns or their meaning change; :mod:`benchmark.results.migrate` reads earlier ones.
SCHEMA_VERSION = 2

SCORES, SCORES_CSV = SCORE_FILES
REPLICATES = "replicates.parquet"
HEADLINE_REPLICATES = "replicates_headline.parquet"
PROVENANCE = "provenance.json"

#: What a run is.
RUN_COLUMNS = ("method", "protocol", "held_out_site", "seed")

#: Columns of the long score table that are there whatever was measured.
SCORE_COLUMNS = RUN_COLUMNS + COLUMNS

#: Columns of the table of replicates that are there whatever was measured.
REPLICATE_COLUMNS = (*RUN_COLUMNS, "table", "metric", "value", "note", "n", "higher_is_better", "replicates")

#: Types of the columns; all others are text, empty where there is nothing to say.
WHOLE = ("seed", "version", "n")
NUMBERS = ("value", "ci_low", "ci_high", "chance")
BOOLEANS = ("higher_is_better",)

#: All parameters of a score as one text, ``key=value`` joined by ``;`` in the alphabet's order of the keys. Views
#: group by it; no file has it.
PARAMETERS = "parameters"

_FIXED = frozenset({*SCORE_COLUMNS, *REPLICATE_COLUMNS, PARAMETERS})


def run_name(method: str, protocol: str, held_out_site: str, seed: int) -> str:
    """A run as text, such as ``dann, leave_one_site_out without PPMI, seed 1``."""
    return f"{method}, {protocol}{f' without {held_out_site}' if held_out_site else ''}, seed {seed}"


def parameters_of(table: pd.DataFrame) -> list[str]:
    """Names of a table's columns of parameters, in the alphabet's order."""
    return sorted(str(name) for name in table.columns if name not in _FIXED)


def with_parameters(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the column :data:`PARAMETERS`."""
    names = parameters_of(table)
    if not names or table.empty:
        return table.assign(**{PARAMETERS: ""})
    codes, unique = pd.MultiIndex.from_frame(table[names]).factorize()
    texts = [";".join(f"{key}={value}" for key, value in zip(names, row, strict=True) if value) for row in unique]
    return table.assign(**{PARAMETERS: pd.Series(texts, dtype=object).to_numpy()[codes]})


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables below each other; a parameter that one of them lacks is empty there."""
    table = pd.concat(tables, ignore_index=True)
    names = parameters_of(table)
    return table.fillna(dict.fromkeys(names, ""))


def arranged(table: pd.DataFrame, columns: Sequence[str], after: str) -> pd.DataFrame:
    """A table in the order of its file: columns in the order given, parameters behind one of them; rows sorted.

    Rows are sorted by run, table, metric, version, parameters and subgroup, as far as the table has them.
    """
    place = list(columns).index(after) + 1
    identity = [*RUN_COLUMNS, "table", "metric", "version", PARAMETERS, "subgroup"]
    order = [name for name in identity if name == PARAMETERS or name in columns]
    ordered = with_parameters(table).sort_values(order, kind="stable", ignore_index=True)
    return ordered[[*columns[:place], *parameters_of(table), *columns[place:]]]
