"""A DataLoader that counts what was taken from it, and how long that was waited for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader


class CountingLoader(DataLoader[dict[str, Any]]):
    """A DataLoader whose batches can be gone on with in the middle of an epoch.

    Lightning keeps :meth:`state_dict` in checkpoints and gives it back before the first batch of a training that is
    resumed. Batches that were taken before are then left out, which takes a sampler that knows how:
    :class:`benchmark.data.sampling.SiteBalancedSampler`.

    Attributes
    ----------
    waited
        Seconds that batches were waited for, since the loader was made. Starting worker processes counts; copying a
        batch to a GPU is not the loader's and does not.
    taken
        Batches of this epoch so far, those before an interruption too.
    """

    sampler: Any
    waited: float = 0.0
    taken: int = 0
    _left_out: int = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:  # type: ignore[override]  # torch names its own iterator's class
        """Batches of an epoch, the clock running while each is made."""
        began = time.perf_counter()
        self.taken, self._left_out = self._left_out, 0
        if self.taken:
            self.sampler.leave_out(self.taken)
        batches = super().__iter__()
        while True:
            batch = next(batches, None)
            self.waited += time.perf_counter() - began
            if batch is None:
                return
            self.taken += 1
            yield batch
            began = time.perf_counter()

    def state_dict(self) -> dict[str, int]:
        """Batches taken of an epoch that has not ended; 0 if it has."""
        return {"taken": self.taken % len(self)}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Leave out of the next epoch what was taken of it before."""
        self._left_out = state["taken"]
