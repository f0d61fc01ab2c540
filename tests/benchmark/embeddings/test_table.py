"""Embeddings files: what is read, what is refused and how, and what is written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.embeddings.table import ldr_columns, read_embeddings, write_embeddings
from benchmark.errors import UserError


def frame(**changes):
    table = pd.DataFrame(
        {
            "subject_id": ["007", "8", "9"],
            "session_id": ["1", "1", "2"],
            "site": ["A", "A", "B"],
            "diagnosis": ["CN", "", "AD"],
            "age": [70.5, np.nan, 61.0],
            "sex": ["F", "", "M"],
            "split": ["train", "test", "test"],
            "z0": np.array([0.1, -2.0, 3.5], dtype=np.float32),
            "z1": np.array([1.0, 1e-7, -4.0], dtype=np.float32),
        }
    )
    return table.assign(**changes)


def csv_file(folder, table, name="mine.csv"):
    path = folder / name
    table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_round_trip(tmp_path, suffix):
    path = tmp_path / f"mine.{suffix}"
    if suffix == "parquet":
        write_embeddings(frame(), path, {"transductive": "site B"})
    else:
        csv_file(tmp_path, frame())
    table = read_embeddings(path)
    pd.testing.assert_frame_equal(table.frame, frame(), check_dtype=suffix == "parquet")
    assert table.notes == ({"transductive": "site B"} if suffix == "parquet" else {})


def test_identifiers_stay_text_and_extra_columns_stay(tmp_path):
    table = read_embeddings(csv_file(tmp_path, frame(travelling=["0", "1", "0"]))).frame
    assert table["subject_id"].tolist() == ["007", "8", "9"]
    assert table["travelling"].tolist() == ["0", "1", "0"]


def test_parquet_with_numeric_identifiers_and_categories(tmp_path):
    path = tmp_path / "mine.parquet"
    table = frame(subject_id=[7, 8, 9], session_id=[1.0, 2.0, 3.0], site=pd.Categorical(["A", "A", "B"]))
    table["diagnosis"] = ["CN", None, "AD"]
    table.to_parquet(path)
    found = read_embeddings(path).frame
    assert found["subject_id"].tolist() == ["7", "8", "9"]
    assert found["session_id"].tolist() == ["1", "2", "3"]
    assert found["site"].tolist() == ["A", "A", "B"]
    assert found["diagnosis"].tolist() == ["CN", "", "AD"]


def test_a_folder_named_like_a_partition_is_no_column(tmp_path):
    folder = tmp_path / "site=C"
    folder.mkdir()
    write_embeddings(frame(), folder / "mine.parquet")
    assert read_embeddings(folder / "mine.parquet").frame["site"].tolist() == ["A", "A", "B"]


def test_columns_in_any_order_come_out_in_number_order(tmp_path):
    table = frame(**{f"z{i}": np.float32(i) for i in range(12)})
    backwards = table[list(table.columns[::-1])]
    found = read_embeddings(csv_file(tmp_path, backwards)).frame
    assert ldr_columns(found) == [f"z{i}" for i in range(12)]
    assert list(found.columns[-12:]) == [f"z{i}" for i in range(12)]


def test_written_bytes_depend_on_content_alone(tmp_path):
    first, second, other = (tmp_path / name for name in ("a.parquet", "b.parquet", "c.parquet"))
    write_embeddings(frame(), first, {"b": "2", "a": "1"})
    write_embeddings(frame().set_index(pd.Index([5, 6, 7])), second, {"a": "1", "b": "2"})
    write_embeddings(frame(), other, {})
    assert first.read_bytes() == second.read_bytes() != other.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.parquet", "b.parquet", "c.parquet"}


def test_write_needs_its_columns(tmp_path):
    with pytest.raises(UserError, match="column 'site' is missing"):
        write_embeddings(frame().drop(columns="site"), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="column 'z0' is missing"):
        write_embeddings(frame().drop(columns="z0"), tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda t: t.drop(columns="age"),
            "column 'age' is missing; required: subject_id, .*found: subject_id, session_id",
        ),
        (lambda t: t.drop(columns=["z0", "z1"]), r"column 'z0' is missing; the LDR must be in columns z0\.\.zD-1"),
        (
            lambda t: t.rename(columns={"z1": "z2"}),
            "column 'z1' is missing, but there is 'z2'; the LDR must be in columns z0..zD-1 without a gap",
        ),
        (lambda t: t.rename(columns={"z0": "z01"}), "column 'z0' is missing, but there is 'z1'"),
        (lambda t: t.head(0), "no rows; one row per scan is expected"),
        (lambda t: t.assign(subject_id=["a", "", "c"]), "row 2, column 'subject_id': empty is not allowed"),
        (
            lambda t: t.assign(subject_id="p", session_id="1", site=["A", "B", "A"]),
            r"row 3: scan 'A/p/1' \(site/subject_id/session_id\) is in row 1 already; one row per scan is allowed",
        ),
        (lambda t: t.assign(z1=["1", "x", "2"]), "row 2, column 'z1': 'x' is not allowed; it must be a finite number"),
        (
            lambda t: t.assign(age=["70", "old", ""]),
            "row 2, column 'age': 'old' is not allowed; it must be a number of",
        ),
        (lambda t: t.assign(age=["70", "inf", ""]), r"column 'age': NaN or infinite in 1 of 3 rows \(2\)"),
        (
            lambda t: t.assign(z0=[1, np.nan, np.inf]),
            r"column 'z0': NaN or infinite in 2 of 3 rows \(2, 3\); it must be a",
        ),
    ],
)
def test_what_is_refused_in_csv(tmp_path, change, text):
    path = csv_file(tmp_path, change(frame()))
    with pytest.raises(UserError, match=text) as error:
        read_embeddings(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"z0": [1.0, np.nan, -np.inf]}, r"column 'z0': NaN or infinite in 2 of 3 rows \(2, 3\)"),
        ({"z0": ["1", "2", "x"]}, "row 3, column 'z0': 'x' is not allowed"),
        ({"z1": [True, False, True]}, "row 1, column 'z1': 'True' is not allowed"),
    ],
)
def test_what_is_refused_in_parquet(tmp_path, change, text):
    path = tmp_path / "mine.parquet"
    frame(**change).to_parquet(path)
    with pytest.raises(UserError, match=text):
        read_embeddings(path)


def test_many_bad_rows_are_cut_short(tmp_path):
    table = pd.concat([frame(subject_id=[f"{i}a", f"{i}b", f"{i}c"], z0=np.nan) for i in range(5)])
    with pytest.raises(UserError, match=r"in 15 of 15 rows \(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, \.\.\.\)"):
        read_embeddings(csv_file(tmp_path, table))


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("mine.npy", "", r"suffix '.npy' is not allowed; allowed: .parquet, .csv"),
        ("mine.parquet", "subject_id\n1\n", "cannot be read as parquet: "),
        ("mine.csv", "", "column 'subject_id' is missing"),
        ("mine.csv", "a,z0,z0\n1,2,3\n", "column 'z0' is there 2 times; once is allowed"),
        ("mine.csv", "a,b\n1,2\n1,2,3\n", "row 2: 3 values for 2 columns"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, text):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(UserError, match=text):
        read_embeddings(path)


def test_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"mine\.csv: no such file"):
        read_embeddings(tmp_path / "mine.csv")


def test_csv_in_another_encoding(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes("subject_id,é\n1,2\n".encode("latin-1"))
    with pytest.raises(UserError, match="cannot be read as csv"):
        read_embeddings(path)


def test_csv_with_byte_order_mark(tmp_path):
    path = csv_file(tmp_path, frame())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_embeddings(path).frame["subject_id"].tolist() == ["007", "8", "9"]
