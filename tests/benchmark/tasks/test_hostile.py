"""Submissions of somebody who means no good: nothing of them is run, each gets one line, and nothing is written."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from benchmark.data.parquet import write_parquet
from tests.benchmark.tasks.conftest import CARD, tables

SCRIPT = "<script>alert(1)</script>"


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def changed(**values):
    """A change of the first row."""

    def change(table):
        table = table.astype({name: object for name in values if name in table})
        for name, value in values.items():
            if name not in table:
                table[name] = ""
            table.loc[0, name] = value
        return table

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: pd.concat([t, t.iloc[:1]]), "in row 1 already; one row per scan is allowed"),
        (lambda t: t.iloc[1:], "1 scans are missing (site/subject_id/session_id): "),
        (changed(subject_id="somebody"), "1 scans are not in the task (site/subject_id/session_id): "),
        (changed(subject_id=SCRIPT.replace("/", "")), "1 scans are not in the task (site/subject_id/session_id): "),
        (changed(site="../../etc"), "1 scans are not in the task (site/subject_id/session_id): "),
        (changed(subject_id="=cmd|' !A0"), "1 scans are not in the task (site/subject_id/session_id): "),
        (changed(subject_id="a\x1b[31m\nb"), "1 scans are not in the task (site/subject_id/session_id): "),
        (changed(z1="nan"), "NaN or infinite in 1 of"),
        (changed(z1="1e999"), "row 1, column 'z1': '1e999' is not allowed"),
        (changed(z1="inf"), "of a scan that could not be embedded write zeros, and true in a column 'failed'"),
        (changed(z1="=1+1"), "row 1, column 'z1': '=1+1' is not allowed"),
        (changed(split="unseen"), "row 1, column 'split': 'unseen' is not allowed; the task says 'train'"),
        (changed(diagnosis="OTHER"), "row 1, column 'diagnosis': 'OTHER' is not allowed; the task says '"),
        (changed(age="119"), "row 1, column 'age': '119' is not allowed; the task says '"),
        (changed(age="old"), "row 1, column 'age': 'old' is not allowed"),
        (lambda t: t.assign(failed="true"), "column 'failed': 50 of 50 scans; at most 5% may be declared"),
        (changed(failed=SCRIPT), "row 1, column 'failed': '<script>"),
        (lambda t: t.drop(columns="z1"), "column 'z1' is missing"),
        (lambda t: t.rename(columns={"site": "\x1b]0;x\n" + "y" * 2000}), "column 'site' is missing"),
        (lambda t: t.assign(**{f"z{number}": 0 for number in range(4, 9)}), "vectors of 9 dimensions; "),
    ],
    ids=lambda value: value[:25] if isinstance(value, str) else "",
)
def test_tables(change, message, files, task, card, refused):
    # The second pooled run: what differs from another run is seen there.
    stem = "pooled_2"
    table = tables(task)[stem]
    assert len(table) == 50
    change(table).to_csv(files / f"{stem}.csv", index=False)
    assert message in refused(files, "--task", task, "--card", card())


def an_archive(path, table, bomb):
    vectors = np.empty((len(table), 4), object)
    vectors[:] = bomb
    np.savez(path, ldr=vectors)
    table[["subject_id", "session_id", "site"]].to_csv(path.with_suffix(".csv"), index=False)


def a_zip_bomb(path, table, bomb):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("ldr.npy", "w") as member:
        member.write(b"\0" * 2**24)
    table[["subject_id", "session_id", "site"]].to_csv(path.with_suffix(".csv"), index=False)


def an_object_array(path, table, bomb):
    np.save(path, np.array([bomb], object))


def many_rows(path, table, bomb):
    write_parquet(pd.concat([table] * 3), path)


def a_long_text(path, table, bomb):
    # Stored once, and read as often as there are rows.
    write_parquet(table.assign(note=["x" * 2**18] * len(table)), path)


def a_list_of_many(path, table, bomb):
    # Five million times nothing takes a few bytes.
    lists = pa.array([[None] * 5_000_000, *([None],) * (len(table) - 1)], pa.list_(pa.int8()))
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False).append_column("note", lists), path)


def a_million_rows(path, table, bomb):
    pq.write_table(pa.table({"subject_id": pa.repeat("a", 10**6), "z0": pa.repeat(0.0, 10**6)}), path)


def large(path, table, bomb):
    with path.open("wb") as stream:
        stream.truncate(2**33)


def no_file(path, table, bomb):
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("suffix", "write", "message"),
    [
        (".npz", an_archive, "pickled Python objects are not allowed, nor loaded"),
        (".npz", a_zip_bomb, "holds 16777216 bytes; 4325376 are allowed for 50 scans"),
        (".npy", an_object_array, ""),
        (".parquet", many_rows, "has 150 rows; 50 are due, one for each scan of the run"),
        (".parquet", a_million_rows, "has 1000000 rows; 50 are due"),
        (".parquet", a_long_text, "column 'note' holds 50 values in "),
        (".parquet", a_list_of_many, "column 'note.list.element' holds 5000049 values in "),
        (".parquet", lambda path, table, bomb: path.write_bytes(b"PAR1PAR1"), "cannot be read as parquet: "),
        (".csv", large, "holds 8589934592 bytes; 4325376 are allowed for 50 scans (65536 each and 1048576)"),
        (".csv", no_file, "no such file"),
        (".h5ad", lambda path, table, bomb: path.write_bytes(b"no HDF5"), "cannot be read as h5ad"),
        (".pkl", lambda path, table, bomb: path.write_bytes(b"x"), ""),
    ],
)
def test_files(suffix, write, message, files, task, card, refused, tmp_path):
    sign = tmp_path / "exploded"
    (files / "pooled_2.csv").unlink()
    path = files / f"pooled_2{suffix}"
    write(path, tables(task)["pooled_2"], Bomb(sign))
    error = refused(*sorted(files.iterdir()), "--task", task, "--card", card())
    assert message in error
    assert str(path) in error
    assert not sign.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": SCRIPT}, "field 'name': '<script>alert(1)</script>' is not allowed"),
        ({"name": "../../x"}, "field 'name': '../../x' is not allowed"),
        ({"name": "=HYPERLINK"}, "field 'name': '=HYPERLINK' is not allowed"),
        ({"name": "seada"}, "field 'name': 'seada' is a name of the suite's own; choose another"),
        ({"name": "Combat"}, "'Combat' is a name of the suite's own"),
        ({"name": "chance"}, "'chance' is a name of the suite's own"),
        ({"name": "x" * 41}, "it must be up to 40 letters"),
        ({"name": "m\u202ename"}, "field 'name': 'm\\u202ename' is not allowed"),
        ({"inputs": f"scans {SCRIPT}"}, "field 'inputs': 'scans <script>alert(1)</script>' is not allowed"),
        ({"reference": "=cmd|'/c calc'!A0"}, "field 'reference': \"=cmd|'/c calc'!A0\" is not allowed"),
        ({"reference": "@SUM(A1)"}, "field 'reference': '@SUM(A1)' is not allowed"),
        ({"chosen_on": "a\nb"}, "field 'chosen_on': 'a\\nb' is not allowed; it must be one line"),
        ({"other_data": "x" * 301}, "field 'other_data': has 301 characters; 300 are allowed"),
        ({"role": "ceiling"}, "field 'role' is unknown; allowed: name, inputs"),
        ({SCRIPT: 1}, "field '<script>alert(1)</script>' is unknown"),
        ({"uses": "diagnosis"}, "field 'uses': 'diagnosis' is not allowed; it must be a list of texts"),
        ({"uses": ["test labels"]}, "field 'uses': 'test labels' is not allowed; allowed: site, age, sex, diagnosis"),
        ({"uses": [["a", "b"]]}, "field 'uses': a list is not allowed; it must be a text"),
        ({"transductive": "perhaps"}, "field 'transductive': 'perhaps' is not allowed; it must be true or false"),
        ({"tried_settings": -1}, "field 'tried_settings': -1 is not allowed; it must be at least 0"),
        ({"tried_settings": True}, "field 'tried_settings': True is not allowed; it must be a whole number"),
        ({"own_distance": "mine"}, "field 'own_distance': 'mine' is not allowed; allowed: cosine_centred"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_cards(changes, message, files, task, card, refused):
    path = card(**changes)
    error = refused(files, "--task", task, "--card", path)
    assert error.startswith(f"{path}: ")
    assert message in error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!!python/object/apply:os.system ['touch exploded']", "nothing but plain values is allowed"),
        ("[" * 1500, "nothing but plain values is allowed"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nname: *b\n", "field 'a' is unknown"),
        ("- a", "a card is a mapping with the fields name, inputs"),
        ("\0", "nothing but plain values is allowed"),
        ("x" * 70000, "has 70000 bytes; a card has 65536 at most"),
        (yaml.safe_dump({name: value for name, value in CARD.items() if name != "uses"}), "field 'uses' is missing"),
    ],
)
def test_files_of_cards(text, message, files, task, card, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    card().write_text(text)
    assert message in refused(files, "--task", task, "--card", tmp_path / "card.yaml")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("../secret.csv,pooled,,1", "row 1, column 'file': '../secret.csv' is not allowed; it must lie in"),
        ("/etc/passwd,pooled,,1", "row 1, column 'file': '/etc/passwd' is not allowed; it must lie in"),
        ("link.csv,pooled,,1", "row 1, column 'file': 'link.csv' is not allowed; it must lie in"),
        ("pooled_1.csv,pooled,,7", "row 1: 'pooled  7' is no run of the task"),
        (f"pooled_1.csv,{SCRIPT},,1", "is no run of the task"),
        ("pooled_1.csv,pooled", "row 1: 2 values for 4 columns"),
        ("pooled_1.csv,pooled,,1\npooled_2.csv,pooled,,1", "is of the run 'pooled_1', and so is"),
        (
            "pooled_1.csv,pooled,,1",
            "3 of 4 runs of the task have no file: pooled_2, leave_one_site_out_phantom-ADNI1_1, ",
        ),
    ],
)
def test_tables_of_runs(row, message, files, task, card, refused, tmp_path):
    (tmp_path / "secret.csv").write_text("subject_id")
    (files / "link.csv").symlink_to(tmp_path / "secret.csv")
    table = files / "runs.csv"
    table.write_text(f"file,protocol,held_out_site,seed\n{row}\n")
    assert message in refused("--runs", table, "--task", task, "--card", card())
