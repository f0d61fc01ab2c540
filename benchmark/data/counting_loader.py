"""A DataLoader that says how long its user has waited."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader


class TimedLoader(DataLoader[dict[str, Any]]):
    """A DataLoader whose :attr:`waited` counts the seconds that its batches were waited for, since it was made.

    Starting the worker processes of an epoch counts; copying a batch to a GPU is not the loader's and does not.
    """

    waited: float = 0.0

    def __iter__(self) -> Iterator[dict[str, Any]]:  # type: ignore[override]  # torch names its own iterator's class
        """Batches, the clock running while each is made."""
        began = time.perf_counter()
        batches = super().__iter__()
        while True:
            batch = next(batches, None)
            self.waited += time.perf_counter() - began
            if batch is None:
                return
            yield batch
            began = time.perf_counter()
