"""`seada-bench sweep` of a file with axes: an ordinary sweep for each setting, then tables and pictures over all."""

from __future__ import annotations

from pathlib import Path

from benchmark.report.stress import write_stress
from benchmark.sweep.axes import setting_names, settings_of
from benchmark.sweep.config import SweepConfig
from benchmark.sweep.display import log_line
from benchmark.sweep.run import Run
from benchmark.sweep.sweep import locked, run_sweep
from benchmark.sweep.up_to_date import remember_parts, still_finished


def run_stress(sweep: SweepConfig, out: Path, file: Path) -> tuple[list[tuple[Run, str]], str]:
    """Run every setting that is not finished, one after the other, and write what all show together.

    Parameters
    ----------
    sweep
        A sweep with axes.
    out
        Results folder; a setting's results lie in the folder of its name in it.
    file
        The sweep's file.

    Returns
    -------
    failures
        Failed runs of all settings with their errors.
    text
        Which method holds where, and where the tables lie.

    Raises
    ------
    UserError
        If a folder cannot be written, another sweep works in it, or the data cannot be used.
    """
    settings = settings_of(sweep)
    failures: list[tuple[Run, str]] = []
    with locked(out):
        for number, (name, setting) in enumerate(settings.items(), 1):
            if still_finished(out / name, file) is None:
                log_line(f"setting {number} of {len(settings)}: {name}", terminal=True)
                failures += run_sweep(setting, out / name, file=file)
        made, lines = write_stress(out, setting_names(sweep), list(sweep.method_files()))
        text = "\n".join([*lines, f"tables: {', '.join(map(str, made))}"])
        if not failures:
            remember_parts(out, [out / name for name in settings], made, text)
    return failures, text
