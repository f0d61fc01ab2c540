"""Labels under other names, and what is scored where labels or subjects are missing."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmark.cli import main
from benchmark.embeddings.labels import parse_maps
from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.read import read_foreign
from benchmark.errors import UserError
from tests.benchmark.embeddings.conftest import QUICK


def test_maps_are_read_as_they_are_written():
    assert parse_maps(["diagnosis: control=CN, Dementia = AD", "sex:1=M,2=F", "diagnosis: x="]) == {
        "diagnosis": {"control": "CN", "Dementia": "AD", "x": ""},
        "sex": {"1": "M", "2": "F"},
    }
    with pytest.raises(UserError, match="'a' of column 'sex' is mapped to 'M' and 'F'"):
        parse_maps(["sex: a=M", "sex: a=F"])


def test_mapped_labels_are_those_of_a_table_that_had_them(table, tmp_path):
    named = table.replace({"CN": "control", "AD": "Dementia"}).assign(sex=table["sex"].map({"F": 2, "M": 1}))
    table.to_csv(tmp_path / "known.csv", index=False)
    named.to_csv(tmp_path / "named.csv", index=False)
    maps = parse_maps(["diagnosis: control=CN, Dementia=AD", "sex: 1=M, 2=F"])
    found = read_foreign(tmp_path / "named.csv", ForeignOptions(map=maps))
    pd.testing.assert_frame_equal(found.frame, read_foreign(tmp_path / "known.csv", ForeignOptions()).frame)
    assert found.notes["map_diagnosis"] == "column 'diagnosis': control is read as CN, Dementia is read as AD."


def test_labels_are_kept_where_a_user_says_so(table, tmp_path):
    table.replace({"CN": "control"}).to_csv(tmp_path / "mine.csv", index=False)
    for options in (ForeignOptions(label="diagnosis"), ForeignOptions(map={"diagnosis": {"control": "control"}})):
        assert set(read_foreign(tmp_path / "mine.csv", options).frame["diagnosis"]) == {"control", "AD"}


def test_a_table_with_sites_alone_is_scored_for_leakage(table, tmp_path, capsys):
    path = tmp_path / "bare.csv"
    table[["site", *(f"z{i}" for i in range(5))]].to_csv(path, index=False)
    assert main(["evaluate", "--embeddings", str(path), "--out", str(tmp_path / "out"), *QUICK]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Leakage. ")
    *_, flagged, untold, where, verdict, end = text.split("\n")
    assert flagged.startswith("Whitened coordinates are unreliable for bare: fewer than 10 training scans")
    assert untold == (
        "not scored: retrieval by diagnosis and the diagnosis probe (no diagnosis is known); age (no age is known); "
        "identity across sites and reliability (no subject has scored scans at two sites); leakage given age and "
        "diagnosis (nothing is known of them, so it is that given nothing)"
    )
    assert where == f"every score and table: {tmp_path / 'out'}"
    assert verdict.startswith("site not found: no permutation test; balanced accuracy 0.")
    assert end == ""
    assert "there is no column of subjects, so every scan counts as one" in (tmp_path / "out/leakage.md").read_text()
