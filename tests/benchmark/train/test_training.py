"""Training from Python leaves what `seada-bench fit` leaves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml
from lightning import Trainer

from baselines.autoencoder import Autoencoder
from baselines.combat import ComBat
from baselines.leace import LEACE
from baselines.pca_voxels import PCAVoxels
from baselines.post_hoc import PostHoc
from baselines.random_vectors import RandomVectors
from benchmark.configs import METHODS
from benchmark.errors import UserError
from benchmark.methods.compute import Compute
from benchmark.train import fit as fit_in_python
from benchmark.train.resolve import instantiate_model, resolve
from benchmark.train.training import _described
from seada.seada import SEADA


def small(**options):
    return Trainer(max_epochs=2, enable_progress_bar=False, enable_model_summary=False, **options)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("seada", lambda: SEADA(adversarial_weight=0.5)),
        ("combat", lambda: ComBat(Autoencoder(learning_rate=0.002, average_from=1.0))),
        ("leace", lambda: PostHoc(Autoencoder(learning_rate=0.004, average_from=1.0), LEACE(), "ignore")),
        ("pca_voxels", PCAVoxels),
        ("random_vectors", RandomVectors),
    ],
)
def test_the_command_and_python_leave_the_same(fit, data, tmp_path, name, make):
    command = fit(name, "--trainer.max_epochs=2", folder="command")
    python = fit_in_python(make(), data(), small(), tmp_path / "python")
    assert (python / "embeddings.parquet").read_bytes() == (command / "embeddings.parquet").read_bytes()
    assert files(python) == files(command)
    assert {"config.yaml", "embeddings.parquet", "model.ckpt"} <= set(files(python))


def test_what_python_trained_the_command_trains_again_from_its_configuration(inside, data, tmp_path):
    model = Autoencoder(ldr_dim=8)
    model.compute = Compute(accumulate=2)
    first = fit_in_python(model, data(), small(), tmp_path / "first", seed=3)
    config = yaml.safe_load((first / "config.yaml").read_text())
    assert (config["seed_everything"], config["model"]["init_args"]["ldr_dim"]) == (3, 8)
    inside("fit", "--config", first / "config.yaml", f"--trainer.default_root_dir={tmp_path}/again")
    assert (tmp_path / "again" / "embeddings.parquet").read_bytes() == (first / "embeddings.parquet").read_bytes()


def test_a_configuration_that_the_command_wrote_trains_the_same_again(fit, inside, tmp_path):
    first = fit("autoencoder", "--model.width=8", folder="first")
    inside("fit", "--config", first / "config.yaml", f"--trainer.default_root_dir={tmp_path}/again")
    assert (tmp_path / "again" / "embeddings.parquet").read_bytes() == (first / "embeddings.parquet").read_bytes()


def test_the_default_trainer_is_that_of_the_command(data, tmp_path):
    out = fit_in_python(PCAVoxels(ldr_dim=4), data(), out=tmp_path / "out")
    config = yaml.safe_load((out / "config.yaml").read_text())
    assert (config["trainer"]["max_epochs"], config["seed_everything"]) == (16, 1)
    assert pd.read_parquet(out / "embeddings.parquet").filter(regex=r"^z\d+$").shape[1] == 4


@pytest.mark.parametrize("model", [SEADA, Autoencoder])
def test_a_trainer_that_accumulates_tells_the_method(data, tmp_path, model):
    given, told = model(), model()
    told.compute = Compute(accumulate=2)
    one = fit_in_python(given, data(), small(accumulate_grad_batches=2), tmp_path / "one")
    other = fit_in_python(told, data(), small(), tmp_path / "other")
    assert (one / "embeddings.parquet").read_bytes() == (other / "embeddings.parquet").read_bytes()


def test_a_killed_training_goes_on(data, tmp_path):
    class Killed(Autoencoder):
        def on_train_epoch_start(self):
            if self.current_epoch == 2:
                raise KeyboardInterrupt

    def trainer():
        return Trainer(max_epochs=3, enable_progress_bar=False, enable_model_summary=False)

    whole = fit_in_python(Autoencoder(average_from=0.0), data(), trainer(), tmp_path / "whole")
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        fit_in_python(Killed(average_from=0.0), data(), trainer(), tmp_path / "killed")
    assert files(tmp_path / "killed").count("checkpoints/last.ckpt") == 1
    killed = fit_in_python(Autoencoder(average_from=0.0), data(), trainer(), tmp_path / "killed")
    assert (killed / "embeddings.parquet").read_bytes() == (whole / "embeddings.parquet").read_bytes()


@pytest.mark.parametrize("name", sorted(path.stem for path in METHODS.glob("*.yaml")))
def test_every_shipped_method_keeps_its_settings_in_attributes(name):
    config = resolve(METHODS / f"{name}.yaml", {})["model"]
    described = _described(instantiate_model(config))
    assert described["class_path"] == config["class_path"]
    assert described["init_args"].keys() == config.get("init_args", {}).keys()
    again = _described(instantiate_model(described))
    assert again == described


def test_what_cannot_be_used_is_said(data, tmp_path):
    class Forgetful(Autoencoder):
        def __init__(self, strength=1.0):
            super().__init__()

    with pytest.raises(UserError, match="Forgetful: its setting 'strength' is no attribute .* write self.strength"):
        fit_in_python(Forgetful(), data(), small(), tmp_path / "a")
    trainer = small()
    out = fit_in_python(PCAVoxels(ldr_dim=4), data(), trainer, tmp_path / "b")
    with pytest.raises(UserError, match=r"out: .*b already holds the embeddings.parquet of an earlier run"):
        fit_in_python(PCAVoxels(ldr_dim=4), data(), small(), out)
    with pytest.raises(UserError, match="trainer: it has been used already"):
        fit_in_python(PCAVoxels(ldr_dim=4), data(), trainer, tmp_path / "c")
    model = Autoencoder()
    model.compute = Compute(accumulate=3)
    with pytest.raises(UserError, match=r"accumulate_grad_batches is not .*\[2, 3\]"):
        fit_in_python(model, data(), small(accumulate_grad_batches=2), tmp_path / "d")


def test_a_log_and_checkpoints_of_one_s_own_stay(data, tmp_path):
    from lightning.pytorch.callbacks import ModelCheckpoint
    from lightning.pytorch.loggers import CSVLogger

    checkpoint = ModelCheckpoint(dirpath=tmp_path / "mine", filename="mine")
    trainer = small(logger=CSVLogger(tmp_path / "log", name="mine"), callbacks=[checkpoint])
    out = fit_in_python(Autoencoder(ldr_dim=4), data(), trainer, tmp_path / "out")
    assert (tmp_path / "mine" / "mine.ckpt").is_file()
    assert list((tmp_path / "log" / "mine").rglob("metrics.csv"))
    assert not (out / "checkpoints").exists()
    silent = fit_in_python(PCAVoxels(ldr_dim=4), data(), small(logger=False), tmp_path / "silent")
    assert files(silent) == ["config.yaml", "embeddings.parquet", "model.ckpt"]
    assert np.isfinite(pd.read_parquet(silent / "embeddings.parquet").filter(regex=r"^z\d+$")).all(axis=None)
