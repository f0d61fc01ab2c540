import math

import pytest

from benchmark.errors import UserError
from benchmark.prepare.importers.tables import read_table


@pytest.fixture
def table(tmp_path):
    def write(column, *values):
        path = tmp_path / "table.csv"
        path.write_text("\n".join([column, *(f'"{value}"' for value in values)]) + "\n")
        return read_table(path)

    return write


@pytest.mark.parametrize(("text", "value"), [("1", 1), (" 72.5 ", 72.5), (".5", 0.5), ("120", 120)])
def test_decimals(table, text, value):
    assert table("age", text).rows[0].decimal("age", 0, 120) == value


@pytest.mark.parametrize("text", [".", "n/a", "NaN"])
def test_missing_decimals_are_nan(table, text):
    assert math.isnan(table("age", text).rows[0].decimal("age", 0, 120))


@pytest.mark.parametrize("text", ["inf", "1e2", "1_0", "121", "7,5", "٣"])
def test_impossible_decimals_are_refused(table, text):
    with pytest.raises(UserError, match=rf"table.csv:2: column 'age': '{text}' is not allowed; .* in \[0, 120\]"):
        table("age", text).rows[0].decimal("age", 0, 120)


@pytest.mark.parametrize(
    ("text", "value"), [("0339", 339), ("339", 339), ("339.0", 339), ("-1", -1), ("-4", -4), (".", None)]
)
def test_whole_numbers(table, text, value):
    assert table("day", text).rows[0].whole("day") == value


@pytest.mark.parametrize("text", ["3.5", "d0339", "1e3"])
def test_impossible_whole_numbers_are_refused(table, text):
    with pytest.raises(UserError, match="it must be a whole number, or empty"):
        table("day", text).rows[0].whole("day")


def test_codes(table):
    meanings = {"1": "M", "2": "F"}
    found = table("sex", "1", "2.0", ".", "3")
    assert [row.code("sex", meanings) for row in found.rows[:3]] == ["M", "F", ""]
    with pytest.raises(UserError, match=r":5: column 'sex': '3' is not allowed; .* one of 1 \(M\), 2 \(F\), or empty"):
        found.rows[3].code("sex", meanings)


def test_keys(table):
    found = table("id", "S2", "S1")
    assert found.keyed("id", r"S\d", "SN") == {"S2": found.rows[0], "S1": found.rows[1]}
    with pytest.raises(UserError, match="'T1' is not allowed; it must be like SN"):
        table("id", "T1").keyed("id", r"S\d", "SN")
    with pytest.raises(UserError, match=":3: column 'id': 'S1' is not allowed; line 2 has it already"):
        table("id", "S1", "S1").keyed("id", r"S\d", "SN")


def test_entries_of_rows(table):
    found = table("id", "a", "b", "a")
    assert found.rows[1].left_out("why", "id").what == "table.csv:3 (b)"
    assert found.rows[1].left_out("why").what == "table.csv:3"
    assert [entry.what for entry in found.rest(found.rows[:1], "why")] == ["table.csv:3", "table.csv:4"]
