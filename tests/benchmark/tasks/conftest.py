"""A task so small that a submission to it is scored in a moment; its phantom has manifests and no volume."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

CARD = {
    "name": "mine", "inputs": "T1 volumes", "reference": "a paper", "uses": [], "needs_site_at_test": False,
    "transductive": False, "other_data": "none", "tried_settings": 3, "chosen_on": "validation scans",
}  # fmt: skip

SWEEP = {
    "methods": ["pca_voxels"],
    "seeds": {"pooled": [1, 2], "leave_one_site_out": [1]},
    "phantom": {
        "out": "data/tiny-{seed}",
        "settings": {"seed": "{seed}", "sites": 2, "train_scans": 32, "test_subjects": 6, "travelling_subjects": 3},
    },
    "overrides": {"data.manifests": ["data/tiny-{seed}/phantom-*.csv"], "data.data_root": "data/tiny-{seed}"},
    "evaluation": {"probes": ["knn"], "permutations": 0, "test_permutations": 0, "inner_folds": 0, "bootstrap": 40},
}


def sweep_file(folder, **changes):
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**SWEEP, **changes}))
    return path


@pytest.fixture(scope="session")
def task(tmp_path_factory, inside):
    """Folder of the exported task; nobody may change it."""
    folder = tmp_path_factory.mktemp("task")
    inside("task", "export", sweep_file(folder), "--out", folder / "task")
    return folder / "task"


@pytest.fixture
def files(task, tmp_path):
    """Folder with random vectors for every run of the task."""
    folder = tmp_path / "embeddings"
    folder.mkdir()
    for stem, table in tables(task).items():
        table.to_csv(folder / f"{stem}.csv", index=False)
    return folder


def tables(task):
    """A table of embeddings for every run, by the stem of its file."""
    draw = np.random.default_rng(0)
    found = {}
    scans = {seed: pd.read_csv(task / f"scans-{seed}.csv", dtype=str) for seed in (1, 2)}
    runs = {"pooled_1": 1, "pooled_2": 2}
    runs |= {f"leave_one_site_out_{site}_1": 1 for site in sorted(set(scans[1]["site"]))}
    for stem, seed in runs.items():
        table = scans[seed][["subject_id", "session_id", "site"]].copy()
        vectors = draw.normal(size=(len(table), 4)).round(4)
        found[stem] = pd.concat([table, pd.DataFrame(vectors, columns=["z0", "z1", "z2", "z3"])], axis=1)
    return found


@pytest.fixture
def card(tmp_path):
    """Write a card with other values."""

    def write(**changes):
        path = tmp_path / "card.yaml"
        path.write_text(yaml.safe_dump({**CARD, **changes}))
        return path

    return write


@pytest.fixture
def refused(inside, tmp_path):
    """The one line that a submission is refused with; nothing is written."""

    def run(*arguments):
        done = inside("submit", *arguments, "--out", tmp_path / "out", check=False)
        assert done.returncode == 2, done.stdout + done.stderr
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
        assert done.stderr[:-1].isprintable()
        assert len(done.stderr) < 1200
        assert not (tmp_path / "out").exists()
        return done.stderr[len("error: ") : -1]

    return run
