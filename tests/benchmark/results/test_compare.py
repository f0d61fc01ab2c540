import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, ttest_rel

from benchmark.cli import main
from benchmark.errors import UserError
from benchmark.report.comparison_text import comparison_text
from benchmark.results.compare import compare
from benchmark.results.read import StoredResults as Results
from benchmark.results.read import read_results
from benchmark.results.write import write_scores
from tests.tables import long_table


def scores(values, method="seada", metric="mAP", low=np.nan, high=np.nan, subgroup=""):
    """A score table with one value per seed, pooled."""
    rows = [
        dict(
            method=method, protocol="pooled", held_out_site="", seed=seed, table="retrieval", metric=metric, version=1,
            params="gallery=other_sites", subgroup=subgroup, value=value, n=10, note="" if value == value else "why",
            ci_low=low, ci_high=high, chance=0.5, higher_is_better=True,
        )
        for seed, value in enumerate(values)
    ]  # fmt: skip
    return long_table(rows)


def results(tmp_path, table, provenance=None):
    return Results(tmp_path, table, provenance or {})


@pytest.fixture
def against(tmp_path):
    def run(a, b, /, tolerance=1e-6, **provenance):
        return compare(
            results(tmp_path, a, provenance.get("a")), results(tmp_path, b, provenance.get("b")), tolerance=tolerance
        )

    return run


def test_equal_results_are_the_same(against):
    found = against(scores([0.1, 0.2]), scores([0.1, 0.2]))
    assert found.same
    assert found.same_but_for_chance
    assert found.claims["p"].tolist() == [1.0]


def test_a_difference_counts_beyond_the_tolerance_only(against):
    a, b = scores([0.1, 0.2]), scores([0.1, 0.25])
    assert not against(a, b).same
    assert against(a, b, tolerance=0.06).same
    assert against(a, b).values["difference"].tolist() == pytest.approx([0.0, 0.05])


def test_a_value_that_became_undefined_is_a_difference(against):
    found = against(scores([0.1, 0.2]), scores([0.1, np.nan]), tolerance=1.0)
    assert not found.same
    assert found.values["note_b"].tolist() == ["", "why"]
    assert found.claims["runs"].tolist() == [1]


def test_both_undefined_is_no_difference(against):
    assert against(scores([np.nan]), scores([np.nan])).same


def test_the_paired_test_is_scipys(against):
    a, b = [0.10, 0.20, 0.31], [0.15, 0.27, 0.35]
    found = against(scores(a), scores(b)).claims
    assert found["p"][0] == pytest.approx(ttest_rel(a, b).pvalue)
    assert found["test"][0] == "paired t"


def test_one_run_is_tested_by_its_intervals(against):
    # Half-widths 0.03 and 0.04 give a standard error of 0.05 / 1.96 of the difference 0.1: z = 3.92.
    found = against(scores([0.50], low=0.47, high=0.53), scores([0.60], low=0.56, high=0.64)).claims
    assert found["p"][0] == pytest.approx(2 * norm.sf(2 * norm.ppf(0.975)))
    assert found["test"][0] == "intervals"
    assert found["beyond_chance"][0]


def test_one_run_without_intervals_cannot_be_tested(against):
    found = against(scores([0.5]), scores([0.9]))
    assert np.isnan(found.claims["p"][0])
    assert not found.claims["beyond_chance"][0]
    assert found.claims["untestable"][0]
    assert not found.same
    assert not found.same_but_for_chance
    # A difference within the tolerance needs no test.
    assert against(scores([0.5]), scores([0.9]), tolerance=0.5).same_but_for_chance


def test_a_shift_that_is_the_same_in_every_run_cannot_be_put_down_to_chance(against):
    found = against(scores([0.25, 0.5]), scores([0.5, 0.75]))
    assert found.claims["test"].tolist() == ["none"]
    assert not found.same_but_for_chance


def test_rounding_errors_of_one_sign_are_no_claim(against):
    a = [0.1, 0.2, 0.3]
    found = against(scores(a), scores([a[0] + 1e-12, a[1] + 1.1e-12, a[2] + 0.9e-12]))
    assert found.claims["p"].tolist() == [1.0]
    assert found.same_but_for_chance


