from benchmark.prepare.phantom.downloads import ixi
from benchmark.prepare.phantom.downloads.spreadsheets import as_spreadsheet

NAME = "ixi"


def test_every_hospital_is_a_site_with_its_scanner(build, given, replica):
    built = build(*given)
    known = {(each.subject_id, each.session_id): each for each in ixi.describe().expected}
    assert {(row["subject_id"], row["session_id"]) for row in built.rows} == set(known)
    assert {row["site"] for row in built.rows} == {"IXI-Guys", "IXI-HH", "IXI-IOP"}
    for row in built.rows:
        each = known[row["subject_id"], row["session_id"]]
        assert row["image"] == str(replica / each.image)
        assert row["site"].split("-")[1] in row["image"]
        assert row["age"] == ("" if each.age != each.age else f"{each.age:.2f}")
        assert (row["sex"], row["diagnosis"]) == (each.sex, "")
        assert (row["scanner_manufacturer"], row["scanner_model"]) == (each.manufacturer, each.model)
        assert float(row["field_strength"]) == each.field_strength
    assert len(built.check()) == len(known)


def test_what_is_left_out_and_what_rows_contradict_is_told(build, given):
    built = build(*given)
    assert built.reasons() == {
        "IXI-Guys": 4, "IXI-HH": 4, "IXI-IOP": 3, "kind of image that is no T1: T2": 1, "row without a T1 image": 1,
    }  # fmt: skip
    assert "rows of one subject contradict each other; left unknown: IXI9003 (age)" in built.text
    assert "1 subjects with images have no row in the table; age and sex are left unknown" in built.text
    assert "1900" not in "".join(path.read_text() for path in built.out.iterdir())


def test_the_table_may_be_a_spreadsheet_but_of_the_new_kind(build, refuse, given, replica):
    table = replica / ixi.TABLE.path
    importer, *options = given
    first = build(importer, *options)
    sheet = as_spreadsheet(table, notes=True)
    second = build(importer, *(sheet if word == str(table) else word for word in options), out="second")
    assert second.rows == first.rows
    old = table.rename(replica / "IXI.xls")
    refusal = refuse(importer, *(old if word == str(table) else word for word in options))
    assert "IXI.xls: .xls is not allowed; save the table as .xlsx or .csv, such as by 'libreoffice" in refusal
