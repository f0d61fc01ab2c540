import re

import nibabel
import pytest

from benchmark.prepare.phantom.downloads import oasis1

NAME = "oasis1"


def row_of(replica, name):
    text = (replica / oasis1.TABLE.path).read_text(encoding="utf-8-sig")
    return next(line for line in text.splitlines() if line.startswith(name))


def test_scans_are_those_of_the_replica(build, given, replica, same_scans):
    built = build(*given)
    same_scans(built, oasis1.describe().expected, replica)
    assert {row["site"] for row in built.rows} == {row["dataset"] for row in built.rows} == {"OASIS1"}
    assert {row["orientation"] for row in built.rows} == {"ASL"}


def test_every_other_image_and_row_is_left_out_with_a_reason(build, given, replica):
    built = build(*given)
    headers = len(list(replica.rglob("*.hdr")))
    assert len(built.record) == headers + 2
    scans, sessions = len(built.rows), len(list(replica.glob("disc*/OAS1_*")))
    raw = len(list(replica.rglob("RAW/*.hdr")))
    assert built.reasons() == {
        "OASIS1": scans,
        "kind of image that was not asked for: raw": raw,
        "kind of image that was not asked for: t88": sessions,
        "kind of image that was not asked for: t88_masked": sessions,
        "kind of image that was not asked for: segmentation": sessions,
        "half of an Analyze pair: its .img is missing": 1,
        "image without a row in the table": 1,
        "row without an image of kind subj_111": 2,
    }
    assert built.record[f"{oasis1.TABLE.path}:8 (OAS1_9006_MR1)"] == "row without an image of kind subj_111"
    assert "2 scans of adults below 60 years have no CDR; their diagnosis is left unknown" in built.text
    assert "OASIS-1, OASIS-2 and OASIS-3 drew on the same centre's participants" in built.text


def test_a_retest_is_a_second_session_or_left_out(build, given):
    assert build(*given).scan("OAS1_9001", "MR2")["age"]
    without = build(*given, "--keep_retest", "false", out="without")
    assert [row["session_id"] for row in without.rows if row["subject_id"] == "OAS1_9001"] == ["MR1"]
    assert without.reasons()["retest session"] == 2


def test_a_sex_that_is_missing_contradicts_none(build, given, replica, edit):
    edit(replica / oasis1.TABLE.path, "MR2,M", "MR2,")
    built = build(*given)
    assert (built.scan("OAS1_9001", "MR1")["sex"], built.scan("OAS1_9001", "MR2")["sex"]) == ("M", "")


def test_young_adults_without_a_rating_are_controls_only_on_request(build, given):
    young, old = ("OAS1_9001", "MR1"), ("OAS1_9005", "MR1")
    before = build(*given)
    assert before.scan(*young)["diagnosis"] == before.scan(*old)["diagnosis"] == ""
    assert before.scan(*young)["diagnosis_source"] == "oasis_cross-sectional.csv CDR="
    after = build(*given, "--blank_cdr_young_as_cn", "true", out="after")
    assert after.scan(*young)["diagnosis"] == "CN"
    assert after.scan(*young)["diagnosis_source"] == "oasis_cross-sectional.csv CDR= below 60 years"
    assert after.scan(*old)["diagnosis"] == ""


def test_sixty_is_not_young(build, given, replica, edit):
    row = row_of(replica, "OAS1_9001_MR1")
    edit(replica / oasis1.TABLE.path, row, re.sub(r",R,\d+,", ",R,60,", row))
    built = build(*given, "--blank_cdr_young_as_cn", "true")
    assert built.scan("OAS1_9001", "MR1")["diagnosis"] == ""


def test_a_half_is_a_dementia(build, given):
    row = build(*given).scan("OAS1_9003", "MR1")
    assert (row["diagnosis"], row["diagnosis_source"]) == ("AD", "oasis_cross-sectional.csv CDR=0.5")


@pytest.mark.parametrize(
    ("image", "ending", "orientation"),
    [("raw", "mpr-1_anon", "ASL"), ("t88_masked", "mpr_n\\d_anon_111_t88_masked_gfc", "LAS")],
)
def test_other_kinds_of_image(build, given, image, ending, orientation):
    built = build(*given, "--image", image)
    for row in built.rows:
        assert re.fullmatch(f"{row['subject_id']}_{row['session_id']}_{ending}", row["image_id"])
        assert row["orientation"] == orientation


def test_session_folders_may_lie_in_the_folder_itself(build, given, replica):
    for folder in list(replica.glob("disc*/OAS1_*")):
        folder.rename(replica / folder.name)
    assert len(build(*given).rows) == len(oasis1.describe().expected)


def test_a_session_in_two_discs_is_used_once_and_told_of(build, given, replica):
    source = replica / "disc2/OAS1_9002_MR1/PROCESSED/MPRAGE/SUBJ_111"
    other = replica / "disc3/OAS1_9002_MR1/PROCESSED/MPRAGE/SUBJ_111"
    other.mkdir(parents=True)
    for file in source.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    built = build(*given)
    assert "/disc2/" in built.scan("OAS1_9002", "MR1")["image"]
    assert "OAS1_9002 MR1: disc2/OAS1_9002_MR1/PROCESSED" in built.text
    assert built.reasons()["another image of the same session comes first"] == 1


def test_the_average_of_more_repeats_comes_first(build, given, replica):
    folder = replica / "disc2/OAS1_9002_MR1/PROCESSED/MPRAGE/SUBJ_111"
    for file in list(folder.iterdir()):
        (folder / re.sub(r"mpr_n\d", "mpr_n2", file.name)).write_bytes(file.read_bytes())
    assert "mpr_n2" not in build(*given).scan("OAS1_9002", "MR1")["image"]


def test_an_image_of_another_session_than_its_folder_is_left_out(build, given, replica):
    folder = replica / "disc2/OAS1_9002_MR1/PROCESSED/MPRAGE/SUBJ_111"
    for file in list(folder.iterdir()):
        file.rename(folder / file.name.replace("9002", "9003"))
    built = build(*given)
    assert built.reasons()["named after another session than its folder"] == 1
    assert not [row for row in built.rows if row["subject_id"] == "OAS1_9002"]


def test_a_header_that_states_an_orientation_is_believed(build, given, replica):
    header = next(replica.glob("disc2/OAS1_9002_MR1/PROCESSED/MPRAGE/SUBJ_111/*.hdr"))
    image = nibabel.load(header)
    pair = nibabel.Nifti1Pair(image.get_fdata()[..., 0], nibabel.affines.from_matvec([[2, 0, 0], [0, 2, 0], [0, 0, 2]]))
    pair.set_qform(pair.affine, code=1)
    nibabel.save(pair, header)
    built = build(*given)
    assert built.scan("OAS1_9002", "MR1")["orientation"] == ""
    assert "1 image headers state an orientation" in built.text


def test_an_impossible_age_is_refused(refuse, given, replica, edit):
    row = row_of(replica, "OAS1_9002_MR1")
    edit(replica / oasis1.TABLE.path, row, re.sub(r",R,\d+,", ",R,430,", row))
    table = replica / oasis1.TABLE.path
    message = f"{table}:4: column 'Age': '430' is not allowed; it must be a number in [0, 120], or empty"
    assert message in refuse(*given)


def test_another_encoding_is_refused(refuse, given, replica):
    table = replica / oasis1.TABLE.path
    table.write_bytes(table.read_text(encoding="utf-8-sig").encode("utf-16"))
    assert "is not UTF-8" in refuse(*given)
