import json
import os
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from benchmark.configs import METHODS
from benchmark.data.outline import COMPONENTS
from benchmark.train.tracking.waiting import waiting_share
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

TRAINED = (
    "seada_balanced",
    "seada",
    "dann",
    "autoencoder",
    "combat",
    "simclr",
    "vicreg",
    "y_aware",
    "unlearning",
)
CONTROLS = ("mask_pca", "mask_pca_combat", "equalised_pca", "equalised_pca_combat")
#: Rows of other sweeps, of the same code; the conformance suite tries each of them.
VARIANTS = (
    "diagnosis_classifier",
    "deep_metric",
    "dann_diagnosis",
    "group_dro",
    "centring",
    "combat_gam",
    "coral",
    "covbat",
    "harmony",
    "pca_harmony",
    "histogram_matching",
    "leace",
    "nyul",
    "pca_centring",
    "pca_combat",
    "pca_combat_gam",
    "pca_coral",
    "pca_covbat",
    "pca_histogram_matching",
    "pca_leace",
    "pca_nyul",
    "pca_percentiles",
    "pca_scaling",
    "pca_transport",
    "pca_white_stripe",
    "percentiles",
    "scaling",
    "transport",
    "white_stripe",
    "cvae",
    "deep_coral",
    "fader",
    "hsic",
    "mmd",
    "pl_seada",
    "autoencoder_balanced",
    "autoencoder_views",
    "combat_views",
    "seada_balanced_adversary",
    "seada_balanced_no_erasure",
    "seada_balanced_no_metric",
    "seada_balanced_no_network",
    "seada_balanced_no_path",
    "seada_balanced_no_views",
    "seada_balanced_unadapted",
    "seada_balanced_wrong_views",
    "canonical_pca",
    "canonical_pca_leace",
    "seada_canonical",
    "seada_canonical_no_alignment",
    "seada_canonical_no_erasure",
    "seada_canonical_no_fill",
    "seada_canonical_no_metric",
    "seada_canonical_no_network",
    "seada_canonical_no_path",
    "seada_canonical_no_ranks",
    "seada_canonical_no_shading",
    "seada_canonical_no_views",
)
CLOSED = ("pca_voxels", "random_vectors", "true_anatomy")


def embeddings(folder):
    return pd.read_parquet(folder / "embeddings.parquet")


def vectors(frame):
    return frame.filter(regex=r"^z\d+$").to_numpy()


def test_there_is_a_test_for_every_shipped_method():
    assert {path.stem for path in METHODS.glob("*.yaml")} == {*TRAINED, *CONTROLS, *VARIANTS, *CLOSED}


def test_two_processes_that_lightning_starts_end_well(command, arguments):
    out, given = arguments(
        "seada_balanced", "--trainer.devices=2", "--trainer.accelerator=cpu",
        "--trainer.strategy=ddp_find_unused_parameters_true",
    )  # fmt: skip
    command(*given)
    got = embeddings(out)
    keys = got["site"] + "/" + got["subject_id"] + "/" + got["session_id"]
    assert keys.is_unique
    assert len(keys) == 64 + 8 * 6 + 8 * 3
    assert np.isfinite(vectors(got)).all()
    assert (out / "model.ckpt").is_file()


def test_combat_trains_its_base_exactly_as_the_autoencoder_alone(fit):
    # With one learning rate for both: the shipped ones differ.
    alone, rate = fit("autoencoder", folder="alone"), "--model.base.init_args.learning_rate=0.004"
    combat = fit("combat", rate, folder="combat")
    reused = fit("combat", rate, f"--trained_base={alone}/model.ckpt", folder="reused")
    np.testing.assert_array_equal(vectors(embeddings(combat)), vectors(embeddings(reused)))
    assert not np.allclose(vectors(embeddings(alone)), vectors(embeddings(combat)))


def test_a_killed_run_goes_on_from_its_checkpoint_and_ends_where_an_uninterrupted_one_does(fit, arguments):
    # Weights are averaged from the beginning, so that the average too is interrupted.
    options = ("--trainer.max_epochs=30", "--model.average_from=0")
    whole = fit("seada_balanced", *options, folder="whole")
    killed, given = arguments("seada_balanced", *options, folder="killed")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "benchmark.cli", *given], cwd=ROOT, env=environment)
    # However long a busy machine takes: a process that fails ends by itself.
    while not (killed / "checkpoints" / "last.ckpt").exists() and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (killed / "embeddings.parquet").exists()
    fit("seada_balanced", *options, folder="killed")
    assert 0 <= waiting_share(whole) < 1
    # The log is that of the second stretch of work alone.
    assert pd.read_csv(killed / "logs" / "metrics.csv")["epoch"].min() > 0
    np.testing.assert_array_equal(vectors(embeddings(whole)), vectors(embeddings(killed)))


