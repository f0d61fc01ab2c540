import shutil

import pytest

from benchmark.configs import METHODS
from benchmark.data.datamodule import SiteDataModule
from benchmark.data.preprocessing import Preprocessing
from tests.conftest import combat_on_the_autoencoder


@pytest.fixture
def arguments(phantom, tmp_path):
    """Arguments of `fit` on the smoke phantom, and the folder of its results."""

    def of(method, *more, folder="out"):
        out = tmp_path / folder
        return out, [
            "fit", "--config", str(METHODS / f"{method}.yaml"),
            f"--data.manifests=[{phantom}/phantom-*.csv]", f"--data.data_root={phantom}",
            f"--data.truth={phantom}/truth.csv", f"--data.cache_dir={phantom.parent}/cache",
            "--data.preprocessing.shape=[16,24,16]", "--data.preprocessing.spacing=10.0",
            "--trainer.max_epochs=1", "--trainer.enable_progress_bar=false",
            f"--trainer.default_root_dir={out}", *more,
        ]  # fmt: skip

    return of


@pytest.fixture
def fit(inside, arguments):
    """Run `fit` on the smoke phantom; the folder of its results."""

    def run(method, *more, folder="out"):
        out, given = arguments(method, *more, folder=folder)
        inside(*given)
        return out

    return run


@pytest.fixture
def combat_of_the_autoencoder(tmp_path):
    """YAML file of a ComBat that shares the autoencoder's training."""
    folder = tmp_path / "shared"
    folder.mkdir()
    return combat_on_the_autoencoder(folder)


@pytest.fixture
def data(phantom):
    """The data of `fit`, as a function of other settings."""

    def make(**settings):
        given = {
            "manifests": [f"{phantom}/phantom-*.csv"], "data_root": str(phantom), "truth": f"{phantom}/truth.csv",
            "cache_dir": f"{phantom.parent}/cache", "preprocessing": Preprocessing((16, 24, 16), 10.0),
            "batch_size": 8, "seed": 1,
        }  # fmt: skip
        return SiteDataModule(**given | settings)

    return make


@pytest.fixture(scope="session")
def trained(phantom, inside, tmp_path_factory):
    """Folder of a method trained for one epoch on the smoke phantom, once a test process; nobody may change it."""
    made = {}

    def run(method, *more):
        if (method, more) not in made:
            out = tmp_path_factory.mktemp("run") / method
            inside(
                "fit", "--config", METHODS / f"{method}.yaml",
                f"--data.manifests=[{phantom}/phantom-*.csv]", f"--data.data_root={phantom}",
                f"--data.truth={phantom}/truth.csv", f"--data.cache_dir={phantom.parent}/cache",
                "--data.preprocessing.shape=[16,24,16]", "--data.preprocessing.spacing=10.0",
                "--trainer.max_epochs=1", "--trainer.enable_progress_bar=false",
                f"--trainer.default_root_dir={out}", *more,
            )  # fmt: skip
            made[method, more] = out
        return made[method, more]

    return run


@pytest.fixture(scope="session")
def exported(trained, inside, tmp_path_factory):
    """Folder of the exported model of a method that was trained so, and what was said; nobody may change it."""
    made = {}

    def run(method, *more):
        if (method, more) not in made:
            out = tmp_path_factory.mktemp("model") / method
            made[method, more] = out, inside("export", trained(method, *more), "--out", out).stdout
        return made[method, more]

    return run


@pytest.fixture
def spoilt(exported, tmp_path):
    """A copy of the exported model of a method, for a test to spoil."""
    return lambda method: shutil.copytree(exported(method)[0], tmp_path / "spoilt")
