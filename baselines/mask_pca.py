"""Principal components of the brain mask alone: a control row that sees no intensity at all."""

from __future__ import annotations

from torch import Tensor

from baselines.principal_components import PrincipalComponents
from benchmark.methods.representation import Batch


class MaskPCA(PrincipalComponents):
    """Leading principal components of the binary brain mask, fitted on the training scans.

    What this row reaches, any method can reach without learning anything of the tissue. The mask is what
    preprocessing leaves of it: the voxels that aren't exactly 0, so it takes images with masks and
    ``preprocessing.mask_background``. (After ``normalisation: percentile`` the darkest voxels inside are 0 too.)
    """

    constant = (
        "they must have brain masks that differ, and preprocessing.mask_background must be true for the background "
        "to be 0"
    )

    def features(self, batch: Batch) -> Tensor:
        """1 inside the mask and 0 outside, shape (batch, voxel)."""
        volume = batch["volume"]
        return (volume != 0).flatten(1).to(volume.dtype)

    def notes(self) -> dict[str, str]:
        """That the row is a control."""
        return {"control": "a control: it sees the outline of the brain alone, no intensity"}
