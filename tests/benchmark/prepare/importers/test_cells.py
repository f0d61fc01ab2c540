import math
import re

import pytest

from benchmark.errors import UserError
from benchmark.prepare.importers.cells import code, decimal, grouped, keyed, one_sex, row_left_out, whole
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
    assert decimal(table("age", text), 0, "age", 0, 120) == value


@pytest.mark.parametrize("text", [".", "n/a", "NaN"])
def test_missing_decimals_are_nan(table, text):
    assert math.isnan(decimal(table("age", text), 0, "age", 0, 120))


@pytest.mark.parametrize("text", ["inf", "1e2", "1_0", "121", "7,5", "٣"])
def test_impossible_decimals_are_refused(table, text):
    with pytest.raises(UserError, match=rf"table.csv:2: column 'age': '{text}' is not allowed; .* in \[0, 120\]"):
        decimal(table("age", text), 0, "age", 0, 120)


@pytest.mark.parametrize(
    ("text", "value"), [("0339", 339), ("339", 339), ("339.0", 339), ("-1", -1), ("-4", -4), (".", None)]
)
def test_whole_numbers(table, text, value):
    assert whole(table("day", text), 0, "day") == value


@pytest.mark.parametrize("text", ["3.5", "d0339", "1e3"])
def test_impossible_whole_numbers_are_refused(table, text):
    with pytest.raises(UserError, match="it must be a whole number, or empty"):
        whole(table("day", text), 0, "day")


def test_codes(table):
    meanings = {"1": "M", "2": "F"}
    found = table("sex", "1", "2.0", ".", "3")
    assert [code(found, index, "sex", meanings) for index in range(3)] == ["M", "F", ""]
    with pytest.raises(UserError, match=r":5: column 'sex': '3' is not allowed; .* one of 1 \(M\), 2 \(F\), or empty"):
        code(found, 3, "sex", meanings)


def test_keys(table):
    pattern = re.compile(r"S\d")
    assert keyed(table("id", "S2", "S1"), "id", pattern, "SN") == {"S2": 0, "S1": 1}
    with pytest.raises(UserError, match="'T1' is not allowed; it must be like SN"):
        keyed(table("id", "T1"), "id", pattern, "SN")
    with pytest.raises(UserError, match=":3: column 'id': 'S1' is not allowed; line 2 has it already"):
        keyed(table("id", "S1", "S1"), "id", pattern, "SN")


def test_groups_and_entries_of_rows(table):
    found = table("id", "a", "b", "a")
    assert grouped(found, "id") == {"a": [0, 2], "b": [1]}
    assert row_left_out(found, 1, "why", "id").what == "table.csv:3 (b)"
    assert row_left_out(found, 1, "why").what == "table.csv:3"


def test_a_subject_has_one_sex(table):
    found = table("sex", "M", ".", "F")
    one_sex(found, [("a", 0, "M"), ("a", 1, ""), ("b", 2, "F")], "sex")
    with pytest.raises(UserError, match=":4: column 'sex': 'F' is not allowed; subject a is M in line 2"):
        one_sex(found, [("a", 0, "M"), ("a", 1, ""), ("a", 2, "F")], "sex")
