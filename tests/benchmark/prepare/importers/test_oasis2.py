from benchmark.prepare.phantom.downloads import oasis2

NAME = "oasis2"


def test_scans_are_those_of_the_replica(build, given, replica, same_scans):
    built = build(*given)
    same_scans(built, oasis2.describe().expected, replica)
    assert {row["dataset"] for row in built.rows} == {"OASIS2"}
    assert {row["orientation"] for row in built.rows} == {"ASL"}


def test_every_other_image_and_row_is_left_out_with_a_reason(build, given, replica):
    built = build(*given)
    headers = len(list(replica.rglob("*.hdr")))
    assert len(built.record) == headers + 2
    assert built.reasons() == {
        "OASIS2": 22,
        "another image of the same session comes first": 41,
        "image without a row in the table": 6,
        "row without an image": 2,
        "stray name: images of the archive are named mpr-N": 1,
    }
    assert built.record["OAS2_RAW_PART2/OAS2_9002_MR1/RAW/9407-3.nifti.hdr"].startswith("stray name")


def test_a_convert_is_labelled_visit_by_visit(build, given):
    built = build(*given)
    before, after = built.scan("OAS2_9003", "MR1"), built.scan("OAS2_9003", "MR3")
    assert (before["diagnosis"], after["diagnosis"]) == ("CN", "AD")
    assert after["diagnosis_source"] == "oasis_longitudinal.csv CDR=0.5 Group=Converted"
    assert "4 scans are of the group Converted; each is labelled by the CDR of its own visit" in built.text


def test_the_lowest_repeat_is_used(build, given):
    built = build(*given)
    assert {row["image_id"] for row in built.rows if row["subject_id"] == "OAS2_9004"} == {"mpr-2.nifti"}
    assert {row["image_id"] for row in built.rows if row["subject_id"] != "OAS2_9004"} == {"mpr-1.nifti"}


def test_ten_comes_after_two(build, given, replica):
    for path in list((replica / "OAS2_RAW_PART1/OAS2_9001_MR1/RAW").glob("mpr-1.*")):
        path.rename(path.with_name(path.name.replace("mpr-1", "mpr-10")))
    assert build(*given).scan("OAS2_9001", "MR1")["image_id"] == "mpr-2.nifti"


def test_visits_and_session_numbers_may_differ(build, given, replica):
    text = (replica / oasis2.TABLE.path).read_text()
    assert "OAS2_9003,OAS2_9003_MR3,Converted,2," in text
    assert build(*given).scan("OAS2_9003", "MR3")["diagnosis"] == "AD"


def test_two_sexes_of_one_subject_are_refused(refuse, given, replica, edit):
    lines = (replica / oasis2.TABLE.path).read_text().splitlines()
    row = next(line for line in lines if "OAS2_9002_MR2" in line)
    other = row.replace(",M,R,", ",?,R,").replace(",F,R,", ",M,R,").replace(",?,R,", ",F,R,")
    edit(replica / oasis2.TABLE.path, row, other)
    assert "subject OAS2_9002 is" in refuse(*given)
