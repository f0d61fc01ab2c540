"""Domain classifier: the adversary that tries to tell the site from an LDR."""

from __future__ import annotations

from torch import Tensor, nn


class DomainClassifier(nn.Module):
    """Multi-layer perceptron with a linear skip, behind a normalisation of its input.

    Without the normalisation the encoder wins by shrinking the LDR; with learnt scales it wins through them.

    Parameters
    ----------
    ldr_dim
        Length of the LDR.
    sites
        Number of training sites.
    hidden
        Units of the two hidden layers.
    """

    def __init__(self, ldr_dim: int, sites: int, hidden: int = 64) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(ldr_dim, affine=False)
        self.linear = nn.Linear(ldr_dim, sites)
        self.mlp = nn.Sequential(
            nn.Linear(ldr_dim, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, sites),
        )

    def forward(self, ldr: Tensor) -> Tensor:
        """LDR (batch, ldr_dim) to logits (batch, site)."""
        normed = self.norm(ldr)
        logits: Tensor = self.linear(normed) + self.mlp(normed)
        return logits
