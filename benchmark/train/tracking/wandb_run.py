"""One Weights & Biases run per run of a sweep, and one group per sweep."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from benchmark.train.tracking.loggers import wandb_has_key
from benchmark.train.tracking.settings import Tracking

log = logging.getLogger(__name__)


@contextmanager
def wandb_run(
    tracking: Tracking | None, folder: Path, name: str, run_id: str, config: dict[str, Any], job: str = "run"
) -> Iterator[Any]:
    """A wandb run that lasts as long as the block; the trainer's Weights & Biases logger joins it.

    Parameters
    ----------
    tracking
        Of the sweep.
    folder
        Where its files go, into ``wandb/``.
    name, run_id
        What people see, and what a resumed training goes on under.
    config
        Logged with it.
    job
        Kind of the wandb run within its group.

    Yields
    ------
    wandb.Run or None
        None where the sweep has no Weights & Biases. Where it cannot be reached that is logged, and the wandb
        run is kept offline.
    """
    if tracking is None or tracking.settings.wandb is None:
        yield None
        return
    # Here and not above: it takes a second, and most sweeps do without.
    import wandb

    settings = tracking.settings.wandb

    def start(mode: Literal["online", "offline"]) -> Any:
        return wandb.init(
            project=settings.project,
            entity=settings.entity,
            group=tracking.group,
            job_type=job,
            name=name,
            id=run_id,
            resume="allow",
            dir=str(folder),
            mode=mode,
            config=json.loads(json.dumps(config, default=str)),
            settings=wandb.Settings(
                # What the libraries print is in the run's log already; nothing of the machine but what is asked for.
                console="off", silent=True, disable_git=True, disable_code=True, x_disable_meta=True,
            ),
        )  # fmt: skip

    online = wandb_has_key() if settings.mode == "auto" else settings.mode == "online"
    try:
        run = start("online" if online else "offline")
    except wandb.errors.Error as error:
        log.warning("Weights & Biases is out of reach, %s stays offline: %s", name, " ".join(str(error).split()))
        run = start("offline")
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    failed = 1
    try:
        yield run
        failed = 0
    finally:
        run.finish(exit_code=failed)


def log_scores(run: Any, scores: pd.DataFrame, provenance: dict[str, Any]) -> None:
    """Log the rows of a scores table, by its tables, and where they come from; nothing where there is no wandb run."""
    if run is None:
        return
    run.config.update({"provenance": provenance}, allow_val_change=True)
    log_tables(run, {str(name): _used(rows) for name, rows in scores.groupby("table", sort=False)})


def _used(rows: pd.DataFrame) -> pd.DataFrame:
    # Parameters that none of these metrics has would be empty columns.
    return rows[[name for name in rows if name not in ("table", "version") and (rows[name] != "").any()]]


def log_final_tables(tracking: Tracking, out: Path) -> None:
    """Log the wide tables of a results folder in a wandb run of their own, named ``tables``, of the sweep's group."""
    tables = {name: out / f"{name}.csv" for name in ("retrieval", "leakage")}
    if tracking.settings.wandb is None or not all(path.is_file() for path in tables.values()):
        return
    provenance = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    with wandb_run(tracking, out, "tables", f"{tracking.group}-tables", provenance, "tables") as run:
        log_tables(run, {name: pd.read_csv(path) for name, path in tables.items()})


def log_tables(run: Any, tables: dict[str, pd.DataFrame]) -> None:
    """Log tables by name, as ``tables/NAME``."""
    import wandb

    run.log({f"tables/{name}": wandb.Table(dataframe=rows.reset_index(drop=True)) for name, rows in tables.items()})
