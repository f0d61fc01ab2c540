import gzip
import logging

import nibabel
import numpy as np
import pandas as pd
import pytest

from benchmark.cli import main
from benchmark.configs import METHODS


@pytest.fixture(autouse=True)
def _silent_lightning(monkeypatch):
    # Lightning's log handlers keep the standard error of the test that imported it, which is closed by now.
    monkeypatch.setattr(logging, "raiseExceptions", False)


@pytest.fixture
def project(tmp_path, phantom):
    """A few of the phantom's scans with manifests of their own, and a function that fits random vectors to them."""
    scans = pd.concat([pd.read_csv(path, dtype=str) for path in sorted(phantom.glob("phantom-*.csv"))[:2]])
    rows = scans.groupby(["site", "split"]).head(4).copy()
    for name in ("image", "mask"):
        rows[name] = [str(phantom / value) for value in rows[name]]
    manifest = tmp_path / "one.csv", tmp_path / "two.csv"

    def write(change=lambda frame: frame):
        sites = [group for _, group in rows.groupby("site")]
        for path, group in zip(manifest, [change(sites[0].copy()), sites[1]], strict=True):
            group.to_csv(path, index=False)

    def arguments(*more):
        return [
            "fit", "--config", "benchmark/configs/methods/random_vectors.yaml",
            f"--data.manifests=[{manifest[0]},{manifest[1]}]", "--data.data_root=null", "--data.truth=null",
            "--data.preprocessing.shape=[16,24,16]", "--data.preprocessing.spacing=10.0",
            f"--data.cache_dir={tmp_path}/cache", f"--trainer.default_root_dir={tmp_path}/out",
            "--trainer.enable_progress_bar=false", "--data.batch_size=4", *more,
        ]  # fmt: skip

    return write, arguments, tmp_path


def outcome(capsys, arguments):
    """Status and error text of a command, which must be lines for people."""
    try:
        status = main(arguments)
    except SystemExit as stop:
        status = stop.code
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return status, error


def first(frame, **values):
    frame.iloc[0, [frame.columns.get_loc(name) for name in values]] = list(values.values())
    return frame


def test_good_manifests_are_embedded(project, capsys):
    write, arguments, folder = project
    write()
    status, _ = outcome(capsys, arguments())
    assert status == 0
    embeddings = pd.read_parquet(folder / "out" / "embeddings.parquet")
    assert len(embeddings) == 16
    status, error = outcome(capsys, arguments())
    assert status == 2
    assert f"{folder}/out already holds the embeddings.parquet of an earlier run" in error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="age"), "one.csv:1: column 'age': is missing"),
        (lambda f: first(f, diagnosis="Dementia"), "one.csv:2: column 'diagnosis': 'Dementia' is not allowed"),
        (lambda f: first(f, age="-1"), "one.csv:2: column 'age': -1 is not allowed; age must be"),
        (lambda f: pd.concat([f, f.iloc[:1]]), "(site/subject/session) is already in"),
        (lambda f: first(f, image="nowhere.nii.gz"), "'nowhere.nii.gz' is not there"),
        (
            lambda f: first(f, subject_id=f["subject_id"].iloc[-1], split="train"),
            "column 'split': subject ",
        ),
        (
            lambda f: pd.concat([f[f["split"] == "train"].iloc[:1], f[f["split"] == "test"]]),
            "site 'phantom-ADNI1' has one training scan; every site in training needs at least 2",
        ),
    ],
    ids=["column", "diagnosis", "age", "duplicate", "missing image", "two splits", "lonely site"],
)
def test_a_bad_manifest_ends_with_a_clear_line(project, capsys, change, message):
    write, arguments, folder = project
    write(change)
    status, error = outcome(capsys, arguments())
    assert status == 2
    assert message in error
    assert not (folder / "out" / "embeddings.parquet").exists()


def volume():
    return np.random.default_rng(0).random((16, 20, 16)).astype(np.float32)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "bad.nii.gz"),
        (np.stack([volume()] * 2, axis=3), "2 volumes; one is needed"),
        (np.ones((16, 20, 16), np.float32), "constant"),
        (np.full((16, 20, 16), np.nan, np.float32), "NaN"),
    ],
    ids=["truncated", "4D", "constant", "NaN"],
)
def test_a_bad_image_ends_with_a_line_that_names_file_and_cause(project, capsys, data, message):
    write, arguments, folder = project
    path = folder / "bad.nii.gz"
    nibabel.save(nibabel.Nifti1Image(volume() if data is None else data, np.diag([10.0, 10, 10, 1])), path)
    if data is None:
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:3000]))
    write(lambda frame: first(frame, image=str(path), mask=""))
    status, error = outcome(capsys, arguments())
    assert status == 2
    assert str(path) in error
    assert message in error
    assert "one.csv:2" in error
    assert error.count("\n") <= 3 or "preprocess" in error


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--model.class_path=baselines.nothing.Nothing"], "baselines.nothing"),
        (["--trainer.max_epoxx=3"], "max_epoxx"),
        (["--model.init_args.ldr_dimension=3"], "ldr_dimension"),
        (["--data.held_out_site=Mars"], "'Mars' is no site of the manifests; allowed: phantom-ADNI1, phantom-ADNI2"),
        (["--data.manifests=[no/*.csv]"], "no file matches 'no/*.csv'"),
        (["--data.batch_size=1000"], "data.batch_size: 1000 is not allowed"),
    ],
)
def test_a_bad_option_is_named(project, capsys, more, message):
    write, arguments, _ = project
    write()
    extra = ["--trainer.max_epochs=1", *more]
    command = arguments(*extra)
    if "batch_size" in more[0]:
        command[2] = "benchmark/configs/methods/autoencoder.yaml"
    status, error = outcome(capsys, command)
    assert status == 2
    assert message in error


