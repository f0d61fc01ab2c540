"""What cannot be scored ends in one line with file, place, value and what is allowed, and leaves nothing behind."""

from __future__ import annotations

import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest

anndata = pytest.importorskip("anndata")


@pytest.fixture
def refused(evaluate, tmp_path):
    """The message that a file is refused with."""

    def run(path, *arguments):
        status, error = evaluate("--embeddings", path, "--out", tmp_path / "out", *arguments)
        assert status == 2
        assert error.startswith("error: ")
        assert error.count("\n") == 1
        assert not (tmp_path / "out").exists()
        return error[len("error: ") : -1]

    return run


@pytest.fixture
def archive(rows, tmp_path):
    """Write an archive and its rows."""

    def write(table=None, **arrays):
        np.savez(tmp_path / "a.npz", **arrays)
        (rows if table is None else table).to_csv(tmp_path / "a.csv", index=False)
        return tmp_path / "a.npz"

    return write


def with_value(table, row, column, value):
    table = table.astype({column: object})
    table.loc[row - 1, column] = value
    return table


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda t: t.drop(columns="site"), (), "column 'site' is missing (--site names another); found: subject_id, "),
        (
            lambda t: t.drop(columns="subject_id"),
            (),
            "column 'subject_id' is missing (--subject names another): retrieval leaves out scans of the query's own",
        ),
        (
            lambda t: t.rename(columns={"subject_id": "participant_id"}).drop(columns="diagnosis"),
            (),
            "column 'subject_id' is missing (--subject names another): 'participant_id' looks like it; found: ",
        ),
        (
            lambda t: t.replace({"CN": "Healthy control", "AD": "Dementia", "F": "1", "M": "2"}),
            ("--map", "diagnosis: Dementia=AD"),
            "column 'diagnosis': 'Healthy control' (12 rows) looks like CN; column 'sex': '1' (12 rows) looks like M, "
            "'2' (12 rows) looks like F (as OASIS codes it); if so, add --map 'diagnosis: Healthy control=CN' "
            "'sex: 1=M, 2=F'; to keep a label, map it to itself",
        ),
        (
            lambda t: t,
            ("--map", "diagnosis: Dementia=AD"),
            "column 'diagnosis' holds no 'Dementia' (--map); it holds: AD, CN",
        ),
        (lambda t: t, ("--map", "group: a=b"), "column 'group' (--map) is missing; found: "),
        (lambda t: t, ("--site", "centre"), "column 'centre' (--site) is missing; found: subject_id, session_id, "),
        (lambda t: t, ("--label", "tau"), "column 'tau' (--label) is missing; found: "),
        (lambda t: t, ("--subject", "person"), "column 'person' (--subject) is missing"),
        (lambda t: t, ("--session", "visit"), "column 'visit' (--session) is missing"),
        (lambda t: t, ("--label", "z0"), "column 'z0' (--label) is missing"),
        (
            lambda t: t.assign(score=np.arange(24) + 0.5),
            ("--label", "score"),
            "column 'score' (--label) holds 24 distinct numbers such as 0.5; allowed: text, whole numbers, or at most "
            "10 distinct numbers with a fraction; cut it into classes first",
        ),
        (lambda t: t.assign(score="x"), ("--label", "score"), "holds only 'x'; at least two labels are needed"),
        (lambda t: t, ("--vectors", "emb"), "column 'emb0' is missing; the LDR must be in columns emb0..embD-1"),
        (lambda t: t.rename(columns={"z1": "z9"}), (), "column 'z1' is missing, but there is 'z2'"),
        (lambda t: with_value(t, 3, "z1", "big"), (), "row 3, column 'z1': 'big' is not allowed; it must be a finite"),
        (lambda t: with_value(t, 3, "z1", np.inf), (), "column 'z1': NaN or infinite in 1 of 24 rows (3)"),
        (
            lambda t: with_value(t, 4, "age", "old"),
            (),
            "row 4, column 'age': 'old' is not allowed; it must be a number",
        ),
        (lambda t: with_value(t, 5, "subject_id", ""), (), "row 5, column 'subject_id': empty is not allowed"),
        (
            lambda t: with_value(t.assign(centre="A"), 6, "centre", ""),
            ("--site", "centre"),
            "row 6, column 'centre': empty is not allowed",
        ),
        (
            lambda t: with_value(t, 7, "site", "a;b"),
            (),
            "row 7, column 'site': 'a;b' is not allowed; it must be text without ';' and control characters",
        ),
        (
            lambda t: with_value(t, 1, "sex", "F\nM"),
            (),
            r"row 1, column 'sex': 'F\nM' is not allowed; it must be text without",
        ),
        (
            lambda t: t.assign(split="tset"),
            (),
            "row 1, column 'split': 'tset' is not allowed; allowed: train, val, test",
        ),
        (lambda t: t.assign(split="train"), (), "column 'split': no row is 'test', so there is nothing to score"),
        (
            lambda t: pd.concat([t, t.head(1)]),
            (),
            "row 25: scan 'site0/travels/1' (site/subject_id/session_id) is in row",
        ),
        (
            lambda t: t.assign(site="A", session_id="1"),
            (),
            "row 9: scan 'A/travels/1' (site/subject_id/session_id) is in",
        ),
        (
            lambda t: with_value(with_value(t, 1, "subject_id", "a/b"), 2, "session_id", "b/1").replace("s01", "a"),
            (),
            "row 2: scan 'site0/a/b/1' (site/subject_id/session_id) reads like that of row 1; '/' is not allowed",
        ),
        (lambda t: t.head(0), (), "no rows; one row per scan is expected"),
    ],
)
def test_tables(table, tmp_path, refused, change, options, message):
    path = tmp_path / "mine.csv"
    change(table).to_csv(path, index=False)
    found = refused(path, *options)
    assert found.startswith(f"{path}: ")
    assert message in found


