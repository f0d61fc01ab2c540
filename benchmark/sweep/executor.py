"""What runs the cells of a sweep: the interface that worker processes and a cluster share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from benchmark.sweep.cell import Cell
from benchmark.train.run_folder import MODEL


class Executor(Protocol):
    """Runs cells somewhere.

    Attributes
    ----------
    waits
        Whether the cells are over when :meth:`run` returns. If not they are queued, and ``seada-bench collect``
        writes the tables.
    """

    @property
    def waits(self) -> bool: ...  # noqa: D102 (an attribute, see above)

    def run(self, missing: Sequence[tuple[Cell, float]], cells: Sequence[Cell]) -> list[tuple[Cell, str]]:
        """Run cells, or see to it that they are run.

        Parameters
        ----------
        missing
            Cells to run, with their estimated seconds.
        cells
            All cells of the sweep: those that train a base for others are among them.

        Returns
        -------
        list of (Cell, str)
            Cells that failed, with their errors.
        """
        ...


def base_models(cells: Sequence[Cell]) -> dict[str, Path]:
    """Run key to the model that its cell trains, for cells whose ``base_key`` names it."""
    return {cell.run_key: cell.folder / MODEL for cell in cells if not cell.base_key}