def test_embeddings_carry_what_else_a_method_has(fit, phantom):
    got = {
        method: embeddings(fit(method, folder=method)) for method in ("seada_balanced", "pca_voxels", "random_vectors")
    }
    truth = pd.read_csv(phantom / "truth.csv").set_index("scan_key")
    for frame in got.values():
        keys = frame["site"] + "/" + frame["subject_id"] + "/" + frame["session_id"]
        expected = truth.loc[keys, "bio_ventricle_ml"].to_numpy(np.float32)
        np.testing.assert_array_equal(frame["anatomy_ventricle_ml"].to_numpy(), expected)
    styles = {method: frame.filter(regex=r"^s\d+$").shape[1] for method, frame in got.items()}
    assert styles == {"seada_balanced": 8, "pca_voxels": 0, "random_vectors": 0}
    assert "rec_ssim" not in got["random_vectors"]
    # Only scored scans are reconstructed.
    scored = {method: frame["split"] == "test" for method, frame in got.items()}
    pca = got["pca_voxels"][scored["pca_voxels"]]
    assert pca["rec_ssim"].between(0, 1).all()
    assert (pca["rec_rmse"] < 1.0).all()
    finite = np.isfinite(got["seada_balanced"][["rec_rmse", "rec_psnr", "rec_ssim"]]).all(axis=1)
    assert (finite == scored["seada_balanced"]).all()


@pytest.mark.parametrize("method", ["mask_pca_combat", "equalised_pca_combat"])
def test_controls_are_fitted_without_epochs_and_harmonised_as_their_base_alone(fit, method):
    alone, combat = fit(method.removesuffix("_combat"), folder="alone"), fit(method, folder="combat")
    reused = fit(method, f"--trained_base={alone}/model.ckpt", folder="reused")
    np.testing.assert_array_equal(vectors(embeddings(combat)), vectors(embeddings(reused)))
    assert not np.allclose(vectors(embeddings(alone)), vectors(embeddings(combat)))
    log = combat / "logs" / "metrics.csv"
    assert not log.exists() or "epoch" not in log.read_text()


@pytest.mark.parametrize("method", ["seada_balanced", "combat", "pca_voxels", "random_vectors", "true_anatomy"])
def test_embeddings_carry_the_outline_and_what_is_left_without_it(fit, method):
    frame = embeddings(fit(method))
    mask, common = (frame.filter(regex=rf"^{letter}\d+$").to_numpy() for letter in "mc")
    assert mask.shape == (len(frame), COMPONENTS)
    # A travelling subject has one mask at all sites.
    assert frame.groupby("subject_id")[["m0", "m1", "m2"]].std().loc[lambda t: t.notna().all(axis=1)].shape[0] > 0
    assert common.shape == vectors(frame).shape
    assert np.isfinite(common).all()
    sees = method not in ("random_vectors", "true_anatomy")
    assert np.array_equal(common, vectors(frame)) == (not sees)


def test_without_masks_nothing_is_said_of_them(fit):
    frame = embeddings(fit("pca_voxels", "--data.preprocessing.mask_background=false"))
    assert frame.filter(regex=r"^[mc]\d+$").shape[1] == 0


def test_random_vectors_differ_with_the_run_s_seed(fit):
    one, other = (vectors(embeddings(fit("random_vectors", f"--seed_everything={n}", folder=f"r{n}"))) for n in (1, 2))
    assert not np.allclose(one, other)


def test_a_saved_model_embeds_the_same_again(fit, inside, tmp_path, phantom):
    out = fit("combat")
    again = tmp_path / "again"
    inside(
        "predict", "--config", METHODS / "combat.yaml", "--ckpt_path", out / "model.ckpt",
        f"--data.manifests=[{phantom}/phantom-*.csv]", f"--data.data_root={phantom}",
        f"--data.truth={phantom}/truth.csv", f"--data.cache_dir={phantom.parent}/cache",
        "--data.preprocessing.shape=[16,24,16]", "--data.preprocessing.spacing=10.0",
        "--trainer.enable_progress_bar=false", f"--trainer.default_root_dir={again}",
    )  # fmt: skip
    for letter in "zcm":
        before, after = (embeddings(folder).filter(regex=rf"^{letter}\d+$").to_numpy() for folder in (out, again))
        assert before.shape[1] > 0
        np.testing.assert_allclose(before, after, atol=1e-6)


def test_a_held_out_site_is_not_trained_on_and_combat_says_that_it_looked(fit):
    out = fit("combat", "--data.held_out_site=phantom-PPMI")
    got = embeddings(out)
    assert set(got.loc[got["site"] == "phantom-PPMI", "split"]) == {"test", "unseen"}
    import pyarrow.parquet as parquet

    notes = parquet.read_schema(out / "embeddings.parquet").metadata
    text = json.dumps({key.decode(): value.decode() for key, value in notes.items() if key != b"pandas"})
    assert "unlabelled, unscored scans" in text.replace("\\", "")


def test_the_configuration_is_printed_whole(inside):
    done = inside("fit", "--config", METHODS / "seada_balanced.yaml", "--print_config")
    assert "class_path: seada.seada.SEADA" in done.stdout
    assert "adversarial_weight" in done.stdout
    assert "max_epochs" in done.stdout
