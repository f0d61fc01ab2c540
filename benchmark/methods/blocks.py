"""Building blocks that every autoencoding method may have: what one method is given, every method can be given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from benchmark.methods.errors import MethodError
from benchmark.methods.views import Views


@dataclass(frozen=True)
class BuildingBlocks:
    """Parts beside encoder, decoder and losses; all are off by default.

    Attributes
    ----------
    components
        Principal components of the training volumes in a linear path beside encoder and decoder
        (:class:`benchmark.methods.linear_path.LinearPath`); 0 for no path.
    network
        Whether encoder and decoder take part; without them the path is all there is.
    view_weight
        Weight of the views' term: the mean squared distance between the latent vectors of a scan and of another view of
        it, as a share of the variance of latent vectors, times the variance of the volumes. So it is measured like the
        reconstruction error, on any grid and at any scale of the latent vectors. 0 for no views.
    views
        What differs between views.
    erase
        Whether the site is erased from the latent vectors after training, at equal age and sex
        (:class:`benchmark.methods.freed_ldr.FreedLDR`): ``none``; ``site``, the sites of the training scans; or
        ``transductive``, also that of a held-out site's unlabelled scans that are not scored. Each training site takes
        a dimension of the encoder's vector; the LDR has the others.
    image_metric
        Whether distances of erased LDRs are made those of the images that are linear in them; needs ``components``.

    Raises
    ------
    MethodError
        For a negative weight or number, no part at all, or a metric without components or erasure.
    """

    components: int = 0
    network: bool = True
    view_weight: float = 0.0
    views: Views = Views()  # noqa: RUF009 (frozen)
    erase: Literal["none", "site", "transductive"] = "none"
    image_metric: bool = False

    def __post_init__(self) -> None:
        for name in ("components", "view_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise MethodError(f"blocks.{name}: {getattr(self, name)} is not allowed; it must be at least 0")
        if not (self.network or self.components):
            raise MethodError("blocks.network: false is not allowed without blocks.components: nothing would be left")
        if self.image_metric and (not self.components or self.erase == "none"):
            raise MethodError("blocks.image_metric: true is not allowed; it needs blocks.components and blocks.erase")
