import json
import os
import shutil
import subprocess
import sys

import pytest
import yaml

from benchmark.configs import METHODS
from benchmark.metrics.evaluate import EvaluationSettings
from benchmark.sweep.keys import (
    HARMLESS_IN_TRAINING,
    closure_of_scoring,
    closure_of_training,
    new_sources,
    relevant,
    run_parts,
    score_parts,
)
from tests.conftest import ROOT

DATA = {"images": "d"}

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
    assert run_parts(changed(path, value), DATA).key != run_parts(CONFIG, DATA).key


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
    assert run_parts(changed(path, value), DATA).key == run_parts(CONFIG, DATA).key


def test_other_data_and_other_scoring_are_seen():
    assert run_parts(CONFIG, DATA).key != run_parts(CONFIG, {"images": "e"}).key
    key = run_parts(CONFIG, DATA).key
    assert score_parts(EvaluationSettings()).key(key) != score_parts(EvaluationSettings(permutations=7)).key(key)
    assert score_parts(EvaluationSettings()).key(key) == score_parts(EvaluationSettings()).key(key)


@pytest.mark.parametrize(
    ("callbacks", "same"),
    [
        ([{"class_path": "lightning.pytorch.callbacks.ModelCheckpoint", "init_args": {"every_n_epochs": 2}}], True),
        ([{"class_path": "benchmark.train.tracking.probes.ProbeCurves"}], True),
        ({"class_path": "lightning.pytorch.callbacks.LearningRateMonitor"}, True),
        (
            [{"class_path": "lightning.pytorch.callbacks.StochasticWeightAveraging", "init_args": {"swa_lrs": 0.1}}],
            False,
        ),
        ([{"class_path": "lightning.pytorch.callbacks.EarlyStopping", "init_args": {"monitor": "x"}}], False),
    ],
)
def test_callbacks_that_only_watch_are_no_part_of_the_key(callbacks, same):
    assert (run_parts(changed("trainer.callbacks", callbacks), DATA).key == run_parts(CONFIG, DATA).key) is same


def test_the_settings_of_a_callback_are_part_of_the_key():
    def key(patience):
        stopping = {"class_path": "lightning.pytorch.callbacks.EarlyStopping", "init_args": {"patience": patience}}
        return run_parts(changed("trainer.callbacks", [stopping]), DATA).key

    assert key(1) != key(5)


def test_a_library_that_only_a_method_imports_is_in_its_key():
    pca = {"model": {"class_path": "baselines.pca_voxels.PCAVoxels"}}
    assert "scikit-learn" in run_parts(pca, DATA).versions
    augmented = {
        "model": {"class_path": "baselines.pca_voxels.PCAVoxels", "init_args": {"x": "skimage.transform.warp"}}
    }
    extra = set(run_parts({"model": {"class_path": "tabulate.tabulate"}}, DATA).versions)
    assert extra - set(run_parts(pca, DATA).versions) == {"tabulate"}
    assert run_parts(augmented, DATA).source == run_parts(pca, DATA).source


