"""`seada-bench tune`: from a sweep file to chosen settings, without a test subject."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import yaml
from submitit.core.utils import DelayedSubmission

from benchmark.cli import main
from benchmark.configs import METHODS
from benchmark.errors import UserError
from benchmark.sweep.worker import execute_run
from benchmark.tune.study import sites_to_hold_out
from tests.conftest import execute_in_this_process

pytestmark = pytest.mark.needs("train")

ALL_RULES = ["--rules", "unsupervised", "diagnoses", "leave_one_training_site_out", "--held_out_sites", "1"]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Runs in this process, and no timing of methods: both would start processes that load all libraries."""
    monkeypatch.setattr("benchmark.tune.study.execute_locally", execute_in_this_process)
    monkeypatch.setattr("benchmark.sweep.planning.timings", lambda *arguments, **options: {})


@pytest.fixture
def sweep(tmp_path):
    """A small sweep of two methods with search spaces of their own and one without, on a phantom of its own."""
    for method, option in (("autoencoder", "learning_rate"), ("combat", "base.init_args.learning_rate")):
        content = yaml.safe_load((METHODS / f"{method}.yaml").read_text())
        (tmp_path / f"my_{method}.yaml").write_text(yaml.safe_dump(content))
        space = {option: {"low": 1e-3, "high": 8e-3, "log": True}}
        (tmp_path / f"my_{method}.search.yaml").write_text(yaml.safe_dump(space))
    (tmp_path / "my_noise.yaml").write_text("model: {class_path: baselines.random_vectors.RandomVectors}\n")
    content = {
        # A ceiling has nothing to choose.
        "methods": [*(f"{tmp_path}/my_{name}.yaml" for name in ("autoencoder", "combat", "noise")), "true_anatomy"],
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


def made(out):
    """Trained models, and when each was written."""
    return {path: path.stat().st_mtime_ns for path in out.glob("sweep/runs/*/model.ckpt")}


@pytest.mark.slow
def test_settings_are_chosen_on_training_subjects_alone_and_trained_once(tmp_path, sweep, capsys, monkeypatch):
    out = tmp_path / "out"
    command = ["tune", "--config", str(sweep), "--out", str(out), "--trials", "2", "--seeds", "[101]"]

    def interrupted(sweep, missing, runs, *, tell_scores):
        assert not tell_scores
        execute_in_this_process(sweep, missing[:2], runs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("benchmark.tune.study.execute_locally", interrupted)
        assert main(command) == 130
    said = capsys.readouterr().err
    assert "3 methods, 5 trials, 1 seed: 5 trainings (5 with all sites)" in said
    assert "5 runs, about" in said
    assert "interrupted; the same command goes on from here" in said
    begun = made(out)
    assert len(begun) == 2

    assert main(command) == 0
    printed = capsys.readouterr().out
    assert begun.items() <= made(out).items()
    assert (out / "tune.md").read_text() in printed
    measured = pd.read_csv(out / "trials.csv")
    # A method without a search space has one trial.
    assert measured.groupby("method", sort=False)["trial"].max().to_dict() == {
        "my_autoencoder": 2, "my_combat": 2, "my_noise": 1,
    }  # fmt: skip
    assert measured["ssim"].notna().tolist() == [True, True, False, False, False]
    assert measured[["site_probe", "own_view_found", "map_cn_ad"]].notna().all(axis=None)
    assert measured["site_probe"].between(0, 1).all()
    assert (measured["train_seconds"] > 0).all()
    phantom = pd.concat(map(pd.read_csv, out.glob("phantom-101/*.csv")))
    training = set(phantom.loc[phantom["split"] == "train", "subject_id"])
    for path in out.glob("sweep/runs/*/embeddings.parquet"):
        embedded = pd.read_parquet(path)
        assert set(embedded["subject_id"]) == training
        assert 0 < (embedded["split"] == "test").mean() < 0.4
    for rule in ("unsupervised", "diagnoses"):
        chosen = yaml.safe_load((out / "selected" / rule / "my_combat.yaml").read_text())
        own = yaml.safe_load((METHODS / "combat.yaml").read_text())["card"]
        here = f"held-out training subjects of seeds 101, by the rule '{rule}' of seada-bench tune"
        # Those that the shipped settings were chosen from, and one more.
        assert chosen["card"]["tried_settings"] == own["tried_settings"] + 1 > 2
        assert chosen["card"]["chosen_on"] == f"{own['chosen_on']}; then {here}"
        noise = yaml.safe_load((out / "selected" / rule / "my_noise.yaml").read_text())["card"]
        assert (noise["tried_settings"], noise["chosen_on"]) == (1, here)
        assert chosen["model"]["class_path"] == "baselines.combat.ComBat"
    before, text = made(out), (out / "tune.md").read_text()
    assert main(command) == 0
    assert made(out) == before
    assert (out / "tune.md").read_text() == text
    assert not (out / "oracle").exists()

    # Another rule needs trainings of its own, the oracle none.
    assert main([*command, *ALL_RULES, "--oracle"]) == 0
    assert "5 with phantom-" in capsys.readouterr().err
    assert before.items() <= made(out).items()
    assert len(made(out)) == 10
    again = pd.read_csv(out / "trials.csv")
    pd.testing.assert_frame_equal(again[["ssim", "site_probe"]], measured[["ssim", "site_probe"]])
    # Scored again for the oracle, a run keeps what its training took.
    assert (again["train_seconds"] > measured["train_seconds"]).all()
    assert again[["unseen_map_cn_ad", "unseen_site_probe"]].notna().all(axis=None)
    unseen = [
        json.loads(path.read_text())["held_out_site"]
        for path in out.glob("sweep/runs/*/run.json")
        if json.loads(path.read_text())["protocol"] == "leave_one_site_out"
    ]
    assert len(unseen) == 5
    assert len(set(unseen)) == 1
    # Test scores stay apart, and choose nothing.
    assert not any(name.startswith("test_") for name in again)
    of_test = pd.read_csv(out / "oracle" / "trials.csv")
    assert of_test[["test_map_cn_ad", "test_site_probe"]].notna().all(axis=None)
    assert sorted(path.name for path in (out / "oracle").iterdir()) == ["trials.csv"]
    assert {path.name for path in (out / "selected").iterdir()} == set(ALL_RULES[1:4])
    assert "## What choosing without test labels costs" in (out / "tune.md").read_text()

    # Settings of trials are never mixed up.
    space = tmp_path / "my_autoencoder.search.yaml"
    space.write_text("learning_rate: {low: 0.1, high: 0.2}\n")
    assert main(command) == 2
    assert "my_autoencoder-2.yaml: is of other settings" in capsys.readouterr().err


@pytest.mark.slow
def test_a_cluster_s_jobs_are_submitted_once_and_chosen_from_when_all_are_over(tmp_path, sweep, capsys, pretended):
    content = yaml.safe_load(sweep.read_text())
    content["methods"] = content["methods"][2:3]
    del content["workers"]
    content["executor"] = {"kind": "slurm", "time_minutes": 30, "methods": {"my_noise": {"time_minutes": 45}}}
    sweep.write_text(yaml.safe_dump(content))
    out = tmp_path / "out"
    command = ["tune", "--config", str(sweep), "--out", str(out), "--seeds", "[101]", *ALL_RULES]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "2 trainings submitted, 2 to come; 'seada-bench status" in said
    (script,) = pretended.scripts().values()
    assert "#SBATCH --array=0-1" in script
    assert "#SBATCH --time=45" in script

    pretended.say(j1_0="PENDING", j1_1="RUNNING")
    assert main(command) == 0
    assert "0 trainings submitted, 2 to come" in capsys.readouterr().out
    assert not (out / "tune.md").exists()

    # What the jobs do: one is measured too, the other fails.
    jobs = [DelayedSubmission.load(path).function for path in sorted(out.glob("sweep/slurm/*_submitted.pkl"))]
    pooled, unseen = sorted(jobs, key=lambda job: job.run.held_out_site)
    assert execute_run(pooled.run, None, pooled.evaluation) is None
    error = unseen.run.folder / "error.txt"
    error.parent.mkdir(exist_ok=True)
    error.write_text("ValueError: no\n")
    pretended.say(j1_0="COMPLETED", j1_1="FAILED")
    assert main(command) == 1
    said = capsys.readouterr()
    assert "1 training failed" in said.err
    assert "tries again, where error.txt is removed" in said.err
    assert "never chosen: my_noise 1 (1 training)" in said.out
    assert pd.read_csv(out / "trials.csv")["own_view_found"].notna().all()
    assert not list((out / "selected").glob("*/*.yaml"))

    error.unlink()
    assert main(command) == 0
    assert "1 training submitted, 1 to come" in capsys.readouterr().out
    assert execute_run(unseen.run, None, unseen.evaluation) is None
    pretended.say(j1_0="COMPLETED", j2="COMPLETED", j2_0="COMPLETED")
    assert main(command) == 0
    assert (out / "selected" / "leave_one_training_site_out" / "my_noise.yaml").is_file()
    assert len(pretended.scripts()) == 2


def test_sites_that_are_held_out_have_most_subjects_of_the_rarer_diagnosis():
    scans = pd.DataFrame(
        [
            *(("a", f"a{n}", "CN") for n in range(9)), ("a", "a9", "AD"),
            *(("b", f"b{n}", "CN") for n in range(2)), *(("b", f"b{n}", "AD") for n in range(2, 4)),
            ("c", "c0", "CN"), ("c", "c1", "AD"), *(("c", "c1", "AD") for _ in range(9)),
            *(("d", f"d{n}", "PD") for n in range(30)),
        ],
        columns=["site", "subject_id", "diagnosis"],
    )  # fmt: skip
    # Scans of one subject count once; of equal sites the larger one is taken.
    assert sites_to_hold_out(scans, 1) == ["b"]
    assert sites_to_hold_out(scans, 2) == ["a", "b"]
    with pytest.raises(UserError, match="--held_out_sites: 3 is not allowed; the data have 4 sites"):
        sites_to_hold_out(scans, 3)


@pytest.mark.slow
def test_of_given_data_whoever_is_tested_for_a_reported_seed_is_left_out(tmp_path, sweep, capsys):
    content = yaml.safe_load(sweep.read_text())
    settings = [f"--{name}={value}" for name, value in (content["phantom"]["settings"] | {"seed": 7}).items()]
    assert main(["phantom", "--out", str(tmp_path / "given"), "--processes", "1", *settings]) == 0
    for path in (tmp_path / "given").glob("phantom-*.csv"):
        # As real manifests are: the suite splits by itself.
        pd.read_csv(path, dtype=str, keep_default_na=False).drop(columns="split").to_csv(path, index=False)
    del content["phantom"]
    content["methods"], content["seeds"] = content["methods"][2:3], {"pooled": [7, 8]}
    content["overrides"] |= {
        "data.manifests": [f"{tmp_path}/given/phantom-*.csv"],
        "data.data_root": f"{tmp_path}/given",
        "data.truth": None,
        "data.cache_dir": f"{tmp_path}/cache",
    }
    sweep.write_text(yaml.safe_dump(content))
    assert main(["sweep", "--config", str(sweep), "--out", str(tmp_path / "reported")]) == 0
    out = tmp_path / "out"
    assert main(["tune", "--config", str(sweep), "--out", str(out), "--seeds", "[101]", "--oracle"]) == 0
    tested: set[str] = set()
    for path in (tmp_path / "reported").glob("runs/*/embeddings.parquet"):
        embedded = pd.read_parquet(path)
        tested |= set(embedded.loc[embedded["split"] == "test", "subject_id"])
    (embedded,) = map(pd.read_parquet, out.glob("sweep/runs/*/embeddings.parquet"))
    assert tested
    assert not tested & set(embedded["subject_id"])
    assert len(set(embedded["subject_id"])) > 20
    oracle = set(pd.concat(map(pd.read_csv, out.glob("test-101/*.csv")))["subject_id"])
    assert oracle == tested
    assert "test subjects of the sweep's own seeds, whom its tables report" in (out / "tune.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "[7, 101]"], "--seeds: 7 is a seed of the sweep"),
        (["--seeds", "[]"], "--seeds: [] is not allowed"),
        (["--trials", "0"], "--trials: 0 is not allowed"),
        (["--workers", "0"], "--workers: 0 is not allowed"),
        (["--rules", "best"], "--rules: 'best' is not allowed; allowed: unsupervised, diagnoses, leave_one"),
        (["--held_out_sites", "0"], "--held_out_sites: 0 is not allowed"),
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