def test_unknown_commands_and_methods_are_answered_with_the_valid_ones(capsys, tmp_path):
    assert outcome(capsys, ["fly"]) == (
        2,
        "error: unknown command 'fly'; allowed: sweep, tune, status, collect, evaluate, task, submit, compare, "
        "merge, tables, leaderboard, verify, manifest, preprocess, bids, phantom, list, check-method, fit, predict, "
        "export, embed, index, search, serve\n",
    )
    sweep = tmp_path / "s.yaml"
    sweep.write_text("methods: [sead]\nseeds: {pooled: [1]}\n")
    status, error = outcome(capsys, ["sweep", "--config", str(sweep), "--out", str(tmp_path / "o")])
    assert status == 2
    assert f"{sweep}: field 'methods': 'sead' is neither a shipped method nor a YAML file; shipped: autoenc" in error


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("methods: [seada]\n", "field 'seeds' is missing"),
        ("methods: [seada]\nseeds: {pooled: [1]}\ncolour: red\n", "field 'colour' is unknown; allowed: methods"),
        (
            "methods: [seada]\nseeds: {pooled: [1]}\nevaluation: {probe: [knn]}\n",
            "field 'evaluation.probe' is unknown; allowed: distances",
        ),
        (
            "methods: [seada]\nseeds: {pooled: [1]}\nevaluation: {own_distance: whitened}\n",
            "field 'evaluation.own_distance' is not allowed in a sweep",
        ),
        ("methods: [seada]\nseeds: {pool: [1]}\n", "protocol 'pool' is unknown; allowed: pooled, leave_one_site_out"),
        ("methods: [seada]\nseeds: {pooled: [x]}\n", "field 'seeds.pooled': ['x'] is not allowed"),
        ("evaluation: {folds: 1}\nmethods: [seada]\nseeds: {pooled: [1]}\n", "folds: 1 is not allowed"),
        (":\n- [", "not a YAML file"),
    ],
)
def test_a_bad_sweep_file_is_named(capsys, tmp_path, text, message):
    sweep = tmp_path / "s.yaml"
    sweep.write_text(text)
    status, error = outcome(capsys, ["sweep", "--config", str(sweep)])
    assert status == 2
    assert error.startswith(f"error: {sweep}: ")
    assert message in error
    assert error.count("\n") == 1


def test_an_unwritable_results_folder_is_named(capsys, smoke, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    status, error = outcome(capsys, ["sweep", "--config", str(smoke()), "--out", str(blocked / "out")])
    assert status == 2
    # What the sweep could not show is said before.
    assert error.splitlines()[-1] == f"error: out: cannot write into {blocked}/out: Not a directory"


def test_fit_names_the_command_that_makes_the_phantom(capsys, tmp_path):
    method = str(METHODS / "random_vectors.yaml")
    options = [f"--data.data_root={tmp_path}", "--data.truth=null", f"--trainer.default_root_dir={tmp_path}/out"]
    status, error = outcome(capsys, ["fit", "--config", method, *options])
    assert status == 2
    assert "phantom-ADNI1.csv:2: column 'image'" in error
    assert "'seada-bench phantom --out data/phantom'" in error
    assert error.count("\n") == 1


def test_fit_and_phantom_say_so_before_they_work(capsys, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    method = str(METHODS / "autoencoder.yaml")
    for command, option in (
        (["fit", "--config", method, f"--trainer.default_root_dir={blocked}/out"], "trainer.default_root_dir"),
        (["phantom", "--out", f"{blocked}/out"], "out"),
    ):
        status, error = outcome(capsys, command)
        assert status == 2
        assert error.splitlines()[-1] == f"error: {option}: cannot write into {blocked}/out: Not a directory"


def test_embeddings_that_cannot_be_used_leave_no_folder_behind(capsys, tmp_path):
    absent = str(tmp_path / "absent.csv")
    status, _ = outcome(capsys, ["evaluate", "--embeddings", absent, "--out", str(tmp_path / "out")])
    assert status == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data.foo=1"], "unrecognized arguments: --data.foo=1"),
        (["--model=Foo"], "Expected a dot import path string: Foo; given value: Foo"),
        (["--model=baselines.nope.Nope"], "'baselines' has no attribute 'nope'; given value: baselines.nope.Nope"),
        (["--trainer.max_epochs=many"], "trainer.max_epochs: Expected a <class 'int'>; given value: many"),
        (["--config=absent.yaml"], "absent.yaml"),
    ],
)
def test_an_option_of_fit_that_cannot_be_used_is_named_in_one_line(capsys, arguments, message):
    status, error = outcome(capsys, ["fit", "--config", str(METHODS / "autoencoder.yaml"), *arguments])
    assert status == 2
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_help_lists_the_commands_and_the_phantoms_knobs(capsys):
    assert main(["--help"]) == 0
    assert "sweep" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["phantom", "--help"])
    text = capsys.readouterr().out
    assert "--confounding" in text
    assert "How far the sites' scanners differ" in text


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("--site-from", "--site_from"),
        ("--site-from=field-strength", "--site_from=field-strength"),
        ("--data.init-args", "--data.init_args"),
        ("a-file.csv", "a-file.csv"),
        ("-h", "-h"),
        ("-1", "-1"),
    ],
)
def test_options_may_be_written_with_hyphens(given, meant, monkeypatch):
    taken = []
    monkeypatch.setattr("benchmark.commands.sweep.main", lambda args: taken.extend(args) or 0)
    assert main(["sweep", given]) == 0
    assert taken == [meant]