#: Keys of a run with a base and of scores, printed by a process that has imported the repository in its folder alone.
PRINT_KEYS = """
import json, sys, yaml
from benchmark.metrics.settings import EvaluationSettings
from benchmark.sweep.keys import run_parts, score_parts
assert "torch" not in sys.modules
config = yaml.safe_load(sys.argv[1])
print(json.dumps([run_parts(config, {"images": "d"}).key, score_parts(EvaluationSettings()).key("")]))
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A copy of the source, to be edited, and a function that gives the keys that it makes."""
    folder = tmp_path_factory.mktemp("moved") / "elsewhere"
    for name in ("benchmark", "seada", "baselines"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))

    def keys():
        config = yaml.safe_dump(yaml.safe_load((METHODS / "combat.yaml").read_text()))
        done = subprocess.run(
            [sys.executable, "-c", PRINT_KEYS, config], cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return folder, keys, keys()


@pytest.fixture
def edited(repository):
    """Whether run key and score key change with an edit of a file: a text and what is put in its place."""
    folder, keys, before = repository

    def run(name, old, new):
        path = folder / name
        text = path.read_text() if path.exists() else None
        path.write_text(new if text is None else text.replace(old, new, 1))
        assert text is None or path.read_text() != text
        try:
            return [now != then for now, then in zip(keys(), before, strict=True)]
        finally:
            path.unlink() if text is None else path.write_text(text)

    return run


def test_keys_do_not_depend_on_where_the_repository_lies(repository):
    _, _, keys = repository
    config = yaml.safe_load((METHODS / "combat.yaml").read_text())
    assert keys == [run_parts(config, DATA).key, score_parts(EvaluationSettings()).key("")]


@pytest.mark.parametrize(
    ("name", "old", "new", "changes"),
    [
        # Comments, docstrings and layout.
        ("benchmark/data/sampling.py", '"""', '"""Really: ', [False, False]),
        ("baselines/around_base.py", "self.base = base\n", "# Kept.\n        self.base = (\n  base)\n", [False, False]),
        # What nothing of the run imports.
        ("baselines/another.py", "", "class Another: ...\n", [False, False]),
        ("baselines/dann.py", "return ", "return 2 * ", [False, False]),
        ("seada/__init__.py", "", "import math\n", [False, False]),
        ("benchmark/report/text.py", "return ", "return 2 * ", [False, False]),
        ("benchmark/sweep/worker.py", "return ", "return 2 * ", [False, False]),
        ("benchmark/train/tracking/waiting.py", "return ", "return 2 * ", [False, False]),
        ("benchmark/prepare/phantom/draws.py", "return ", "return 2 * ", [False, False]),
        # The method, its base and what they import; the data path; the training.
        ("baselines/around_base.py", "self.base = base", "self.base = 2 * base", [True, False]),
        ("baselines/harmonisation.py", "return ", "return 2 * ", [True, False]),
        ("baselines/autoencoder.py", "return ", "return 2 * ", [True, False]),
        ("benchmark/methods/encoder.py", "return ", "return 2 * ", [True, False]),
        ("benchmark/methods/__init__.py", "", "import math\n", [True, False]),
        ("benchmark/data/sampling.py", "return ", "return 2 * ", [True, False]),
        ("benchmark/data/grid.py", "return ", "return 2 * ", [True, False]),
        ("benchmark/train/gather.py", ".astype(np.float32)", ".astype(np.float16)", [True, False]),
        # Imported by its name within a function.
        ("benchmark/methods/data_spec.py", "return ", "return 2 * ", [True, False]),
        # The scoring, whose modules are found by listing a folder.
        ("benchmark/metrics/mixing/kbet.py", "return ", "return 2 * ", [False, True]),
        ("benchmark/metrics/ranking.py", "return ", "return 2 * ", [False, True]),
        ("benchmark/metrics/another.py", "", "def scores(*_): return []\n", [False, True]),
        ("benchmark/embeddings/table.py", "return ", "return 2 * ", [True, True]),
        ("benchmark/seeds.py", "return ", "return 2 * ", [True, True]),
    ],
)  # fmt: skip
def test_an_edit_changes_the_keys_of_what_it_can_change(edited, name, old, new, changes):
    assert edited(name, old, new) == changes


@pytest.mark.slow
def test_all_that_a_training_and_its_scoring_load_is_known_to_their_keys(arguments, tmp_path):
    """Whatever a run loads of the repository is in its key, or in the list of what cannot change a number."""
    _, fit = arguments("combat")
    embeddings = str(tmp_path / "out" / "embeddings.parquet")
    code = (
        "import json, sys\n"
        "from benchmark.train.cli import run\n"
        "run(json.loads(sys.argv[1]))\n"
        "from benchmark.embeddings.table import read_embeddings\n"
        "from benchmark.metrics.evaluate import EvaluationSettings, score_all\n"
        "score_all(read_embeddings(sys.argv[2]).frame, EvaluationSettings(probes=('knn',), permutations=0, "
        "test_permutations=0, bootstrap=10))\n"
        "print(json.dumps([n for n, m in sys.modules.items() if getattr(m, '__file__', None)]))\n"
    ).replace("sys.argv[2]", "__import__('pathlib').Path(sys.argv[2])")
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(list(map(str, fit))), embeddings], cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout.splitlines()[-1])
    ours = {name for name in loaded if name.partition(".")[0] in ("benchmark", "seada", "baselines")}
    sources = new_sources()
    config = relevant(yaml.safe_load((METHODS / "combat.yaml").read_text()))
    known = {**closure_of_training(config, sources).modules, **closure_of_scoring(sources).modules}
    unknown = {name for name in ours - set(known) if not name.startswith(HARMLESS_IN_TRAINING)}
    assert len(ours) > 60
    assert unknown == set()
