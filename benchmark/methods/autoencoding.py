"""What all autoencoding methods share: encoder, decoder, reconstruction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.compute import at_least_single
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.decoder import Decoder
from benchmark.methods.encoder import Encoder
from benchmark.methods.errors import MethodError
from benchmark.methods.freed_ldr import FreedLDR
from benchmark.methods.linear_path import LinearPath
from benchmark.methods.representation import AVERAGE_FROM, Batch, RepresentationModule

#: Views of each training scan that the linear path begins with.
VIEWS_BEFORE = 2


class AutoencodingModule(RepresentationModule):
    """Encoder and decoder of the benchmark, the same for every method that trains.

    Parameters
    ----------
    ldr_dim
        Length of the encoder's vector: of the LDR, unless sites are erased from it.
    width
        Channels after the second halving of the grid.
    levels
        How often the grid is halved; every axis of the volume is a multiple of 2**levels voxels.
    learning_rate, gradient_clip, average_from
        See :class:`benchmark.methods.representation.RepresentationModule`.
    blocks
        Parts that any of these methods may have: a linear path, views, erasure of the site.
    """

    #: Length of the style code that the decoder is modulated by; 0 for a decoder without one.
    style_dim: int = 0
    volume_variance: Tensor

    def __init__(
        self,
        ldr_dim: int = 32,
        width: int = 16,
        levels: int = 3,
        learning_rate: float = 1e-3,
        gradient_clip: float = 5.0,
        average_from: float = AVERAGE_FROM,
        blocks: BuildingBlocks = BuildingBlocks(),  # noqa: B008 (frozen; the default shows in --print_config)
    ) -> None:
        super().__init__(learning_rate, gradient_clip, average_from)
        self.ldr_dim = ldr_dim
        self.width = width
        self.levels = levels
        self.blocks = blocks
        self.path: LinearPath | None = None
        self.freed: FreedLDR | None = None
        self._ldrs_of_epoch: list[Tensor] = []
        self._losses_of_epoch: dict[str, Tensor] = {}

    def build(self, spec: DataSpec) -> None:
        """Create the encoder and the decoder, and what the blocks ask for."""
        if self.blocks.erase != "none":
            # The training sites and one further can take a dimension each.
            left = self.ldr_dim - len(spec.sites)
            if left < 1:
                raise MethodError(
                    f"ldr_dim: {self.ldr_dim} is not allowed with blocks.erase and {len(spec.sites)} training sites, "
                    "each of which takes a dimension; it must be larger than their number"
                )
            self.freed = FreedLDR(self.ldr_dim, left, self.style_dim)
        if self.blocks.network:
            sizes, again = (spec.shape, self.ldr_dim, self.width, self.levels), self.compute.checkpoint_activations
            self.encoder = Encoder(*sizes, again)
            self.decoder = Decoder(*sizes, self.modulation_dim, again)
            self.compute.prepare(self.encoder, self.decoder)
        if self.blocks.components:
            self.path = LinearPath(spec.shape, spec.spacing, self.ldr_dim, self.blocks.components)
        if self.blocks.components and self.blocks.network:
            for head in (self.encoder.head, self.decoder.head):
                # Training begins with the path alone.
                nn.init.zeros_(head.weight)
                nn.init.zeros_(head.bias)  # type: ignore[arg-type]
        if self.blocks.view_weight:
            self.register_buffer("volume_variance", torch.zeros(()))

    @property
    def modulation_dim(self) -> int:
        """Length of what modulates the decoder feature-wise: the style code."""
        return self.style_dim

    def on_fit_start(self) -> None:
        """Lightning hook: fit on the training scans what must be there before the first step."""
        if self.path is not None and not self.path.fitted:
            count = int((self._scans().scans["split"] == "train").sum())
            self.path.fit((batch["volume"].to(self.device) for batch in self._scans().split_dataloader("train")), count)
            if self.blocks.view_weight:
                self.path.denoise(self._pairs())
        if self.blocks.view_weight and not self.volume_variance > 0:
            volumes = (batch["volume"] for batch in self._scans().split_dataloader("train"))
            self.volume_variance.copy_(_variance(volumes))

    def _scans(self) -> Any:
        return self.trainer.datamodule  # type: ignore[attr-defined]

    def _pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Training volumes and their views, those of before the first epoch."""
        for draw in range(VIEWS_BEFORE):
            for batch in self._scans().split_dataloader("train"):
                moved: Any = {**batch, "volume": batch["volume"].to(self.device)}
                yield moved["volume"], self._views(moved, epoch=-1 - draw)

    def _views(self, batch: Batch, epoch: int) -> Tensor:
        if self.spec is None:
            raise MethodError(f"{type(self).__name__} is not built: it needs the datamodule's spec")
        # The seed of the run: nothing else may set the global generator's seed in between for good.
        seed = torch.initial_seed()
        return self.blocks.views.of(batch["volume"], batch["index"], epoch, seed, self.spec.spacing)

    def encode(self, volume: Tensor) -> Tensor:
        """Volume (batch, 1, x, y, z) to latent vector (batch, ldr_dim), in single precision at least."""
        if self.path is None:
            return at_least_single(self.encoder(volume))
        latent = self.path.ldr(volume)
        return latent + at_least_single(self.encoder(volume)) if self.blocks.network else latent

    def decode(self, latent: Tensor, style: Tensor | None = None) -> Tensor:
        """Latent vector (batch, ldr_dim) and style code (batch, style_dim) to volume (batch, 1, x, y, z)."""
        if not self.blocks.network and self.path is not None:
            return self.path.volume(latent)
        # Where all weights are in half precision, the decoder takes nothing else.
        volume: Tensor = self.decoder(latent.to(self.decoder.stem.weight.dtype), style)
        return volume if self.path is None else volume + self.path.volume(latent)

    def encode_with_views(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Latent vectors (batch, ldr_dim) of the scans, and the views' term of the loss, a scalar.

        The term is ``view_weight`` times the variance of the volumes times the mean squared distance between the latent
        vectors of a scan and of its view, over the variance of latent vectors between the scans of all processes.
        """
        volume, blocks = batch["volume"], self.blocks
        if not blocks.view_weight:
            return self.encode(volume), volume.new_zeros(())
        views = self._views(batch, self.current_epoch)
        latent, of_views = self.encode(torch.cat([volume, views])).chunk(2)
        between = self.gathered(latent).var(dim=0).mean()
        share = functional.mse_loss(of_views, latent) / between.clamp_min(1e-12)
        return latent, blocks.view_weight * self.volume_variance * share

    def embed(self, batch: Batch) -> Tensor:
        """LDR, shape (batch, ldr_dim), or as many fewer as sites are erased."""
        latent = self.encode(batch["volume"])
        ldr: Tensor = latent if self.freed is None else self.freed(latent)
        return ldr

    def embed_in_training(self, batch: Batch) -> Tensor:
        """Latent vector, shape (batch, ldr_dim): nothing is erased yet."""
        return self.encode(batch["volume"])

    def reconstruct(self, batch: Batch, ldr: Tensor) -> Tensor:
        """Volume of the decoder, shape (batch, 1, x, y, z)."""
        style = self.style_code(batch)
        # While the epochs run nothing is erased yet, and pictures are made of the latent vectors.
        if self.freed is None or not self.freed.fitted:
            return self.decode(ldr, style)
        return self.decode(self.freed.latent(ldr, style), style)

    def fit_after_training(self, batches: Iterable[Batch], unseen: Iterable[Batch]) -> None:
        """Erase the site from the LDR, where the blocks ask for it."""
        if self.freed is None:
            return
        rows = [self._row(batch) for batch in batches]
        if self.blocks.erase == "transductive":
            further = [self._row(batch) for batch in unseen]
            self.transductive_scans = sum(len(row["latent"]) for row in further)
            rows += further
        columns = {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
        self.freed.fit(
            columns["latent"], columns["site"], columns["covariates"], columns.get("style"), columns.get("image")
        )

    transductive_scans: int = 0

    def notes(self) -> dict[str, str]:
        """Whether scans of the held-out site were looked at."""
        if not self.transductive_scans:
            return {}
        scans = f"{self.transductive_scans} of its unlabelled, unscored scans"
        return {"transductive": f"the held-out site is erased as well, by {scans}"}

    def _row(self, batch: Batch) -> dict[str, Tensor]:
        volume = batch["volume"].to(next(self.parameters()))
        known: Any = {**batch, "volume": volume}
        row = {
            "latent": self.encode(volume).cpu(),
            "site": batch["site"].cpu(),
            "covariates": torch.stack([batch["age"], batch["sex"]], dim=1).cpu(),
        }
        style = self.style_code(known)
        if style is not None:
            row["style"] = style.cpu()
        if self.path is not None and self.blocks.image_metric:
            row["image"] = self.path.scores(volume).cpu()
        return row

    def on_train_epoch_end(self) -> None:
        """Lightning hook: log mean losses, and how many dimensions the LDR really uses; a collapse shows here first."""
        if not self._ldrs_of_epoch:
            # A training step that logs no losses.
            return
        ldrs = torch.cat(self._ldrs_of_epoch)
        rank, share = spectrum(ldrs)
        losses = {f"train/{name}": total / len(ldrs) for name, total in self._losses_of_epoch.items()}
        self._ldrs_of_epoch.clear()
        self._losses_of_epoch.clear()
        self.log_dict({**losses, "ldr/effective_rank": rank, "ldr/first_share": share}, sync_dist=True)

    def log_losses(self, batch: Batch, ldr: Tensor, **losses: Tensor) -> None:
        """Log losses by name, averaged over the epoch and the ranks, and keep the batch's LDR for its spectrum."""
        self._ldrs_of_epoch.append(ldr.detach().float())
        # Summed here and logged once an epoch: a call of Lightning's log costs up to a tenth of a step.
        for name, loss in losses.items():
            if name == "views" and not self.blocks.view_weight:
                continue
            added = at_least_single(loss.detach()) * len(batch["index"])
            self._losses_of_epoch[name] = self._losses_of_epoch.get(name, 0) + added


def _variance(volumes: Iterable[Tensor]) -> Tensor:
    """Variance of a voxel between volumes (batch, 1, x, y, z), mean over voxels."""
    count, total, squares = 0, torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for volume in volumes:
        count += len(volume)
        total = total + volume.double().sum(dim=0).cpu()
        squares = squares + volume.double().square().sum(dim=0).cpu()
    return ((squares - total.square() / count) / max(count - 1, 1)).mean()


def reconstruction_loss(reconstruction: Tensor, volume: Tensor) -> Tensor:
    """Mean squared error over all voxels of (batch, 1, x, y, z) volumes, in squared normalised intensity."""
    return functional.mse_loss(reconstruction, volume)


def spectrum(ldr: Tensor) -> tuple[Tensor, Tensor]:
    """Effective rank and first component's share of variance of LDRs (scan, dimension).

    The effective rank is the exponential of the entropy of the covariance's normalised eigenvalues (Roy &
    Vetterli, EUSIPCO 2007, with eigenvalues for singular values), between 1 and the number of dimensions.
    """
    values = torch.linalg.svdvals(ldr - ldr.mean(dim=0)) ** 2
    shares = values / values.sum().clamp_min(torch.finfo(values.dtype).tiny)
    return torch.exp(-(shares * shares.clamp_min(1e-12).log()).sum()), shares[0]
