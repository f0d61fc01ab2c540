from __future__ import annotations

import math
import re

import numpy as np
import pytest

from benchmark.data.manifest import ManifestError, read_manifests
from benchmark.errors import UserError


def problems(*paths, **options):
    with pytest.raises(ManifestError) as caught:
        read_manifests(paths, **options)
    assert str(caught.value).splitlines()[: len(caught.value.problems)] == [str(p) for p in caught.value.problems][:50]
    return [str(problem) for problem in caught.value.problems]


def test_the_table_is_typed_sorted_and_complete(tmp_path, write_manifest):
    b = write_manifest({"subject_id": "002", "session_id": "01", "age": "70.5", "extra": "007"}, name="b.csv", site="B")
    a = write_manifest(
        {"subject_id": "003", "age": "", "sex": "", "diagnosis": "", "field_strength": "1.5", "split": "test"},
        {"subject_id": "001", "field_strength": "", "split": ""},
    )
    table = read_manifests([b, a])
    assert table["scan_key"].tolist() == ["A/001/1", "A/003/1", "B/002/01"]
    assert table.index.tolist() == [0, 1, 2]
    assert table["subject_id"].tolist() == ["001", "003", "002"]
    assert table["age"].tolist()[::2] == [70.0, 70.5]
    assert math.isnan(table["age"][1])
    assert (table["sex"][1], table["diagnosis"][1]) == ("", "")
    assert table["split"].tolist() == ["", "test", ""]
    assert table["extra"].tolist() == ["", "", "007"]
    assert table["field_strength"][1] == 1.5
    assert math.isnan(table["field_strength"][2])
    assert table["manifest"].tolist() == [str(a), str(a), str(b)]
    assert table["line"].tolist() == [3, 2, 2]
    assert table["manifest_order"].tolist() == [1, 1, 0]
    assert table["mask"].tolist() == ["", "", ""]
    assert table["image"][0] == str(tmp_path / "images/A1.nii.gz")


