import csv

from benchmark.prepare.importers.normalise import folded
from benchmark.prepare.phantom.downloads import oasis4
from tests.benchmark.prepare.importers.arguments import without

NAME = "oasis4"


def scan(built, subject):
    (row,) = [row for row in built.rows if row["subject_id"] == subject]
    return row


def test_scans_are_those_of_the_replica(build, given, replica, same_scans):
    built = build(*given)
    same_scans(built, oasis4.describe().expected, replica)
    assert {row["dataset"] for row in built.rows} == {"OASIS4"}


def test_every_other_image_and_row_is_left_out_with_a_reason(build, given):
    built = build(*given)
    assert built.reasons() == {
        "OASIS4": 10,
        "row without a T1w image": 13,
        "kind of image that is no T1w: FLAIR": 10,
        "kind of image that is no T1w: T2w": 1,
        "2D acquisition": 2,
        "imaging session without a scan that is used": 2,
        "subject without an image": 2,
        "image without a row in the clinical table": 1,
    }
    assert built.record["OASIS4_data_clinical.csv:7 (OAS49006)"] == "subject without an image"


def test_the_baseline_is_day_three_thousand(build, given):
    built = build(*given)
    last, late = scan(built, "OAS49005"), scan(built, "OAS49004")
    assert (last["session_id"], last["days_to_visit"], last["diagnosis"]) == ("d3184", "-184", "AD")
    assert (late["session_id"], late["days_to_visit"], late["diagnosis"]) == ("d3185", "-185", "")
    assert late["diagnosis_source"] == "OASIS4_data_clinical.csv final_dx=AD/Vascular"
    assert scan(build(*given, "--window_days", "185", out="wider"), "OAS49004")["diagnosis"] == "AD"


def test_ages_without_the_imaging_table_are_counted_from_the_baseline(build, given, replica):
    built = build(*without(given, "imaging"))
    with (replica / oasis4.CLINICAL.path).open(newline="") as stream:
        first = next(csv.DictReader(stream))
    row = scan(built, first["oasis_id"])
    assert row["age"] == f"{float(first['age']) + (int(row['session_id'][1:]) - 3000) / 365.25:.2f}"


def test_a_two_dimensional_first_run_gives_way_to_the_next(build, given):
    assert scan(build(*given), "OAS49002")["image_id"].endswith("_run-02_T1w")


def test_three_dimensions_may_be_stated_beside_the_image_but_must_be_stated(build, refuse, given, replica, same_scans):
    arguments = without(given, "scanners")
    same_scans(build(*arguments), oasis4.describe().expected, replica)
    for path in replica.rglob("*.json"):
        path.unlink()
    assert "says that it is a 3D acquisition (MRAcquisitionType)" in refuse(*arguments)


def test_diagnoses_are_read_whatever_their_punctuation(build, given, replica, edit):
    assert folded("Alzheimer's  disease-dementia ") == "alzheimer disease dementia"
    edit(replica / oasis4.CLINICAL.path, "AD+Non Neurodegenerative", "AD + Non-neurodegenerative")
    assert scan(build(*given), "OAS49007")["diagnosis"] == "AD"


def test_diagnoses_that_are_not_described_are_other_and_told_of(build, given, replica, edit):
    edit(replica / oasis4.CLINICAL.path, "Cognitively Normal", "Migraine")
    built = build(*given)
    assert scan(built, "OAS49003")["diagnosis"] == "OTHER"
    assert "final_dx that the archive does not describe, read as OTHER: Migraine" in built.text


def test_other_impossible_input_is_refused(refuse, given, replica, tmp_path):
    assert "window_days: -1 is not allowed; it must be at least 0" in refuse(*given, "--window_days", "-1")
    (tmp_path / "empty").mkdir()
    arguments = [tmp_path / "empty" if word == str(replica) else word for word in given]
    assert "holds no image of OAS4" in refuse(*arguments)
