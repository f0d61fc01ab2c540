"""PL-SE-ADA: SE-ADA whose reconstruction is a sum of an anatomy and a style (Abe et al., arXiv 2510.14535)."""

from __future__ import annotations

from torch import Tensor, nn

from benchmark.methods.data_spec import DataSpec
from benchmark.methods.errors import MethodError
from benchmark.methods.representation import Batch
from seada.seada import SEADA


class PLSEADA(SEADA):
    """SE-ADA with a pseudo-linear decoder: x = f_D(z_u) + f_D(z_d).

    z_u is the LDR; z_d an affine map of the style code, as long as the LDR; one decoder makes a volume of each, and the
    scan is their sum, so that what the scanner adds can be looked at. Stages, style encoder and domain classifier are
    those of :class:`seada.seada.SEADA`.

    Departures from what is public of the paper: those of SE-ADA. The affine map is trained by the reconstruction, the
    style code by the site alone.

    Parameters
    ----------
    settings
        Those of :class:`seada.seada.SEADA`.
    """

    @property
    def modulation_dim(self) -> int:
        """0: the style is added, and modulates nothing."""
        return 0

    def build(self, spec: DataSpec) -> None:
        """As SE-ADA, with the affine map from style code to z_d.

        Raises
        ------
        MethodError
            For the blocks of a linear path or of erasure, whose reconstruction is not a sum of these two.
        """
        if self.blocks.components or self.blocks.erase != "none":
            raise MethodError("blocks: components and erase are not allowed with PLSEADA; allowed: view_weight, views")
        super().build(spec)
        self.expand = nn.Linear(self.style_dim, self.ldr_dim)

    def decode(self, latent: Tensor, style: Tensor | None = None) -> Tensor:
        """z_u (batch, ldr_dim) and style code (batch, style_dim) to the sum of two volumes (batch, 1, x, y, z)."""
        anatomy = super().decode(latent)
        return anatomy if style is None else anatomy + super().decode(self.expand(style))

    def summands(self, batch: Batch, ldr: Tensor) -> dict[str, Tensor]:
        """``f_D(z_u)`` and ``f_D(z_d)``, shape (batch, 1, x, y, z) each."""
        return {"f_D(z_u)": super().decode(ldr), "f_D(z_d)": super().decode(self.expand(self.style_code(batch)))}
