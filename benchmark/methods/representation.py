"""Base of every method: a LightningModule that turns a scan into a low-dimensional representation (LDR)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, TypedDict, cast

import torch
from lightning import LightningModule
from torch import Tensor
from torch.optim import Optimizer

from benchmark.methods.averaging import WeightAverage
from benchmark.methods.compute import Compute
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.errors import MethodError
from benchmark.methods.image_quality import QUALITIES, reconstruction_quality
from benchmark.methods.schedules import cosine

#: Share of the training after which weights are averaged.
AVERAGE_FROM = 0.6


class Batch(TypedDict, total=False):
    """What the LightningDataModule hands to a method; a diagnosis is never part of it.

    Attributes
    ----------
    volume
        Normalised intensities, float32, shape (batch, 1, x, y, z).
    site
        Index into ``DataSpec.sites``, int64, shape (batch,); ``len(sites)`` is a site unseen in training.
    index
        Row of the scans table, int64, shape (batch,).
    age
        Years, float32, shape (batch,); NaN if unknown.
    sex
        0 for F, 1 for M, float32, shape (batch,); NaN if unknown.
    anatomy
        True anatomy of a phantom scan, float32, shape (batch, parameter); absent for real data.
    common_volume
        ``volume`` cut to the mask that is common to the training scans and normalised in it again, same shape; only
        in batches of :meth:`RepresentationModule.predict_step`, and only where scans have masks.
    scored
        Whether a scan is scored, bool, shape (batch,); only in batches of :meth:`RepresentationModule.predict_step`.
    """

    volume: Tensor
    site: Tensor
    index: Tensor
    age: Tensor
    sex: Tensor
    anatomy: Tensor
    common_volume: Tensor
    scored: Tensor


class Prediction(TypedDict, total=False):
    """What a method says of a batch.

    Attributes
    ----------
    index
        As in the batch, shape (batch,).
    ldr
        LDRs, float32, shape (batch, dimension).
    style
        Style codes, float32, shape (batch, style dimension); absent where a method has none.
    quality
        Quality of the reconstruction, float32, shape (batch, 3), in the order of
        :data:`benchmark.methods.image_quality.QUALITIES`, NaN for scans that are not scored; absent where a method does
        not reconstruct.
    common
        LDRs of the volumes cut to the common mask, as ``ldr``; absent where the batch has none.
    """

    index: Tensor
    ldr: Tensor
    style: Tensor
    quality: Tensor
    common: Tensor


class RepresentationModule(LightningModule, ABC):
    """A method of the benchmark.

    A subclass builds its networks in :meth:`build`, trains in ``training_step``, and answers :meth:`embed`.
    What is fitted once after training (ComBat, PCA) goes into :meth:`fit_after_training`. The spec is
    taken from the datamodule when training starts and kept in the checkpoint.

    Parameters
    ----------
    learning_rate
        Of Adam; it falls along a half cosine over the training.
    gradient_clip
        Largest Euclidean norm of the gradient of one optimiser step.
    average_from
        Share of the training after which weights are averaged over the steps, in [0, 1]; the method is the mean of
        them (:class:`benchmark.methods.averaging.WeightAverage`). 1 for the weights of the last step.

    Raises
    ------
    MethodError
        If ``average_from`` is out of range.
    """

    spec: DataSpec | None = None
    #: How the training is computed; set before it starts.
    compute: Compute = Compute()

    def __init__(
        self, learning_rate: float = 1e-3, gradient_clip: float = 5.0, average_from: float = AVERAGE_FROM
    ) -> None:
        super().__init__()
        if not 0 <= average_from <= 1:
            raise MethodError(f"average_from: {average_from} is not allowed; it must be a share of training in [0, 1]")
        self.learning_rate = learning_rate
        self.gradient_clip = gradient_clip
        self.average_from = average_from
        self.average = WeightAverage()

    @abstractmethod
    def build(self, spec: DataSpec) -> None:
        """Create networks and buffers for volumes and sites of this spec."""

    @abstractmethod
    def embed(self, batch: Batch) -> Tensor:
        """LDR of every scan of a batch, shape (batch, dimension)."""

    def embed_in_training(self, batch: Batch) -> Tensor:
        """LDR of every scan while the epochs run, for curves; that of :meth:`embed` unless more is fitted later."""
        return self.embed(batch)

    def style_code(self, batch: Batch) -> Tensor | None:
        """Style code of every scan, shape (batch, style dimension); None for a method without one."""
        return None

    def reconstruct(self, batch: Batch, ldr: Tensor) -> Tensor | None:
        """Volumes (batch, 1, x, y, z) reconstructed from LDRs (batch, dimension) of a batch; None if it cannot."""
        return None

    def summands(self, batch: Batch, ldr: Tensor) -> dict[str, Tensor]:
        """Volumes (batch, 1, x, y, z), by name, that sum up to the reconstruction; none for most methods."""
        return {}

    def fit_after_training(self, batches: Iterable[Batch], unseen: Iterable[Batch]) -> None:
        """Fit what is fitted once, on unaugmented scans, when the epochs are over.

        Parameters
        ----------
        batches
            Every training scan, once.
        unseen
            Scans of a held-out site that are neither trained on nor scored; only a method that says so in
            :meth:`notes` may look at them.
        """

    def notes(self) -> dict[str, str]:
        """Remarks that a reader of the tables must know, by short name."""
        return {}

    @property
    def progress(self) -> float:
        """Share of the training that is done, in [0, 1)."""
        epochs = max(self.trainer.max_epochs or 1, 1)
        # Batches of one step have one learning rate and one weight.
        begun = self._batch_of_epoch - self._batch_of_epoch % self.compute.accumulate
        done = self.current_epoch + begun / max(self.trainer.num_training_batches, 1)
        return min(done / epochs, 1.0)

    _batch_of_epoch: int = 0

    def ensure_built(self, spec: DataSpec) -> None:
        """Build once; later calls keep the networks."""
        if self.spec is None:
            self.build(spec)
            self.spec = spec

    def configure_model(self) -> None:
        """Lightning hook: build for the datamodule's spec, before optimisers and strategy exist."""
        self.ensure_built(self.trainer.datamodule.spec)  # type: ignore[attr-defined]

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Lightning hook: set the learning rates, unless the method has schedulers of its own."""
        self._batch_of_epoch = batch_idx
        if self.trainer.lr_scheduler_configs:
            return
        for optimizer in self._optimizers():
            for group in optimizer.param_groups:
                group["lr"] = group.setdefault("initial_lr", group["lr"]) * cosine(self.progress)

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Lightning hook: take the weights of late steps into the average."""
        if self.place_in_step(batch_idx)[1] and self.average_from <= self.progress < 1:
            self.average.update(self)

    def place_in_step(self, batch_idx: int) -> tuple[bool, bool]:
        """Whether a batch is the first and the last of those whose gradients make one step."""
        done = batch_idx + 1
        last = done % self.compute.accumulate == 0 or done == self.trainer.num_training_batches
        return batch_idx % self.compute.accumulate == 0, last

    def use_average(self) -> None:
        """When the epochs are over: the method is the mean of its weights, where any were averaged."""
        self.average.apply(self)

    def _optimizers(self) -> list[Optimizer]:
        optimizers = self.optimizers(use_pl_optimizer=False)
        return optimizers if isinstance(optimizers, list) else [optimizers]

    def adam(self, parameters: Iterable[torch.nn.Parameter], learning_rate: float) -> Optimizer:
        """Adam; its rate falls along the cosine, as that of any other optimiser."""
        return torch.optim.Adam(parameters, learning_rate)

    def configure_gradient_clipping(self, optimizer: Optimizer, *_: Any, **__: Any) -> None:
        """Lightning hook: clip by norm with the method's own setting, manual optimisation or not."""
        self.clip_gradients(optimizer, gradient_clip_val=self.gradient_clip, gradient_clip_algorithm="norm")

    def gathered(self, value: Tensor) -> Tensor:
        """Values of the scans of all processes, (processes * batch, ...), with their gradients; in one, the same."""
        everyone = self.all_gather(value, sync_grads=value.requires_grad)
        if not isinstance(everyone, Tensor):
            raise TypeError("gathering a tensor gave something else")
        return everyone.reshape(-1, *value.shape[1:])

    def predict_step(self, batch: Batch, batch_idx: int) -> Prediction:
        """Lightning hook: LDRs of a batch with the rows they belong to, and what else the method has of them."""
        ldr = self.embed(batch)
        prediction: Prediction = {"index": batch["index"].cpu(), "ldr": ldr.float().cpu()}
        style = self.style_code(batch)
        if style is not None:
            prediction["style"] = style.float().cpu()
        quality = self._quality(batch, ldr)
        if quality is not None:
            prediction["quality"] = quality.cpu()
        if "common_volume" in batch:
            common: Batch = {**batch, "volume": batch["common_volume"]}
            prediction["common"] = self.embed(common).float().cpu()
        return prediction

    def _quality(self, batch: Batch, ldr: Tensor) -> Tensor | None:
        rows = torch.nonzero(batch["scored"])[:, 0] if "scored" in batch else torch.arange(len(ldr), device=ldr.device)
        # Without a scored scan, one says whether the method reconstructs at all.
        tried = rows if len(rows) else torch.zeros(1, dtype=torch.int64, device=ldr.device)
        part = cast(Batch, {name: value[tried] for name, value in cast(dict[str, Tensor], batch).items()})
        reconstruction = self.reconstruct(part, ldr[tried])
        if reconstruction is None:
            return None
        quality = ldr.new_full((len(ldr), len(QUALITIES)), torch.nan, dtype=torch.float32)
        if len(rows):
            quality[rows] = reconstruction_quality(reconstruction.float(), part["volume"].float())
        return quality

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Lightning hook: keep the spec, without which the weights have no place to go, and their average."""
        if self.spec is not None:
            checkpoint["spec"] = self.spec.state()
        checkpoint["weight_average"] = self.average.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Lightning hook: build for the checkpoint's spec before the weights are loaded."""
        # Checkpoints of before had it under another name.
        state = checkpoint.get("spec", checkpoint.get("geometry"))
        if state is not None:
            self.ensure_built(DataSpec.from_state(state))
        self.average.load_state(checkpoint.get("weight_average", {}))
