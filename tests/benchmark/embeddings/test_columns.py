"""Any column as label, site, subject or session; what may be missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.read import read_foreign
from benchmark.embeddings.roles import label_texts
from benchmark.errors import UserError


@pytest.fixture
def read(tmp_path):
    def run(table, suffix="csv", **options):
        path = tmp_path / f"mine.{suffix}"
        table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path)
        return read_foreign(path, ForeignOptions(**options))

    return run


def test_a_label_column_takes_the_place_of_the_diagnosis(table, tmp_path, scores_of):
    table.to_csv(tmp_path / "a.csv", index=False)
    other = table.drop(columns=["diagnosis", "age", "sex"]).assign(
        amyloid=table["diagnosis"].map({"CN": "CN", "AD": "AD"})
    )
    other.to_csv(tmp_path / "b.csv", index=False)
    found = scores_of(tmp_path / "b.csv", "--label", "amyloid")
    expected = scores_of(tmp_path / "a.csv")
    chosen = (expected["table"] == "retrieval") & (expected["metric"] == "mAP")
    assert chosen.sum() > 6
    pd.testing.assert_frame_equal(
        found[(found["table"] == "retrieval") & (found["metric"] == "mAP")].reset_index(drop=True),
        expected[chosen].reset_index(drop=True),
    )
    footer = (tmp_path / "out-0" / "retrieval.md").read_text(encoding="utf-8")
    assert "- b: column 'amyloid' is the label; where tables say diagnosis, they mean it." in footer


def test_labels_that_are_not_cn_and_ad_are_scored(table, tmp_path, scores_of):
    table["class"] = np.where(table["diagnosis"] == "CN", "control", "case")
    table.drop(columns=["diagnosis", "age", "sex"]).to_csv(tmp_path / "a.csv", index=False)
    scores = scores_of(tmp_path / "a.csv", "--label", "class")
    found = scores[(scores["table"] == "retrieval") & (scores["metric"] == "mAP") & (scores["subgroup"] == "")]
    assert np.isfinite(found["value"]).all()
    assert (found["label"] == "all").any()


def test_what_is_missing_beside_a_label_is_unknown(read, table):
    frame = read(table.drop(columns=["diagnosis", "age", "sex"]), label="tesla").frame
    assert frame["age"].isna().all()
    assert set(frame["sex"]) == {""}
    assert frame["diagnosis"].tolist() == [str(value) for value in table["tesla"]]
    assert frame["tesla"].astype(str).tolist() == frame["diagnosis"].tolist()


def test_columns_may_swap_their_meaning(read, table):
    frame = read(table, label="site", site="diagnosis", session="tesla").frame
    assert frame["diagnosis"].tolist() == table["site"].tolist()
    assert frame["site"].tolist() == table["diagnosis"].tolist()


def test_a_column_as_subject_keeps_its_scans_out_of_each_others_galleries(table, tmp_path, scores_of):
    # The file's subjects are scans; the person is in another column.
    renamed = table.assign(person=table["subject_id"], subject_id=[f"scan{i}" for i in range(len(table))])
    renamed.to_csv(tmp_path / "a.csv", index=False)
    top1 = scores_of(tmp_path / "a.csv", "--subject", "person").query("metric == 'top1'")
    assert top1["n"].tolist() == [3]
    assert scores_of(tmp_path / "a.csv").query("metric == 'top1'")["n"].tolist() == [0]


def test_sessions_may_be_missing_where_subject_and_site_name_a_scan(read, table):
    frame = read(table.drop(columns="session_id")).frame
    assert set(frame["session_id"]) == {"1"}
    twice = pd.concat([table, table.head(1)]).drop(columns="session_id")
    with pytest.raises(
        UserError, match="column 'session_id' is missing .* row 25 is another scan of subject 'travels'"
    ):
        read(twice)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", " a ", "b", ""], ["a", "a", "b", ""]),
        ([1, 2, 1, 2], ["1", "2", "1", "2"]),
        ([1.0, 2.0, np.nan, 2.0], ["1", "2", "", "2"]),
        (["0", "0.5", "1.0", "1"], ["0", "0.5", "1", "1"]),
        (["01", "1", "01", "NA"], ["01", "1", "01", ""]),
        ([True, False, None, True], ["True", "False", "", "True"]),
        (list(range(100)), [str(i) for i in range(100)]),
    ],
)
def test_texts_of_labels(tmp_path, values, expected):
    assert label_texts(tmp_path, "x", pd.Series(values)).tolist() == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            [i + 0.5 for i in range(11)],
            "holds 11 distinct numbers such as 0.5; allowed: text, whole numbers, or at most",
        ),
        ([f"{i}.25" for i in range(11)], "holds 11 distinct numbers such as 0.25"),
        (["a", "a", ""], "holds only 'a'; at least two labels are needed"),
        (["", None, "NA"], "holds no value"),
    ],
)
def test_columns_that_are_no_labels(tmp_path, values, message):
    with pytest.raises(UserError, match=r"column 'x' \(--label\) " + message):
        label_texts(tmp_path, "x", pd.Series(values, dtype=object))


def test_ten_distinct_fractions_are_labels(tmp_path):
    values = [i / 2 for i in range(10)]
    assert label_texts(tmp_path, "x", pd.Series(values)).nunique() == 10
