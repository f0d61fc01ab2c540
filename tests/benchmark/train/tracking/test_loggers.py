import contextlib

import pandas as pd
import pytest
from lightning.pytorch.loggers import CSVLogger

from benchmark.configs import METHODS
from benchmark.errors import UserError
from benchmark.train.tracking.loggers import check_packages, wandb_finished, wandb_has_key, with_csv, with_place

pytestmark = pytest.mark.slow

LOGGERS = "lightning.pytorch.loggers"


@pytest.fixture
def arguments(phantom, tmp_path):
    return [
        "fit", "--config", METHODS / "autoencoder.yaml",
        f"--data.manifests=[{phantom}/phantom-*.csv]", f"--data.data_root={phantom}",
        f"--data.truth={phantom}/truth.csv", f"--data.cache_dir={phantom.parent}/cache",
        "--data.preprocessing.shape=[16,24,16]", "--data.preprocessing.spacing=10.0",
        "--trainer.max_epochs=1", "--trainer.enable_progress_bar=false", f"--trainer.default_root_dir={tmp_path}/out",
    ]  # fmt: skip


def test_tensorboard_by_its_name_and_the_csv_log_beside_it(inside, arguments, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    images = "--trainer.callbacks+=benchmark.train.tracking.images.Reconstructions"
    inside(*arguments, f"--trainer.logger={LOGGERS}.TensorBoardLogger", f"--trainer.logger.save_dir={tmp_path}", images)
    events = EventAccumulator(str(next(tmp_path.glob("lightning_logs/version_0"))))
    events.Reload()
    csv = pd.read_csv(tmp_path / "out" / "logs" / "metrics.csv")
    logged = [event.value for event in events.Scalars("train/reconstruction")]
    assert logged == pytest.approx(csv["train/reconstruction"].tolist())
    assert events.Tags()["images"] == ["reconstructions"]


def test_mlflow_by_its_name(inside, arguments, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    inside(*arguments, f"--trainer.logger={LOGGERS}.MLFlowLogger", f"--trainer.logger.save_dir={tmp_path}/ml")
    assert list(tmp_path.glob("ml/*/*/metrics/train/reconstruction"))


def test_a_logger_that_is_missing_is_said_in_one_line(inside, arguments, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.train.tracking.loggers.find_spec", lambda name: None)
    done = inside(
        *arguments, f"--trainer.logger={LOGGERS}.MLFlowLogger", f"--trainer.logger.save_dir={tmp_path}/ml", check=False
    )
    assert done.returncode == 2
    wanted = "trainer.logger: MLFlowLogger needs the package mlflow-skinny; install it: pip install mlflow-skinny"
    assert done.stderr.strip().splitlines()[-1] == f"error: {wanted}"
    assert "Traceback" not in done.stderr


def test_wandb_by_its_name_is_offline_where_there_is_no_key(command, arguments, tmp_path, monkeypatch, offline_runs):
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    settings = [f"--trainer.logger.{name}={value}" for name, value in (("project", "mine"), ("save_dir", tmp_path))]
    command(*arguments, f"--trainer.logger={LOGGERS}.WandbLogger", *settings)
    (run,) = offline_runs(tmp_path).values()
    assert (run.run.project, run.exit_code) == ("mine", 0)
    assert "train/reconstruction" in run.series()
    assert (tmp_path / "out" / "logs" / "metrics.csv").is_file()


def test_a_block_that_fails_ends_its_wandb_run_as_failed(tmp_path, offline_runs):
    import wandb

    settings = wandb.Settings(console="off", silent=True)
    with contextlib.suppress(UserError), wandb_finished():
        wandb.init(project="mine", mode="offline", dir=str(tmp_path), settings=settings)
        raise UserError("what went wrong")
    (run,) = offline_runs(tmp_path).values()
    assert run.exit_code == 1
    assert wandb.run is None


def test_a_file_that_is_no_checkpoint_is_said_in_one_line(inside, arguments, tmp_path):
    (tmp_path / "none.ckpt").write_text("none")
    done = inside(*arguments, f"--ckpt_path={tmp_path}/none.ckpt", check=False)
    assert done.returncode == 2
    assert (
        done.stderr.strip().splitlines()[-1]
        == "error: ckpt_path: the file is damaged or not a checkpoint of this suite"
    )


def test_a_csv_logger_that_is_named_is_the_only_one(tmp_path):
    mine = CSVLogger(tmp_path, name="mine")
    assert with_csv([mine], tmp_path) == [mine]
    assert with_csv(False, tmp_path) is False
    (default,) = with_csv(True, tmp_path)
    assert default.log_dir == str(tmp_path / "logs") + "/"


def test_what_an_interrupted_run_logged_is_kept(tmp_path):
    (tmp_path / "logs").mkdir()
    for text in ("one", "two"):
        (tmp_path / "logs" / "metrics.csv").write_text(text)
        with_csv(None, tmp_path)
    assert [path.read_text() for path in sorted((tmp_path / "logs").iterdir())] == ["one", "two"]


def test_a_logger_whose_package_is_missing_is_named_before_anything_runs(monkeypatch):
    monkeypatch.setattr("benchmark.train.tracking.loggers.find_spec", lambda name: None)
    check_packages(True)
    check_packages([{"class_path": f"{LOGGERS}.CSVLogger"}])
    with pytest.raises(UserError, match="TensorBoardLogger needs the package tensorboard; install it: pip install"):
        check_packages([{"class_path": f"{LOGGERS}.CSVLogger"}, {"class_path": f"{LOGGERS}.TensorBoardLogger"}])
    with pytest.raises(UserError, match=r"needs the package wandb; install it: pip install 'seada-bench\[track\]'"):
        check_packages([{"class_path": f"{LOGGERS}.WandbLogger"}])


def test_a_key_is_found_in_the_environment_or_in_the_netrc_file(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    assert not wandb_has_key()
    (tmp_path / "netrc").write_text("machine example.org login user password 123\n")
    assert not wandb_has_key()
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password 123\n")
    assert wandb_has_key()
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert not wandb_has_key()
    monkeypatch.setenv("WANDB_API_KEY", "123")
    assert wandb_has_key()


def test_placeholders_become_the_run_s_folder_and_name():
    given = [{"class_path": "x", "init_args": {"save_dir": "{folder}/tb", "name": "{run}", "version": 3}}]
    got = with_place(given, {"{folder}": 'a"b', "{run}": "c"})
    assert got == [{"class_path": "x", "init_args": {"save_dir": 'a"b/tb', "name": "c", "version": 3}}]