def test_options_that_mean_nothing_for_the_file(table, tmp_path, refused):
    path = tmp_path / "mine.csv"
    table.to_csv(path, index=False)
    assert refused(path, "--key", "x") == "--key: is for .npz and .h5ad files; given: .csv"
    assert refused(path, "--rows", "rows.csv") == "--rows: is for .npz and .npy files; given: .csv"
    assert refused(path, "--map", "control=CN") == (
        "--map: 'control=CN' is not allowed; it must be like 'diagnosis: control=CN, Dementia=AD'"
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mine.txt", b"", "suffix '.txt' is not allowed; allowed: .parquet, .csv, .tsv, .npz, .npy, .h5ad"),
        ("mine.npy", b"", "cannot be read as npy: "),
        ("mine.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'", "cannot be read as npy: EOF: "),
        ("mine.tsv", b"site\tz0\nA\n", "row 1: 1 values for 2 columns"),
        ("mine.tsv", b"site\tsite\nA\tB\n", "column 'site' is there 2 times; once is allowed"),
        ("mine.npz", b"not a zip", "cannot be read as npz: not a ZIP archive"),
        ("mine.npz", pickle.dumps({"ldr": [1.0]}), "cannot be read as npz: not a ZIP archive"),
        ("mine.h5ad", b"not hdf5", "cannot be read as h5ad: "),
        ("mine.parquet", b"not parquet", "cannot be read as parquet: "),
        ("mine.csv", b"a,b\n\xe9,1\n", "cannot be read as csv: "),
        ("mine.csv", b"subject_id\n" + b"x" * 200_000, "cannot be read as csv: field larger than field limit"),
        ("absent.csv", None, "no such file"),
        ("absent.npz", None, "no such file"),
        ("absent.h5ad", None, "no such file"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, refused, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert refused(path).startswith(f"{path}: {message}")


def test_truncated_archives(archive, vectors, tmp_path, refused):
    path = archive(ldr=vectors)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert refused(path) == f"{path}: cannot be read as npz: not a ZIP archive"
    # A directory that promises more than the array's member holds.
    with zipfile.ZipFile(path, "w") as short:
        short.writestr("ldr.npy", zipfile.ZipFile(__import__("io").BytesIO(whole)).read("ldr.npy")[:200])
    assert refused(path).startswith(f"{path}: array 'ldr': cannot be read: ")


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        (lambda v: {"ldr": v[:23]}, (), "array 'ldr' has 23 rows, but {rows} has 24; one row per vector, in the same"),
        (lambda v: {"ldr": v[:, 0]}, (), "array 'ldr': shape (24,) is not allowed; it must be (scans, dimensions)"),
        (lambda v: {"ldr": v[:, :0]}, (), "array 'ldr': shape (24, 0) is not allowed"),
        (
            lambda v: {"ldr": v.astype(complex)},
            (),
            "array 'ldr': type 'complex128' is not allowed; it must be an array",
        ),
        (lambda v: {"ldr": v.astype(str)}, (), "array 'ldr': type '<U"),
        (
            lambda v: {"ldr": np.where(np.arange(24)[:, None] % 2 == 0, np.nan, v)},
            (),
            "array 'ldr': NaN or infinite in 12 of 24 rows (1, 3, 5, 7, 9, 11, 13, 15, 17, 19, ...); every value must",
        ),
        (
            lambda v: {"a": v, "b": v, "c": v[0]},
            (),
            "2 arrays of floats with two axes ('a', 'b') where one is expected; --key names it, or call it 'ldr' or "
            "'embeddings'; found: 'a', 'b', 'c'",
        ),
        (lambda v: {"a": v[0]}, (), "0 arrays of floats with two axes (none) where one is expected"),
        (lambda v: {"ldr": v}, ("--key", "style"), "array 'style' (--key) is missing; found: 'ldr'"),
        (lambda v: {"ldr": v}, ("--vectors", "z"), "--vectors: is for .parquet, .csv and .tsv files; given: .npz"),
    ],
)
def test_archives(archive, vectors, tmp_path, refused, arrays, options, message):
    path = archive(**arrays(vectors))
    assert message.format(rows=tmp_path / "a.csv") in refused(path, *options)