@pytest.mark.parametrize("side", ["A", "B"])
def test_a_value_undefined_on_one_side_is_not_chance(against, tmp_path, side):
    whole, gap = scores([0.1, 0.2, 0.3], subgroup="query_site=X"), scores([0.1, 0.2, np.nan], subgroup="query_site=X")
    found = against(*((gap, whole) if side == "A" else (whole, gap)))
    assert found.values["undefined_in"].tolist() == ["", "", side]
    assert not found.same_but_for_chance
    change = "– → 0.3000" if side == "A" else "0.3000 → –"
    text = comparison_text(found, tmp_path, tmp_path)
    name = "seada, pooled, seed 2: retrieval mAP [gallery=other_sites] of query_site=X"
    assert f"1 score undefined in {side} alone:\n  {name} {change} (why)" in text


def test_a_score_of_one_side_is_not_chance(against, tmp_path):
    both = pd.concat([scores([0.1, 0.2]), scores([0.1, 0.2], metric="P@1")])
    found = against(both, scores([0.1, 0.2]))
    assert not found.same_but_for_chance
    text = comparison_text(found, tmp_path, tmp_path)
    name = "seada, pooled, seed 0: retrieval P@1 [gallery=other_sites]"
    assert f"2 scores in A alone, in runs that both have:\n  {name}" in text


@pytest.mark.parametrize(
    ("name", "value", "same"),
    [("n", 11, False), ("chance", 0.5 + 2e-6, False), ("chance", 0.5 + 5e-7, True), ("ci_low", 0.1, False),
     ("ci_high", 0.4, False), ("ci_low", np.nan, True), ("chance", np.nan, True)],
)  # fmt: skip
def test_what_stands_beside_a_value_is_compared_where_both_have_it(against, tmp_path, name, value, same):
    a = scores([0.2, 0.25], low=0.15, high=0.3)
    found = against(a, a.assign(**{name: value}))
    assert found.same == same
    assert found.same_but_for_chance
    assert found.values["beside"].tolist() == ["" if same else name] * 2
    text = comparison_text(found, tmp_path, tmp_path)
    assert (f"beside the values differ (n at all, the others by more than 1e-06): {name} 2" in text) == (not same)


def test_p_is_corrected_after_holm(against):
    a = pd.concat([scores([0.10, 0.20, 0.31], "x"), scores([0.1, 0.2, 0.3], "y")])
    b = pd.concat([scores([0.15, 0.27, 0.35], "x"), scores([0.2, 0.1, 0.5], "y")])
    claims = against(a, b).claims.set_index("method")
    small, large = claims.loc["x", "p"], claims.loc["y", "p"]
    assert small < large
    assert claims.loc["x", "p_holm"] == pytest.approx(2 * small)
    assert claims.loc["y", "p_holm"] == pytest.approx(max(2 * small, large))


def test_claims_are_overall_scores_alone(against):
    both = pd.concat([scores([0.1]), scores([0.3], subgroup="query_site=A")])
    assert len(against(both, both).claims) == 1
    assert len(against(both, both).values) == 2


@pytest.mark.slow
def test_false_alarms_come_at_most_at_the_level(against):
    rng = np.random.default_rng(0)
    draws = 60
    alarms = 0
    for _ in range(draws):
        a = pd.concat([scores(rng.normal(0.5, 0.1, 5), method) for method in "abc"])
        b = pd.concat([scores(rng.normal(0.5, 0.1, 5), method) for method in "abc"])
        alarms += not against(a, b).same_but_for_chance
    # Expected at most 3 of 60; 9 or more would come with probability below 0.5 %.
    assert alarms < 9


