"""A finished run becomes one folder that embeds its training's files to the same bits, and says what it is."""

from __future__ import annotations

import hashlib
import json
import shutil

import pandas as pd
import pytest
import torch
import yaml
from lightning import Trainer
from torch import nn

from baselines.frozen_encoder import FrozenEncoder
from benchmark import fit
from benchmark.data.manifest import read_manifests
from benchmark.errors import UserError
from benchmark.search import export_model, load_model

pytestmark = pytest.mark.slow


class Small(nn.Module):
    """Somebody's encoder: mean over blocks, then a map."""

    def __init__(self):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool3d(2)
        self.head = nn.Linear(8, 5)

    def forward(self, volume):
        return self.head(self.pool(volume).flatten(1))


def description(folder):
    return json.loads((folder / "model.json").read_text())


@pytest.mark.parametrize("method", ["autoencoder", "combat", "seada_balanced", "seada_canonical", "pca_leace"])
def test_the_model_alone_gives_the_embeddings_of_the_run(exported, trained, phantom, method):
    folder, said = exported(method)
    assert "of the training's scans embedded from their files: the same bits as the run's embeddings" in said
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}
    table = read_manifests(sorted(phantom.glob("phantom-*.csv")), phantom).head(8)
    before = pd.read_parquet(trained(method) / "embeddings.parquet").head(8).filter(regex=r"^z\d")
    model = load_model(folder)
    got = model.embed_files(
        table["image"].tolist(), table["mask"].tolist(), table["site"].tolist(), table["age"].tolist(),
        table["sex"].tolist(),
    )  # fmt: skip
    assert (got.to_numpy() == before.to_numpy()).all()


def test_what_a_model_says_of_itself(exported):
    found = description(exported("combat")[0])
    assert found["method"] == "combat"
    assert found["needs"] == {"site": True, "covariates": ["age", "sex"]}
    assert found["headline"]["distance"] == "cosine_centred"
    assert found["synthetic"] is True
    assert found["space"]["grids"][0]["shape"] == [16, 20, 16]
    assert found["raw"] is None
    assert found["prepared"].startswith("scans must be prepared already")
    assert set(found["files"]) == {"weights.safetensors", "training.safetensors"}
    assert found["libraries"]["torch"] == torch.__version__
    numbers = found["statistics"]
    assert numbers["scans"] == 64
    for name in ("norm", "mahalanobis"):
        assert numbers[name] == sorted(numbers[name])
        assert numbers[name][0] > 0
    assert len(numbers["norm"]) == len(numbers["quantiles"])


def test_scores_of_evaluate_are_known_by_the_embeddings(trained, inside, tmp_path):
    run = trained("autoencoder")
    inside(
        "evaluate", "--embeddings", run / "embeddings.parquet", "--out", tmp_path / "scores",
        "--evaluation.permutations=0", "--evaluation.bootstrap=20", "--evaluation.mlp_permutations=0",
        "--evaluation.test_permutations=0", "--evaluation.probes=[linear]",
    )  # fmt: skip
    export_model(run, tmp_path / "model", tmp_path / "scores")
    model = load_model(tmp_path / "model")
    table = pd.read_parquet(tmp_path / "scores" / "scores.parquet")
    chosen = table.query("metric == 'mAP' and gallery == 'other_sites' and label == 'CN/AD' and subgroup == ''")
    chosen = chosen[chosen["distance"] == "cosine_centred"].iloc[0]
    shown = model.scores.set_index("key")
    assert shown.loc["map_cn_ad", "value"] == chosen["value"]
    assert shown.loc["map_cn_ad", "chance"] == chosen["chance"]
    assert shown.loc["map_cn_ad", ["ci_low", "ci_high"]].tolist() == chosen[["ci_low", "ci_high"]].tolist()
    assert {"travelling_top1", "linear_standardised", "effective_rank"} <= set(shown.index)
    assert model.description["scores"]["synthetic"] is True
    with pytest.raises(UserError, match="scores: has no scores of .*embeddings.parquet; make them by"):
        export_model(trained("pca_voxels"), tmp_path / "other", tmp_path / "scores")


def test_a_run_of_a_sweep_brings_its_scores_and_its_key(inside, smoke, no_workers, tmp_path):
    inside("sweep", "--config", smoke(methods=["pca_voxels"]), "--out", tmp_path / "sweep")
    (run,) = (tmp_path / "sweep" / "runs").iterdir()
    for name, more in (("by_run", ()), ("by_results", ("--results", tmp_path / "sweep"))):
        said = inside("export", run, "--out", tmp_path / name, *more).stdout
        assert "the same bits as the run's embeddings" in said
    said = inside("export", tmp_path / "sweep", "--method", "pca_voxels", "--out", tmp_path / "by_method").stdout
    assert str(run) in said
    found = description(tmp_path / "by_run")
    assert found == description(tmp_path / "by_results") == description(tmp_path / "by_method")
    for more, words in (
        (("--method", "dann"), "no finished run of dann; methods with runs there: pca_voxels"),
        (("--method", "pca_voxels", "--seed", 3), "no finished run of pca_voxels with seed 3"),
    ):
        done = inside("export", tmp_path / "sweep", *more, "--out", tmp_path / "new", check=False)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert words in done.stderr
    assert found["run_key"].startswith(run.name)
    assert found["method"] == "pca_voxels"
    assert found["place"] == {"method": "pca_voxels", "protocol": "pooled", "held_out_site": "", "seed": 7}
    shown = load_model(tmp_path / "by_run").scores.set_index("key")
    table = pd.read_parquet(tmp_path / "sweep" / "scores.parquet").query("metric == 'effective_rank'")
    assert shown.loc["effective_rank", "value"] == table["value"].iloc[0]


