import csv

import pytest

from benchmark.prepare.phantom.downloads.adni import describe

COLLECTION, SEARCH = "Replica_1_15_2024.csv", "idaSearch_1_15_2024.csv"


@pytest.fixture(scope="module")
def replica(tmp_path_factory):
    return describe(subjects=6).write(tmp_path_factory.mktemp("adni"))


@pytest.fixture
def own(tmp_path):
    """A replica that the test may change."""
    return describe(subjects=0).write(tmp_path / "replica")


def options(replica, *names):
    known = {"search": SEARCH, "collection": COLLECTION, "adnimerge": "ADNIMERGE.csv", "dxsum": "DXSUM.csv"}
    chosen = names or tuple(known)
    return ["adni", "--images", replica, *(part for name in chosen for part in (f"--{name}", replica / known[name]))]


def by_image(built):
    return {row["image_id"]: row for row in built.rows}


def test_every_image_is_what_the_replica_says(build, replica, same_as_truth):
    same_as_truth(build(*options(replica)), replica)


def test_tables_say_the_same_in_any_order_and_line_end(build, own):
    before = build(*options(own), out="before")
    lines = (own / SEARCH).read_text().splitlines()
    (own / SEARCH).write_bytes("\r\n".join([lines[0], *reversed(lines[1:])]).encode("utf-8-sig"))
    assert build(*options(own), out="after").rows == before.rows


def test_phases_are_those_of_the_images_and_a_participant_of_three_is_one_subject(build, own):
    rows = [row for row in build(*options(own)).rows if row["subject_id"] == "ADNI_8902"]
    assert {row["session_id"]: (row["site"], row["diagnosis"]) for row in rows} == {
        "d0000": ("ADNI1", "CN"),
        "d1709": ("ADNI2", "MCI"),
        "d3598": ("ADNI3", "AD"),
    }


def test_later_phases_of_a_subject_can_be_left_out(build, own):
    built = build(*options(own), "--phase_rule", "first")
    assert [row["site"] for row in built.rows if row["subject_id"] == "ADNI_8902"] == ["ADNI1"]
    assert built.reasons()["of a phase after the subject's first (--phase_rule first)"] == 2


def test_the_day_tells_screenings_of_two_phases_apart(build, own):
    rows = {row["subject_id"]: row for row in build(*options(own)).rows}
    assert (rows["ADNI_8903"]["site"], rows["ADNI_8904"]["site"]) == ("ADNI1", "ADNI2")
    assert rows["ADNI_8904"]["phase_source"] == "date"


def test_a_visit_at_the_end_of_the_window_counts_and_a_day_later_does_not(build, own):
    rows = {row["subject_id"]: row for row in build(*options(own)).rows}
    assert (rows["ADNI_9906"]["diagnosis"], rows["ADNI_9906"]["days_to_visit"]) == ("MCI", "180")
    assert (rows["ADNI_9908"]["diagnosis"], rows["ADNI_9908"]["days_to_visit"]) == ("", "")
    wider = {row["subject_id"]: row for row in build(*options(own), "--window_days", 181, out="wide").rows}
    assert (wider["ADNI_9908"]["diagnosis"], wider["ADNI_9908"]["days_to_visit"]) == ("AD", "-181")


def test_without_study_tables_the_group_of_enrolment_is_the_diagnosis(build, replica):
    rows = by_image(build(*options(replica, "search", "collection")))
    with (replica / "truth.csv").open(encoding="utf-8", newline="") as stream:
        used = [row for row in csv.DictReader(stream) if row["outcome"] == "used"]
    assert {image: row["diagnosis"] for image, row in rows.items()} == {
        row["image_id"]: row["group_diagnosis"] for row in used
    }


def test_significant_memory_concern_can_be_another_diagnosis(build, own):
    tables = options(own, "search", "collection")
    row = next(row for row in build(*tables, "--smc", "OTHER").rows if row["diagnosis_source"] == "Group=SMC")
    assert row["diagnosis"] == "OTHER"


def test_processed_images_can_be_asked_for(build, own):
    descriptions = [row["description"] for row in build(*options(own), "--processed", "processed").rows]
    assert descriptions == ["MPR; GradWarp; B1 Correction; N3; Scaled"]
    either = build(*options(own), "--processed", "any", out="any")
    assert {row["description"] for row in either.rows if row["subject_id"] == "ADNI_8901"} == {"MP-RAGE"}


def test_scanner_is_read_from_slices_and_xml_where_no_search_is_given(build, own):
    rows = {row["subject_id"]: row for row in build(*options(own, "collection", "adnimerge")).rows}
    known = ("scanner_manufacturer", "scanner_model", "field_strength")
    assert [rows["ADNI_9902"][name] for name in known] == ["GE", "Signa HDxt", "3"]
    assert [rows["ADNI_90902"][name] for name in known] == ["Siemens", "Verio", "3"]
    assert [rows["ADNI_90903"][name] for name in known] == ["", "", ""]


def test_no_date_and_no_archive_number_of_a_scanner_site_reaches_a_manifest(build, own):
    for row in build(*options(own)).rows:
        kept = " ".join(value for name, value in row.items() if name != "image")
        assert "20" not in row["session_id"][:3]
        assert "_S_" not in kept


def test_site_can_be_the_field_strength(build, own):
    built = build(*options(own), "--site_from", "field_strength")
    assert {row["site"] for row in built.rows} >= {"ADNI1-1.5T", "ADNI2-3T", "ADNI3-3T"}


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        (COLLECTION, '"I90000085"', '"scan"', "column 'Image Data ID': 'scan' is not allowed; it must be digits, "),
        (COLLECTION, '"71"', '"710"', "column 'Age': '710' is not allowed; it must be a number in [0, 120], or empty"),
        (COLLECTION, "6/27/2007", "27/6/2007", "column 'Acq Date': '27/6/2007' is not allowed; it must be a date such"),
        (COLLECTION, '"Subject"', '"Person"', "column 'Subject' or 'Subject ID' is missing"),
        (SEARCH, "960_S_8901", "960_S_8999", "the tables must be of one download"),
        ("DXSUM.csv", "EXAMDATE", "DAY", "column 'EXAMDATE' is missing"),
        (
            "ADNIMERGE.csv",
            "\n8902,",
            "\nabc,",
            "column 'RID': 'abc' is not allowed; it must be like 4567 or ",
        ),
    ],
)
def test_impossible_tables_are_refused(refuse, own, edit, table, old, new, message):
    if table == COLLECTION and "I90000085" in old:
        old = f'"{(own / table).read_text("utf-8-sig").splitlines()[1].split(",")[0].strip(chr(34))}"'
    edit(own / table, old, new)
    assert message in refuse(*options(own))


def test_images_without_a_table_are_refused(refuse, own):
    assert "give --collection, --search or both" in refuse("adni", "--images", own)


def test_a_download_of_another_project_is_left_out_by_name(build, own):
    ours = next(own.rglob("ADNI_961_S_90901*.nii"))
    ours.rename(ours.with_name(ours.name.replace("ADNI_", "AIBL_")))
    assert "file name does not begin with ADNI_" in build(*options(own)).reasons()
