"""From what an encoder gives to the LDR: the site erased, distances as in the image; and back, for the decoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmark.methods.erasure import erasing_projection, site_effects

#: Relative to the mean variance of a direction, in the regressions of images and of what was erased.
RIDGE = 1e-3


class FreedLDR(nn.Module):
    """An affine map from latent vectors to LDRs, fitted in closed form after training, and its best inverse.

    In this order: the sites' effects are erased (:mod:`benchmark.methods.erasure`), on request the metric is made
    that of the image, and the axes are turned to the principal ones, of which the first ``ldr_dim`` are kept. The map
    is the same for all scans, so that a scan is embedded without its site being known.

    A reconstruction needs what was erased again. It comes from the style code, as SE-ADA has it: the latent vector is
    regressed on LDR and style code.

    Parameters
    ----------
    latent_dim
        Length of what the encoder gives.
    ldr_dim
        Length of the LDR, at most that.
    style_dim
        Length of the style code; 0 where there is none.
    """

    centre: Tensor
    free: Tensor
    back: Tensor

    def __init__(self, latent_dim: int, ldr_dim: int, style_dim: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(latent_dim))
        self.register_buffer("free", torch.zeros(latent_dim, ldr_dim))
        self.register_buffer("back", torch.zeros(ldr_dim + style_dim + 1, latent_dim))

    @property
    def fitted(self) -> bool:
        """Whether there is a map."""
        return bool(self.free.any())

    @torch.no_grad()
    def fit(self, latent: Tensor, site: Tensor, covariates: Tensor, style: Tensor | None, image: Tensor | None) -> None:
        """Fit map and inverse on the training scans.

        Parameters
        ----------
        latent
            Shape (scan, latent dimension).
        site
            Integers, shape (scan,).
        covariates
            Shape (scan, covariate); NaN where unknown.
        style
            Style codes, shape (scan, style dimension); None for none.
        image
            Coordinates of the volumes in which distances are those of the images, such as scores of orthonormal
            principal components, shape (scan, coordinate). The LDRs' metric becomes that of the images that are linear
            in them, within sites; None to leave the metric as it is.
        """
        values = latent.double()
        centre = values.mean(dim=0)
        values = values - centre
        free = erasing_projection(values, site_effects(values, site, covariates)).T
        if image is not None:
            free = free @ _metric_of(_within(values @ free, site), _within(image.double(), site))
        erased = values @ free
        # The principal axes, the widest first; a direction that was erased has no variance and comes last.
        variances, axes = torch.linalg.eigh(erased.T @ erased / len(erased))
        axes = axes * (variances > 1e-9 * variances[-1])
        free = free @ axes.flip(1)[:, : self.free.shape[1]]
        # An axis has no direction of its own; rounding must not choose one.
        largest = free.gather(0, free.abs().argmax(dim=0, keepdim=True))
        free = free * torch.where(largest < 0, -1.0, 1.0)
        self.centre.copy_(centre)
        self.free.copy_(free)
        self.back.copy_(_regression(_with_one(values @ free, style), latent.double()))

    def forward(self, latent: Tensor) -> Tensor:
        """Latent vectors (scan, latent dimension) to LDRs (scan, ldr_dim)."""
        return (latent - self.centre.to(latent)) @ self.free.to(latent)

    def latent(self, ldr: Tensor, style: Tensor | None) -> Tensor:
        """LDRs (scan, ldr_dim) and style codes (scan, style dimension) to latent vectors (scan, latent dimension)."""
        return _with_one(ldr, style) @ self.back.to(ldr)


def _with_one(ldr: Tensor, style: Tensor | None) -> Tensor:
    parts = [ldr, ldr.new_ones(len(ldr), 1)]
    if style is not None:
        parts.insert(1, style.to(ldr))
    return torch.cat(parts, dim=1)


def _within(values: Tensor, site: Tensor) -> Tensor:
    """Values (scan, ...) relative to the mean of their site."""
    member = torch.nn.functional.one_hot(torch.unique(site, return_inverse=True)[1]).to(values)
    means = member.T @ values / member.sum(dim=0)[:, None]
    return values - means[member.argmax(dim=1)]


def _metric_of(values: Tensor, image: Tensor) -> Tensor:
    """M of shape (dimension, dimension) such that distances of ``values @ M`` are those of their linear images."""
    images = _regression(values, image)
    roots, axes = torch.linalg.eigh(images @ images.T)
    metric: Tensor = axes * roots.clamp_min(0).sqrt()
    return metric


def _regression(values: Tensor, target: Tensor) -> Tensor:
    """Coefficients of a ridge regression, shape (dimension, target)."""
    gram = values.T @ values
    ridge = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    coefficients: Tensor = torch.linalg.solve(gram + ridge, values.T @ target)
    return coefficients
