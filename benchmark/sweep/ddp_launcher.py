"""A run with several processes on this machine: started here, joined by Lightning."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from multiprocessing import connection, get_context
from multiprocessing.process import BaseProcess

import torch
from lightning.fabric.plugins.environments.lightning import find_free_network_port

from benchmark.metrics.evaluate import EvaluationSettings
from benchmark.processes import environment_variables
from benchmark.sweep.run import Run
from benchmark.sweep.worker import execute_run, start


def execute_here(run: Run, base: str | None, evaluation: EvaluationSettings) -> str | None:
    """Execute a run in as many processes as it takes, this one being the first.

    Lightning's own launcher starts the program anew, which in a worker process is the whole sweep. Processes that
    find their rank in the environment are joined as they are, here as on a cluster.

    Parameters
    ----------
    run, base, evaluation
        As for :func:`benchmark.sweep.worker.execute_run`.

    Returns
    -------
    str or None
        A one-line error if the run failed.
    """
    if run.processes == 1:
        return execute_run(run, base, evaluation)
    context = get_context("spawn")
    threads = torch.get_num_threads()
    others = [
        context.Process(target=_run_rank, args=(rank, threads, run, base, evaluation), daemon=True)
        for rank in range(1, run.processes)
    ]
    with environment_variables(
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(find_free_network_port()), NODE_RANK="0", LOCAL_RANK="0"
    ):
        for process in others:
            process.start()
        over = threading.Event()
        threading.Thread(target=_die_with, args=(others, over), daemon=True).start()
        try:
            return execute_run(run, base, evaluation)
        finally:
            over.set()
            for process in others:
                process.kill()


def _run_rank(rank: int, threads: int, run: Run, base: str | None, evaluation: EvaluationSettings) -> None:
    os.environ["LOCAL_RANK"] = str(rank)
    start((), threads)
    sys.exit(execute_run(run, base, evaluation, rank=rank))


def _die_with(processes: Sequence[BaseProcess], over: threading.Event) -> None:
    # The first process would wait half an hour for one that never comes to the meeting point.
    running = list(processes)
    while running:
        connection.wait([process.sentinel for process in running])
        if any(process.exitcode for process in running) and not over.is_set():
            os._exit(1)
        running = [process for process in running if process.exitcode is None]