def test_an_archive_without_rows(archive, vectors, tmp_path, refused):
    path = archive(ldr=vectors)
    (tmp_path / "a.csv").unlink()
    assert refused(path) == (
        f"{tmp_path / 'a.csv'}: no such file, nor a.tsv; one of them must hold the rows of {path}, or --rows must name "
        "the file that does"
    )
    assert refused(path, "--rows", tmp_path / "rows.csv") == f"{tmp_path / 'rows.csv'}: no such file"


def test_rows_of_an_archive_are_named_by_their_own_file(archive, rows, vectors, tmp_path, refused):
    path = archive(rows.assign(subject_id=""), ldr=vectors)
    assert refused(path) == f"{tmp_path / 'a.csv'}: row 1, column 'subject_id': empty is not allowed"


@pytest.mark.parametrize(
    ("parts", "options", "message"),
    [
        (
            lambda v: {"obsm": {"X_pca": v, "b": v}},
            (),
            "'X' is missing; --key names an entry of obsm; found: 'X_pca', 'b'",
        ),
        (
            lambda v: {"X": v, "obsm": {"X_pca": v}},
            ("--key", "pca"),
            "entry 'pca' (--key) of obsm is missing; found: 'X_pca'",
        ),
        (lambda v: {"X": v}, ("--key", "pca"), "entry 'pca' (--key) of obsm is missing; found: none"),
        (lambda v: {"X": v * np.float32("nan")}, (), "'X': NaN or infinite in 24 of 24 rows (1, 2, 3"),
        (
            lambda v: {"obsm": {"cube": v[:, :, None]}},
            ("--key", "cube"),
            "obsm 'cube': shape (24, 5, 1) is not allowed",
        ),
        (lambda v: {"X": v}, ("--rows", "rows.csv"), "--rows: is for .npz and .npy files; given: .h5ad"),
    ],
)
def test_annotated_data(rows, vectors, tmp_path, refused, parts, options, message):
    path = tmp_path / "a.h5ad"
    anndata.AnnData(obs=rows.set_index(rows.index.map(str)), **parts(vectors)).write_h5ad(path)
    assert message in refused(path, *options)


def test_annotated_data_without_a_column(rows, vectors, tmp_path, refused):
    path = tmp_path / "a.h5ad"
    anndata.AnnData(X=vectors, obs=rows.drop(columns="site").set_index(rows.index.map(str))).write_h5ad(path)
    assert refused(path).startswith(f"{path}: column 'site' is missing")


def test_a_damaged_h5ad(rows, vectors, tmp_path, refused):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5ad"
    with h5py.File(path, "w") as file:
        file["X"] = vectors
    assert refused(path).startswith(f"{path}: cannot be read as h5ad: ")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--labels=x", "error: unrecognized arguments: --labels=x"),
        (
            "--allow_different_scans=perhaps",
            "error: allow_different_scans: perhaps is not allowed; it must be of type bool",
        ),
    ],
)
def test_options_that_are_unknown_or_of_another_type(table, tmp_path, evaluate, option, message):
    table.to_csv(tmp_path / "mine.csv", index=False)
    status, error = evaluate("--embeddings", tmp_path / "mine.csv", "--out", tmp_path / "out", option)
    assert status == 2
    assert message in error
    assert not (tmp_path / "out").exists()
