import json
import shutil

import pytest

from benchmark.prepare.importers import oasis3 as importer
from benchmark.prepare.phantom.downloads import oasis3
from tests.benchmark.prepare.importers.arguments import without

NAME = "oasis3"


@pytest.mark.parametrize("scheme", ["d1", "cdr"])
def test_scans_are_those_of_the_replica(build, given, replica, same_scans, scheme):
    built = build(*given, "--scheme", scheme)
    same_scans(built, oasis3.describe(scheme=scheme).expected, replica)
    assert {row["dataset"] for row in built.rows} == {"OASIS3"}
    assert {row["orientation"] for row in built.rows} == {""}


def test_every_other_image_and_row_is_left_out_with_a_reason(build, given):
    built = build(*given)
    assert built.reasons() == {
        "OASIS3": 12,
        "row without a T1w image": 19,
        "kind of image that is no T1w: T2w": 12,
        "kind of image that is no T1w: FLAIR": 2,
        "kind of image that is no T1w: bold": 2,
        "kind of image that is no T1w: dwi": 2,
        "visit that is nearest to no scan": 3,
        "another image of the same session comes first": 2,
        "image without a row in the demographics": 2,
        "subject without an image": 1,
        "visit without a diagnosis": 1,
    }
    assert built.record["OASIS3_demographics.csv:10 (OAS39009)"] == "subject without an image"
    assert "OASIS-1, OASIS-2 and OASIS-3 drew on the same centre's participants" in built.text


def test_a_visit_a_window_away_is_too_far(build, given):
    built = build(*given)
    inside, outside = built.scan("OAS39005", "d0212"), built.scan("OAS39006", "d0305")
    assert (inside["diagnosis"], inside["days_to_visit"]) == ("CN", "179")
    assert (outside["diagnosis"], outside["days_to_visit"], outside["diagnosis_source"]) == ("", "", "")
    wider = build(*given, "--window_days", "181", out="wider").scan("OAS39006", "d0305")
    assert (wider["diagnosis"], wider["days_to_visit"]) == ("CN", "180")


def test_of_two_visits_as_near_the_earlier_counts(build, given):
    row = build(*given).scan("OAS39007", "d0611")
    assert (row["diagnosis"], row["days_to_visit"]) == ("CN", "-50")


def test_a_visit_without_a_diagnosis_is_passed_over(build, given):
    row = build(*given).scan("OAS39008", "d0088")
    assert (row["diagnosis"], row["days_to_visit"]) == ("CN", "100")


def test_dementia_is_alzheimers_only_where_it_is_named(build, given):
    built = build(*given)
    assert built.scan("OAS39010", "d0093")["diagnosis"] == "OTHER"
    named = built.scan("OAS39011", "d0256")
    assert named["diagnosis"] == "AD"
    assert named["diagnosis_source"].startswith("OASIS3_UDSd1_diagnoses.csv DEMENTED=1 dx1=AD dem w/")
    blind = build(*without(given, "clinical"), out="blind")
    assert blind.scan("OAS39011", "d0256")["diagnosis"] == "OTHER"


def test_rated_dementias_of_another_cause_are_told_of(build, given):
    text = build(*given, "--scheme", "cdr").text
    assert "1 visits with a CDR of 1 or above and another first diagnosis than AD are AD" in text


def test_impairment_that_is_no_mci_is_mci_and_told_of(build, given, replica, edit):
    edit(replica / oasis3.DIAGNOSES.path, ",0,0,1,0,0,0,0,", ",0,0,0,0,0,0,1,")
    built = build(*given)
    row = built.scan("OAS39003", "d0407")
    assert (row["diagnosis"], row["diagnosis_source"]) == ("MCI", "OASIS3_UDSd1_diagnoses.csv IMPNOMCI=1")
    assert "1 visits are neither normal nor demented and name no kind of MCI; read as MCI" in built.text


def test_a_visit_that_is_normal_and_demented_says_nothing(build, given, replica, edit):
    edit(replica / oasis3.DIAGNOSES.path, ",0,1,0,0,0,0,0,1", ",1,1,0,0,0,0,0,1")
    built = build(*given)
    assert built.scan("OAS39002", "d0064")["diagnosis"] == ""
    assert "1 visits are normal and demented at once; left out" in built.text


def test_what_is_neither_normal_nor_named_is_no_mci_while_a_flag_is_missing(build, given, replica, edit):
    edit(replica / oasis3.DIAGNOSES.path, ",0,0,1,0,0,0,0,", ",0,.,1,0,0,0,0,")
    assert build(*given).scan("OAS39003", "d0407")["diagnosis"] == "MCI"
    edit(replica / oasis3.DIAGNOSES.path, ",0,.,1,0,0,0,0,", ",0,.,0,0,0,0,1,")
    assert build(*given, out="missing").scan("OAS39003", "d0407")["diagnosis"] == ""


