"""Which scans make which batch: site-balanced for training, every scan once for evaluation.

Both samplers yield whole batches as ``(epoch, rows)``, for a DataLoader with ``batch_size=None``: the dataset
fetches a batch in one go, and augmentation knows the epoch in every worker process.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from benchmark.errors import UserError
from benchmark.seeds import generator

#: An epoch number that means: no augmentation.
EVALUATION = -1

BatchRows = tuple[int, list[int]]


class SiteBalancedSampler(Sampler[BatchRows]):
    """Batches in which every site has the same share, whatever its size.

    Sites take turns; a site that runs out is shuffled anew. An epoch has as many draws as there are scans,
    rounded down to whole batches. Everything follows from (seed, epoch), not from ranks or workers: a rank
    takes its contiguous part of each global batch, so one process and several see the same batches.

    Parameters
    ----------
    rows
        Rows of the training scans.
    sites
        Site of each of ``rows``.
    batch_size
        Scans of a batch over all ranks together.
    seed
        Of the draws.
    rank, ranks
        This process, and how many there are.

    Raises
    ------
    UserError
        If ``batch_size`` is not a positive multiple of ``ranks`` or exceeds the number of scans.
    """

    def __init__(
        self,
        rows: NDArray[np.int64],
        sites: NDArray[np.str_],
        batch_size: int,
        seed: int,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        if batch_size < 1 or batch_size % ranks:
            raise UserError(
                f"data.batch_size: {batch_size} is not allowed; it counts the scans of all processes together "
                f"and must be a positive multiple of their number, {ranks}"
            )
        if len(rows) < batch_size:
            raise UserError(f"data.batch_size: {batch_size} is not allowed; there are only {len(rows)} training scans")
        self.by_site = {str(site): rows[sites == site] for site in sorted(set(sites))}
        self.batch_size, self.seed, self.rank, self.ranks = batch_size, seed, rank, ranks
        self.batches = len(rows) // batch_size
        self.epoch = 0
        self._left_out = 0

    def __len__(self) -> int:
        return self.batches

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before every epoch, and after resuming with the epoch to go on from."""
        self.epoch = epoch

    def leave_out(self, batches: int) -> None:
        """Begin the next iteration so many batches later: a training that was interrupted has had them."""
        self._left_out = batches

    def __iter__(self) -> Iterator[BatchRows]:
        draws = self._draws(self.epoch)
        share = self.batch_size // self.ranks
        first, self._left_out = self._left_out, 0
        for number in range(self.batches):
            batch = [next(draws) for _ in range(self.batch_size)]
            if number >= first:
                yield self.epoch, batch[self.rank * share : (self.rank + 1) * share]

    def _draws(self, epoch: int) -> Iterator[int]:
        streams = {site: self._stream(site, epoch) for site in self.by_site}
        for turn in count():
            for site in generator(self.seed, "site order", epoch, turn).permutation(list(streams)):
                yield next(streams[str(site)])

    def _stream(self, site: str, epoch: int) -> Iterator[int]:
        for cycle in count():
            rng = generator(self.seed, "scan order", epoch, site, cycle)
            yield from (int(row) for row in rng.permutation(self.by_site[site]))


class EveryScanOnce(Sampler[BatchRows]):
    """Unpadded evaluation batches: the ranks' rows are disjoint and together are all rows.

    Lightning's own distributed sampler repeats scans until the ranks are even, and a repeated scan counts
    twice in a score.

    Parameters
    ----------
    rows
        Rows to be visited, in order.
    batch_size
        Scans of one batch of one rank.
    rank, ranks
        This process, and how many there are.
    """

    def __init__(self, rows: NDArray[np.int64], batch_size: int, rank: int = 0, ranks: int = 1) -> None:
        self.rows = [int(row) for row in rows[rank::ranks]]
        self.batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[BatchRows]:
        for start in range(0, len(self.rows), self.batch_size):
            yield EVALUATION, self.rows[start : start + self.batch_size]
