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
