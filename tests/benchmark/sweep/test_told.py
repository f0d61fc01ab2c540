"""What a sweep records for the readers of its tables."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from benchmark.configs import METHODS
from benchmark.sweep import told
from benchmark.sweep.keys import RunParts, ScoreParts, run_parts
from benchmark.sweep.run import MARKER, Run
from benchmark.sweep.worker import _training_seconds
from benchmark.train.resolve import resolve


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Make a finished run with a marker, whose scans are of one phantom site."""
    tested = {1: "abc", 2: "abd", 3: "abe"}

    def scans_of(run):
        scans = pd.DataFrame({"subject_id": list("abcdef"), "site": "phantom-X"})
        return scans.assign(split=["test" if name in tested[run.seed] else "train" for name in scans["subject_id"]])

    monkeypatch.setattr(told, "scans_of", scans_of)

    def make(method, training, seed=1, base=None, card=None, key=None, images="all"):
        name = key or f"{method}-{seed}"
        folder = tmp_path / name
        folder.mkdir()
        environment = {"cpu_count": 2, "processor": "CPU", "gpus": []}
        marker = {"training_seconds": training, "scoring_seconds": 4.0, "environment": environment}
        (folder / MARKER).write_text(json.dumps(marker))
        config, parts = {"card": card}, RunParts({}, {"images": images}, {}, {})
        return Run(method, "pooled", "", seed, config, name, "", folder, base or "", 10, parts, ScoreParts())

    return make


def test_seconds_are_means_over_runs_with_the_base_another_run_trained(run):
    done = [
        run("autoencoder", 20.0, 1), run("autoencoder", 30.0, 2),
        run("combat", 2.0, 1, base="autoencoder-1"), run("combat", 4.0, 2, base="autoencoder-2"),
    ]  # fmt: skip
    about = told.about_of(done, ["a", "b"], ["A note."])
    assert about.synthetic
    assert about.seconds["pooled"]["autoencoder"].training == 25.0
    assert about.seconds["pooled"]["combat"].training == pytest.approx((22 + 34) / 2)
    assert about.seconds["pooled"]["combat"].scoring == 4.0
    assert about.machine == "2 cores, CPU"
    assert list(about.notes) == ["A note."]


def test_test_subjects_that_seeds_share_are_told(run):
    same = [run(method, 1.0, seed) for method in "ab" for seed in (1, 2, 3)]
    assert told.about_of(same, ["a"], []).shared_subjects == {"pooled": pytest.approx(2 / 3)}
    # People of the same names in another data set are others; a third seed tests two that the first does.
    others = [run("c", 1.0, seed, key=f"other-{seed}", images="other" if seed == 2 else "all") for seed in (1, 2, 3)]
    assert told.about_of(others, ["c"], []).shared_subjects == {"pooled": pytest.approx(2 / 9)}
    assert told.about_of(others[:2], ["c"], []).shared_subjects == {}


def test_unknown_seconds_are_not_zero(run):
    seconds = told.about_of([run("a", None)], [], []).seconds["pooled"]["a"]
    assert seconds.training != seconds.training


def test_scoring_again_keeps_the_seconds_of_the_training(run):
    assert _training_seconds(run("a", 31.5)) == 31.5


def test_a_card_reaches_the_tables_and_changes_no_run_key():
    config = resolve(METHODS / "seada_balanced.yaml", {})
    assert config["card"]["augmentations_imitate"] == [
        "contrast", "bias", "noise", "resolution", "registration", "gradient", "mask",
    ]  # fmt: skip
    other = {**config, "card": None}
    assert run_parts(config, []).key == run_parts(other, []).key
    assert run_parts(config, []).key != run_parts({**config, "seed_everything": 7}, []).key


def test_every_shipped_method_that_competes_has_a_card():
    for path in METHODS.glob("*.yaml"):
        if path.stem not in ("random_vectors", "true_anatomy"):
            assert resolve(path, {})["card"] is not None, path.stem
