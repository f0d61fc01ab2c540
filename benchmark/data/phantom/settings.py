"""The phantom's knobs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmark.errors import UserError

#: Field of view along R, A, S in mm.
FIELD_OF_VIEW = (160.0, 192.0, 160.0)


@dataclass(frozen=True)
class PhantomSettings:
    """Knobs of the phantom; equal settings give equal bytes.

    Attributes
    ----------
    seed
        Of every draw.
    spacing
        Edge of a voxel in mm, 2 to 12; the field of view is 160 x 192 x 160 mm.
    train_scans
        Scans for training over all sites, in proportion to the size of the real datasets, at least 64.
    test_subjects
        Held-out subjects of each site, a multiple of 3 (as many CN as MCI as AD), at least 3.
    travelling_subjects
        Held-out subjects that are scanned at every site, a multiple of 3.
    site_strength
        How far the sites' scanners differ from each other, 0 to 5.
    within_site
        How far the scans of one scanner differ from each other, 0 to 5.
    confounding
        How far diagnosis and age of the training scans follow the site, 0 (not at all) to 1.
    repeat_share
        Share of training subjects with a second session a year later, 0 to 1.
    head_size
        How far width, length and height of the head differ between subjects, as a share (standard deviation), 0 to
        0.1. The default is about what affine registration to a template leaves; unregistered, 0.028.

    Raises
    ------
    UserError
        For a value outside its range.
    """

    seed: int = 1
    spacing: float = 4.0
    train_scans: int = 520
    test_subjects: int = 30
    travelling_subjects: int = 12
    site_strength: float = 1.6
    within_site: float = 1.1
    confounding: float = 0.5
    repeat_share: float = 0.2
    head_size: float = 0.008

    def __post_init__(self) -> None:
        for name, low, high in (
            ("seed", 0, 2**31),
            ("spacing", 2, 12),
            ("train_scans", 64, 100_000),
            ("test_subjects", 3, 10_000),
            ("travelling_subjects", 0, 10_000),
            ("site_strength", 0, 5),
            ("within_site", 0, 5),
            ("confounding", 0, 1),
            ("repeat_share", 0, 1),
            ("head_size", 0, 0.1),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise UserError(f"phantom {name}: {value} is not allowed; it must be between {low} and {high}")
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
