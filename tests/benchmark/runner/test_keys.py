import pytest

from benchmark.metrics.evaluate import EvaluationSettings
from benchmark.runner.keys import run_key, score_key

CONFIG = {
    "seed_everything": 1,
    "trainer": {"max_epochs": 3, "default_root_dir": "a", "enable_progress_bar": True},
    "model": {"class_path": "x.Y", "init_args": {"ldr_dim": 32}},
    "data": {"manifests": ["a.csv"], "cache_dir": "c", "held_out_site": None, "preprocessing": {"shape": [8, 8, 8]}},
}


def changed(path, value):
    def copy(node, keys):
        return {**node, keys[0]: copy(node[keys[0]], keys[1:]) if len(keys) > 1 else value}

    return copy(CONFIG, path.split("."))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seed_everything", 2),
        ("trainer.max_epochs", 4),
        ("model.init_args.ldr_dim", 16),
        ("data.held_out_site", "A"),
        ("data.preprocessing.shape", [8, 8, 16]),
    ],
)
def test_what_changes_numbers_changes_the_key(path, value):
    assert run_key(changed(path, value), ["d"]) != run_key(CONFIG, ["d"])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("trainer.default_root_dir", "b"),
        ("trainer.enable_progress_bar", False),
        ("data.cache_dir", "elsewhere"),
        # Where the repository lies: LightningCLI notes the file of the defaults.
        ("__default_config__", "/elsewhere/benchmark/configs/defaults.yaml"),
    ],
)
def test_what_does_not_change_numbers_does_not_change_the_key(path, value):
    assert run_key(changed(path, value), ["d"]) == run_key(CONFIG, ["d"])


def test_other_data_and_other_scoring_are_seen():
    assert run_key(CONFIG, ["d"]) != run_key(CONFIG, ["e"])
    key = run_key(CONFIG, ["d"])
    assert score_key(key, EvaluationSettings()) != score_key(key, EvaluationSettings(permutations=7))
    assert score_key(key, EvaluationSettings()) == score_key(key, EvaluationSettings())
