"""What readers of a sweep's tables are told of its methods."""

from __future__ import annotations

from benchmark.report.remarks import SELECTION, merged, remarks

LOSO = "leave_one_site_out"


def fitted(scans):
    return f"fitted on {scans} of its unlabelled scans"


def test_model_selection_and_the_missing_oracle_are_named():
    (line,) = remarks([("seada", "pooled", {})])
    assert line == SELECTION
    assert "The weights are those at the end of training" in line
    assert "there is no oracle table" in line
    assert "docs/method_log.md" in line


def test_a_transductive_method_is_named_once_and_the_others_are_said_not_to_be():
    site = {"site_label": "needs the site of every scan it embeds"}
    runs = [("combat", LOSO, {"transductive": fitted(scans), **site}) for scans in (123, 18, 41)]
    lines = remarks([("combat", "pooled", site), *runs, ("seada", LOSO, {}), ("seada", "pooled", {})])
    assert lines[1:] == [
        "Leave one site out, the unseen site: combat is transductive (fitted on 18 to 123 of its unlabelled scans); "
        "every other method is applied to it unchanged.",
    ]


def test_without_a_transductive_method_every_one_is_applied_unchanged():
    assert remarks([("seada", LOSO, {})])[1:] == [
        "Leave one site out, the unseen site: every method is applied to it unchanged."
    ]


def test_a_transductive_note_of_another_protocol_keeps_the_word():
    assert remarks([("mine", "pooled", {"transductive": "saw it"})])[1:] == ["mine: transductive: saw it"]


def test_texts_that_differ_in_numbers_alone_are_one():
    assert merged([fitted(5), fitted(7), fitted(5)]) == ["fitted on 5 to 7 of its unlabelled scans"]
    assert merged(["a 1 b 9", "a 3 b 9", "other 4"]) == ["a 1 to 3 b 9", "other 4"]
    assert merged(["2 of 3", "2 of 3"]) == ["2 of 3"]
    assert merged([]) == []
