"""What works without the extras of the package, and what says which one it needs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.extras import EXTRAS, extra_of

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: What is installed by itself, and beside it only by accident.
_NAMES = sorted({name for names in EXTRAS.values() for name in names})
#: Hides the modules of every extra, as if none were installed.
_PROGRAM = f"""
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name in {_NAMES!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
from benchmark.cli import main
sys.exit(main(sys.argv[1:]))
"""


def without_extras(*arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def names(requirements):
    return {re.split(r"[<>=\[ ;]", one)[0].lower() for one in requirements if not one.startswith("seada-bench")}


@pytest.mark.parametrize("extra", EXTRAS)
def test_modules_of_an_extra_are_those_of_its_requirements(extra):
    installed = packages_distributions()
    if not set(EXTRAS[extra]) <= set(installed):
        pytest.skip(f"needs the extra '{extra}' installed")
    owners = [{owner.lower() for owner in installed[module]} for module in EXTRAS[extra]]
    needed = names(PROJECT["optional-dependencies"][extra])
    assert all(owner & needed for owner in owners)
    assert len(owners) == len(needed)


def test_what_is_always_installed_is_in_no_extra_and_all_has_every_extra():
    core = names(PROJECT["dependencies"])
    assert not core & {name for extra in EXTRAS for name in names(PROJECT["optional-dependencies"][extra])}
    assert PROJECT["optional-dependencies"]["all"] == [f"seada-bench[{','.join(EXTRAS)}]"]


@pytest.mark.parametrize(
    ("module", "preferred", "extra"),
    [
        ("torch", "train", "train"),
        ("torch.nn", "import", "train"),
        ("nibabel", "train", "train"),
        ("nibabel", "import", "import"),
        ("submitit", "train", "cluster"),
        ("wandb", "train", "track"),
        ("colours", "train", None),
    ],
)
def test_the_extra_of_a_module(module, preferred, extra):
    assert extra_of(ModuleNotFoundError(name=module), preferred) == extra


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("sweep", "--config", "smoke", "--out", "{folder}"), "train"),
        (("fit", "--config", "benchmark/configs/methods/autoencoder.yaml"), "train"),
        (("check-method", "benchmark/configs/methods/autoencoder.yaml"), "train"),
        (("phantom", "--out", "{folder}/phantom"), "train"),
        (("preprocess", "--manifests", "{folder}/a.csv", "--out", "{folder}/out"), "import"),
        (("manifest", "check", "--manifests", "{folder}/a.csv"), "import"),
    ],
)
def test_a_command_without_its_extra_says_in_one_line_which_one(tmp_path, arguments, extra):
    (tmp_path / "a.csv").write_text("subject_id,session_id,image,site,diagnosis,age,sex\n")
    done = without_extras(*(argument.format(folder=tmp_path) for argument in arguments))
    assert done.returncode == 2
    assert re.fullmatch(
        rf"error: '{arguments[0]}' needs the package \w+, which is not installed; "
        rf"install what this command needs by: pip install 'seada-bench\[{extra}\]'\n",
        done.stderr,
    )


@pytest.mark.slow
def test_embeddings_are_scored_shown_and_compared_without_any_extra(tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        {
            "subject_id": f"{site}{subject}",
            "session_id": "1",
            "site": site,
            "diagnosis": "CN" if subject % 2 else "AD",
            "age": 60 + subject,
            "sex": "FM"[subject // 2 % 2],
            **{f"z{axis}": value for axis, value in enumerate(rng.normal(size=4))},
        }
        for site in "ABC"
        for subject in range(12)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "mine.csv", index=False)
    given = ("--embeddings", "mine.csv", "--out", "scores", "--evaluation.permutations=0", "--evaluation.bootstrap=20")
    more = ("--evaluation.mlp_permutations=0", "--evaluation.test_permutations=0", "--evaluation.probes=[linear]")
    for command in (
        ("evaluate", *given, *more),
        ("tables", "scores"),
        ("compare", "scores", "scores"),
        ("list", "metrics"),
        ("list", "importers"),
    ):
        done = without_extras(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "scores" / "scores.parquet").is_file()
    assert (tmp_path / "scores" / "tables" / "report.html").is_file()