def test_paths_are_relative_to_the_manifest_then_to_the_data_root_or_absolute(tmp_path, write_manifest):
    root = tmp_path / "root"
    root.mkdir()
    for path in (root / "r.nii", root / "both.nii", tmp_path / "m/both.nii", tmp_path / "elsewhere.nii"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    images = ["r.nii", "both.nii", str(tmp_path / "elsewhere.nii")]
    rows = [{"image": image, "mask": "r.nii" if n else ""} for n, image in enumerate(images)]
    table = read_manifests([write_manifest(*rows, name="m/a.csv", images=False)], root)
    expected = [root / "r.nii", tmp_path / "m/both.nii", tmp_path / "elsewhere.nii"]
    assert table["image"].tolist() == [str(path) for path in expected]
    assert table["mask"].tolist() == ["", str(root / "r.nii"), str(root / "r.nii")]


def test_a_missing_image_names_the_places_tried(tmp_path, write_manifest):
    path = write_manifest({"image": "x/1.nii"}, {"mask": "m.nii"}, images=False)
    found = problems(path, data_root=tmp_path / "root")
    assert found[0] == (
        f"{path}:2: column 'image': 'x/1.nii' is not there; tried {tmp_path}/x/1.nii and {tmp_path}/root/x/1.nii"
    )
    assert "column 'mask': 'm.nii' is not there" in found[2]
    assert problems(path)[0].endswith(f"tried {tmp_path}/x/1.nii")
    assert read_manifests([path], tmp_path / "root", check_images=False)["image"][0] == f"{tmp_path}/root/x/1.nii"


def test_a_folder_of_slices_is_found_under_its_root_but_must_be_converted_for_training(tmp_path, write_manifest):
    path = write_manifest({"image": "series"}, name="m/a.csv", images=False)
    (tmp_path / "m/series").mkdir()
    found = problems(path, data_root=tmp_path / "root")
    assert found == [f"{path}:2: column 'image': 'series' is a folder, as of DICOM; run 'seada-bench preprocess' first"]
    table = read_manifests([path], tmp_path / "root", check_images=False)
    assert table["image"].tolist() == [str(tmp_path / "m/series")]


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("age", "-3", "-3 is not allowed; age must be a number of years in [0, 120], or empty"),
        ("age", "120.5", "120.5 is not allowed; age must be a number of years in [0, 120], or empty"),
        ("age", "nan", "'nan' is not allowed; age must be"),
        ("age", "7_0", "'7_0' is not allowed; age must be"),
        ("age", "70,5", "'70,5' is not allowed; age must be"),
        ("age", "1e999", "1e999 is not allowed; age must be"),
        (
            "diagnosis",
            "MIC",
            "'MIC' is not allowed (did you mean MCI?); diagnosis must be one of CN, MCI, AD, PD, SWEDD, PRODROMAL, "
            "OTHER, or empty",
        ),
        ("diagnosis", "prodromal", "'prodromal' is not allowed (did you mean PRODROMAL?)"),
        ("diagnosis", "Dementia", "'Dementia' is not allowed; diagnosis must be one of"),
        ("diagnosis", "AD ", "'AD ' has a space at its start or end; remove it"),
        ("sex", "f", "'f' is not allowed (did you mean F?); sex must be one of F, M, or empty"),
        ("sex", "2", "2 is not allowed; sex must be one of F, M, or empty"),
        ("site", "A/B", "'A/B' is not allowed; site must be a name of letters, digits, spaces, '.', '_' and '-'"),
        ("site", "..", "'..' is not allowed; site must be"),
        ("site", "", "is empty; site must be a name"),
        ("subject_id", "", "is empty; subject_id must be a name"),
        ("subject_id", "a/b", "'a/b' is not allowed; subject_id must be a name without '/', '\\' and control"),
        ("session_id", "1\n", r"'1\n' has a space at its start or end"),
        ("image", "", "is empty; image must be the path of an image file"),
        ("field_strength", "0", "0 is not allowed; field_strength must be a number of tesla in (0, 20], or empty"),
        ("field_strength", "3T", "'3T' is not allowed; field_strength must be"),
        ("sha256", "abc", "'abc' is not allowed; sha256 must be 64 hexadecimal digits, or empty"),
        ("split", "training", "'training' is not allowed (did you mean train?); split must be one of train, val, test"),
    ],
)
def test_a_value_that_is_not_allowed(write_manifest, column, value, message):
    path = write_manifest({}, {column: value})
    found = problems(path, check_images=False)
    assert found[0].startswith(f"{path}:3: column '{column}': {message}")


def test_every_problem_of_every_file_is_reported_in_order(tmp_path, write_manifest):
    a = write_manifest({"age": "x", "sex": "y"}, {"diagnosis": "z"}, name="z.csv")
    b = write_manifest({"split": "w"}, name="b.csv", site="B")
    gone = tmp_path / "gone.csv"
    found = problems(a, gone, b)
    places = [re.match(r".*?: (column '\w+')?", line)[0] for line in found]
    assert places == [
        f"{a}:2: column 'age'",
        f"{a}:2: column 'sex'",
        f"{a}:3: column 'diagnosis'",
        f"{gone}: ",
        f"{b}:2: column 'split'",
    ]
    assert found[3] == f"{gone}: cannot be read: No such file or directory"


def test_a_long_list_is_cut_and_counted(write_manifest):
    path = write_manifest(*[{"age": "x"} for _ in range(53)])
    with pytest.raises(ManifestError) as caught:
        read_manifests([path])
    assert len(caught.value.problems) == 53
    assert str(caught.value).splitlines()[50:] == ["... and 3 more problems"]


HEADER = "subject_id,session_id,image,site,diagnosis,age,sex"
ROW = "1,1,i.nii,A,CN,70,F"


