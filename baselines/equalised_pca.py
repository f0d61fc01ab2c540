"""Principal components of de-shaded, histogram-equalised voxels: a control row that undoes contrast by hand."""

from __future__ import annotations

from torch import Tensor

from baselines.principal_components import PrincipalComponents
from benchmark.methods.equalisation import deshaded, equalise, masked_smooth
from benchmark.methods.representation import Batch

#: Standard deviation of the Gaussian that finds the shading, as a share of the grid's longest axis (19 mm of 192).
SHADING = 0.1

#: Likewise of the Gaussian that smooths the equalised voxels (6 mm of 192).
SMOOTHING = 1 / 32


class EqualisedPCA(PrincipalComponents):
    """Leading principal components of voxels after shading and histogram were taken out of each scan by itself.

    Within the mask, in this order: subtract a strongly smoothed version of the volume, as homomorphic filtering and
    N4 take a smooth field for shading (Sled et al., IEEE Trans Med Imaging 1998; here additive, as volumes are
    standardised); replace each voxel by its rank within the scan (histogram equalisation, which no monotonic
    change of contrast survives; Gonzalez & Woods, Digital image processing, ch. 3); smooth mildly. Nothing is learned
    but the components, and no scan needs to know of another or of its site.
    """

    def features(self, batch: Batch) -> Tensor:
        """Equalised voxels, in [-0.5, 0.5] and 0 outside the mask, shape (batch, voxel)."""
        volume = batch["volume"][:, 0]
        mask = volume != 0
        longest = max(volume.shape[1:])
        equalised = equalise(deshaded(volume, mask, SHADING * longest), mask)
        return masked_smooth(equalised, mask, SMOOTHING * longest).flatten(1)

    def notes(self) -> dict[str, str]:
        """That the row is a control."""
        return {"control": "a control without a network: de-shaded, histogram-equalised voxels"}
