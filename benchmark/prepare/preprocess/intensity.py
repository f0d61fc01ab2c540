"""Intensity scales of images, which for a collection of sites are a harmonisation of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError
from benchmark.prepare.preprocess.settings import Intensity

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]


def landmarks(volume: Volume, mask: Mask) -> list[float]:
    """Histogram landmarks of one scan on the standard scale's range, whose mean over scans is the standard scale.

    Nyul et al., IEEE TMI 2000, as the package intensity-normalization has it: percentiles 1, 10, 20, ..., 90, 99,
    mapped so that the first is 1 and the last 100.
    """
    normaliser = _nyul()
    image, inside = _pair(volume, mask)
    normaliser.fit_population([image], [inside])
    return [float(value) for value in normaliser.standard_scale]


def normalised(volume: Volume, mask: Mask, kind: Intensity, standard: list[float] | None = None) -> Volume:
    """A volume on an intensity scale, measured in a mask.

    Parameters
    ----------
    volume, mask
        Shape (x, y, z).
    kind
        See :class:`benchmark.prepare.preprocess.settings.RawSettings`.
    standard
        Standard scale, for ``nyul``.

    Raises
    ------
    UserError
        For a volume that is constant in the mask, or in which no white matter is found.
    """
    values = volume[mask]
    if values.size == 0 or not float(values.max()) > float(values.min()):
        raise UserError("has no contrast within the mask, nothing to normalise by")
    if kind == "none":
        return volume
    if kind == "zscore":
        scaled: Volume = ((volume - values.mean()) / values.std()).astype(np.float32)
        return scaled
    if kind == "percentile":
        low, high = np.percentile(values, (1, 99))
        if not high > low:
            raise UserError("its 1st and 99th percentile within the mask are equal, nothing to normalise by")
        clipped: Volume = np.clip((volume - low) / (high - low), 0, 1).astype(np.float32)
        return clipped
    from intensity_normalization.domain.exceptions import NormalizationError
    from intensity_normalization.normalizers.individual.whitestripe import WhiteStripeNormalizer

    image, inside = _pair(volume, mask)
    try:
        if kind == "whitestripe":
            made = WhiteStripeNormalizer().fit(image, inside).transform(image, inside)
        else:
            normaliser = _nyul()
            normaliser._standard_scale = np.array(standard)
            normaliser.is_fitted = True
            made = normaliser.transform(image, inside)
    except (NormalizationError, ValueError) as error:
        raise UserError(f"{kind}: {' '.join(str(error).split())}") from None
    found = np.asarray(made.get_data(), np.float32)
    if not np.isfinite(found[mask]).all():
        raise UserError(
            f"{kind}: its histogram within the mask has no spread between landmarks; a brain mask is needed"
        )
    return found


def _nyul() -> Any:
    from intensity_normalization.normalizers.population.nyul import NyulNormalizer

    return NyulNormalizer()


def _pair(volume: Volume, mask: Mask) -> tuple[Any, Any]:
    from intensity_normalization.adapters.images import NumpyImageAdapter

    return NumpyImageAdapter(volume.astype(np.float64)), NumpyImageAdapter(mask.astype(np.float64))
