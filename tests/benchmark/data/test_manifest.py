import pytest

from benchmark.data.manifest import ManifestError, read_manifests
from benchmark.errors import UserError
from tests.benchmark.data.conftest import COLUMNS


def problems(*paths, **options):
    with pytest.raises(ManifestError) as caught:
        read_manifests(list(paths), **options)
    return str(caught.value).split("\n")


def test_a_good_manifest_becomes_a_sorted_table(manifest):
    path = manifest({"subject_id": "b", "age": ""}, {"subject_id": "007", "age": "71.5"})
    scans = read_manifests([path])
    assert scans["scan_key"].tolist() == ["A/007/1", "A/b/1"]
    assert scans["age"][0] == 71.5
    assert scans["age"].isna().tolist() == [False, True]
    assert scans["line"].tolist() == [3, 2]
    assert scans["split"].tolist() == ["", ""]


def test_extra_columns_a_byte_order_mark_and_blank_lines_are_fine(manifest):
    path = manifest({"note": "7"}, columns=[*COLUMNS, "note"], encoding="utf-8-sig")
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert read_manifests([path])["note"].tolist() == ["7"]


@pytest.mark.parametrize(
    ("changes", "column", "message"),
    [
        ({"age": "-3"}, "age", "'-3' is not allowed; it must be a number of years in [0, 120], or empty"),
        ({"age": "old"}, "age", "'old' is not allowed"),
        ({"age": "nan"}, "age", "'nan' is not allowed"),
        ({"diagnosis": "mci"}, "diagnosis", "'mci' is not allowed (did you mean MCI?); it must be one of CN, MCI"),
        ({"diagnosis": "Dementia"}, "diagnosis", "'Dementia' is not allowed; it must be one of CN"),
        ({"sex": "f"}, "sex", "'f' is not allowed (did you mean F?); it must be F, M, or empty"),
        ({"subject_id": " "}, "subject_id", "'' is not allowed; it must be a name"),
        ({"site": "../up"}, "site", "'../up' is not allowed; it must be a name of letters"),
        ({"image": "nowhere.nii"}, "image", "'nowhere.nii' is not there; looked in "),
    ],
)
def test_a_bad_value_is_named_with_its_place_and_what_is_allowed(manifest, changes, column, message):
    path = manifest(changes)
    (line,) = problems(path)
    assert line.startswith(f"{path}:2: column '{column}': {message}")


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named(manifest, column):
    path = manifest({}, columns=[name for name in COLUMNS if name != column])
    (line,) = problems(path)
    assert line.startswith(f"{path}:1: column '{column}': is missing; required are subject_id")


def test_all_problems_of_all_files_come_in_one_report(manifest):
    first = manifest({"age": "-3"}, {"sex": "x"}, name="a.csv")
    second = manifest({"diagnosis": "?", "site": "B"}, name="b.csv")
    lines = problems(first, second)
    assert [line.split(": ")[0] for line in lines] == [f"{first}:2", f"{first}:3", f"{second}:2"]


def test_a_long_report_is_cut_and_counted(manifest):
    assert problems(manifest(*[{"age": "-1"}] * 60))[-1] == "... and 10 more problems"


def test_a_duplicate_scan_names_both_lines(manifest):
    path = manifest({"subject_id": "a"}, {"subject_id": "a"})
    assert problems(path) == [
        f"{path}:3: column 'session_id': duplicate scan A/a/1 (site/subject/session); the first is {path}:2"
    ]


def test_one_image_cannot_be_two_scans(manifest, image):
    image("same.nii.gz")
    path = manifest({"image": "same.nii.gz"}, {"image": "same.nii.gz"})
    (line,) = problems(path)
    assert "is the image of another scan too" in line


def test_a_subject_is_in_one_split_and_has_one_sex_in_all_files(manifest):
    columns = [*COLUMNS, "split"]
    first = manifest({"subject_id": "a", "split": "train"}, name="a.csv", columns=columns)
    second = manifest({"subject_id": "a", "split": "test", "sex": "M", "site": "B"}, name="b.csv", columns=columns)
    lines = problems(first, second)
    assert f"column 'sex': subject 'a' is 'M' here and 'F' in {first}:2" in lines[0]
    assert f"column 'split': subject 'a' is 'test' here and 'train' in {first}:2" in lines[1]


def test_a_manifest_is_of_one_site(manifest):
    (line,) = problems(manifest({}, {"site": "B"}))
    assert "column 'site': 'B' is not allowed in a manifest of site 'A'" in line


def test_images_are_found_beside_the_manifest_and_under_the_data_root(manifest, image, tmp_path):
    image("elsewhere/deep/x.nii.gz")
    path = manifest({"image": "deep/x.nii.gz"})
    assert read_manifests([path], tmp_path / "elsewhere")["image"][0] == str(tmp_path / "elsewhere/deep/x.nii.gz")
    assert "looked in" in problems(path)[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; the first line must name the columns"),
        (b"subject_id,session_id,image,site,diagnosis,age,sex\n", "holds no scan"),
        (b"\xff\xfea", "not UTF-8: byte 0xff at position 0"),
        (b"subject_id,session_id,image,site,diagnosis,age,sex\na,b\n", ":2: 2 fields where the header has 7"),
        (b"subject_id,subject_id,session_id,image,site,diagnosis,age,sex\n", "stands twice in the header"),
    ],
)
def test_a_file_that_is_no_manifest_is_named(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    assert message in problems(path)[0]


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert problems(tmp_path / "no.csv") == [f"{tmp_path}/no.csv: cannot be read: No such file or directory"]
    with pytest.raises(UserError, match="no manifest given"):
        read_manifests([])
