"""A harmoniser on the LDR of another method."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from baselines.around_base import AroundBase
from benchmark.methods.errors import MethodError
from benchmark.methods.harmoniser import Array, Fitted, Harmoniser, Sites, fitted_from, state_of
from benchmark.methods.representation import Batch, RepresentationModule

#: Name of the site that training does not see.
HELD_OUT = "(held-out site)"
UnseenSite = Literal["refuse", "ignore", "transductive"]


class PostHoc(AroundBase):
    """Train another method as it is, then harmonise its LDR, by what is fitted on the training scans.

    Most harmonisers need to be told the site of every scan that is embedded, and parameters of that site; the
    base alone does not.

    Parameters
    ----------
    base
        The method whose LDR is harmonised; it is trained exactly as on its own.
    harmoniser
        What is fitted; never sees a diagnosis.
    unseen_site
        Of a site that training does not see: ``refuse`` to embed its scans; ``ignore``, harmonise them like any
        other, by a harmoniser that needs no site; or ``transductive``, fit the harmoniser on its unlabelled scans
        that are not scored, too.

    Raises
    ------
    MethodError
        For ``ignore`` with a harmoniser that needs the site.
    """

    def __init__(
        self, base: RepresentationModule, harmoniser: Harmoniser, unseen_site: UnseenSite = "transductive"
    ) -> None:
        super().__init__(base)
        self.harmoniser = harmoniser
        self.unseen_site = unseen_site
        if unseen_site == "ignore" and harmoniser.needs_site:
            raise MethodError(
                f"unseen_site: ignore is not allowed with {self._name}, which needs parameters of every site; "
                "allowed: refuse, transductive"
            )
        self.fitted: Fitted | None = None
        self.transductive_scans = 0
        self.base_is_trained = False

    @property
    def _name(self) -> str:
        return type(self.harmoniser).__name__

    def use_trained_base(self, checkpoint: str) -> None:
        """Take over a base trained before with the same settings, so that it is not trained again.

        Parameters
        ----------
        checkpoint
            A checkpoint of the base on its own.
        """
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        self.base.on_load_checkpoint(state)
        self.base.load_state_dict(state["state_dict"])
        self.base_is_trained = True

    def on_fit_start(self) -> None:
        """Lightning hook: no epochs for a base that is trained already."""
        super().on_fit_start()
        if self.base_is_trained:
            self.trainer.fit_loop.max_epochs = 0

    def fit_after_training(self, batches: Iterable[Batch], unseen: Iterable[Batch]) -> None:
        """Fit the harmoniser on the base's LDRs of the training scans."""
        self.base.fit_after_training(batches, unseen)
        seen = self._rows(batches)
        further = self._rows(unseen) if self.unseen_site == "transductive" else None
        self.transductive_scans = 0 if further is None else len(further[0])
        self.fitted = self.harmoniser.fit(*seen)
        if further is not None and self.transductive_scans:
            self.fitted = self.fitted.extended(*further)

    def embed(self, batch: Batch) -> Tensor:
        """Harmonised LDR, shape (batch, dimension)."""
        if self.fitted is None:
            raise MethodError(f"{self._name} is not fitted: it is fitted on the training scans when training ends")
        features, site, covariates = self._rows([batch])
        if HELD_OUT in site and not self.transductive_scans and self.unseen_site != "ignore":
            raise MethodError(
                f"{self._name} has no parameters for the held-out site: unseen_site is 'refuse', or the site has no "
                "scans outside the test split to fit it on; allowed: unseen_site: transductive with such scans"
            )
        return torch.as_tensor(self.fitted.apply(features, site, covariates)).to(batch["volume"])

    def embed_in_training(self, batch: Batch) -> Tensor:
        """LDR of the base, shape (batch, dimension): there is nothing to harmonise with yet."""
        return self.base.embed(batch)

    def notes(self) -> dict[str, str]:
        """What the base notes, whether the site must be known, and whether scans of a held-out site were looked at."""
        notes = dict(self.base.notes())
        if self.harmoniser.needs_site:
            notes["site_label"] = "needs the site of every scan it embeds"
        if self.transductive_scans:
            notes["transductive"] = (
                f"{self._name} of the held-out site fitted on {self.transductive_scans} of its unlabelled, unscored "
                "scans"
            )
        return notes

    def get_extra_state(self) -> dict[str, Any]:
        """The fitted parameters as tensors and strings, which load with ``weights_only=True``."""
        if self.fitted is None:
            return {}
        return {**state_of(self.fitted), "transductive_scans": self.transductive_scans}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`get_extra_state`."""
        if not state:
            return
        of_fitted = {name: value for name, value in state.items() if name != "transductive_scans"}
        self.fitted = fitted_from(self.harmoniser.fitted_type, of_fitted)
        self.transductive_scans = int(state["transductive_scans"])

    def _rows(self, batches: Iterable[Batch]) -> tuple[Array, Sites, pd.DataFrame]:
        """Base LDRs (scan, dimension), site names (scan,) and covariates of all batches."""
        if self.spec is None:
            raise MethodError(f"{self._name} is not built: it needs the datamodule's spec")
        names, columns = np.array([*self.spec.sites, HELD_OUT]), list(self.harmoniser.covariates)
        ldr, site, covariates = [], [], []
        with torch.no_grad():
            for batch in batches:
                moved = {**batch, "volume": batch["volume"].to(next(self.base.parameters()))}
                ldr.append(self.base.embed(moved).cpu().numpy().astype(np.float64))  # type: ignore[arg-type]
                site.append(names[batch["site"].cpu().numpy()])
                fields = {name: batch[name].cpu().numpy() for name in columns}
                covariates.append(pd.DataFrame(fields, index=range(len(site[-1]))))
        if not ldr:
            return np.zeros((0, 0)), names[:0], pd.DataFrame(columns=columns, dtype=np.float64)
        return np.concatenate(ldr), np.concatenate(site), pd.concat(covariates, ignore_index=True)
