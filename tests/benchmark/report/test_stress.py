"""What the settings of a stress sweep show together."""

import math

import numpy as np
import pandas as pd
import pytest

from benchmark.methods.card import MethodCard
from benchmark.report.about import ABOUT, About
from benchmark.report.stress import _numbers, long_table, write_stress
from benchmark.report.stress_figure import MANY, stress_figure
from benchmark.report.summary import Entry
from benchmark.report.svg import to_svg
from benchmark.results.write import write_provenance, write_scores
from tests.benchmark.report.conftest import score
from tests.tables import long_table as scores_of

AXES = {"contrast": {"0": "contrast-0", "1": "base"}, "epochs": {"5": "base", "16": "epochs-16"}}
METHODS = ["ours", "combat", "other"]


def entry(mean, sd=0.01, seeds=3, **changes):
    return Entry(mean=mean, sd=sd, seeds=seeds, runs=seeds, chance=0.1, **changes)


def entries(**by_method):
    """Leakage, mAP and top-1 of each method."""
    keys = ("mlp_standardised", "map_cn_ad", "travelling_top1")
    return {
        method: {key: entry(mean) for key, mean in zip(keys, means, strict=True)} for method, means in by_method.items()
    }


def table(**settings):
    settings = {name.replace("_", "-"): found for name, found in settings.items()}
    return long_table(AXES, settings, METHODS)


def test_the_interval_is_that_of_student_over_three_seeds_and_missing_for_fewer():
    found = {"ours": {"map_cn_ad": entry(0.5, sd=0.03), "travelling_top1": entry(0.999, sd=0.03)}}
    rows = long_table({"a": {"1": "base"}}, {"base": found}, ["ours"]).set_index("score")
    # t(0.975, 2) = 4.3027; times 0.03 / sqrt(3).
    assert rows.loc["map_cn_ad", ["ci_low", "ci_high"]].tolist() == pytest.approx([0.42548, 0.57452], abs=1e-5)
    assert rows.loc["travelling_top1", "ci_high"] == 1.0
    # Seeds of which two share a quarter of their test subjects: sqrt(1 + 3 * 0.25 / 0.75) times as wide.
    shared = long_table({"a": {"1": "base"}}, {"base": found}, ["ours"], {"base": 0.25}).set_index("score")
    assert shared.loc["map_cn_ad", "ci_high"] == pytest.approx(0.5 + 0.07452 * math.sqrt(2), abs=1e-5)
    same = long_table({"a": {"1": "base"}}, {"base": found}, ["ours"], {"base": 1.0}).set_index("score")
    assert same.loc["map_cn_ad", "note"] == "no interval: all seeds have the same test subjects"
    assert rows.loc["mlp_standardised", ["mean", "note"]].isna().tolist() == [True, False]
    two = {"ours": {"map_cn_ad": entry(0.5, seeds=2), "travelling_top1": entry(math.nan, undefined={"collapsed": 1})}}
    rows = long_table({"a": {"1": "base"}}, {"base": two}, ["ours"]).set_index("score")
    assert rows.loc["map_cn_ad", ["ci_low", "ci_high"]].isna().all()
    assert rows.loc["map_cn_ad", "note"] == "no interval: fewer than 3 seeds"
    assert rows.loc["travelling_top1", "note"] == "1 of 3 runs: collapsed"


def test_tables_and_pictures_of_folders_one_of_which_has_no_scores(tmp_path):
    rows = [score("combat", 0.5 + seed / 10, seed=seed) for seed in range(3)]
    for name in ("base", "epochs-16"):
        (tmp_path / name).mkdir()
        write_scores(scores_of(rows), tmp_path / name)
    files, lines = write_stress(tmp_path, AXES, ["combat"])
    assert [file.name for file in files] == [
        "stress.csv",
        "stress.md",
        "stress_contrast.svg",
        "stress_epochs.svg",
    ]
    frame = pd.read_csv(tmp_path / "stress.csv").set_index(["axis", "value", "score"])
    assert frame.columns.tolist() == ["method", "mean", "sd", "ci_low", "ci_high", "seeds", "chance", "note"]
    assert frame.loc[("contrast", 1, "map_cn_ad"), "mean"] == pytest.approx(0.6)
    assert frame.loc[("contrast", 0, "map_cn_ad"), "note"] == "no result"
    text = (tmp_path / "stress.md").read_text()
    assert text.split("\n")[2] == lines[0]
    assert text.count("| base |") == 1
    assert "| base | – / 0.60 / – |\n| contrast-0 | – / – / – |\n| epochs-16 | – / 0.60 / – |" in text
    before = {file: file.read_bytes() for file in files}
    write_stress(tmp_path, AXES, ["combat"])
    assert {file: file.read_bytes() for file in files} == before