def test_the_lowest_run_is_used_and_none_is_the_first(build, given):
    built = build(*given)
    assert built.scan("OAS39001", "d0129")["image_id"] == "sub-OAS39001_ses-d0129_run-01_T1w"
    assert built.scan("OAS39004", "d0100")["image_id"] == "sub-OAS39004_ses-d0100_run-02_T1w"
    assert built.scan("OAS39003", "d0407")["image_id"] == "sub-OAS39003_ses-d0407_T1w"


def test_a_name_without_run_beside_the_first_run_is_told_of(build, given, replica):
    first = replica / "OAS39001_MR_d0129/anat1/sub-OAS39001_ses-d0129_run-01_T1w.nii.gz"
    plain = first.with_name("sub-OAS39001_ses-d0129_T1w.nii.gz")
    shutil.copy(first, plain)
    built = build(*given)
    assert built.scan("OAS39001", "d0129")["image"] == str(plain)
    names = " and ".join(str(path.relative_to(replica)) for path in (plain, first))
    assert f"OAS39001 d0129: {names} are as good; the first is used" in built.text


def test_a_name_may_leave_subject_and_day_to_its_folder(build, given, replica):
    image = next(replica.glob("OAS39005_MR_d0212/anat1/*_T1w.nii.gz"))
    image.rename(image.with_name("T1w.nii.gz"))
    assert build(*given).scan("OAS39005", "d0212")["image_id"] == "T1w"


def test_name_and_folder_of_different_sessions_are_left_out(build, given, replica):
    image = next(replica.glob("OAS39005_MR_d0212/anat1/*_T1w.nii.gz"))
    image.rename(image.with_name(image.name.replace("d0212", "d0213")))
    assert build(*given).reasons()["name and folders say different sessions"] == 1


def test_withdrawn_sessions_are_left_out(build, given, monkeypatch):
    monkeypatch.setattr(importer, "WITHDRAWN", frozenset({("OAS39005", "d0212")}))
    built = build(*given)
    assert built.reasons()["session that the archive withdrew"] == 1
    assert not [row for row in built.rows if row["subject_id"] == "OAS39005"]


def test_scanners_are_read_from_the_table_or_else_beside_the_image(build, given, replica, same_scans):
    same_scans(build(*without(given, "scanners")), oasis3.describe().expected, replica)
    for path in replica.rglob("sub-*.json"):
        path.unlink()
    built = build(*given, out="table")
    assert built.scan("OAS39011", "d0256")["scanner_model"] == "Biograph mMR"
    assert built.scan("OAS39012", "d0075")["scanner_model"] == ""


def test_a_scanner_stated_in_two_ways_is_told_of(build, given, replica):
    sidecar = replica / "OAS39005_MR_d0212/anat1/sub-OAS39005_ses-d0212_run-01_T1w.json"
    sidecar.write_text(json.dumps({"ManufacturersModelName": "Vida"}))
    built = build(*given)
    assert built.scan("OAS39005", "d0212")["scanner_model"] == "Biograph mMR"
    assert "d0212_run-01_T1w.nii.gz: the table's scanner is another than the JSON file's; the table is" in built.text


def test_a_two_dimensional_acquisition_is_left_out(build, given, replica):
    sidecar = replica / "OAS39001_MR_d0129/anat1/sub-OAS39001_ses-d0129_run-01_T1w.json"
    sidecar.write_text(json.dumps({"MRAcquisitionType": "2D"}))
    built = build(*given)
    assert built.reasons()["2D acquisition"] == 1
    assert built.scan("OAS39001", "d0129")["image_id"].endswith("run-02_T1w")


def test_a_rating_that_does_not_exist_is_refused(refuse, given, replica, edit):
    edit(replica / oasis3.CLINICAL.path, ",28,.,0.5,", ",28,.,0.6,")
    assert "column 'CDRTOT': '0.6' is not allowed" in refuse(*given, "--scheme", "cdr")


def test_a_scheme_needs_its_table(refuse, given):
    assert "scheme d1 needs the table OASIS3_UDSd1_diagnoses.csv" in refuse(*without(given, "diagnoses"))
    arguments = (*without(given, "clinical"), "--scheme", "cdr")
    assert "scheme cdr needs the table OASIS3_UDSb4_cdr.csv" in refuse(*arguments)


def test_other_impossible_input_is_refused(refuse, given, replica, tmp_path):
    assert "window_days: 0 is not allowed; it must be at least 1" in refuse(*given, "--window_days", "0")
    (tmp_path / "empty").mkdir()
    arguments = [tmp_path / "empty" if word == str(replica) else word for word in given]
    assert "holds no image of OAS3; folders are named OAS3NNNN_MR_dNNNN or sub-OAS3NNNN" in refuse(*arguments)
    sidecar = replica / "OAS39001_MR_d0129/anat1/sub-OAS39001_ses-d0129_run-01_T1w.json"
    sidecar.write_text("{")
    assert f"{sidecar}: is no JSON file in UTF-8" in refuse(*given)
