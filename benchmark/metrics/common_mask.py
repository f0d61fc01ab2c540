"""Identity without the outline: travelling subjects when all scans are cut to one common mask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmark.metrics import travelling
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans, numbers_in
from benchmark.metrics.settings import EvaluationSettings

TOP1 = Metric("outline", "top1_common_mask", version=1, higher_is_better=True)

#: Begins the names of the columns of the LDR with the common mask.
LETTER = "c"


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Travelling subjects' top-1 by the LDRs of volumes that were cut to a mask common to all scans.

    As :func:`benchmark.metrics.travelling.scores` in every respect, for the columns ``c0, c1, ...``: what the same
    trained model says of the same scans when each is cut to the voxels that at least 99 % of the training scans' masks
    hold and normalised again, vectors of shape (dimensions,). Where it is far below top-1, people were told apart by
    the outline of their brain. In [0, 1]; higher is better. The identification rate is that of Finn et al., Nature
    Neuroscience 2015; that the outline is taken away is ours.

    Returns
    -------
    list of Score
        One per distance, none where the embeddings have no such column; NaN with a note as for top-1, and where a
        value is unknown. A method that sees the mask alone has one vector for all scans, and so no value.
    """
    ldr, reference = (numbers_in(frame, LETTER) for frame in (scans.other, scans.reference_other))
    if ldr is None or reference is None:
        return []
    if np.isfinite(ldr).all() and np.isfinite(reference).all():
        cut = replace(scans, ldr=ldr, reference=reference, memo={})
        return travelling.scores(cut, settings, query_sites, TOP1)
    undefined = Estimate(math.nan, 0, note="some values of c0, c1, ... are unknown")
    return [undefined.score(TOP1, score.params) for score in travelling.scores(scans, settings, query_sites)]
