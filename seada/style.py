"""Style encoder: a small code of how a scan looks, whoever is in it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmark.methods.batch_norm import GlobalBatchNorm3d
from benchmark.methods.subpixel import SpaceToDepth


class StyleEncoder(nn.Module):
    """Texture and contrast statistics of a volume, as a code that the decoder is modulated by.

    Channel means and standard deviations over space (Huang & Belongie, ICCV 2017) say how a scan looks and
    little of whose it is. Batch normalisation matters: without normalisation the encoder learns no site.

    Parameters
    ----------
    style_dim
        Length of the code.
    sites
        Number of training sites, which a linear head predicts from the code; this alone trains the encoder.
    width
        Channels of the second convolution.
    """

    def __init__(self, style_dim: int, sites: int, width: int = 32) -> None:
        super().__init__()
        self.features = nn.Sequential(
            SpaceToDepth(2),
            nn.Conv3d(8, width // 2, 3, stride=2, padding=1),
            GlobalBatchNorm3d(width // 2),
            nn.SiLU(),
            nn.Conv3d(width // 2, width, 3, stride=2, padding=1),
            GlobalBatchNorm3d(width),
            nn.SiLU(),
        )
        self.code = nn.Linear(2 * width, style_dim)
        self.site = nn.Linear(style_dim, sites)

    def forward(self, volume: Tensor) -> Tensor:
        """Volume (batch, 1, x, y, z) to style code (batch, style_dim)."""
        features = self.features(volume).flatten(2)
        statistics = torch.cat([features.mean(dim=2), features.std(dim=2)], dim=1)
        code: Tensor = self.code(statistics)
        return code
