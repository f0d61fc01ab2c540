"""The phantom's knobs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmark.errors import UserError

#: Field of view along R, A, S in mm.
FIELD_OF_VIEW = (160.0, 192.0, 160.0)
#: Families of scanner effects, each with a knob of its name.
FAMILIES = (
    "contrast",
    "bias",
    "noise",
    "resolution",
    "gradient",
    "motion",
    "mask",
    "registration",
    "quantisation",
)


@dataclass(frozen=True)
class PhantomSettings:
    """Knobs of the phantom; equal settings give equal bytes.

    Attributes
    ----------
    seed
        Of every draw.
    spacing
        Edge of a voxel in mm, 2 to 12; the field of view is 160 x 192 x 160 mm.
    sites
        Number of sites, 2 to 20; the first eight are named after the datasets of the SE-ADA paper.
    scanners
        Scanners of each site, 1 to 8; a subject's scans at a site are all from one of them.
    train_scans
        Scans for training over all sites, in proportion to the size of the real datasets, at least 8 a site.
    test_subjects
        Held-out subjects of each site, a multiple of 3 (as many CN as MCI as AD), at least 3.
    travelling_subjects
        Held-out subjects that are scanned at every site, a multiple of 3.
    confounding
        How far diagnosis and age of the training scans follow the site, 0 (not at all) to 1.
    test_confounding
        How far diagnosis and age of the held-out scans follow the site, 0 to 1. At 0, they are dealt out at random.
    repeat_share
        Share of training subjects with a second session a year later, 0 to 1.
    same_day_share
        Share of training subjects who are scanned twice on their first day, 0 to 1.
    head_size
        How far width, length and height of the head differ between subjects, as a share (standard deviation), 0 to
        0.1. The default is about what affine registration to a template leaves; unregistered, 0.028.
    motion_follows_diagnosis
        How much more a scan of somebody ill suffers from motion, 0 (not at all) to 2: each unit of severity makes the
        motion larger by this share.
    site_strength
        How far the sites' scanners differ from each other, in all families, 0 to 5.
    within_site
        How far the scans of one scanner differ from each other, in all families, 0 to 5.
    contrast
        Strength of differences in tissue contrast, 0 to 5, as of all families below; 1 is the literature's.
    bias
        Of the shading that N4 leaves.
    noise
        Of noise.
    resolution
        Of differences in resolution and slice thickness.
    gradient
        Of smooth geometric distortion by gradients that are not linear.
    motion
        Of motion during the scan.
    mask
        Of errors of the brain mask: too wide, too tight, defaced, cut off by the field of view.
    registration
        Of what registration to the template leaves of position, rotation, size and shear.
    quantisation
        Of how few grey levels an image is stored with.
    anatomies
        Folder of label maps to make the anatomies from; None for the ICBM 152 template.

    Raises
    ------
    UserError
        For a value outside its range.
    """

    seed: int = 1
    spacing: float = 4.0
    sites: int = 8
    scanners: int = 1
    train_scans: int = 520
    test_subjects: int = 30
    travelling_subjects: int = 12
    confounding: float = 0.5
    test_confounding: float = 0.0
    repeat_share: float = 0.2
    same_day_share: float = 0.1
    head_size: float = 0.008
    motion_follows_diagnosis: float = 0.0
    site_strength: float = 1.0
    within_site: float = 1.0
    contrast: float = 1.0
    bias: float = 1.0
    noise: float = 1.0
    resolution: float = 1.0
    gradient: float = 1.0
    motion: float = 1.0
    mask: float = 1.0
    registration: float = 1.0
    quantisation: float = 1.0
    anatomies: str | None = None

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UserError(f"phantom {name}: {value} is not allowed; it must be between {low} and {high}")
        if self.train_scans < 8 * self.sites:
            raise UserError(
                f"phantom train_scans: {self.train_scans} is not allowed with {self.sites} sites; "
                f"it must be at least {8 * self.sites}, 8 for each site"
            )
        for name in ("test_subjects", "travelling_subjects"):
            if getattr(self, name) % 3:
                raise UserError(
                    f"phantom {name}: {getattr(self, name)} is not allowed; it must be a multiple of 3, "
                    "as many CN as MCI as AD"
                )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along R, A, S."""
        x, y, z = (math.ceil(extent / self.spacing - 1e-9) for extent in FIELD_OF_VIEW)
        return x, y, z


_RANGES: dict[str, tuple[float, float]] = {
    "seed": (0, 2**31),
    "spacing": (2, 12),
    "sites": (2, 20),
    "scanners": (1, 8),
    "train_scans": (16, 100_000),
    "test_subjects": (3, 10_000),
    "travelling_subjects": (0, 10_000),
    "confounding": (0, 1),
    "test_confounding": (0, 1),
    "repeat_share": (0, 1),
    "same_day_share": (0, 1),
    "head_size": (0, 0.1),
    "motion_follows_diagnosis": (0, 2),
    "site_strength": (0, 5),
    "within_site": (0, 5),
    **dict.fromkeys(FAMILIES, (0, 5)),
}
