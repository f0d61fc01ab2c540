"""What executes the runs of a sweep: the interface that worker processes and a cluster share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from benchmark.sweep.run import Run
from benchmark.train.run_folder import MODEL


class Executor(Protocol):
    """Executes runs somewhere.

    Attributes
    ----------
    waits
        Whether the runs are over when :meth:`execute` returns. If not they are queued, and ``seada-bench collect``
        writes the tables.
    """

    @property
    def waits(self) -> bool: ...  # noqa: D102 (an attribute, see above)

    def execute(self, missing: Sequence[tuple[Run, float]], runs: Sequence[Run]) -> list[tuple[Run, str]]:
        """Execute runs, or see to it that they are executed.

        Parameters
        ----------
        missing
            Runs that are due, with their estimated seconds.
        runs
            All runs of the sweep: those that train a base for others are among them.

        Returns
        -------
        list of (Run, str)
            Runs that failed, with their errors.
        """
        ...


def base_models(runs: Sequence[Run]) -> dict[str, Path]:
    """Run key to the model that its run trains, for runs whose ``base_key`` names it."""
    return {run.run_key: run.folder / MODEL for run in runs if not run.base_key}
