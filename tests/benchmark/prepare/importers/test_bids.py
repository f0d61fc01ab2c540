import json
import shutil

import pytest

from benchmark.data.schema import DIAGNOSES, SEXES
from benchmark.prepare.importers.bids_tables import DIAGNOSIS_WORDS, SEX_WORDS, Words
from benchmark.prepare.phantom.downloads import bids
from benchmark.prepare.phantom.downloads.bids import DATASET
from benchmarks.importing_bids import make_dataset

NAME = "bids"


def scan(built, label, session="single"):
    return built.scan(f"{DATASET}_{label}", session)


def test_scans_are_those_of_the_replica(build, given, replica, same_scans):
    built = build(*given)
    same_scans(built, bids.describe().expected, replica)
    assert {row["site"] for row in built.rows} == {DATASET}
    assert {row["orientation"] for row in built.rows} == {""}


def test_every_other_image_and_row_is_left_out_with_a_reason(build, given, replica):
    built = build(*given)
    assert len(built.record) == len(list(replica.rglob("*.nii.gz"))) + 3
    assert built.reasons() == {
        DATASET: 11,
        "kind of image that is no T1w: T2w": 13,
        "another image of the same session comes first": 4,
        "below derivatives, not among the raw data": 2,
        "no name of BIDS": 2,
        "subject without a T1w image that is used": 2,
        "2D acquisition": 1,
        "image without a row in the table of participants": 1,
        "session without a T1w image that is used": 1,
    }
    assert built.record["participants.tsv:8 (sub-R907)"] == "subject without a T1w image that is used"


def test_what_a_session_says_counts_before_what_the_subject_does(build, given):
    built = build(*given)
    first, second = scan(built, "R901", "01"), scan(built, "R901", "02")
    assert (first["diagnosis"], first["diagnosis_source"]) == ("CN", "participants.tsv group=Healthy control")
    assert (second["diagnosis"], second["diagnosis_source"]) == ("MCI", "sub-R901_sessions.tsv group=MCI")
    assert float(second["age"]) == float(first["age"]) + 2
    assert "2 scans of subjects with several sessions have the subject's age" in built.text


def test_the_plainest_image_of_the_lowest_run_is_used(build, given):
    built = build(*given)
    assert scan(built, "R902")["image_id"] == "sub-R902_run-1_T1w"
    assert scan(built, "R903")["image_id"] == "sub-R903_T1w"
    assert scan(built, "R904")["image_id"] == "sub-R904_acq-a_run-2_T1w"


def test_images_that_are_as_plain_are_told_of(build, given, replica):
    path = replica / "sub-R905/anat/sub-R905_T1w.nii.gz"
    shutil.copy(path, path.with_name("sub-R905_acq-b_T1w.nii.gz"))
    path.rename(path.with_name("sub-R905_acq-a_T1w.nii.gz"))
    built = build(*given)
    assert scan(built, "R905")["image_id"] == "sub-R905_acq-a_T1w"
    assert "sub-R905_acq-a_T1w.nii.gz and sub-R905/anat/sub-R905_acq-b_T1w.nii.gz are as good; the first" in built.text


def test_nearer_json_files_overrule_those_above(build, given, replica):
    built = build(*given)
    near, above = scan(built, "R902"), scan(built, "R906")
    assert (near["scanner_manufacturer"], near["field_strength"]) == ("GE", "1.5")
    assert (above["scanner_manufacturer"], above["field_strength"]) == ("Philips", "3")
    (replica / "sub-R906/sub-R906_T1w.json").write_text(json.dumps({"ManufacturersModelName": "Ingenia"}))
    (replica / "acq-other_T1w.json").write_text(json.dumps({"ManufacturersModelName": "Intera"}))
    again = scan(build(*given, out="again"), "R906")
    assert (again["scanner_model"], again["field_strength"]) == ("Ingenia", "3")


def test_sites_are_found_in_labels_of_sessions(build, refuse, given):
    built = build(*given, "--site-pattern", "0([12])")
    assert scan(built, "R901", "02")["site"] == f"{DATASET}-2"
    assert {row["site"] for row in built.rows} == {f"{DATASET}-1", f"{DATASET}-2"}
    # Images of sessions a and b, and of those without a label: 3 of R902, 2 of R903 and R904, one each of four more.
    assert built.reasons()["label of the session in which site_pattern finds no site"] == 2 + 3 + 2 + 2 + 4
    assert "site_pattern: '(' is no regular expression" in refuse(*given, "--site-pattern", "(")
    without = refuse(*given, "--site-pattern", "a")
    assert without.endswith("site_pattern: 'a' has 0 groups; it must have one, such as (.{7})[0-9]{3}")


