import os

import pandas as pd
import pytest
import yaml

from tests.conftest import smoke_sweep

pytestmark = pytest.mark.slow

METHODS = ["seada_balanced", "combat", "pca_voxels", "random_vectors"]
TRACKING = {"wandb": {"project": "watched", "mode": "offline"}, "probes_every": 1, "images": 2, "images_every": 1}

TENSORBOARD = {
    "class_path": "lightning.pytorch.loggers.TensorBoardLogger",
    "init_args": {"save_dir": "{folder}", "name": "board", "version": ""},
}


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory, phantom, inside):
    """Results of one small sweep with tracking and without."""
    folder = tmp_path_factory.mktemp("tracked")
    for name, tracking in (("watched", {"tracking": TRACKING}), ("alone", {})):
        config = folder / f"{name}.yaml"
        sweep = smoke_sweep(phantom) | {"methods": METHODS, "workers": 2} | tracking
        sweep["evaluation"] |= {"probes": ["linear"], "permutations": 1}
        if tracking:
            sweep["overrides"]["trainer.logger"] = [TENSORBOARD]
        config.write_text(yaml.safe_dump(sweep))
        inside("sweep", "--config", config, "--out", folder / name)
    return folder / "watched", folder / "alone"


@pytest.fixture(scope="module")
def runs(sweeps, offline_runs):
    watched, _ = sweeps
    found = {}
    for folder in watched.glob("runs/*"):
        found |= {name.split(",")[0]: (wandb_run, folder) for name, wandb_run in offline_runs(folder).items()}
    return found


def test_watching_changes_neither_keys_nor_a_byte_of_the_results(sweeps):
    watched, alone = ({run.name: run for run in folder.glob("runs/*")} for folder in sweeps)
    assert set(watched) == set(alone)
    assert len(watched) == len(METHODS)
    for name, folder in watched.items():
        for file in ("embeddings.parquet", "scores.parquet"):
            assert (folder / file).read_bytes() == (alone[name] / file).read_bytes()
    assert (sweeps[0] / "scores.csv").read_bytes() == (sweeps[1] / "scores.csv").read_bytes()
    assert not list(sweeps[1].glob("**/wandb"))


def test_a_run_is_a_wandb_run_of_the_sweep_s_group_named_and_numbered_after_it(runs):
    assert set(runs) == set(METHODS)
    assert len({wandb_run.run.run_group for wandb_run, _ in runs.values()}) == 1
    for wandb_run, folder in runs.values():
        assert wandb_run.run.project == "watched"
        assert wandb_run.run.run_group.startswith("watched-")
        assert wandb_run.run.run_id == folder.name
        assert wandb_run.run.job_type == "run"
        assert wandb_run.exit_code == 0


def test_losses_and_probe_curves_are_logged_beside_the_csv(runs):
    wandb_run, folder = runs["seada_balanced"]
    series = wandb_run.series()
    table = pd.read_csv(folder / "logs" / "metrics.csv")
    for key in ("train/reconstruction", "train/views", "probe/site", "probe/diagnosis", "ldr/effective_rank"):
        assert series[key] == pytest.approx(table[key].tolist(), abs=1e-6)
        assert len(series[key]) == 2
    # A method without views logs none.
    assert "train/views" not in pd.read_csv(runs["combat"][1] / "logs" / "metrics.csv")
    assert all(0 <= value <= 1 for key in ("probe/site", "probe/diagnosis") for value in series[key])
    assert series["probe/site"] != series["probe/diagnosis"]


def test_a_logger_named_in_the_sweep_logs_into_the_run_s_folder(runs):
    for method in ("seada_balanced", "combat"):
        assert list((runs[method][1] / "board").glob("events.*"))


def test_a_method_that_is_fitted_after_its_epochs_has_curves_of_what_it_has_before(runs):
    assert len(runs["combat"][0].series()["probe/site"]) == 2
    assert "probe/site" not in runs["pca_voxels"][0].series()


def test_reconstructions_are_images_named_by_site(runs):
    wandb_run, folder = runs["seada_balanced"]
    images = wandb_run.series()["reconstructions"]
    assert len(images) == 2
    for image in images:
        assert [caption.split(",")[0].startswith("phantom-") for caption in image["captions"]] == [True, True]
        assert all((wandb_run.folder / "files" / name).stat().st_size > 0 for name in image["filenames"])
    assert {path.name for path in (folder / "logs" / "reconstructions").iterdir()} == {
        "epoch-0001.png",
        "epoch-0002.png",
    }
    assert len(runs["pca_voxels"][0].series()["reconstructions"]) == 1
    assert "reconstructions" not in runs["random_vectors"][0].series()


def test_the_final_tables_are_those_of_the_run(runs):
    for method in METHODS:
        wandb_run, folder = runs[method]
        series, scores = wandb_run.series(), pd.read_parquet(folder / "scores.parquet")
        for name in ("retrieval", "leakage"):
            logged = wandb_run.table(series[f"tables/{name}"][0])
            expected = scores[scores["table"] == name]
            assert [row[logged["columns"].index("metric")] for row in logged["data"]] == expected["metric"].tolist()
            values = [row[logged["columns"].index("value")] for row in logged["data"]]
            assert values[0] == pytest.approx(expected["value"].iloc[0])


def test_configuration_and_provenance_are_logged(runs, sweeps):
    wandb_run, folder = runs["seada_balanced"]
    assert wandb_run.config["method"] == "seada_balanced"
    assert wandb_run.config["run_key"].startswith(folder.name)
    assert wandb_run.config["trainer"]["max_epochs"] == 2
    assert wandb_run.config["provenance"]["libraries"]["torch"]
    assert "git_commit" in wandb_run.config["provenance"]
    assert wandb_run.config["provenance"]["deterministic_algorithms"] is True


def test_the_sweep_s_wide_tables_are_a_run_of_the_same_group(runs, sweeps, offline_runs):
    tables = offline_runs(sweeps[0])["tables"]
    assert tables.run.run_group == runs["seada_balanced"][0].run.run_group
    logged = tables.table(tables.series()["tables/leakage"][0])
    assert len(logged["data"]) == len(pd.read_csv(sweeps[0] / "leakage.csv"))


def test_no_subject_is_named_to_weights_and_biases(runs, sweeps, phantom):
    subjects = {name for path in phantom.glob("phantom-*.csv") for name in pd.read_csv(path, dtype=str)["subject_id"]}
    assert len(subjects) > 10
    files = [
        path
        for folder in [sweeps[0], *(folder for _, folder in runs.values())]
        for path in (folder / "wandb").rglob("*")
    ]
    content = b"\n".join(path.read_bytes() for path in files if path.is_file() and not path.is_symlink())
    assert len(content) > 10_000
    assert [name for name in subjects if name.encode() in content] == []


@pytest.mark.parametrize(
    ("tracking", "message"),
    [
        ({"wandb": {"mode": "maybe"}}, "field 'tracking.wandb.mode': 'maybe' is not allowed; allowed: auto, off"),
        ({"wandb": {"key": "x"}}, "field 'tracking.wandb.key' is unknown; allowed: project, entity, mode"),
        ({"probes_every": -1}, "field 'tracking.probes_every': -1 is not allowed; it must be an integer >= 0"),
        ({"tensorboard": True}, "field 'tracking.tensorboard' is unknown; allowed: wandb, probes_every, im"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(smoke, tracking, message):
    from benchmark.errors import UserError
    from benchmark.sweep.config import read_sweep

    with pytest.raises(UserError) as error:
        read_sweep(smoke(tracking=tracking))
    assert message in str(error.value)
    assert os.linesep not in str(error.value)
