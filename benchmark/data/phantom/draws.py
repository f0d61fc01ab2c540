"""What test subjects' biology is drawn from: stratified, so that test sets differ little from phantom to phantom."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, qmc

from benchmark.data.phantom.settings import PhantomSettings
from benchmark.seeds import generator

#: Numbers that a subject's biology is drawn from, see :func:`benchmark.data.phantom.anatomy.biology`.
DRAWS = 8


@cache
def stratified_normals(settings: PhantomSettings, group: str, diagnosis: str) -> NDArray[np.float64]:
    """Draws of the test subjects of a group and a diagnosis, a Latin hypercube in standard normal numbers.

    Each of the ``DRAWS`` numbers takes exactly one value from each of n equally likely ranges (McKay, Beckman, Conover,
    Technometrics 1979), in orders that fill the space of all of them evenly (centred discrepancy; Hickernell,
    Mathematics of Computation 1998): mild and grave cases, small and large ventricles are as frequent at every site
    and in every phantom. With independent draws their luck moved the scores of every method from phantom to phantom,
    those of the true anatomy too.

    Parameters
    ----------
    settings
        The phantom's seed and numbers of test subjects are used.
    group
        A site, or ``travelling``.
    diagnosis
        One of CN, MCI, AD.

    Returns
    -------
    numpy.ndarray
        Shape (n, DRAWS): n subjects, as many as the group has of the diagnosis.
    """
    subjects = settings.travelling_subjects if group == "travelling" else settings.test_subjects
    rng = generator(settings.seed, "test biology", group, diagnosis)
    shares = qmc.LatinHypercube(DRAWS, rng=rng, optimization="random-cd").random(subjects // 3)
    normals: NDArray[np.float64] = norm.ppf(shares)
    return normals