def test_phase_images_are_left_out(build, given, replica):
    path = replica / "sub-R905/anat/sub-R905_T1w.nii.gz"
    path.rename(path.with_name("sub-R905_part-phase_T1w.nii.gz"))
    assert build(*given).reasons()["phase image"] == 1


def test_words_that_say_nothing_are_other_unless_they_are_explained(build, given):
    built = build(*given)
    assert scan(built, "R905")["diagnosis"] == "OTHER"
    assert "words that are read as OTHER: 'patient'; see diagnosis_map" in built.text
    told = build(*given, "--diagnosis_map", '{"Patient": "AD", "HC": ""}', out="told")
    assert scan(told, "R905")["diagnosis"] == "AD"
    assert scan(told, "R909")["diagnosis"] == ""
    assert "read as OTHER" not in told.text


@pytest.mark.parametrize(
    ("word", "diagnosis"),
    [
        ("Control", "CN"),
        ("cognitively-unimpaired", "CN"),
        ("Alzheimer’s Disease", "AD"),
        ("EMCI", "MCI"),
        ("Parkinson's disease", "PD"),
        ("SWEDD", "SWEDD"),
        ("prodromal", "PRODROMAL"),
        ("FTD", "OTHER"),
        ("n/a", ""),
        ("1", "OTHER"),
    ],
)
def test_common_words(word, diagnosis):
    diagnoses = Words("diagnosis_map", {}, DIAGNOSIS_WORDS, DIAGNOSES, "OTHER")
    assert diagnoses(word) == diagnosis
    assert diagnoses.unknown == ({"1"} if word == "1" else set())


def test_a_code_that_stands_for_missing_is_not_taken_for_one_that_is_explained():
    sexes = Words("sex_map", {"1": "M", "0": "F"}, SEX_WORDS, SEXES)
    assert [sexes(text) for text in ("1", "1.0", "0", "-1", "Female", "2")] == ["M", "M", "F", "", "F", ""]
    assert sexes.unknown == {"2"}


def test_ages_with_a_bound_are_told_of(build, given):
    built = build(*given)
    assert scan(built, "R909")["age"] == "89.00"
    assert "ages that are read as the number in them: '89+'" in built.text


def test_codes_of_sex_must_be_explained(build, given, replica):
    path = replica / "participants.tsv"
    text = path.read_text(encoding="utf-8-sig")
    path.write_text(text.replace("\tF\t", "\t0\t").replace("\tM\t", "\t1\t"))
    built = build(*given)
    assert {row["sex"] for row in built.rows} == {""}
    assert "sexes that are read as unknown: '0', '1'; see sex_map" in built.text
    told = build(*given, "--sex_map", '{"0": "F", "1": "M"}', out="told")
    assert [row["sex"] for row in told.rows] == [each.sex for each in bids.describe().expected]


def test_columns_may_have_other_names(build, given, replica, same_scans):
    path = replica / "participants.tsv"
    rows = path.read_text(encoding="utf-8-sig").split("\n", 1)[1]
    path.write_text("participant_id\tyears\tgeschlecht\tgroup\tcentre\n" + rows, encoding="utf-8")
    built = build(*given)
    assert "sex is unknown: there is no column sex or gender; name it by sex_column" in built.text
    session = replica / "sub-R901/sub-R901_sessions.tsv"
    session.write_text(session.read_text().replace("age", "years"))
    named = build(*given, "--age_column", "years", "--sex_column", "geschlecht", out="named")
    same_scans(named, bids.describe().expected, replica)


def test_of_two_usual_columns_the_first_is_used_and_told_of(build, given, replica):
    path = replica / "participants.tsv"
    path.write_text(path.read_text(encoding="utf-8-sig").replace("\tcentre", "\tdx"))
    built = build(*given)
    assert "diagnosis is read from column dx; there is group too" in built.text
    assert scan(built, "R906")["diagnosis"] == "OTHER"


