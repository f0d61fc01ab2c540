import csv

from tests.benchmark.prepare.importers.arguments import only

NAME = "adni"
SEARCH = "idaSearch_1_15_2024.csv"


def by_image(built):
    return {row["image_id"]: row for row in built.rows}


def test_every_image_is_what_the_replica_says(build, replica, same_as_truth, given):
    same_as_truth(build(*given), replica)


def test_tables_say_the_same_in_any_order_and_line_end(build, replica, given):
    before = build(*given, out="before")
    lines = (replica / SEARCH).read_text().splitlines()
    (replica / SEARCH).write_bytes("\r\n".join([lines[0], *reversed(lines[1:])]).encode("utf-8-sig"))
    assert build(*given, out="after").rows == before.rows


def test_phases_are_those_of_the_images_and_a_participant_of_three_is_one_subject(build, replica, given):
    rows = [row for row in build(*given).rows if row["subject_id"] == "ADNI_8902"]
    assert {row["session_id"]: (row["site"], row["diagnosis"]) for row in rows} == {
        "d0000": ("ADNI1", "CN"),
        "d1709": ("ADNI2", "MCI"),
        "d3598": ("ADNI3", "AD"),
    }


def test_later_phases_of_a_subject_can_be_left_out(build, replica, given):
    built = build(*given, "--phase_rule", "first")
    assert [row["site"] for row in built.rows if row["subject_id"] == "ADNI_8902"] == ["ADNI1"]
    assert built.reasons()["of a phase after the subject's first (--phase_rule first)"] == 2


def test_the_day_tells_screenings_of_two_phases_apart(build, replica, given):
    rows = {row["subject_id"]: row for row in build(*given).rows}
    assert (rows["ADNI_8903"]["site"], rows["ADNI_8904"]["site"]) == ("ADNI1", "ADNI2")
    assert rows["ADNI_8904"]["phase_source"] == "date"


def test_a_visit_at_the_end_of_the_window_counts_and_a_day_later_does_not(build, replica, given):
    rows = {row["subject_id"]: row for row in build(*given).rows}
    assert (rows["ADNI_9906"]["diagnosis"], rows["ADNI_9906"]["days_to_visit"]) == ("MCI", "180")
    assert (rows["ADNI_9908"]["diagnosis"], rows["ADNI_9908"]["days_to_visit"]) == ("", "")
    wider = {row["subject_id"]: row for row in build(*given, "--window_days", 181, out="wide").rows}
    assert (wider["ADNI_9908"]["diagnosis"], wider["ADNI_9908"]["days_to_visit"]) == ("AD", "-181")


def test_without_study_tables_the_group_of_enrolment_is_the_diagnosis(build, replica, given):
    rows = by_image(build(*only(given, "search", "collection")))
    with (replica / "truth.csv").open(encoding="utf-8", newline="") as stream:
        used = [row for row in csv.DictReader(stream) if row["outcome"] == "used"]
    assert {image: row["diagnosis"] for image, row in rows.items()} == {
        row["image_id"]: row["group_diagnosis"] for row in used
    }


def test_significant_memory_concern_can_be_another_diagnosis(build, replica, given):
    tables = only(given, "search", "collection")
    row = next(row for row in build(*tables, "--smc", "OTHER").rows if row["diagnosis_source"] == "Group=SMC")
    assert row["diagnosis"] == "OTHER"


def test_processed_images_can_be_asked_for(build, replica, given):
    descriptions = [row["description"] for row in build(*given, "--processed", "processed").rows]
    assert descriptions == ["MPR; GradWarp; B1 Correction; N3; Scaled"]
    either = build(*given, "--processed", "any", out="any")
    assert {row["description"] for row in either.rows if row["subject_id"] == "ADNI_8901"} == {"MP-RAGE"}


def test_scanner_is_read_from_slices_and_xml_where_no_search_is_given(build, replica, given):
    rows = {row["subject_id"]: row for row in build(*only(given, "collection", "adnimerge")).rows}
    known = ("scanner_manufacturer", "scanner_model", "field_strength")
    assert [rows["ADNI_9902"][name] for name in known] == ["GE", "Signa HDxt", "3"]
    assert [rows["ADNI_90902"][name] for name in known] == ["Siemens", "Verio", "3"]
    assert [rows["ADNI_90903"][name] for name in known] == ["", "", ""]


def test_no_date_and_no_archive_number_of_a_scanner_site_reaches_a_manifest(build, replica, given):
    for row in build(*given).rows:
        kept = " ".join(value for name, value in row.items() if name != "image")
        assert "20" not in row["session_id"][:3]
        assert "_S_" not in kept


def test_site_can_be_the_field_strength(build, replica, given):
    built = build(*given, "--site_from", "field_strength")
    assert {row["site"] for row in built.rows} >= {"ADNI1-1.5T", "ADNI2-3T", "ADNI3-3T"}


def test_images_without_a_table_are_refused(refuse, replica, given):
    assert "give --collection, --search or both" in refuse(*only(given))


def test_a_download_of_another_project_is_left_out_by_name(build, replica, given):
    ours = next(replica.rglob("ADNI_961_S_90901*.nii"))
    ours.rename(ours.with_name(ours.name.replace("ADNI_", "AIBL_")))
    assert "file name does not begin with ADNI_" in build(*given).reasons()