def test_runs_and_scores_of_one_side_are_named(against):
    a = pd.concat([scores([0.1, 0.2]), scores([0.1, 0.2], metric="P@1")])
    b = scores([0.1, 0.2, 0.3])
    found = against(a, b)
    assert found.only_a == []
    assert found.only_b == ["seada, pooled, seed 2"]
    assert found.scores_only_a == [
        f"seada, pooled, seed {seed}: retrieval P@1 [gallery=other_sites]" for seed in (0, 1)
    ]
    assert found.scores_only_b == []
    assert not found.same


def test_sets_without_a_common_score(against, tmp_path):
    found = against(scores([0.1]), scores([0.1], method="dann"))
    assert not found.same
    assert not found.same_but_for_chance
    text = comparison_text(found, tmp_path, tmp_path)
    assert (
        "1 run in A alone:\n  seada, pooled, seed 0\n1 run in B alone:\n  dann, pooled, seed 0\nno run is in both"
        in text
    )


def test_another_metric_version_is_a_difference(against):
    found = against(scores([0.1]), scores([0.1]).assign(version=2))
    assert found.versions == ["retrieval mAP: 1 and 2"]
    assert not found.same


def test_provenance_is_compared_without_what_always_differs(against):
    a = {"environment": {"python": "3.11", "libraries": {"torch": "2"}}, "seconds_of_this_call": 1}
    b = {"environment": {"python": "3.12", "libraries": {"torch": "2"}}, "seconds_of_this_call": 2}
    found = against(scores([0.1]), scores([0.1]), a=a, b=b)
    assert found.provenance == [("environment.python", "3.11", "3.12")]
    assert found.same


def test_the_text_says_what_differs(against, tmp_path):
    found = against(scores([0.1, 0.2, 0.3]), scores([0.2, 0.31, 0.42, 0.5]), b={"runs": 4})
    text = comparison_text(found, tmp_path / "one", tmp_path / "two")
    assert "1 run in B alone:\n  seada, pooled, seed 3" in text
    assert "3 of 3 scores differ by more than 1e-06" in text
    assert "retrieval mAP [gallery=other_sites] 0.2000 → 0.3100 (+0.1100, p " in text
    assert "runs: not given → 4" in text


@pytest.fixture
def folders(tmp_path):
    for name, value in (("a", 0.1), ("b", 0.2)):
        write_scores(scores([value]), tmp_path / name)
        (tmp_path / name / "provenance.json").write_text(json.dumps({"runs": 1}))
    return tmp_path


def test_the_exit_status_can_be_chosen(folders, capsys):
    a, b = str(folders / "a"), str(folders / "b")
    assert main(["compare", a, a]) == 0
    assert main(["compare", a, b]) == 1
    assert main(["compare", a, b, "--tolerance", "0.2"]) == 0
    # One run without an interval: nothing can say that it is chance.
    assert main(["compare", a, b, "--fail_on", "chance"]) == 1
    assert "claims that differ and cannot be tested" in capsys.readouterr().out
    assert main(["compare", a, b, "--fail_on", "chance", "--tolerance", "0.2"]) == 0
    assert main(["compare", a, b, "--fail_on", "never", "--csv", str(folders / "all.csv")]) == 0
    assert pd.read_csv(folders / "all.csv")["difference"].tolist() == pytest.approx([0.1])
    assert "1 of 1 scores differ" in capsys.readouterr().out
    assert main(["compare", a, b, "--csv", str(folders / "all.csv")]) == 2
    assert "is already there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda folder: [(folder / f"scores.{kind}").unlink() for kind in ("parquet", "csv")],
            "holds no scores.parquet",
        ),
        (lambda folder: (folder / "scores.parquet").write_bytes(b"PAR1"), "scores.parquet: cannot be read"),
        (lambda folder: pd.DataFrame({"a": [1]}).to_parquet(folder / "scores.parquet"), "column 'method' is missing"),
        (lambda folder: (folder / "provenance.json").write_text("{"), "provenance.json: cannot be read as JSON"),
        (lambda folder: (folder / "provenance.json").write_text("[]"), "it must be a JSON object"),
    ],
)
def test_a_folder_that_cannot_be_read_is_named(folders, spoil, message):
    spoil(folders / "a")
    with pytest.raises(UserError, match=message):
        read_results(folders / "a")
