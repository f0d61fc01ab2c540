"""Linear erasure of the site from LDRs, in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

#: Directions with less of the largest variance than this count as none.
NOTHING = 1e-8


def site_effects(ldr: Tensor, site: Tensor, covariates: Tensor) -> Tensor:
    """Means of the sites' LDRs at equal covariates, relative to their mean, by least squares.

    Parameters
    ----------
    ldr
        Shape (scan, dimension).
    site
        Integers, shape (scan,).
    covariates
        What may differ between the sites' subjects (age, sex), shape (scan, covariate); a missing value, NaN, counts
        as the covariate's mean.

    Returns
    -------
    Tensor
        Shape (site, dimension), sites in ascending order, each times the root of its share of the scans.
    """
    names, code = torch.unique(site, return_inverse=True)
    member = torch.nn.functional.one_hot(code, len(names)).to(ldr)
    centred = torch.nan_to_num(covariates.to(ldr) - covariates.to(ldr).nanmean(dim=0))
    spread = centred.square().mean(dim=0).sqrt()
    known = centred[:, spread > 0] / spread[spread > 0]
    design = torch.cat([member, known], dim=1)
    # By the pseudo-inverse: a covariate may be a combination of the sites.
    means = (torch.linalg.pinv(design) @ ldr)[: len(names)]
    share = member.mean(dim=0)
    effects: Tensor = (means - share @ means) * share.sqrt()[:, None]
    return effects


def erasing_projection(ldr: Tensor, effects: Tensor) -> Tensor:
    """The least change of LDRs after which no linear map reads these effects: LEACE.

    Least-squares concept erasure (Belrose et al., NeurIPS 2023): whiten, project the effects' span out, undo the
    whitening. Of all affine maps after which the effects are 0 it moves LDRs least, whatever norm counts the
    movement. Departure from the paper, where the effects are the sites' plain means: they may be means at equal
    covariates (:func:`site_effects`), so that what is due to the sites' mix of ages stays.

    Parameters
    ----------
    ldr
        Shape (scan, dimension).
    effects
        Shape (site, dimension).

    Returns
    -------
    Tensor
        P of shape (dimension, dimension): an LDR x becomes mean + P (x - mean). Its rank is that of the LDRs less
        that of the effects.
    """
    centred = ldr - ldr.mean(dim=0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(ldr))
    kept = values > NOTHING * values[-1]
    roots, vectors = values[kept].sqrt(), vectors[:, kept]
    white = vectors / roots @ vectors.T
    _, singular, directions = torch.linalg.svd(effects @ white, full_matrices=False)
    span = directions[singular > 1e-6 * singular.max().clamp_min(1e-12)].T
    # Directions without variance hold nothing, and stay.
    unwhite = vectors * roots @ vectors.T
    projection: Tensor = torch.eye(len(values), dtype=ldr.dtype) - unwhite @ span @ span.T @ white
    return projection
