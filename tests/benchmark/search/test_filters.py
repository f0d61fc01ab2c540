"""Conditions on scans, which are parsed and never run."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from benchmark.errors import UserError
from benchmark.search.filters import LONGEST, Filter

TABLE = pa.table(
    {
        "age": [55.0, 65.0, None, float("nan"), 75.5],
        "scans": [1, 2, 3, 4, 5],
        "diagnosis": ["CN", "AD", "AD", None, "MCI"],
        "site": ["A", "B", "A", "B", "C d"],
    }
)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('age > 60 and diagnosis == "AD"', [1]),
        ("60 < age", [1, 4]),
        ("60 <= age < 70", [1]),
        ("70 > age >= 55 or scans == 5", [0, 1, 4]),
        ("not age > 60", [0, 2, 3]),
        ("age != 65", [0, 4]),
        ("diagnosis in ['AD', 'MCI']", [1, 2, 4]),
        ("diagnosis not in ('AD', 'MCI')", [0, 3]),
        ('diagnosis == ""', [3]),
        ("scans in {1, 3}", [0, 2]),
        ("scans > -1", [0, 1, 2, 3, 4]),
        ("(site == 'C d' or site == 'A') and not (scans == 1)", [2, 4]),
        ("  site == 'A'\n", [0, 2]),
        ("site < 'B'", [0, 2]),
    ],
)
def test_a_condition_takes_the_rows_that_fulfil_it(text, rows):
    assert np.flatnonzero(Filter(text).mask(TABLE)).tolist() == rows


def test_all_rows_of_an_empty_table_are_taken_and_there_are_none():
    assert Filter("age > 1 or site == 'A'").mask(TABLE.slice(0, 0)).shape == (0,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "invalid syntax"),
        ("age >", "invalid syntax"),
        ("age", "'age' is no comparison"),
        ("True", "'True' is no comparison"),
        ("age == True", "'True' is no text or number"),
        ("__import__('os').system('id')", "is no comparison"),
        ("age > __import__('os').getpid()", "is no text or number"),
        ("site == (lambda: 'A')()", "is no text or number"),
        ("age.real > 1", "needs a column on one side and a constant on the other"),
        ("age + 1 > 60", "needs a column on one side and a constant on the other"),
        ("1 > 2", "needs a column on one side and a constant on the other"),
        ("age > scans", "needs a column on one side and a constant on the other"),
        ("age is 60", "'is' is no comparison of values"),
        ("'A' in site", "'in' needs a column before it"),
        ("site in 'AB'", "'in' needs a column before it"),
        ("site in []", "all text or all numbers"),
        ("site in ['A', 1]", "all text or all numbers"),
        ("site in [x for x in 'ab']", "'in' needs a column before it"),
        ("site == f'{1}'", "is no text or number"),
        ("site == b'A'", "is no text or number"),
        ("site == -'A'", "is no text or number"),
        ("age > 1j", "is no text or number"),
        ("(age := 3) > 1", "needs a column on one side and a constant on the other"),
        ("age > 10**10", "is no text or number"),
        ("age > 1" + "0" * 400, "too large"),
        ("(" * 500 + "age > 1" + ")" * 500, ""),
        ("not " * 400 + "age > 1" + " " * 2000, "characters are not allowed"),
        ("age > 1; import os", "invalid syntax"),
        ("age > 1 # \0", ""),
    ],
)
def test_anything_else_is_refused_in_one_line(text, said):
    with pytest.raises(UserError) as raised:
        Filter(text)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_nesting_as_deep_as_the_length_allows_is_answered():
    deep = "not " * ((LONGEST - 7) // 8) + "age > 1"
    assert Filter(deep).mask(TABLE).tolist() in ([True, True, False, False, True], [False, False, True, True, False])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing == 1", "column 'nothing' is not there; there are: age, scans, diagnosis, site"),
        ("age == 'AD'", "column 'age' has numbers and cannot be compared with text, 'AD'"),
        ("site > 3", "column 'site' has text and cannot be compared with a number, 3.0"),
    ],
)
def test_a_column_must_be_there_and_of_the_constants_kind(text, said):
    with pytest.raises(UserError, match=said):
        Filter(text).mask(TABLE)