def test_one_dataset_may_be_of_several_sites(build, given, replica):
    built = build(*given, "--site_column", "centre", "--dataset", "clinic")
    assert sorted(path.name for path in built.out.iterdir()) == [
        "bids-import.csv",
        "clinic-North.csv",
        "clinic-South.csv",
    ]
    assert {row["subject_id"].split("_")[0] for row in built.rows} == {"clinic"}
    assert len(built.check()) == len(bids.describe().expected)


def test_sites_from_the_scanner_leave_out_what_is_unknown(build, given):
    assert {row["site"] for row in build(*given, "--site_from", "vendor").rows} == {
        f"{DATASET}-{name}" for name in ("GE", "Philips")
    }
    built = build(*given, "--site_from", "scanner", out="scanner")
    assert {row["site"] for row in built.rows} == {f"{DATASET}-Philips-Achieva"}
    assert built.reasons()["site from scanner: not known of this scan"] == 4


def test_a_dataset_without_participants_has_scans_of_unknown_people(build, given, replica):
    (replica / "participants.tsv").unlink()
    built = build(*given)
    assert scan(built, "R908")["diagnosis"] == ""
    assert "there is no participants.tsv; diagnosis, age and sex are known from sessions.tsv at most" in built.text


def test_a_table_of_participants_may_lie_elsewhere(build, given, replica, tmp_path, same_scans):
    (replica / "participants.tsv").rename(tmp_path / "people.tsv")
    same_scans(build(*given, "--participants", tmp_path / "people.tsv"), bids.describe().expected, replica)


def test_a_linked_dataset_is_found(build, replica, tmp_path, same_scans):
    (tmp_path / "link").symlink_to(replica, target_is_directory=True)
    same_scans(build("bids", "--images", tmp_path / "link"), bids.describe().expected, tmp_path / "link")


def test_folders_above_the_root_say_nothing_of_its_images(build, replica, tmp_path, monkeypatch, same_scans):
    root = tmp_path / "sub-99_run-7" / "ses-1"
    root.parent.mkdir()
    replica.rename(root)
    same_scans(build("bids", "--images", root), bids.describe().expected, root)
    monkeypatch.chdir(root / "sub-R901")
    assert len(build("bids", "--images", "..", out="relative").rows) == len(bids.describe().expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--diagnosis_column", "dx"], "diagnosis_column: column 'dx' is in no table; there is participant_id, age"),
        (["--site_column", "scanner"], "site_column: column 'scanner' is in no table"),
        (["--diagnosis_map", '{"patient": "Ad"}'], "diagnosis_map: 'patient': 'Ad' is not allowed (did you mean AD?)"),
        (["--sex_map", '{"1": "male"}'], "sex_map: '1': 'male' is not allowed"),
        (["--dataset", "my/clinic"], "dataset: 'my/clinic' is not allowed"),
    ],
)
def test_impossible_options_are_refused(refuse, given, arguments, message):
    assert message in refuse(*given, *arguments)


def test_folders_that_are_no_dataset_are_refused(refuse, build, given, replica, tmp_path):
    assert "there is no such folder" in refuse("bids", "--images", tmp_path / "nowhere")
    description = replica / "dataset_description.json"
    description.write_text("[]")
    assert f"{description}: is no JSON object" in refuse(*given)
    description.write_text('{"Name": "?"}')
    assert "field 'Name' has no letter or digit; name the dataset by --dataset" in refuse(*given)
    description.unlink()
    assert "there is no such file; name the root of a BIDS dataset, or its name by --dataset" in refuse(*given)
    assert len(build(*given, "--dataset", "clinic").rows) == len(bids.describe().expected)
    (tmp_path / "empty").mkdir()
    message = refuse("bids", "--images", tmp_path / "empty", "--dataset", "clinic")
    assert "holds no folder sub-LABEL; name the root of a BIDS dataset" in message


def test_the_dataset_that_speed_is_measured_on_is_imported(build, tmp_path):
    (tmp_path / "made").mkdir()
    make_dataset(tmp_path / "made", 6)
    assert len(build("bids", "--images", tmp_path / "made").rows) == 6


def test_links_to_images_that_were_not_fetched_are_left_out(build, given, replica):
    image = replica / "sub-R905/anat/sub-R905_T1w.nii.gz"
    image.unlink()
    image.symlink_to(replica / ".git/annex/objects/one.nii.gz")
    built = build(*given)
    assert built.record["sub-R905/anat/sub-R905_T1w.nii.gz"] == "link to a file that is not there"
    assert len(built.check()) == len(bids.describe().expected) - 1