def from_text(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    (tmp_path / "i.nii").touch()
    return path


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{HEADER}\r\n{ROW}\r\n\r\n",  # as a spreadsheet saves it: byte order mark, CRLF, empty line
        f"{HEADER}\n{ROW}",
        f"{HEADER}\n\n{ROW}\n,,,,,,\n",
        f'{HEADER}\n"1","1",i.nii,A,CN,70,F\n',
        "sex,age,diagnosis,site,image,session_id,subject_id\nF,70,CN,A,i.nii,1,1\n",
    ],
)
def test_what_spreadsheets_write_is_read(tmp_path, text):
    table = read_manifests([from_text(tmp_path, text)])
    assert table["scan_key"].tolist() == ["A/1/1"]
    assert (table["age"][0], table["sex"][0]) == (70.0, "F")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": is empty; its first line must name the columns subject_id, session_id,"),
        ("\n\n", ": is empty; its first line"),
        (HEADER, ": has a header but no scan"),
        (f"{HEADER}\n{ROW},x\n", ":2: has 8 fields, the header has 7"),
        (f"{HEADER}\n{ROW}\n2,1,i.nii\n", ":3: has 3 fields, the header has 7"),
        (f'{HEADER}\n1,"unfinished\n', ":2: is no line of a CSV file: unexpected end of data"),
        (HEADER.replace(",", ";"), ":1: has no comma; columns must be separated by commas"),
        (f"{HEADER},age\n{ROW},70\n", ":1: column 'age': stands 2 times in the header"),
        (f"{HEADER},\n{ROW},\n", ":1: column 8 has no name"),
        (f"{HEADER},line\n{ROW},4\n", ":1: column 'line': is a name that the reader uses itself; rename the column"),
        (f"{HEADER},Mask\n{ROW},m.nii\n", ":1: column 'Mask': is not read; write it 'mask'"),
        (
            HEADER.replace("subject_id", "subjectid"),
            ":1: column 'subject_id': is missing (is 'subjectid' meant to be it?); required are subject_id,",
        ),
        (HEADER.replace(",sex", ""), ":1: column 'sex': is missing; required are"),
    ],
)
def test_a_file_that_is_no_manifest(tmp_path, text, message):
    path = from_text(tmp_path, text)
    assert problems(path)[0].startswith(f"{path}{message}")


def test_all_missing_columns_are_named(tmp_path):
    assert len(problems(from_text(tmp_path, "site,b\n1,2\n"))) == 6
    assert len(problems(from_text(tmp_path, "a,b\n1,2\n"))) == 1


@pytest.mark.parametrize(("encoding", "line", "byte"), [("utf-16", 1, "0xff"), ("latin-1", 2, "0xfc")])
def test_another_encoding(tmp_path, encoding, line, byte):
    path = from_text(tmp_path, f"{HEADER}\nMüller{ROW[1:]}\n", encoding)
    assert problems(path) == [f"{path}:{line}: is not UTF-8: byte {byte}; save it as CSV in UTF-8"]


def test_a_folder_and_a_binary_file(tmp_path):
    assert problems(tmp_path) == [f"{tmp_path}: cannot be read: Is a directory"]
    binary = tmp_path / "b.csv"
    binary.write_bytes(bytes(range(256)) * 10)
    assert "is not UTF-8" in problems(binary)[0]


def test_lines_are_exact_after_a_field_that_spans_lines(tmp_path):
    path = from_text(tmp_path, f'{HEADER},note\n{ROW},"two\nlines"\n2,1,i2.nii,A,CN,-1,F,\n')
    assert problems(path, check_images=False)[0].startswith(f"{path}:4: column 'age': -1")


def test_a_duplicate_scan_names_both_lines(write_manifest):
    path = write_manifest({}, {"subject_id": "A0", "image": "other.nii"})
    assert problems(path) == [
        f"{path}:3: column 'session_id': scan 'A/A0/1' (site/subject/session) is already in {path}:2"
    ]


