"""What somebody writes against the public names; a type checker reads it, and nothing runs it.

``make lint`` checks it beside the sources, and ``make dist EXTRAS=train`` beside the installed wheel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import assert_type

import numpy as np
import numpy.typing as npt
import pandas as pd
from lightning import Trainer
from matplotlib.figure import Figure
from torch import Tensor
from torch.optim import Optimizer

import benchmark
import benchmark.search
from baselines.autoencoder import Autoencoder
from baselines.covbat import CovBat
from baselines.pca_voxels import PCAVoxels
from baselines.post_hoc import PostHoc
from benchmark import metrics
from benchmark.data.preprocessing import Preprocessing
from benchmark.errors import UserError
from benchmark.methods.autoencoding import AutoencodingModule, reconstruction_loss
from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.card import MethodCard
from benchmark.methods.compute import Compute
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.harmoniser import Fitted, Harmoniser
from benchmark.methods.representation import Batch, RepresentationModule
from benchmark.prepare.phantom.generate import generate
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.results.compare import Comparison
from benchmark.results.read import StoredResults
from benchmark.search import ExportedModel, export_model, load_model
from benchmark.search.export import Exported

Array = npt.NDArray[np.float64]


def score(ldr: Array, scans: pd.DataFrame) -> benchmark.Results:
    """Embeddings to a table, a figure and a folder."""
    settings = benchmark.EvaluationSettings(probes=("linear",), bootstrap=100)
    assert_type(benchmark.evaluate("mine.csv", settings=settings), benchmark.Results)
    results = benchmark.evaluate({"mine": ldr, "others": scans}, scans, settings)
    assert_type(results.scores, pd.DataFrame)
    assert_type(results.table("leakage"), pd.DataFrame)
    assert_type(results.plot(leakage="linear_standardised"), Figure)
    assert_type(results.save("results/mine"), Path)
    difference = benchmark.compare(results, benchmark.load_results("results/mine"), tolerance=1e-3)
    assert_type(difference, Comparison)
    assert_type(difference.same, bool)
    assert_type(benchmark.merge(["results/a", Path("results/b")], "results/all"), StoredResults)
    return results


def measure(ldr: Array, site: list[str]) -> float:
    """Metrics on arrays."""
    found = metrics.mean_average_precision(ldr, site, site=site, subject=range(9), gallery="other_sites")
    assert_type(found, metrics.Estimate)
    assert_type(found.parts, Mapping[str, metrics.Estimate])
    assert_type(metrics.variance_components(ldr, site=site, subject=site), dict[str, metrics.Estimate])
    return found.value + metrics.site_probe(ldr, site, probe="linear", coordinates="whitened").value


class OnTheAutoencoder(AutoencodingModule):
    """A method on the shared encoder and decoder."""

    def __init__(self, weight: float = 0.1, ldr_dim: int = 32, blocks: BuildingBlocks | None = None) -> None:
        super().__init__(ldr_dim=ldr_dim, blocks=blocks or BuildingBlocks())
        self.weight = weight

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        ldr, encoded = self.encode_with_views(batch)
        assert_type(encoded, Tensor)
        loss = reconstruction_loss(self.decode(ldr), batch["volume"])
        self.log_losses(batch, ldr, reconstruction=loss)
        return loss + self.weight * ldr.square().mean()

    def configure_optimizers(self) -> Optimizer:
        return self.adam(self.parameters(), self.learning_rate)


class OnTheContract(RepresentationModule):
    """A method on what all methods keep."""

    def build(self, spec: DataSpec) -> None:
        self.sites = len(spec.sites)

    def embed(self, batch: Batch) -> Tensor:
        return batch["volume"].flatten(1)[:, :8]

    def fit_after_training(self, batches: Iterable[Batch], unseen: Iterable[Batch]) -> None:
        for batch in batches:
            self.embed(batch)

    def notes(self) -> dict[str, str]:
        return {"seen": str(self.sites)}


class Nothing(Harmoniser, Fitted):
    """A harmoniser."""

    def fit(self, features: Array, site: npt.NDArray[np.str_], covariates: pd.DataFrame) -> Fitted:
        return self

    def apply(self, features: Array, site: npt.NDArray[np.str_], covariates: pd.DataFrame) -> Array:
        return features

    def extended(self, features: Array, site: npt.NDArray[np.str_], covariates: pd.DataFrame) -> Fitted:
        return self


def train() -> ExportedModel:
    """Methods of this file and of the package, on a phantom, and a model of the result."""
    assert_type(generate(PhantomSettings(seed=7, spacing=10.0), Path("phantom")), list[Path])
    data = benchmark.SiteDataModule(["phantom/*.csv"], preprocessing=Preprocessing(shape=(16, 24, 16), spacing=10.0))
    method = OnTheAutoencoder()
    method.compute = Compute(accumulate=4)
    run = benchmark.fit(method, data, Trainer(max_epochs=2), out="runs/mine")
    assert_type(run, Path)
    benchmark.fit(OnTheContract(), data)
    benchmark.fit(Autoencoder(width=4), data)
    for harmoniser in (CovBat(), Nothing()):
        benchmark.fit(PostHoc(PCAVoxels(), harmoniser), data)
    loaded = benchmark.load_method(run)
    assert_type(loaded, benchmark.LoadedMethod)
    assert_type(loaded.embed_files(["a.nii.gz"], masks=[Path("b.nii.gz")]), pd.DataFrame)
    made = export_model(run, "models/mine")
    assert_type(made, Exported)
    model = load_model(made.folder)
    assert_type(model.card, MethodCard)
    assert_type(model.centre, Array)
    try:
        model.check(data.scans)
    except UserError as error:
        assert_type(str(error), str)
    return model


def misspelt() -> None:
    """A name that is not there is an error, not anything at all."""
    benchmark.evalaute()  # type: ignore[attr-defined]
    metrics.site_prob()  # type: ignore[attr-defined]
    benchmark.search.load_modle()  # type: ignore[attr-defined]
