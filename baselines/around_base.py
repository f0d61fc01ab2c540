"""A method around another: what it does besides, it does before or after the other."""

from __future__ import annotations

from typing import Any

from torch.optim import Optimizer

from benchmark.methods.data_spec import DataSpec
from benchmark.methods.representation import Batch, RepresentationModule


class AroundBase(RepresentationModule):
    """Trains another method inside, exactly as on its own.

    Parameters
    ----------
    base
        The other method.
    """

    def __init__(self, base: RepresentationModule) -> None:
        super().__init__(base.learning_rate, base.gradient_clip, base.average_from)
        self.base = base
        self.automatic_optimization = base.automatic_optimization

    def build(self, spec: DataSpec) -> None:
        """Build the base."""
        self.base.compute = self.compute
        self.base.ensure_built(spec)

    def configure_model(self) -> None:
        """Lightning hook: the base trains inside this module and needs its trainer."""
        super().configure_model()
        self.base.trainer = self.trainer
        # Lightning knows which hook of this module is running, not which of the base's.
        self.base.log_dict = self.log_dict  # type: ignore[method-assign]

    @property
    def training_epochs_apply(self) -> bool:
        """Whether the base trains by epochs, for the plan of a sweep."""
        return bool(getattr(self.base, "training_epochs_apply", True))

    def on_fit_start(self) -> None:
        """Lightning hook: that of the base, which may have no epochs."""
        self.base.on_fit_start()

    def training_step(self, batch: Batch, batch_idx: int) -> Any:
        """Training step of the base."""
        self.base._batch_of_epoch = self._batch_of_epoch
        return self.base.training_step(batch, batch_idx)

    def on_train_epoch_end(self) -> None:
        """Lightning hook: that of the base."""
        self.base.on_train_epoch_end()

    def configure_optimizers(self) -> Optimizer | list[Optimizer]:
        """Optimisers of the base."""
        optimizers: Optimizer | list[Optimizer] = self.base.configure_optimizers()  # type: ignore[assignment]
        return optimizers

    def notes(self) -> dict[str, str]:
        """What the base notes."""
        return self.base.notes()
