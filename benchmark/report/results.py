"""Results with the views on them: what Python users work with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.errors import UserError
from benchmark.folders import make_writable
from benchmark.report.about import About
from benchmark.report.pairing import save_headline_replicates
from benchmark.report.tables import shown_replicates, wide_frame, write_tables
from benchmark.report.wide_tables import wide_tables
from benchmark.report.write_statistics import write_statistics
from benchmark.results.read import StoredResults, read_results
from benchmark.results.schema import SCORES, SCORES_CSV
from benchmark.results.write import write_provenance, write_replicates, write_scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Results(StoredResults):
    """Scores of one or more methods, from :func:`benchmark.evaluate` or :func:`benchmark.load_results`.

    Attributes
    ----------
    folder
        Where they lie; None for results that were not saved.
    scores
        One row per score, with the columns of :mod:`benchmark.results.schema`.
    provenance
        Where they come from.
    resampled
        Resampled values, from which methods are compared; None where the folder's are to be read.
    paired
        Whether methods were scored on the same scans, so that they can be compared with each other.
    """

    resampled: pd.DataFrame | None = None
    paired: bool = True

    def replicates(self) -> pd.DataFrame | None:
        """Resampled values of the scores that wide tables show; None where there are none."""
        return self.resampled if self.resampled is not None else super().replicates()

    @property
    def about(self) -> About:
        """What readers of tables are told beside the scores."""
        return About.of(self.provenance)

    def table(self, name: str) -> pd.DataFrame:
        """A wide table: one row per protocol and method.

        Parameters
        ----------
        name
            ``retrieval``, ``leakage``, ``leakage_extended``, ``preserved`` or ``reliability``.

        Returns
        -------
        pandas.DataFrame
            The same columns as the table's CSV file: per score the mean over runs, ``_sd`` over seeds and ``_chance``.

        Raises
        ------
        UserError
            For another name, or a table of which there is no score.
        """
        tables = {each.name: each for each in wide_tables(self.scores, self.about)}
        if name not in tables:
            raise UserError(f"table '{name}' is not allowed; allowed: {', '.join(tables)}")
        return wide_frame(tables[name])

    def plot(self, leakage: str = "mlp_standardised") -> Figure:
        """Leakage against cross-site retrieval of the first protocol, as a matplotlib figure.

        Parameters
        ----------
        leakage
            Key of a column of the leakage table.

        Raises
        ------
        UserError
            For another key, or where no method has both scores.
        """
        from benchmark.report.page.pareto import figure_of

        figure = figure_of(self.scores, self.about.methods, leakage, self.about.bounds)
        if self.about.synthetic:
            figure.suptitle(self.about.title("Leakage against retrieval"), fontsize=10)
        return figure

    def save(self, folder: Path | str, overwrite: bool = False) -> Path:
        """Write a results folder: scores, replicates, provenance, wide tables, and statistics between methods.

        Parameters
        ----------
        folder
            Made where missing.
        overwrite
            Whether scores that lie there may be replaced.

        Raises
        ------
        UserError
            If the folder cannot be written, or holds scores that may not be replaced.
        """
        out = Path(folder)
        if not overwrite and ((out / SCORES).exists() or (out / SCORES_CSV).exists()):
            raise UserError(f"{out} already holds scores; name another folder, or allow overwriting")
        make_writable(out, "out")
        write_provenance(self.provenance, out)
        write_scores(self.scores, out)
        replicates = self.replicates()
        if replicates is not None:
            write_replicates(shown_replicates(replicates), out)
            if self.paired and replicates["method"].nunique() > 1:
                write_statistics(shown_replicates(replicates), out, self.about)
            elif self.paired:
                save_headline_replicates(replicates, out)
        write_tables(self.scores, out, self.about)
        return out


def load_results(folder: Path | str) -> Results:
    """Results from a folder that a sweep, ``evaluate`` or :meth:`Results.save` wrote.

    Raises
    ------
    UserError
        If it cannot be read (:func:`benchmark.results.read.read_results`).
    """
    read = read_results(Path(folder))
    return Results(read.folder, read.scores, read.provenance)