def test_what_cannot_be_a_model_is_refused_on_one_line(trained, exported, inside, tmp_path):
    run, folder = trained("pca_voxels"), exported("pca_voxels")[0]

    def refused(words, *arguments):
        done = inside("export", *arguments, check=False)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert words in done.stderr

    refused("is already there; name another folder", run, "--out", folder)
    refused("is an exported model already", folder, "--out", tmp_path / "new")
    refused("cannot write into", run, "--out", run / "model.ckpt" / "new")
    for name in ("model.ckpt", "embeddings.parquet"):
        unfinished = shutil.copytree(run, tmp_path / f"without-{name}")
        (unfinished / name).unlink()
        refused(f"has no {name}, so its training is not finished", unfinished, "--out", tmp_path / "new")
    results = tmp_path / "results"
    for key in ("a", "b"):
        shutil.copytree(run, results / "runs" / key)
    refused(
        "holds 2 runs, and one model is one run; say which by --method, or name one of them, such as",
        results,
        "--out",
        tmp_path / "new",
    )
    refused("unrecognized arguments", run, results, "--out", tmp_path / "new")
    for method, role in (("random_vectors", "floor"), ("true_anatomy", "ceiling")):
        refused(f"its method is a {role} of the tables", trained(method), "--out", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_run_whose_files_give_other_embeddings_is_refused_and_nothing_is_left(trained, tmp_path):
    run = shutil.copytree(trained("pca_voxels"), tmp_path / "run")
    table = pd.read_parquet(run / "embeddings.parquet")
    table["z0"] *= 1.1
    table.to_parquet(run / "embeddings.parquet")
    with pytest.raises(UserError, match="gives other LDRs of the training's files than embeddings.parquet has"):
        export_model(run, tmp_path / "models" / "model")
    assert list((tmp_path / "models").iterdir()) == []


def test_without_the_training_files_it_says_what_it_did_not_check(trained, inside, tmp_path):
    run = shutil.copytree(trained("pca_voxels"), tmp_path / "run")
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["data"]["manifests"] = [str(tmp_path / "gone.csv")]
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    said = inside("export", run, "--out", tmp_path / "model").stdout
    assert "not compared with the run's embeddings: the training's scans are not at hand" in said
    assert "whether a volume is on the grid of the prepared ones will not be checked" in said
    assert load_model(tmp_path / "model").description["space"] is None


def test_an_encoder_with_weights_of_its_own_takes_them_along(data, inside, tmp_path):
    torch.manual_seed(5)
    weights = tmp_path / "weights.pt"
    torch.save(Small().state_dict(), weights)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    method = FrozenEncoder(str(weights), digest, encoder=Small())
    run = fit(method, data(truth=None), Trainer(max_epochs=1), tmp_path / "run")
    weights.unlink()
    with pytest.raises(ValueError, match="weights.pt"):
        export_model(run, tmp_path / "model")
    torch.manual_seed(5)
    torch.save(Small().state_dict(), weights)
    made = export_model(run, tmp_path / "model")
    assert (made.checked, made.difference) == (8, 0.0)
    weights.unlink()
    with pytest.raises(UserError, match=r"names '.*test_export.Small', which would be imported"):
        load_model(tmp_path / "model")
    name = f"{Small.__module__}.Small"
    model = load_model(tmp_path / "model", trust=[name])
    assert torch.equal(model.model.__dict__["encoder"].head.weight, method.__dict__["encoder"].head.weight)
    row = data().scans.iloc[0]
    given = ("--model", tmp_path / "model", "--images", row["image"], "--masks", row["mask"])
    done = inside("embed", *given, "--out", tmp_path / "e.csv", check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    inside("embed", *given, "--out", tmp_path / "e.csv", "--trust", name)
    expected = pd.read_parquet(run / "embeddings.parquet").iloc[0].filter(like="z").to_numpy(float)
    made = pd.read_csv(tmp_path / "e.csv").iloc[0].filter(regex=r"^z").to_numpy(float)
    assert made == pytest.approx(expected, abs=1e-5)


def test_an_onnx_encoder_is_carried_along_and_a_program_is_refused(data, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    example = torch.zeros(1, 1, 16, 24, 16)
    torch.onnx.export(
        Small().eval(), (example,), tmp_path / "small.onnx", input_names=["volume"], dynamo=False,
        dynamic_axes={"volume": {0: "batch"}},
    )  # fmt: skip
    torch.jit.trace(Small().eval(), example).save(str(tmp_path / "small.ts"))
    runs = {}
    for name in ("small.onnx", "small.ts"):
        digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        method = FrozenEncoder(str(tmp_path / name), digest)
        runs[name] = fit(method, data(truth=None), Trainer(max_epochs=1), tmp_path / f"run-{name}")
    with pytest.raises(UserError, match="small.ts is a program that holds pickles, and an exported model holds none"):
        export_model(runs["small.ts"], tmp_path / "model")
    export_model(runs["small.onnx"], tmp_path / "model")
    (tmp_path / "small.onnx").unlink()
    moved = (tmp_path / "model").rename(tmp_path / "moved")
    model = load_model(moved)
    assert model.dimension == 5
    assert [name for name in model.description["files"] if name.endswith(".onnx")]