def test_a_method_that_sees_diagnoses_is_shown_last_and_holds_nothing_back(tmp_path):
    about = About(cards={"supervised": MethodCard(uses=["diagnosis"])}, methods=["supervised", "combat"])
    values = {"supervised": (0.9, 0.99), "combat": (0.5, 0.95)}
    for name in ("base", "epochs-16", "contrast-0"):
        (tmp_path / name).mkdir()
        rows = []
        for method, (found, top1) in values.items():
            rows.append(score(method, found))
            rows.append(score(method, top1, table="identity", metric="top1", params="gallery=other_sites"))
            leak = {"params": "coordinates=standardised;probe=mlp", "higher_is_better": False}
            rows.append(score(method, 0.3, table="leakage", metric="balanced_accuracy", **leak))
        write_scores(scores_of(rows), tmp_path / name)
        write_provenance({ABOUT: about.to_json()}, tmp_path / name)
    _, lines = write_stress(tmp_path, AXES, ["supervised", "combat"])
    # By mAP it would not, if the other were a candidate.
    assert lines[1:] == ["contrast (0, 1): combat at every value", "epochs (5, 16): combat at every value"]
    text = (tmp_path / "stress.md").read_text()
    assert "| setting | combat | supervised |" in text
    assert "Trained with the diagnoses of training subjects: supervised." in text


def test_a_picture_has_every_method_value_and_chance_and_says_that_data_are_synthetic():
    found = entries(ours=(0.2, 0.7, 0.95), combat=(0.3, 0.6, 0.5), other=(0.8, 0.65, 0.99))
    later = entries(ours=(0.3, 0.6, 0.95), combat=(0.3, 0.5, 0.95), other=(0.2, 0.61, 0.9))
    scores = table(base=found, contrast_0=found, epochs_16=later)
    of_axis = scores[scores["axis"] == "epochs"]
    figure = stress_figure(of_axis, About(synthetic=True))
    assert len(figure.axes) == 3
    leakage = figure.axes[0]
    assert [text.get_text() for text in leakage.get_xticklabels()] == ["5", "16"]
    lines = {line.get_label(): line.get_ydata().tolist() for line in leakage.lines}
    assert lines == {"ours": [0.2, 0.3], "combat": [0.3, 0.3], "other": [0.8, 0.2], "chance": pytest.approx([0.1, 0.1])}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [*METHODS, "chance"]
    assert figure.get_suptitle() == "Stress by epochs (synthetic data)"
    assert to_svg(lambda: stress_figure(of_axis, About()), "a").startswith("<svg")


def test_of_more_methods_than_curves_can_tell_apart_each_has_a_line_of_its_own():
    methods = [f"method_{number}" for number in range(MANY + 1)]
    means = {name: (0.2 + number / 50, 0.5, 0.9) for number, name in enumerate(methods)}
    later = {name: (0.7, 0.5, 0.9) for name in methods[1:]}
    scores = long_table({"epochs": AXES["epochs"]}, {"base": entries(**means), "epochs-16": entries(**later)}, methods)
    figure = stress_figure(scores, About())
    leakage = figure.axes[0]
    assert [text.get_text() for text in leakage.get_yticklabels()] == methods
    drawn = {line.get_label(): line for line in leakage.lines}
    assert drawn["5"].get_xdata().tolist() == pytest.approx([leakage for leakage, *_ in means.values()])
    assert drawn["5"].get_ydata().tolist() == list(range(MANY + 1))
    np.testing.assert_array_equal(drawn["16"].get_xdata(), [math.nan, *[0.7] * MANY])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "epochs 5",
        "epochs 5: chance",
        "epochs 16",
        "epochs 16: chance",
    ]
    # The first is at the top.
    assert leakage.get_ylim()[0] > leakage.get_ylim()[1]


def test_intervals_over_three_seeds_cover_as_often_as_they_say():
    draw = np.random.default_rng(0)

    def data_set(level):
        """Top-1 of 24 travelling subjects at 8 sites, who differ, on a phantom that differs from others."""
        ability = np.log(level / (1 - level)) + 0.3 * draw.normal() + draw.normal(size=24)
        return draw.binomial(8, 1 / (1 + np.exp(-ability))).sum() / (8 * 24)

    for level in (0.5, 0.9, 0.98):
        truth, covered = np.mean([data_set(level) for _ in range(4000)]), 0
        for _ in range(1000):
            seeds = np.array([data_set(level) for _ in range(3)])
            numbers = _numbers(Entry(seeds.mean(), seeds.std(ddof=1), 3, 3, 0.0), bounded=True)
            covered += numbers["ci_low"] <= truth <= numbers["ci_high"]
        # Four standard errors of a share of 0.95 among 1000.
        assert 0.92 < covered / 1000 < 0.98, level
