"""What a sweep runs on: cores, GPUs, and how many workers share them."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

#: What the numerical libraries take their number of threads from.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Machine:
    """What a sweep runs on.

    Attributes
    ----------
    workers
        Runs at a time.
    cores, threads
        CPU cores, and threads of each process of a worker.
    gpus
        Number of GPUs.
    """

    workers: int
    cores: int
    threads: int
    gpus: int

    @classmethod
    def here(cls, workers: int, processes: int = 1) -> Machine:
        """The machine at hand.

        Parameters
        ----------
        workers
            How many; 0 for one for each GPU, or for each CPU core where there is no GPU, that a run takes.
        processes
            Processes of a run, with a GPU each where there are.
        """
        cores, gpus = os.cpu_count() or 1, torch.cuda.device_count()
        count = workers or max((gpus or cores) // processes, 1)
        return cls(count, cores, max(cores // (count * processes), 1), gpus)
