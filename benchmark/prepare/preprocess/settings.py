"""What is done to a raw T1 image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from benchmark.errors import UserError

Registration = Literal["affine", "rigid", "none"]
Brain = Literal["auto", "mask", "hd-bet", "synthstrip", "template", "none"]
Intensity = Literal["zscore", "percentile", "nyul", "whitestripe", "none"]


@dataclass(frozen=True)
class RawSettings:
    """Steps of preprocessing, in their order; every field can change the volumes.

    Attributes
    ----------
    bias_correction
        Whether N4 (Tustison et al., IEEE TMI 2010) divides out a smooth field of shading.
    registration
        How images are brought to the ICBM 152 template: 12 parameters (``affine``), 6 (``rigid``), or not, in which
        case the grid is centred on the image's foreground and keeps its orientation.
    brain
        Where the brain mask comes from. ``auto``: the manifest's mask, else HD-BET, else SynthStrip, whichever is
        installed, else the template's mask. ``none``: no mask.
    shape
        Voxels of the output along x (left to right), y (posterior to anterior) and z (inferior to superior).
    spacing
        Isotropic voxel size of the output in mm.
    intensity
        ``zscore``: mean 0 and SD 1 in the mask; ``percentile``: the 1st and 99th to 0 and 1; ``nyul``: histogram
        landmarks (Nyul et al., IEEE TMI 2000), whose standard scale is the mean over training scans, over all where
        the manifests have no ``split``; ``whitestripe``: normal-appearing white matter (Shinohara et al., NeuroImage
        Clin. 2014) to mean 0 and SD 1; ``none``.
    """

    bias_correction: bool = True
    registration: Registration = "affine"
    brain: Brain = "auto"
    shape: tuple[int, int, int] = (40, 48, 40)
    spacing: float = 4.0
    intensity: Intensity = "zscore"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        object.__setattr__(self, "spacing", float(self.spacing))
        for name, kind in (("registration", Registration), ("brain", Brain), ("intensity", Intensity)):
            if getattr(self, name) not in get_args(kind):
                allowed = ", ".join(get_args(kind))
                raise UserError(f"{name}: '{getattr(self, name)}' is not allowed; allowed: {allowed}")
        if len(self.shape) != 3 or not all(isinstance(size, int) and 8 <= size <= 512 for size in self.shape):
            raise UserError(f"shape: {self.shape} is not allowed; it must be three whole numbers in [8, 512]")
        if not 0.5 <= self.spacing <= 10:
            raise UserError(f"spacing: {self.spacing:g} is not allowed; it must be a number of mm in [0.5, 10]")
        if self.registration == "none" and self.brain == "template":
            raise UserError("brain: 'template' needs a registration; allowed without one: auto, mask, none")
