"""Spreadsheets, as archives hand them out and as nobody should: read as the CSV file, or refused in one line."""

from __future__ import annotations

import datetime
import zipfile

import pytest

from benchmark.errors import UserError
from benchmark.prepare.importers import xlsx
from benchmark.prepare.importers.tables import read_table
from benchmark.prepare.phantom.downloads import oasis1, oasis2
from benchmark.prepare.phantom.downloads.spreadsheets import as_spreadsheet

openpyxl = pytest.importorskip("openpyxl")


def book(path, *sheets):
    made = openpyxl.Workbook()
    made.remove(made.active)
    for number, rows in enumerate(sheets):
        sheet = made.create_sheet(f"sheet {number}")
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


@pytest.mark.parametrize(("name", "table"), [("oasis1", oasis1.TABLE), ("oasis2", oasis2.TABLE)])
def test_the_site_s_spreadsheet_gives_the_scans_of_the_csv(name, table, build, given, replica, same_scans):
    spreadsheet = as_spreadsheet(replica / table.path)
    (replica / table.path).unlink()
    given = [str(spreadsheet) if word == str(replica / table.path) else word for word in given]
    described = (oasis1 if name == "oasis1" else oasis2).describe()
    built = build(*given)
    same_scans(built, described.expected, replica)
    assert {row["diagnosis_source"].split(" ")[0] for row in built.rows} == {spreadsheet.name}


@pytest.mark.parametrize("name", ["ppmi"])
def test_the_sheet_with_the_participants_is_read_of_the_curated_cut(name, build, given, replica):
    expected = build(*given, out="csv")
    place = given.index("--curated") + 1
    spreadsheet = as_spreadsheet(replica / given[place].rsplit("/", 1)[1], notes=True)
    built = build(*given[:place], spreadsheet, *given[place + 1 :], out="xlsx")
    assert built.rows == expected.rows


def test_cells_are_read_as_a_csv_file_has_them(tmp_path):
    day = datetime.datetime(2015, 6, 1)
    rows = [["ID", "Age", "Day", "Note"], [], [1.0, 70.5, day, " a "], ["007", None, None, None], [2, 0.5, day, True]]
    table = read_table(book(tmp_path / "a.xlsx", rows))
    assert table.columns == ("ID", "Age", "Day", "Note")
    assert [(row.line, list(row.values.values())) for row in table.rows] == [
        (3, ["1", "70.5", "2015-06-01", "a"]),
        (4, ["007", "", "", ""]),
        (5, ["2", "0.5", "2015-06-01", "True"]),
    ]


def test_of_several_sheets_the_one_with_the_column_is_read(tmp_path):
    path = book(tmp_path / "a.xlsx", [], [["About"], ["text"]], [["PATNO"], [3000]])
    assert read_table(path, ("patno",)).rows[0]["PATNO"] == "3000"
    assert read_table(path).columns == read_table(path, ("RID",)).columns == ("About",)


def test_formulas_are_not_computed(tmp_path):
    assert read_table(book(tmp_path / "a.xlsx", [["ID", "Age"], ["x", "=1+1"]])).rows[0]["Age"] == ""


def replaced(path, name, content):
    with zipfile.ZipFile(path) as archive:
        parts = {part.filename: archive.read(part) for part in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, there in parts.items():
            archive.writestr(part, content(there) if part == name else there)


SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda there: b" " * 5_000_000 + there, "a.xlsx: unpacks to 5 MiB; at most 4 are read"),
        (
            lambda there: b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]>' + there,
            f"a.xlsx: {SHEET} declares entities, which no spreadsheet needs",
        ),
        (lambda there: there[:-60], "a.xlsx: cannot be read as a spreadsheet: "),
        (
            lambda there: there.replace(b'<row r="2"', b'<row r="900000000"').replace(b'r="A2"', b'r="A900000000"'),
            "a.xlsx: sheet 'sheet 0': has more than the 1000 rows and 5000 columns that are read",
        ),
        (lambda there: there.replace(b'r="A2"', b'r="XFD2"'), "has more than the 1000 rows and 5000 columns"),
    ],
)
def test_hostile_spreadsheets_are_refused_in_one_line(content, message, tmp_path, monkeypatch):
    monkeypatch.setattr(xlsx, "MOST_BYTES", 4 * 2**20)
    monkeypatch.setattr(xlsx, "MOST_ROWS", 1000)
    path = book(tmp_path / "a.xlsx", [["ID"], ["x"]])
    replaced(path, SHEET, content)
    with pytest.raises(UserError) as refused:
        read_table(path)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_no_spreadsheet_is_refused(tmp_path):
    path = tmp_path / "a.xlsx"
    for content in (b"", b"ID,Age\n1,2\n", b"PK\x03\x04rest"):
        path.write_bytes(content)
        with pytest.raises(UserError, match="a.xlsx: cannot be read as a spreadsheet: "):
            read_table(path)
    with pytest.raises(UserError, match="nowhere.xlsx: cannot be read"):
        read_table(tmp_path / "nowhere.xlsx")
