"""Where a scan shows what: distortion by the scanner's gradients, and what registration leaves."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmark.prepare.phantom.families import Family, family
from benchmark.prepare.phantom.settings import FIELD_OF_VIEW, PhantomSettings

#: Root mean square of the distortion of a site in mm, and the standard deviation of its logarithm over sites. Gradients
#: displace by several mm at the edge of a head, of which the scanner's own correction leaves part (Jovicich et al.,
#: NeuroImage 2006); ADNI corrects it, most studies do not.
DISTORTION, DISTORTION_SPREAD = 1.0, 0.3
#: Standard deviation of where a head lies in the scanner, in mm along R, A and S: it moves the distortion.
POSITION = (4.0, 5.0, 8.0)
#: What registration leaves, standard deviations between sites and between scans: shift in mm, rotation in degrees,
#: log of the scale, shear. Affine registration of one brain errs by about half a millimetre (Jenkinson et al.,
#: NeuroImage 2002), and two brains are not the same but for an affine map; the sizes are our choice.
RESIDUE = {"shift": (0.3, 0.6), "rotation": (0.3, 0.6), "scale": (0.002, 0.005), "shear": (0.001, 0.003)}
#: Half axes of the ellipsoid, in mm, that stands for a brain where distortions are measured.
ELLIPSOID = (68.0, 85.0, 62.0)


def displacement(settings: PhantomSettings, scanner: str, scan_key: str) -> NDArray[np.float32] | None:
    """Displacement of a scan, in mm, shape (axis, x, y, z); None where both families are off.

    The distortion of a scanner is a polynomial of the third order in each direction, without its affine part, which
    registration removes.
    """
    total = np.zeros((3, *settings.shape), np.float32)
    gradient, registration = (family(settings, name, scanner, scan_key) for name in ("gradient", "registration"))
    if gradient.site:
        total += np.float32(gradient.site) * _distortion(gradient, settings)
    if registration.strength:
        total += _residue(registration, millimetres(settings.shape, settings.spacing))
    return total if total.any() else None


def rms(field: NDArray[np.float32] | None) -> float:
    """Root mean square of a displacement's length within the ellipsoid that stands for the brain, in mm."""
    if field is None:
        return 0.0
    _, *shape = field.shape
    where = millimetres((shape[0], shape[1], shape[2]), 1.0)
    # In units of the grid's size: its field of view is known, its spacing is not.
    extent = np.array(FIELD_OF_VIEW, np.float32) / np.array(shape, np.float32)
    scaled = where * extent[:, None, None, None] / np.array(ELLIPSOID, np.float32)[:, None, None, None]
    inside = (scaled**2).sum(axis=0) < 1
    return float(np.sqrt((field**2).sum(axis=0)[inside].mean()))


@cache
def millimetres(shape: tuple[int, int, int], spacing: float) -> NDArray[np.float32]:
    """Coordinates relative to the middle of the grid, in mm, shape (axis, x, y, z)."""
    axes = [(np.arange(n, dtype=np.float32) - (n - 1) / 2) * spacing for n in shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def _distortion(gradient: Family, settings: PhantomSettings) -> NDArray[np.float32]:
    of_site = gradient.of_site
    coefficients = of_site.standard_normal((3, len(_EXPONENTS))).astype(np.float32)
    size = DISTORTION * np.exp(DISTORTION_SPREAD * of_site.standard_normal())
    lying = settings.within_site * np.array(POSITION) * gradient.of_scan.standard_normal(3)
    inside, affine, inverse = _ellipsoid(settings.shape, settings.spacing)
    where = millimetres(settings.shape, settings.spacing).reshape(3, -1)
    # Scaled by the head in the middle of the scanner, so that lying elsewhere can make it larger.
    middle = coefficients @ _monomials(where[:, inside])
    middle -= (middle @ inverse.T) @ affine[:, inside]
    factor = size / np.sqrt((middle**2).sum(axis=0).mean())
    field = coefficients @ _monomials(where + lying.astype(np.float32)[:, None])
    field -= (field[:, inside] @ inverse.T) @ affine
    return np.asarray(factor * field, np.float32).reshape(3, *settings.shape)


#: Powers of x, y and z of the second and the third order.
_EXPONENTS = [(i, j, k) for i in range(4) for j in range(4) for k in range(4) if i + j + k == 3 or (i + j + k == 2)]


def _monomials(where: NDArray[np.float32]) -> NDArray[np.float32]:
    # The second order is smaller: coils are nearly symmetric.
    x, y, z = ([axis**power for power in range(4)] for axis in where / np.float32(80))
    return np.stack([np.float32(0.5 if i + j + k == 2 else 1.0) * x[i] * y[j] * z[k] for i, j, k in _EXPONENTS])


@cache
def _ellipsoid(
    shape: tuple[int, int, int], spacing: float
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32]]:
    """Voxels of the ellipsoid, affine functions of the grid, and what fits them within it."""
    where = millimetres(shape, spacing).reshape(3, -1)
    inside = ((where / np.array(ELLIPSOID, np.float32)[:, None]) ** 2).sum(axis=0) < 1
    affine = np.vstack([np.ones_like(where[:1]), where])
    return inside, affine, np.linalg.pinv(affine[:, inside].astype(np.float64)).T.astype(np.float32)


def _residue(registration: Family, where: NDArray[np.float32]) -> NDArray[np.float32]:
    _, site, scan, of_site, of_scan = registration
    shift, rotation, scale, shear = (
        site * between * of_site.standard_normal(3) + scan * within * of_scan.standard_normal(3)
        for between, within in RESIDUE.values()
    )
    x, y, z = np.deg2rad(rotation)
    # Small angles: the matrix of the displacement, not of the map.
    matrix = np.array(
        [
            [scale[0], shear[0] - z, shear[1] + y],
            [shear[0] + z, scale[1], shear[2] - x],
            [shear[1] - y, shear[2] + x, scale[2]],
        ]
    )
    moved = np.tensordot(matrix.astype(np.float32), where, 1)
    return np.asarray(moved + shift.astype(np.float32)[:, None, None, None], np.float32)
