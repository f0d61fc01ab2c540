"""`seada-bench tune`: from a sweep file to chosen settings, without a test subject."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml

from benchmark.cli import main
from benchmark.configs import METHODS

pytestmark = pytest.mark.needs("train")


@pytest.fixture
def sweep(tmp_path):
    """A small sweep of two methods with search spaces of their own, on a phantom of its own."""
    for method, option in (("autoencoder", "learning_rate"), ("combat", "base.init_args.learning_rate")):
        content = yaml.safe_load((METHODS / f"{method}.yaml").read_text())
        (tmp_path / f"my_{method}.yaml").write_text(yaml.safe_dump(content))
        space = {option: {"low": 1e-3, "high": 8e-3, "log": True}}
        (tmp_path / f"my_{method}.search.yaml").write_text(yaml.safe_dump(space))
    content = {
        "methods": [str(tmp_path / "my_autoencoder.yaml"), str(tmp_path / "my_combat.yaml"), "random_vectors"],
        "seeds": {"pooled": [7]},
        "phantom": {
            "out": str(tmp_path / "reported-{seed}"),
            "settings": {
                "seed": "{seed}", "spacing": 10.0, "sites": 4, "train_scans": 160, "test_subjects": 3,
                "travelling_subjects": 0,
            },
        },
        "overrides": {
            "data.manifests": [f"{tmp_path}/reported-{{seed}}/phantom-*.csv"],
            "data.data_root": f"{tmp_path}/reported-{{seed}}",
            "data.preprocessing.shape": [16, 24, 16],
            "data.preprocessing.spacing": 10.0,
            "trainer.max_epochs": 1,
        },
        "workers": 1,
    }  # fmt: skip
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.slow
def test_settings_are_chosen_on_training_subjects_alone_and_trained_once(tmp_path, sweep, capsys):
    command = ["tune", "--config", str(sweep), "--out", str(tmp_path / "out"), "--trials", "2", "--seeds", "[101]"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    out = tmp_path / "out"
    assert (out / "tune.md").read_text() in printed
    measured = pd.read_csv(out / "trials.csv")
    # A method without a search space has one trial.
    assert measured.groupby("method", sort=False)["trial"].max().to_dict() == {
        "my_autoencoder": 2, "my_combat": 2, "random_vectors": 1,
    }  # fmt: skip
    assert measured["ssim"].notna().tolist() == [True, True, False, False, False]
    assert measured[["site_probe", "own_view_found", "map_cn_ad"]].notna().all(axis=None)
    assert measured["site_probe"].between(0, 1).all()
    phantom = pd.concat(map(pd.read_csv, out.glob("phantom-101/*.csv")))
    training = set(phantom.loc[phantom["split"] == "train", "subject_id"])
    for path in out.glob("sweep/runs/*/embeddings.parquet"):
        embedded = pd.read_parquet(path)
        assert set(embedded["subject_id"]) == training
        assert 0 < (embedded["split"] == "test").mean() < 0.4
    for rule in ("unsupervised", "diagnoses"):
        chosen = yaml.safe_load((out / "selected" / rule / "my_combat.yaml").read_text())
        assert chosen["card"]["tried_settings"] == 2
        assert chosen["card"]["chosen_on"] == (
            f"held-out training subjects of seeds 101, by the rule '{rule}' of seada-bench tune"
        )
        assert chosen["model"]["class_path"] == "baselines.combat.ComBat"
    made = {path: path.stat().st_mtime_ns for path in out.glob("sweep/runs/*/model.ckpt")}
    assert main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in out.glob("sweep/runs/*/model.ckpt")} == made
    assert (out / "tune.md").read_text() in capsys.readouterr().out
    # Settings of trials are never mixed up.
    space = tmp_path / "my_autoencoder.search.yaml"
    space.write_text("learning_rate: {low: 0.1, high: 0.2}\n")
    assert main(command) == 2
    assert "my_autoencoder-2.yaml: is of other settings" in capsys.readouterr().err


@pytest.mark.slow
def test_of_given_data_whoever_is_tested_for_a_reported_seed_is_left_out(tmp_path, sweep, capsys):
    content = yaml.safe_load(sweep.read_text())
    settings = [f"--{name}={value}" for name, value in (content["phantom"]["settings"] | {"seed": 7}).items()]
    assert main(["phantom", "--out", str(tmp_path / "given"), "--processes", "1", *settings]) == 0
    for path in (tmp_path / "given").glob("phantom-*.csv"):
        # As real manifests are: the suite splits by itself.
        pd.read_csv(path, dtype=str, keep_default_na=False).drop(columns="split").to_csv(path, index=False)
    del content["phantom"]
    content["methods"], content["seeds"] = ["random_vectors"], {"pooled": [7, 8]}
    content["overrides"] |= {
        "data.manifests": [f"{tmp_path}/given/phantom-*.csv"],
        "data.data_root": f"{tmp_path}/given",
        "data.truth": None,
        "data.cache_dir": f"{tmp_path}/cache",
    }
    sweep.write_text(yaml.safe_dump(content))
    assert main(["sweep", "--config", str(sweep), "--out", str(tmp_path / "reported")]) == 0
    assert main(["tune", "--config", str(sweep), "--out", str(tmp_path / "out"), "--seeds", "[101]"]) == 0
    tested: set[str] = set()
    for path in (tmp_path / "reported").glob("runs/*/embeddings.parquet"):
        embedded = pd.read_parquet(path)
        tested |= set(embedded.loc[embedded["split"] == "test", "subject_id"])
    (embedded,) = map(pd.read_parquet, (tmp_path / "out").glob("sweep/runs/*/embeddings.parquet"))
    assert tested
    assert not tested & set(embedded["subject_id"])
    assert len(set(embedded["subject_id"])) > 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "[7, 101]"], "--seeds: 7 is a seed of the sweep"),
        (["--seeds", "[]"], "--seeds: [] is not allowed"),
        (["--trials", "0"], "--trials: 0 is not allowed"),
        (["--workers", "0"], "--workers: 0 is not allowed"),
    ],
)
def test_bad_input_is_one_line(tmp_path, sweep, arguments, message, capsys):
    assert main(["tune", "--config", str(sweep), "--out", str(tmp_path / "out"), *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line


def test_a_sweep_with_axes_is_refused(tmp_path, capsys):
    assert main(["tune", "--config", "stress", "--out", str(tmp_path / "out"), "--trials", "1"]) == 2
    assert "field 'axes': is not allowed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"), [("card: {}\n", "model"), ("model: [\n", "YAML"), ("model: {class_path: a.B}\n", "a.B")]
)
def test_a_method_s_file_that_cannot_be_used_is_one_line(tmp_path, sweep, text, message, capsys):
    (tmp_path / "my_autoencoder.yaml").write_text(text)
    assert main(["tune", "--config", str(sweep), "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "my_autoencoder.yaml" in line
    assert message in line
