"""Runs in worker processes of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from multiprocessing import get_context

from benchmark.errors import UserError
from benchmark.processes import environment_variables
from benchmark.sweep import worker
from benchmark.sweep.config import SweepConfig
from benchmark.sweep.ddp_launcher import execute_here
from benchmark.sweep.display import Display
from benchmark.sweep.machine import THREAD_VARIABLES, Machine
from benchmark.sweep.parts import Parts
from benchmark.sweep.run import Run, base_models, error_of, write_error


class WorkerPool:
    """Long-lived worker processes, each with one run at a time.

    One pool a process, so that a process that dies takes down its own run and no other.

    Parameters
    ----------
    workers
        How many; 0 for as many as the machine has GPUs or cores for.
    devices
        Processes of a run, with a GPU each where there are; several make several processes of a worker's run.

    Raises
    ------
    UserError
        If the machine has GPUs, but fewer than a run takes.
    """

    def __init__(self, workers: int, devices: int = 1) -> None:
        machine = Machine.here(workers, devices)
        gpus, count = machine.gpus, machine.workers
        if 0 < gpus < devices:
            raise UserError(f"executor.devices: {devices} is not allowed; this machine has {gpus} GPUs")
        of_worker = [[(i * devices + k) % gpus for k in range(devices)] if gpus else [] for i in range(count)]
        self.arguments = [(given, machine.threads) for given in of_worker]
        # Each library reads it when a worker loads it. Workers whose libraries all take every core for themselves
        # wait for each other most of the time, and sums over another number of threads round differently.
        self.environment = ExitStack()
        threads = dict.fromkeys(THREAD_VARIABLES, str(machine.threads))
        self.environment.enter_context(environment_variables(**threads))
        self.pools = [self._pool(number) for number in range(count)]
        self.busy: dict[Future[str | None], tuple[int, Run]] = {}

    def _pool(self, worker_number: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=worker.start, initargs=self.arguments[worker_number]
        )

    def free(self) -> list[int]:
        """Numbers of the workers without a run."""
        taken = {number for number, _ in self.busy.values()}
        return [number for number in range(len(self.pools)) if number not in taken]

    def submit(self, number: int, run: Run, base: str | None, sweep: SweepConfig) -> None:
        """Give a free worker a run."""
        future = self.pools[number].submit(execute_here, run, base, sweep.evaluation)
        self.busy[future] = (number, run)

    def finished(self) -> list[tuple[Run, str | None]]:
        """Wait for at least one run; each with its error, if it failed."""
        done, _ = wait(self.busy, return_when=FIRST_COMPLETED)
        results = []
        for future in done:
            number, run = self.busy.pop(future)
            try:
                error = future.result()
            except BrokenProcessPool:
                error = error_of(run.scores_folder)  # of another process of the run, if there is one
                if not error:
                    error = "the worker process died (killed, or out of memory)"
                    write_error(run.scores_folder, error)
                self.pools[number] = self._pool(number)
            results.append((run, error))
        return results

    def close(self, *, kill: bool) -> None:
        """End the processes, which takes them seconds that are not waited for; at once with ``kill``."""
        for pool in self.pools:
            processes = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes if kill else []:
                process.kill()
        self.environment.close()


def execute_locally(
    sweep: SweepConfig, missing: Sequence[tuple[Run, float]], runs: Sequence[Run], *, tell_scores: bool = True
) -> list[tuple[Run, str]]:
    """Execute runs in worker processes, the longest first, and wait for them.

    Parameters
    ----------
    sweep
        Which says how.
    missing
        Runs that are due, with their estimated seconds.
    runs
        All runs of the sweep.
    tell_scores
        Whether the scores of parts of the sweep are told as these come to their end.

    Returns
    -------
    list of (Run, str)
        Failed runs with their errors.
    """
    if not missing:
        return []
    bases = base_models(runs)
    waiting = sorted(missing, key=lambda row: -row[1])
    open_keys = {run.run_key for run, _ in missing}
    failures: list[tuple[Run, str]] = []
    workers = WorkerPool(sweep.workers, max(run.processes for run, _ in missing))
    parts = Parts(runs, [run for run, _ in missing])
    display = Display([cost for _, cost in missing], len(workers.pools))
    finished_cleanly = False
    try:
        display.start()
        while waiting or workers.busy:
            for number in workers.free():
                # Methods that differ in their own distance alone share a folder: one at a time works in it.
                taken = {run.run_key for _, run in workers.busy.values()}
                ready = next(
                    (row for row in waiting if row[0].base_key not in open_keys and row[0].run_key not in taken),
                    None,
                )
                if ready is None:
                    break
                waiting.remove(ready)
                base = bases.get(ready[0].base_key)
                display.begin(*ready)
                workers.submit(number, ready[0], str(base) if base and base.is_file() else None, sweep)
            for run, error in workers.finished():
                open_keys.discard(run.run_key)
                display.end(run, error)
                for line in parts.end(run) if tell_scores else []:
                    display.say(line)
                if error is not None:
                    failures.append((run, error))
        finished_cleanly = True
    finally:
        display.close()
        workers.close(kill=not finished_cleanly)
    return failures
