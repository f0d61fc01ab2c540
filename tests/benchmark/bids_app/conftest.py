import json
import shutil

import pandas as pd
import pytest

#: Subjects of the replica that the tests keep: two sessions, two runs, an acquisition with a run, no session.
KEPT = ("R901", "R902", "R904", "R906")


@pytest.fixture(scope="session")
def whole(tmp_path_factory, inside):
    """A replica of a dataset in BIDS, of four subjects, with coarse volumes."""
    folder = tmp_path_factory.mktemp("bids") / "dataset"
    inside("phantom", "--layout", "bids", "--out", folder, "--spacing", 10)
    for path in folder.glob("sub-*"):
        if path.name.removeprefix("sub-") not in KEPT:
            shutil.rmtree(path)
    table = pd.read_csv(folder / "participants.tsv", sep="\t", dtype=str, keep_default_na=False)
    kept = table["participant_id"].str.removeprefix("sub-").isin(KEPT)
    table[kept].to_csv(folder / "participants.tsv", sep="\t", index=False)
    return folder


@pytest.fixture
def dataset(whole, tmp_path):
    """A copy of it, to be changed."""
    return shutil.copytree(whole, tmp_path / "dataset")


@pytest.fixture(scope="session")
def app(inside, exported):
    """Run `seada-bench bids` on a dataset, in this process."""

    def run(dataset, out, *arguments, check=True, model=True):
        given = ("--model", exported("pca_voxels")[0]) if model else ()
        return inside("bids", dataset, out, *arguments, *given, "--n-cpus", 1, check=check)

    return run


@pytest.fixture(scope="session")
def made(whole, app, tmp_path_factory):
    """Derivatives of the replica, both levels, and what was said; nobody may change them."""
    out = tmp_path_factory.mktemp("derivatives") / "new" / "out"
    return out, app(whole, out, "participant", "group", "--site-column", "centre").stdout


@pytest.fixture
def out(made, tmp_path):
    """A copy of them, to be changed."""
    return shutil.copytree(made[0], tmp_path / "out")


def content(path):
    return json.loads(path.read_text())
