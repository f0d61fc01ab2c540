"""Long tables from rows that tests write by hand."""

from __future__ import annotations

import pandas as pd

from benchmark.metrics.evaluate import evaluate
from benchmark.metrics.rows import parse_key_values, to_frame
from benchmark.report.summary import sections
from benchmark.report.wide_tables import WideTable, direction
from benchmark.results.schema import with_parameters


def long_table(rows):
    """Rows as dictionaries, whose parameters stand in one text under ``params``, as a table with a column for each."""
    table = pd.DataFrame(list(rows))
    given = [parse_key_values(text) for text in table.pop("params")]
    for name in sorted({name for one in given for name in one}):
        table[name] = [one.get(name, "") for one in given]
    return table


def frame_of(scores):
    """Scores as a long table that has their parameters as one text, too."""
    return with_parameters(to_frame(scores))


def evaluated(*arguments):
    """What :func:`benchmark.metrics.evaluate.evaluate` returns, with the parameters as one text, too."""
    return with_parameters(evaluate(*arguments))


def wide_table(scores, columns, title="Retrieval", footer=(), method_order=None):
    """A wide table of any columns."""
    higher = {column.key: direction(column.rows(scores)["higher_is_better"]) for column in columns}
    return WideTable("retrieval", title, columns, footer, sections(scores, columns, method_order), higher)
