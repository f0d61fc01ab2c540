"""What is told of a sweep's parts as they come to their end."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from benchmark.data.parquet import write_parquet
from benchmark.sweep.parts import HEAD, Parts
from tests.tables import long_table

OVERALL = {"subgroup": "", "version": 1, "n": 9, "note": "", "ci_low": math.nan, "ci_high": math.nan}
LEAKAGE = {"table": "leakage", "metric": "balanced_accuracy", "higher_is_better": False}
MAP = {"table": "retrieval", "metric": "mAP", "higher_is_better": True}


def scores(leakage, found):
    own_site = MAP | {"params": "distance=cosine_centred;gallery=own_site;label=CN/AD", "value": 0.9, "chance": 0.5}
    return long_table(
        OVERALL | row
        for row in (
            LEAKAGE | {"params": "coordinates=standardised;probe=mlp", "value": leakage, "chance": 0.125},
            LEAKAGE | {"params": "coordinates=whitened;probe=mlp", "value": 0.99, "chance": 0.125},
            MAP | {"params": "distance=cosine_centred;gallery=other_sites;label=CN/AD", "value": found, "chance": 0.5},
            own_site,
        )
    )


@pytest.fixture
def run(tmp_path):
    """A run whose scores are there, unless it failed."""

    def make(method, protocol="pooled", seed=1, held_out_site="", leakage=0.2, found=0.6, failed=False):
        place = {"method": method, "protocol": protocol, "held_out_site": held_out_site, "seed": seed}
        folder = tmp_path / "-".join(map(str, place.values()))
        folder.mkdir()
        if not failed:
            write_parquet(scores(leakage, found), folder / "scores.parquet")
        state = "failed" if failed else "done"
        return SimpleNamespace(**place, place=place, scores_folder=folder, state=lambda: state)

    return make


def test_a_method_is_told_with_its_last_run_and_the_words_are_explained_once(run):
    unseen = [run("seada", "leave_one_site_out", held_out_site=s, leakage=v) for s, v in (("A", 0.2), ("B", 0.4))]
    pooled = [run("seada"), run("pca", leakage=0.9, found=0.55)]
    parts = Parts([*pooled, *unseen], [*pooled, *unseen])
    assert parts.end(unseen[0]) == []
    assert parts.end(pooled[1]) == [
        HEAD,
        "pca    pooled              1 of 1 seed  leakage 0.90 (chance 0.12)  mAP 0.55 (chance 0.50)  top-1 –",
    ]
    # The mean over held-out sites.
    assert parts.end(unseen[1]) == [
        "seada  leave_one_site_out  1 of 1 seed  leakage 0.30 (chance 0.12)  mAP 0.60 (chance 0.50)  top-1 –"
    ]
    assert parts.end(pooled[0])[0].startswith("seada  pooled  ")


def test_only_seeds_of_which_every_run_is_there_count(run):
    runs = [
        run("dann", "leave_one_site_out", seed, site, leakage=leakage, failed=failed)
        for seed, site, leakage, failed in ((1, "A", 0.9, False), (1, "B", 0.9, True), (2, "A", 0.2, False),
                                            (2, "B", 0.3, False))
    ]  # fmt: skip
    # Those of the first seed are of an earlier call.
    parts = Parts(runs, runs[1:])
    assert [parts.end(one) for one in runs[1:3]] == [[], []]
    line = parts.end(runs[3])[1]
    assert line.startswith("dann  leave_one_site_out  1 of 2 seeds  leakage 0.25 (chance 0.12)")


@pytest.mark.parametrize("damage", [lambda file: file.write_bytes(b"PAR1"), lambda file: file.unlink()])
def test_scores_that_cannot_be_read_stop_nothing(run, damage):
    one = run("dann")
    damage(one.scores_folder / "scores.parquet")
    assert Parts([one], [one]).end(one)[1] == "dann  pooled  1 of 1 seed"
    two = run("broken", failed=True)
    assert Parts([two], [two]).end(two)[1] == "broken  pooled  0 of 1 seed"
