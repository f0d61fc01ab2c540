"""What a method must keep to hold, and where it does."""

from __future__ import annotations

import math

import pytest

from benchmark.report.stress import long_table
from benchmark.report.stress_criteria import holding
from benchmark.report.summary import Entry

AXES = {"contrast": {"0": "contrast-0", "1": "base"}, "epochs": {"5": "base", "16": "epochs-16"}}
METHODS = ["ours", "combat", "other"]
KEYS = ("mlp_standardised", "map_cn_ad", "travelling_top1")


def entry(mean, sd=0.01):
    return Entry(mean=mean, sd=sd, seeds=3, runs=3, chance=0.1)


def entries(**by_method):
    """Leakage, mAP and top-1 of each method."""
    return {method: dict(zip(KEYS, map(entry, means), strict=True)) for method, means in by_method.items()}


def lines_of(**settings):
    settings = {name.replace("_", "-"): found for name, found in settings.items()}
    return holding(long_table(AXES, settings, METHODS), METHODS)


HELD = entries(ours=(0.2, 0.7, 0.95), combat=(0.3, 0.6, 0.5), other=(0.8, 0.65, 0.99))
LEAKS = entries(ours=(0.4, 0.7, 0.85), combat=(0.3, 0.6, 0.5), other=(0.8, 0.65, 0.99))
BEATEN = entries(ours=(0.3, 0.6, 0.95), combat=(0.3, 0.5, 0.95), other=(0.2, 0.61, 0.9))


def test_it_is_said_which_method_holds_where_and_by_what_it_does_not():
    lines = lines_of(base=HELD, contrast_0=LEAKS, epochs_16=BEATEN)
    assert lines[0].startswith("A method holds where its kNN and MLP leakage, standardised and whitened, is at most")
    assert "autoencoder" not in lines[0]
    assert lines[1:] == [
        "contrast (0, 1): ours at 1 (not at 0 by leakage, top-1)",
        "epochs (5, 16): ours at 5 (not at 16 by mAP); other at 16 (not at 5 by leakage, mAP)",
    ]
    assert lines_of(base=HELD, contrast_0=HELD, epochs_16=HELD)[1] == "contrast (0, 1): ours at every value"


def test_equal_to_combat_and_to_the_best_other_method_is_enough():
    equal = entries(ours=(0.3, 0.6, 0.9), combat=(0.3, 0.6, 0.2), other=(0.3, 0.6, 0.2))
    assert lines_of(base=equal, contrast_0=equal, epochs_16=equal)[1] == "contrast (0, 1): ours at every value"


def test_nobody_holds_where_a_number_is_missing_and_nothing_is_said_without_combat():
    lost = entries(ours=(0.2, math.nan, 0.95), combat=(math.nan, 0.6, 0.5), other=(0.1, 0.65, 0.99))
    lines = lines_of(base=lost, contrast_0={}, epochs_16=lost)
    assert [line.split("; ")[0] for line in lines[1:]] == [
        "contrast (0, 1): no method at any value", "epochs (5, 16): no method at any value",
    ]  # fmt: skip
    assert lines[2].endswith("nearest other (not at 5 by leakage; 16 by leakage)")
    scores = long_table(AXES, {"base": HELD, "contrast-0": HELD, "epochs-16": HELD}, METHODS)
    assert holding(scores, ["ours", "other"]) == [
        "Which method holds where is not said: combat is not among the methods."
    ]


FINE = {
    "mlp_standardised": entry(0.2), "knn_whitened": entry(0.15), "map_cn_ad": entry(0.7),
    "travelling_top1": entry(0.95), "disease_linear": entry(0.6), "ssim": entry(0.65), "collapsed": entry(0.0),
}  # fmt: skip
COMBAT = {
    "mlp_standardised": entry(0.3), "knn_whitened": entry(0.3), "map_cn_ad": entry(0.6),
    "travelling_top1": entry(0.5), "disease_linear": entry(0.6), "collapsed": entry(0.0),
}  # fmt: skip
AUTOENCODER = COMBAT | {
    "mlp_standardised": entry(0.9), "knn_whitened": entry(0.8), "disease_linear": entry(0.61), "ssim": entry(0.7),
}  # fmt: skip


@pytest.mark.parametrize(
    ("worse", "reason"),
    [
        ({}, ""),
        ({"knn_whitened": entry(0.31)}, "leakage, a fifth"),
        ({"mlp_standardised": entry(0.27)}, "a fifth"),
        ({"map_cn_ad": entry(0.7, sd=0.04)}, "SD of mAP"),
        ({"disease_linear": entry(0.58)}, "CN/AD probe"),
        ({"ssim": entry(0.62)}, "SSIM"),
        ({"collapsed": entry(0.2)}, "collapse"),
    ],
)
def test_every_criterion_is_asked_for(worse, reason):
    methods = ["ours", "combat", "autoencoder"]
    setting = {"ours": FINE | worse, "combat": COMBAT, "autoencoder": AUTOENCODER}
    lines = holding(long_table({"a": {"1": "base"}}, {"base": setting}, methods), methods)
    assert "at most a fifth of the autoencoder's above chance" in lines[0]
    expected = f"no method at any value; nearest ours (not at 1 by {reason})" if reason else "ours at every value"
    assert lines[1] == f"a (1): {expected}"


def test_a_method_that_makes_no_reconstruction_needs_none():
    methods = ["ours", "combat", "autoencoder"]
    without = {key: value for key, value in FINE.items() if key != "ssim"}
    setting = {"ours": without, "combat": COMBAT, "autoencoder": AUTOENCODER}
    assert holding(long_table({"a": {"1": "base"}}, {"base": setting}, methods), methods)[1] == (
        "a (1): ours at every value"
    )
