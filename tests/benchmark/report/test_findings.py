"""Findings say what intervals and tests say, and no more."""

from __future__ import annotations

import math
import re
from copy import deepcopy
from dataclasses import replace

import pandas as pd
import pytest

from benchmark.methods.card import MethodCard
from benchmark.report.about import ABOUT, About
from benchmark.report.findings import findings, summary_lines
from benchmark.report.statistics.paired import PRIMARY
from benchmark.report.statistics.stored import TABLES, table_path
from benchmark.results.read import StoredResults, read_results
from tests.conftest import ROOT
from tests.tables import long_table

CARDS = {"random_vectors": MethodCard(role="floor"), "true_anatomy": MethodCard(role="ceiling")}


@pytest.fixture
def stored(make_score, tmp_path):
    """Results of some methods: their leakage, p of the permutation test and mAP, intervals 0.05 to both sides."""

    def make(p=None, **methods):
        rows = []
        for name, (leakage, found) in methods.items():
            probe = {"table": "leakage", "params": "coordinates=standardised;probe=mlp", "higher_is_better": False}
            ends = {"ci_low": leakage - 0.05, "ci_high": leakage + 0.05, "chance": 0.25}
            rows.append(make_score(name, leakage, metric="balanced_accuracy", **probe | ends))
            rows.append(make_score(name, found, ci_low=found - 0.05, ci_high=found + 0.05))
            if p:
                test = {"table": "leakage", "params": "coordinates=standardised;given=nothing", "chance": math.nan}
                rows.append(make_score(name, p[name], metric="p_value", **test))
        about = About(cards=CARDS, methods=list(methods))
        return StoredResults(tmp_path, long_table(rows), {ABOUT: about.to_json()})

    return make


def in_both_coordinates(results):
    """The same with every reading of the site once more, from whitened coordinates."""
    whitened = results.scores[results.scores["table"] == "leakage"].assign(coordinates="whitened")
    return replace(results, scores=pd.concat([results.scores, whitened], ignore_index=True))


def parts(results):
    (found,) = findings(results)
    return dict(found.parts)


def test_removed_and_found(stored):
    results = stored(clean=(0.27, 0.7), leaky=(0.9, 0.6), empty=(0.24, 0.52), random_vectors=(0.9, 0.9))
    said = parts(results)
    assert said["Site"] == (
        "Removed by clean and empty, as far as 1 probe can see: no interval lies above chance. A leakage of up to 0.32 "
        "(chance 0.25) is not ruled out. Found in leaky 0.90 (balanced accuracy over all sites, of the probe that "
        "reads most; chance 0.25)."
    )
    assert said["Disease"] == (
        "mAP CN/AD at other sites is above chance (0.500) for clean 0.700, leaky 0.600; not for empty 0.520. "
        "empty: neither site nor the disease, so of no use."
    )
    assert said["Differences"] == "Not told here: the folder holds no statistics between methods."
    assert summary_lines(results).splitlines() == [
        "Site: removed by 2 of 3 methods: clean, empty",
        "Disease: found above chance by 2 of 3 methods; not by empty",
        "Differences: the folder holds no statistics between methods",
    ]


def test_a_permutation_test_alone_finds_the_site_and_the_ceiling_is_named(stored):
    results = stored(p={"a": 0.01, "true_anatomy": 0.6}, a=(0.27, 0.7), true_anatomy=(0.25, 0.8))
    said = parts(results)
    assert said["Site"].startswith(
        "Removed by no method: 1 probe or a permutation test finds it in each. Found in a 0.27 "
    )
    assert said["Disease"].endswith("for a 0.700. The ceiling, true_anatomy, reaches 0.800.")
    assert said["Differences"] == "There is no other method to compare with."
    # A p of 0.03 counts twice where there are two coordinates.
    assert parts(stored(p={"a": 0.03}, a=(0.27, 0.7)))["Site"].startswith("Removed by no method")
    both = in_both_coordinates(stored(p={"a": 0.03}, a=(0.27, 0.7)))
    assert parts(both)["Site"].startswith("Removed by a, as far as 2 probes and a permutation test can see")


def test_one_of_several_intervals_above_chance_settles_nothing(stored):
    # 0.302 - 0.05 is above 0.25; widened for two probes the interval reaches down to 0.302 - 1.144 * 0.05 = 0.245.
    results = in_both_coordinates(stored(near=(0.302, 0.7), leaky=(0.9, 0.7), clean=(0.27, 0.7)))
    assert parts(results)["Site"] == (
        "Removed by clean, as far as 2 probes can see: no interval lies above chance. A leakage of up to 0.32 "
        "(chance 0.25) is not ruled out. Not settled for near: an interval lies above chance, as one of several does "
        "now and then where there is no site, and the tests that allow for this find nothing. Found in leaky 0.90 "
        "(balanced accuracy over all sites, of the probe that reads most; chance 0.25)."
    )
    assert summary_lines(results).startswith("Site: removed by 1 of 3 methods: clean; not settled for 1\n")
    # Of one probe there is nothing to allow for.
    assert "Found in near 0.30, leaky 0.90" in parts(stored(near=(0.302, 0.7), leaky=(0.9, 0.7)))["Site"]


