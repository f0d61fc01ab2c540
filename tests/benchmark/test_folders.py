"""Patterns of files on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.cli import main
from benchmark.errors import UserError
from benchmark.folders import expanded


def test_patterns_stand_for_what_matches_them_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.csv", "a.csv", "other.txt", "odd[1].csv"):
        (tmp_path / name).touch()
    assert expanded("manifests", [Path("*.csv"), Path("a.csv")]) == [Path("a.csv"), Path("b.csv"), Path("odd[1].csv")]
    assert expanded("manifests", [tmp_path / "[ab].csv"]) == [tmp_path / "a.csv", tmp_path / "b.csv"]
    # A file that is there is no pattern.
    assert expanded("manifests", [Path("odd[1].csv")]) == [Path("odd[1].csv")]
    with pytest.raises(UserError, match="^nowhere.csv: cannot be read: No such file or directory$"):
        expanded("manifests", [Path("a.csv"), Path("nowhere.csv")])


@pytest.mark.parametrize(
    "command",
    [
        ["manifest", "check", "--manifests"],
        ["preprocess", "--out", "out", "--manifests"],
        ["evaluate", "--embeddings", "a.csv", "--out", "out", "--manifest"],
        ["embed", "--model", ".", "--out", "out.csv", "--manifest"],
        ["index", "build", "--model", ".", "--out", "out", "--manifest"],
    ],
)
def test_a_pattern_that_matches_nothing_is_refused_in_one_line(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").touch()
    assert main([*command, "none/*.csv"]) == 2
    assert capsys.readouterr().err == f"error: --{command[-1][2:]}: no file matches 'none/*.csv'\n"
