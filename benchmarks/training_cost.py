"""What training and scoring cost: each method's training beside the bare loop of its network, and each metric.

Run as ``python -m benchmarks.training_cost``. A method is trained by the command line, as in a sweep, and its own
training step is repeated on the same batches without Lightning: forward, backward and the optimisers' steps, and no
log, schedule, clipping, average of weights, checkpoint or loader. CPU time of one thread is counted, so that other
work on the machine matters little; the two take turns, and the medians are compared. Methods without epochs of their
own (PCA, ComBat) have nothing to compare. Metrics are timed on made-up embeddings of the size of the quick sweep.
"""

from __future__ import annotations

import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from jsonargparse import auto_cli
from threadpoolctl import threadpool_limits

from benchmark.configs import METHODS
from benchmark.data.datamodule import SiteDataModule
from benchmark.metrics.evaluate import EvaluationSettings, scorers
from benchmark.metrics.scans import scored_scans
from benchmark.prepare.phantom.generate import generate
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.train.cli import FitCLI, parsed
from benchmarks.evaluation import made_up


class TrainOnly(FitCLI):
    """``fit`` that notes the CPU seconds of its epochs, and stops after them."""

    seconds: float

    def fit(self, model: Any, datamodule: SiteDataModule, **options: Any) -> None:
        """Train alone, between two looks at the clock; nothing is embedded."""
        self.seconds = -time.process_time()
        self.trainer.fit(model, datamodule=datamodule, **options)
        self.seconds += time.process_time()


class OneProcess:
    """What a training step asks of its trainer, answered for the first epoch of a single process."""

    max_epochs = 1
    current_epoch = 0
    world_size = 1
    lr_scheduler_configs = ()

    def __init__(self, batches: int) -> None:
        self.num_training_batches = batches


def bare_loop(model: Any, batches: Sequence[Any]) -> Callable[[], None]:
    """An epoch of a method's own training step, with PyTorch alone.

    Parameters
    ----------
    model
        A method, built; it is changed for good.
    batches
        As it was trained with.

    Returns
    -------
    callable
        Trains on all batches, once a call.
    """
    trainer = OneProcess(len(batches))
    made = model.configure_optimizers()
    optimizers = made if isinstance(made, list) else [made]
    replaced = {
        "optimizers": lambda: optimizers,
        "manual_backward": lambda loss: loss.backward(),
        "all_gather": lambda value, **_: value,
        "log": lambda *_, **__: None,
        "log_dict": lambda *_, **__: None,
    }
    for name, function in replaced.items():
        object.__setattr__(model, name, function)
    model.train()

    def epoch() -> None:
        model.trainer = trainer
        for place, batch in enumerate(batches):
            loss = model.training_step(batch, place)
            # A method with optimisers that take turns makes its steps itself.
            if model.automatic_optimization:
                optimizers[0].zero_grad()
                loss.backward()
                optimizers[0].step()

    return epoch


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process for a piece of work."""
    started = time.process_time()
    work()
    return time.process_time() - started


def cost(method: str, options: Sequence[str], folder: Path, epochs: int, repeats: int) -> tuple[float, float, int]:
    """CPU seconds of a training by the suite, of the same steps by the bare loop, and how many steps they are.

    Parameters
    ----------
    method
        Name of a shipped method.
    options
        Of ``fit``: data and grid.
    folder
        For the runs.
    epochs
        Of a training.
    repeats
        Turns, of which the median counts.
    """
    suite, bare = [], []
    steps = 0
    for turn in range(repeats + 1):
        run = cast(TrainOnly, parsed(
            TrainOnly,
            ["fit", "--config", str(METHODS / f"{method}.yaml"), *options, f"--trainer.max_epochs={epochs}",
             f"--trainer.default_root_dir={folder / method / str(turn)}", "--trainer.enable_progress_bar=false"],
        ))  # fmt: skip
        batches = list(run.datamodule.train_dataloader())
        steps = len(batches) * epochs
        epoch = bare_loop(run.model, batches)
        seconds = cpu_seconds(lambda once=epoch: [once() for _ in range(epochs)])  # type: ignore[misc]
        # The first turn pays for what libraries set up once.
        if turn:
            suite.append(run.seconds)
            bare.append(seconds)
    return statistics.median(suite), statistics.median(bare), steps


def main(
    methods: tuple[str, ...] = ("autoencoder", "dann", "seada", "seada_balanced"),
    scans: int = 520,
    spacing: float = 5.0,
    shape: tuple[int, int, int] = (32, 40, 32),
    batch_size: int = 8,
    epochs: int = 2,
    repeats: int = 3,
    scored: int = 440,
) -> None:
    """Print the ratios by method, then the CPU seconds by metric.

    Parameters
    ----------
    methods
        Names of shipped methods that train a network of their own.
    scans
        Training scans of the phantom that is made for it.
    spacing
        Edge of its voxels in mm, and of the network's grid.
    shape
        Voxels of that grid; every axis is a multiple of 8.
    batch_size
        Scans a step.
    epochs
        Of a training.
    repeats
        Trainings a method, of which the median counts.
    scored
        Scans of the made-up embeddings; 0 to leave metrics out.
    """
    torch.set_num_threads(1)
    if methods:
        settings = PhantomSettings(spacing=spacing, train_scans=scans, test_subjects=3, travelling_subjects=3)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            generate(settings, folder / "phantom", processes=1)
            options = [
                f"--data.manifests=[{folder}/phantom/phantom-*.csv]", f"--data.data_root={folder}/phantom",
                f"--data.truth={folder}/phantom/truth.csv", f"--data.cache_dir={folder}/cache",
                f"--data.preprocessing.shape={list(shape)}", f"--data.preprocessing.spacing={spacing}",
                f"--data.batch_size={batch_size}", "--trainer.accelerator=cpu",
            ]  # fmt: skip
            grid = " × ".join(map(str, shape))
            _say(f"{grid} voxels, batches of {batch_size}; CPU milliseconds a step: suite, bare loop, ratio")
            for method in methods:
                suite, bare, steps = cost(method, options, folder, epochs, repeats)
                _say(f"{method:<24} {1000 * suite / steps:7.1f} {1000 * bare / steps:7.1f} {suite / bare:6.2f}")
    if scored:
        table = scored_scans(made_up(scored, 32, 8))
        times = {}
        with threadpool_limits(1):
            for scorer in scorers():
                scorer(table, EvaluationSettings(bootstrap=2, permutations=0, mlp_permutations=0), None)
                times[scorer.__module__.rpartition(".")[2]] = cpu_seconds(
                    lambda one=scorer: one(table, EvaluationSettings(), None)  # type: ignore[misc]
                )
        total = sum(times.values())
        _say(f"\n{scored} scans, default settings; CPU seconds by metric, share of {total:.1f} s")
        for metric, seconds in sorted(times.items(), key=lambda row: -row[1]):
            _say(f"{metric:<24} {seconds:7.2f} {seconds / total:6.0%}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for logger in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    auto_cli(main, as_positional=False)