def test_a_site_that_a_probe_reads_without_an_error_is_not_called_removed(stored):
    results = in_both_coordinates(stored(few=(0.27, 0.7), clean=(0.27, 0.7)))
    scores = results.scores
    read = (
        (scores["method"] == "few") & (scores["metric"] == "balanced_accuracy") & (scores["coordinates"] != "whitened")
    )
    scores.loc[read, ["value", "ci_low", "ci_high"]] = [1.0, math.nan, math.nan]
    assert parts(results)["Site"] == (
        "Removed by clean, as far as 2 probes can see: no interval lies above chance. A leakage of up to 0.32 "
        "(chance 0.25) is not ruled out. Not settled for few: a probe names the site of every scan right, which has no "
        "interval, and the tests find nothing."
    )
    assert summary_lines(results).startswith("Site: removed by 1 of 2 methods: clean; not settled for 1\n")


def test_nothing_is_claimed_without_an_interval(stored):
    results = stored(a=(0.9, 0.7))
    said = parts(StoredResults(None, results.scores.assign(ci_low=math.nan, ci_high=math.nan), results.provenance))
    assert said["Site"] == "No probe of the site has an interval or a test."
    assert said["Disease"] == "Whether the disease is found was not tested."


def test_differences_and_limits_are_those_of_the_statistics(stored):
    results = stored(ours=(0.3, 0.7), x=(0.5, 0.6), y=(0.6, 0.69), z=(0.6, 0.4))
    blank = dict.fromkeys(TABLES["comparisons"], "") | {"protocol": "pooled", "kind": PRIMARY, "method_a": "ours"}
    numbers = {"seeds": 1, "n": 9, "resamples": 99, "a": 0.7, "b": 0.6, "difference": -0.1, "told_apart": False}
    rows = [
        blank | numbers | {"score": "map_cn_ad", "method_b": other, "p": 0.01, "p_holm": p, "better": "ours"}
        for other, p in (("x", 0.03), ("y", 0.2), ("z", 0.03))
    ]
    table = pd.DataFrame(rows).assign(beyond_chance=lambda frame: frame["p_holm"] < 0.05)
    table.to_csv(table_path(results.folder, "comparisons"), index=False)
    detectable = dict.fromkeys(TABLES["detectable"], "") | {"protocol": "pooled", "n": 9, "seeds": 1, "pairs": 6}
    sizes = {"map_cn_ad": 0.04, "mlp_standardised": 1.3}
    rows = [detectable | {"tests": 3, "score": name, "detectable_corrected": size} for name, size in sizes.items()]
    pd.DataFrame(rows).to_csv(table_path(results.folder, "detectable"), index=False)
    said = parts(results)
    assert said["Differences"] == (
        "2 of the 3 differences of ours from the others that were declared beforehand are beyond chance after Holm's "
        "correction. mAP CN/AD: not told from y; better than the others."
    )
    assert said["What cannot be told"] == (
        "No difference in MLP std. could be found, however large. A true difference of two methods below 0.040 in "
        "mAP CN/AD is found with less than 80% power after the correction: that none is shown does not mean there is "
        "none. One seed: another training or data set may differ by more than the intervals say."
    )


@pytest.mark.parametrize("sweep", ["reference", "anatomies", "breadth"])
def test_vectors_and_anatomy_without_a_site_are_the_controls_of_the_rule(sweep):
    """Taken for methods, the floor and the ceiling are those of whom no site is found, and the floor is of no use."""
    results = read_results(ROOT / "results" / sweep)
    provenance = deepcopy(results.provenance)
    for name in CARDS:
        provenance[ABOUT]["cards"][name]["role"] = "method"
    (found,) = findings(replace(results, provenance=provenance))
    assert re.fullmatch(r"Site: removed by 2 of \d\d methods: random_vectors, true_anatomy", found.lines[0])
    assert "random_vectors: neither site nor the disease, so of no use" in dict(found.parts)["Disease"]


def test_a_disease_that_nobody_finds_is_said_before_the_values(stored):
    (found,) = findings(stored(clean=(0.27, 0.54), empty=(0.26, 0.52)))
    assert dict(found.parts)["Disease"].startswith(
        "mAP CN/AD at other sites is above chance (0.500) for no method; the values, whose intervals all reach down to "
        "it: clean 0.540, empty 0.520."
    )


def test_of_many_methods_those_at_both_ends_are_named(stored):
    said = parts(stored(**{f"m{number}": (number / 100, 0.7) for number in range(40, 60)}))
    shown = [f"m{number} 0.{number}" for number in range(40, 60)]
    assert f"Found in {', '.join(shown[:6])}, 11 others, {', '.join(shown[-3:])} (balanced" in said["Site"]
    assert "is above chance (0.500) for m40 0.700, m41 0.700," in said["Disease"]
    few = parts(stored(**{f"m{number}": (number / 100, 0.7) for number in range(40, 56)}))
    assert f"Found in {', '.join(shown[:16])} (balanced" in few["Site"]
