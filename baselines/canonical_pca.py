"""Principal components of volumes in canonical form: what that form alone is worth."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from baselines.principal_components import PrincipalComponents
from benchmark.methods.canonical_form import CanonicalForm
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.representation import Batch
from benchmark.methods.smoothing import blurred


class CanonicalPCA(PrincipalComponents):
    """Leading principal components of voxels in canonical form, blurred as in the linear path of our SE-ADA.

    The control of :class:`seada.canonical.CanonicalSEADA` that has its input
    (:mod:`benchmark.methods.canonical_form`) and neither views nor network.
    """

    def build(self, spec: DataSpec) -> None:
        """As principal components, with the canonical form."""
        super().build(spec)
        self.form = CanonicalForm(spec.shape, spec.spacing)

    def fit_after_training(self, batches: Iterable[Batch], unseen: Iterable[Batch]) -> None:
        """Fit the mean of the canonical form on the training scans, and then the components."""
        kept = list(batches)
        self.form.fit(lambda: (batch["volume"].to(self.device) for batch in kept))
        super().fit_after_training(kept, unseen)

    def features(self, batch: Batch) -> Tensor:
        """Voxels in canonical form, shape (batch, voxel)."""
        return blurred(self.form(batch["volume"].to(self.device)), self.form.spacing).flatten(1)

    def notes(self) -> dict[str, str]:
        """That the row is a control."""
        return {"control": "a control without a network: voxels in canonical form"}
