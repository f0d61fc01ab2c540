"""Several processes train what one does, and so do options that save memory or time; every scan is embedded once."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.configs import METHODS
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

METHODS_WITH_EPOCHS = (
    "seada_balanced",
    "seada",
    "dann",
    "mmd",
    "cvae",
    "fader",
    "autoencoder",
    "combat",
    "simclr",
    "vicreg",
    "y_aware",
    "unlearning",
    "deep_metric",
    "dann_diagnosis",
    "group_dro",
)
#: Those of a code of their own; the autoencoder is ComBat's base. ``mmd`` stands for all penalties on sites.
ON_THREE = (
    "seada_balanced",
    "seada",
    "dann",
    "mmd",
    "cvae",
    "fader",
    "combat",
    "simclr",
    "vicreg",
    "y_aware",
    "unlearning",
    "deep_metric",
    "dann_diagnosis",
    "group_dro",
)
METHODS_WITHOUT = ("pca_voxels", "mask_pca", "equalised_pca_combat", "random_vectors", "true_anatomy")
#: The batch of all processes together: a multiple of each number of them.
BATCH = 12
#: In double precision; sums over ranks round differently, and Adam divides small gradients by small numbers.
TOLERANCE = 1e-8


#: Half precision with 5 bits of exponent, whose gradients are scaled lest they vanish.
SCALED = {
    "class_path": "lightning.pytorch.plugins.MixedPrecision",
    "init_args": {"precision": "16-mixed", "device": "cpu"},
}
#: Runs in one process by method and name, with what is computed otherwise.
OTHERWISE = {
    ("seada_balanced", "checkpointed"): ("--compute.checkpoint_activations=true",),
    ("seada_balanced", "channels-last"): ("--compute.channels_last=true",),
    ("autoencoder", "accumulated"): ("--compute.accumulate=2", f"--data.batch_size={BATCH // 2}"),
    ("seada", "seada-accumulated"): ("--compute.accumulate=2", f"--data.batch_size={BATCH // 2}"),
    ("seada_balanced", "single"): ("--trainer.precision=32-true",),
    ("seada_balanced", "half"): ("--trainer.precision=bf16-mixed",),
    # Lightning replaces '16-mixed' by bfloat16 on a CPU, but not a plugin that is named.
    ("seada_balanced", "scaled"): ("--trainer.precision=null", f"--trainer.plugins={json.dumps(SCALED)}"),
}


#: Of those, the ones that must not change a parameter.
EXACT = ("checkpointed", "channels-last", "accumulated")


def free_ports(number):
    """Ports that nobody listens on, below those that systems hand out to whoever asks for any."""
    ports = []
    for port in random.SystemRandom().sample(range(15_000, 32_000), 10 * number):
        with socket.socket() as taken, contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", port))
            ports.append(port)
    return ports[:number]


@pytest.fixture(scope="module")
def trained(phantom, tmp_path_factory):
    """Folder of a method's run by (method, number of processes)."""
    root = tmp_path_factory.mktemp("ranks")

    def arguments(method, ranks, *more, name=""):
        return [
            "fit", "--config", str(METHODS / f"{method}.yaml"),
            f"--data.manifests=[{phantom}/phantom-*.csv]", f"--data.data_root={phantom}",
            f"--data.truth={phantom}/truth.csv", f"--data.cache_dir={phantom.parent}/cache",
            "--data.preprocessing.shape=[16,24,16]", "--data.preprocessing.spacing=10.0",
            f"--data.batch_size={BATCH}", "--trainer.max_epochs=1", "--trainer.accelerator=cpu",
            "--trainer.precision=64-true", "--trainer.enable_progress_bar=false",
            f"--trainer.strategy={'auto' if ranks == 1 else 'ddp_find_unused_parameters_true'}",
            f"--trainer.default_root_dir={root}/{name or method}-{ranks}", *more,
        ]  # fmt: skip

    for ranks in (1, 2, 3):
        with_epochs = ON_THREE if ranks == 3 else METHODS_WITH_EPOCHS
        given = [arguments(method, ranks) for method in (*with_epochs, *METHODS_WITHOUT)]
        for (method, name), more in OTHERWISE.items() if ranks == 1 else ():
            given.append(arguments(method, ranks, *more, name=name))
        together = {"ranks": ranks, "ports": free_ports(len(given)), "runs": given}
        (root / f"{ranks}.json").write_text(json.dumps(together))
    files = [str(root / f"{ranks}.json") for ranks in (1, 2, 3)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "ranks.py"), *files],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return lambda method, ranks: root / f"{method}-{ranks}"


def weights(folder):
    return torch.load(folder / "model.ckpt", map_location="cpu", weights_only=True)["state_dict"]


@pytest.mark.parametrize(
    ("method", "ranks"), [*((name, 2) for name in METHODS_WITH_EPOCHS), *((name, 3) for name in ON_THREE)]
)
def test_parameters_are_those_of_one_process(trained, method, ranks):
    one, several = weights(trained(method, 1)), weights(trained(method, ranks))
    assert one.keys() == several.keys()
    compared = 0
    for name, value in one.items():
        # ComBat's fit is no tensor; the classifier's running statistics are not used.
        if isinstance(value, torch.Tensor) and value.is_floating_point() and "classifier.norm" not in name:
            assert (value - several[name]).abs().max() < TOLERANCE, name
            compared += value.numel()
    assert compared > 10_000


@pytest.mark.parametrize(
    ("method", "ranks"),
    [
        *((name, 2) for name in (*METHODS_WITH_EPOCHS, *METHODS_WITHOUT)),
        *((name, 3) for name in (*ON_THREE, *METHODS_WITHOUT)),
    ],
)
def test_every_scan_is_embedded_once_and_alike(trained, method, ranks):
    one, several = (pd.read_parquet(trained(method, number) / "embeddings.parquet") for number in (1, ranks))
    keys = several["site"] + "/" + several["subject_id"] + "/" + several["session_id"]
    assert keys.is_unique
    assert keys.tolist() == (one["site"] + "/" + one["subject_id"] + "/" + one["session_id"]).tolist()
    for letter in "zcm":
        vectors = [frame.filter(regex=rf"^{letter}\d+$").to_numpy() for frame in (one, several)]
        assert vectors[0].shape[1] > 0
        assert np.abs(vectors[0] - vectors[1]).max() <= 1e-5


@pytest.mark.parametrize(("method", "name"), [pair for pair in OTHERWISE if pair[1] in EXACT])
def test_what_saves_memory_trains_the_same_parameters(trained, method, name):
    plain, other = weights(trained(method, 1)), weights(trained(name, 1))
    for key, value in plain.items():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            assert (value - other[key]).abs().max() < TOLERANCE, key


def vectors(folder):
    return pd.read_parquet(folder / "embeddings.parquet").filter(regex=r"^z\d+$").to_numpy(np.float64)


@pytest.mark.parametrize("name", ["half", "scaled"])
def test_half_precision_stays_near_single(trained, name):
    single, half = vectors(trained("single", 1)), vectors(trained(name, 1))
    assert not np.array_equal(single, half)
    assert np.corrcoef(single.ravel(), half.ravel())[0, 1] > 0.95


def test_the_adversary_takes_accumulated_batches_as_well(trained):
    whole, parts = vectors(trained("seada", 1)), vectors(trained("seada-accumulated", 1))
    # Not the same: the style code is normalised by each part, and past parts have no gradient, which shows after five
    # steps on a memory that is hardly filled.
    assert np.isfinite(parts).all()
    assert np.corrcoef(whole.ravel(), parts.ravel())[0, 1] > 0.6
