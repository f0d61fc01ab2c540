"""Cells in worker processes of this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context

import torch

from benchmark.errors import UserError
from benchmark.processes import environment_variables
from benchmark.sweep import worker
from benchmark.sweep.cell import Cell, error_of, write_error
from benchmark.sweep.config import SweepConfig
from benchmark.sweep.ddp_launcher import run_here
from benchmark.sweep.display import Display
from benchmark.sweep.executor import trainers
from benchmark.train.run_folder import MODEL

#: What the numerical libraries take their number of threads from.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Slots:
    """Long-lived worker processes, each with one cell at a time.

    One pool a process, so that a process that dies takes down its own cell and no other.

    Parameters
    ----------
    workers
        How many; 0 for one for each GPU, or for each CPU core where there is no GPU, that a cell takes.
    devices
        Processes of a cell, with a GPU each where there are; several make several processes of a worker's cell.

    Raises
    ------
    UserError
        If the machine has GPUs, but fewer than a cell takes.
    """

    def __init__(self, workers: int, devices: int = 1) -> None:
        gpus = torch.cuda.device_count()
        cores = os.cpu_count() or 1
        if 0 < gpus < devices:
            raise UserError(f"executor.devices: {devices} is not allowed; this machine has {gpus} GPUs")
        count = workers or max((gpus or cores) // devices, 1)
        threads = max(cores // (count * devices), 1)
        of_slot = [[(i * devices + k) % gpus for k in range(devices)] if gpus else [] for i in range(count)]
        self.arguments = [(of_this, threads) for of_this in of_slot]
        # Each library reads it when a worker loads it. Workers whose libraries all take every core for themselves
        # wait for each other most of the time, and sums over another number of threads round differently.
        self.environment = ExitStack()
        self.environment.enter_context(environment_variables(**dict.fromkeys(THREAD_VARIABLES, str(threads))))
        self.pools = [self._pool(i) for i in range(count)]
        self.busy: dict[Future[str | None], tuple[int, Cell]] = {}

    def _pool(self, slot: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=worker.start, initargs=self.arguments[slot]
        )

    def free(self) -> list[int]:
        """Slots without a cell."""
        taken = {slot for slot, _ in self.busy.values()}
        return [slot for slot in range(len(self.pools)) if slot not in taken]

    def submit(self, slot: int, cell: Cell, base: str | None, sweep: SweepConfig) -> None:
        """Give a free slot a cell."""
        future = self.pools[slot].submit(run_here, cell, base, sweep.evaluation)
        self.busy[future] = (slot, cell)

    def finished(self) -> list[tuple[Cell, str | None]]:
        """Wait for at least one cell; each with its error, if it failed."""
        done, _ = wait(self.busy, return_when=FIRST_COMPLETED)
        results = []
        for future in done:
            slot, cell = self.busy.pop(future)
            try:
                error = future.result()
            except BrokenProcessPool:
                error = error_of(cell.scores_folder)  # of another process of the cell, if there is one
                if not error:
                    error = "the worker process died (killed, or out of memory)"
                    write_error(cell.scores_folder, error)
                self.pools[slot] = self._pool(slot)
            results.append((cell, error))
        return results

    def close(self, *, kill: bool) -> None:
        """End the processes, which takes them seconds that are not waited for; at once with ``kill``."""
        for pool in self.pools:
            processes = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes if kill else []:
                process.kill()
        self.environment.close()


@dataclass(frozen=True)
class LocalExecutor:
    """Runs cells in worker processes, the long ones first, and waits for them.

    Attributes
    ----------
    sweep
        What is run, and by how many workers.
    waits
        Always.
    """

    sweep: SweepConfig
    waits: bool = True

    def run(self, missing: Sequence[tuple[Cell, float]], cells: Sequence[Cell]) -> list[tuple[Cell, str]]:
        """Run cells to their end; see :class:`benchmark.sweep.executor.Executor`."""
        if not missing:
            return []
        trained_by = trainers(cells)
        waiting = sorted(missing, key=lambda row: -row[1])
        open_keys = {cell.run_key for cell, _ in missing}
        failures: list[tuple[Cell, str]] = []
        slots = Slots(self.sweep.workers, max(cell.processes for cell, _ in missing))
        display = Display([cost for _, cost in missing], len(slots.pools))
        finished_cleanly = False
        try:
            display.start()
            while waiting or slots.busy:
                for slot in slots.free():
                    # Methods that differ in their own distance alone share a folder: one at a time works in it.
                    taken = {cell.run_key for _, cell in slots.busy.values()}
                    ready = next(
                        (row for row in waiting if row[0].base_key not in open_keys and row[0].run_key not in taken),
                        None,
                    )
                    if ready is None:
                        break
                    waiting.remove(ready)
                    base = trained_by.get(ready[0].base_key)
                    model = None if base is None else base.folder / MODEL
                    display.begin(*ready)
                    slots.submit(slot, ready[0], str(model) if model and model.is_file() else None, self.sweep)
                for cell, error in slots.finished():
                    open_keys.discard(cell.run_key)
                    display.end(cell, error)
                    if error is not None:
                        failures.append((cell, error))
            finished_cleanly = True
        finally:
            display.close()
            slots.close(kill=not finished_cleanly)
        return failures