def test_one_image_for_two_scans_names_both_lines_even_behind_a_link(tmp_path, write_manifest):
    (tmp_path / "link.nii.gz").symlink_to(tmp_path / "images/A0.nii.gz")
    path = write_manifest({}, {"image": "images/../images/A0.nii.gz"}, {"image": "link.nii.gz"}, images=False)
    (tmp_path / "images").mkdir()
    (tmp_path / "images/A0.nii.gz").touch()
    found = problems(path)
    assert [line.split(": ")[0] for line in found] == [f"{path}:3", f"{path}:4"]
    assert all(line.endswith(f"is already the image of {path}:2") for line in found)


def test_an_image_that_is_its_own_mask(write_manifest):
    path = write_manifest({"mask": "images/A0.nii.gz"})
    assert "column 'mask'" in problems(path)[0]
    assert problems(path)[0].endswith("A0.nii.gz' is the image itself")


def test_one_site_a_file_and_one_file_a_site(write_manifest):
    mixed = write_manifest({}, {"site": "B"}, {"site": "B"})
    assert problems(mixed) == [f"{mixed}:3: column 'site': 'B' in a manifest of site 'A'; write one manifest a site"]
    first = write_manifest({"subject_id": "x"}, name="first.csv", site="Oslo")
    second = write_manifest({"subject_id": "y"}, name="second.csv", site="oslo")
    assert problems(first, second) == [
        f"{second}:2: column 'site': 'oslo' is the site of {first} too ('Oslo'); give each its own"
    ]


def test_a_manifest_given_twice(write_manifest):
    path = write_manifest()
    assert problems(path, path.parent / "." / path.name) == [f"{path}: this manifest is given twice"]


def test_no_manifest():
    with pytest.raises(UserError, match="no manifest is given"):
        read_manifests([])


@pytest.mark.parametrize(
    ("column", "values", "why"),
    [("sex", ("F", "M"), "one person has one sex"), ("split", ("train", "test"), "a subject is in one split")],
)
def test_a_subject_that_contradicts_itself_across_sites(write_manifest, column, values, why):
    a = write_manifest({"subject_id": "s", column: values[0]})
    b = write_manifest(
        {"subject_id": "s", column: ""},
        {"subject_id": "s", "session_id": "2", column: values[1]},
        name="b.csv",
        site="B",
    )
    assert problems(a, b) == [
        f"{b}:3: column '{column}': subject 's' is '{values[1]}' here and '{values[0]}' in {a}:2; {why}"
    ]


def test_a_problem_is_one_line_whatever_the_file_holds(write_manifest):
    path = write_manifest({"subject_id": "a\nb\x0c\u2028c", "image": "i\n.nii"}, images=False)
    assert len(str(ManifestError([])).splitlines()) == 0
    for line in problems(path):
        assert len(line.splitlines()) == 1


def test_no_damage_to_a_file_escapes_the_report(tmp_path):
    """A byte changed, lost or added anywhere: the manifest is read, or refused by a ManifestError."""
    rng = np.random.default_rng(0)
    whole = f'{HEADER},mask,split\n{ROW},,train\n2,1,"i.nii",A,AD,71,M,,\n'.encode()
    path = from_text(tmp_path, "")
    refused = []
    for _ in range(500):
        damaged = bytearray(whole)
        for _ in range(rng.integers(1, 4)):
            place = rng.integers(len(damaged))
            damaged[place : place + rng.integers(2)] = bytes(
                rng.choice([*b',"\n\r\0;/ ', rng.integers(256)], 1).tolist()
            )
        path.write_bytes(damaged)
        try:
            read_manifests([path])
        except ManifestError as error:
            refused.append(error)
    assert len(refused) > 300
    assert all(len(str(error).splitlines()) == len(error.problems) for error in refused)
