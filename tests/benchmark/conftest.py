import pytest

from benchmark.configs import METHODS


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
