"""Submitted embeddings as rows of a task."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.embeddings.table import ldr_columns
from benchmark.errors import UserError
from benchmark.metrics.evaluate import process_aside, score_all
from benchmark.metrics.rows import to_frame, to_replicates
from benchmark.protocols import LEAVE_ONE_SITE_OUT
from benchmark.report.about import ABOUT, About
from benchmark.report.results import Results
from benchmark.report.statistics.bounds import declared_metrics
from benchmark.report.statistics.shared_subjects import shares_in_common
from benchmark.report.text import count
from benchmark.results.environment import environment
from benchmark.results.same_task import DATA, SUBMITTED
from benchmark.results.schema import joined
from benchmark.sweep.keys import digest
from benchmark.tasks.card import SubmissionCard
from benchmark.tasks.export import manifests_of
from benchmark.tasks.task import UNSEEN, Expected, SeedData, Task, csv_text, scans_of_seed, sha256_of_file, shown_scans
from benchmark.tasks.vectors import vectors_of_run


@dataclass(frozen=True)
class Checked:
    """A run of a submission that may be scored.

    Attributes
    ----------
    run
        Which it is.
    path, sha256
        Its file.
    table
        Scans with their labels and vectors.
    failed
        How many of them are declared failed.
    """

    run: Expected
    path: Path
    sha256: str
    table: pd.DataFrame
    failed: int


def checked_runs(task: Task, files: Mapping[Expected, Path], manifests: list[Path] | None = None) -> list[Checked]:
    """Read and check every file of a submission, before any is scored.

    Parameters
    ----------
    task
        The task.
    files
        File of every run that there is.
    manifests
        The task's manifests; those that lie where its sweep looks for them by default.

    Raises
    ------
    UserError
        For the first file that cannot be used, for manifests that are not the task's, for metrics of other versions
        than the task's, and for vectors of another length in another run of a protocol.
    """
    check_metrics(task)
    found: list[Checked] = []
    lengths: dict[str, tuple[int, Path]] = {}
    for seed in sorted({run.seed for run in files}):
        scans = _scans(task, seed, manifests)
        for run, path in ((run, path) for run, path in files.items() if run.seed == seed):
            table, failed = vectors_of_run(path, _of_run(scans, run))
            length, first = lengths.setdefault(run.protocol, (len(ldr_columns(table)), path))
            if len(ldr_columns(table)) != length:
                raise UserError(
                    f"{path}: vectors of {len(ldr_columns(table))} dimensions; {first} has {length}, and all runs of "
                    "a protocol have as many"
                )
            found.append(Checked(run, path, sha256_of_file(path), table, failed))
    return found


def check_metrics(task: Task) -> None:
    """See that this suite's metrics are those of the task.

    Raises
    ------
    UserError
        With the first that is not.
    """
    here = {f"{metric.table}/{metric.name}": metric.version for metric in declared_metrics()}
    for name in sorted(set(here) | set(task.metrics)):
        if here.get(name) != task.metrics.get(name):
            raise UserError(
                f"the task has version {task.metrics.get(name, 'none')} of the metric {name}, this seada-bench "
                f"{here.get(name, 'none')}; use the release that wrote the task, or export the task again"
            )


def scored(task: Task, card: SubmissionCard, card_sha256: str, runs: list[Checked]) -> Results:
    """Score the runs of a submission with exactly the settings of the task.

    Parameters
    ----------
    task, card, card_sha256
        What was answered, by whom, and the SHA-256 of the card's file.
    runs
        The runs that were checked.
    """
    settings = replace(task.evaluation, own_distance=card.own_distance)  # type: ignore[arg-type]
    scores, replicates = [], []
    with process_aside(max(len(each.table) for each in runs)) as aside:
        for each in runs:
            run = each.run
            found = score_all(each.table, settings, [run.held_out_site] if run.held_out_site else None, aside)
            place: dict[str, Any] = {"method": card.name, **asdict(run)}
            scores.append(to_frame(found).assign(**place))
            replicates.append(to_replicates(found).assign(**place))
    missing = [run.name(card.name) for run in task.runs if run not in {each.run for each in runs}]
    failed = {each.run.name(card.name): each.failed for each in runs if each.failed}
    notes = card.notes()
    if failed:
        notes.append(
            f"{card.name}: {count(sum(failed.values()), 'scan')} of {count(len(failed), 'run')} failed, and count as "
            "the mean of the training scans."
        )
    if missing:
        notes.append(f"{card.name}: {len(missing)} of {count(len(task.runs), 'run')} missing: {', '.join(missing)}.")
    about = About(
        synthetic=task.synthetic,
        cards={card.name: card.for_tables()},
        notes=notes,
        methods=[card.name],
        shared_subjects=_shared_subjects(task, runs),
    )
    provenance = {
        "environment": environment(),
        "sweep": {**task.sweep, "methods": [card.name], "seeds": _seeds(task, runs)},
        ABOUT: about.to_json(),
        "runs": len(runs),
        "run_keys": {
            each.run.name(card.name): digest([SUBMITTED, task.digest, card_sha256, each.sha256]) for each in runs
        },
        "run_key_parts": {
            each.run.name(card.name): {
                "data": digest(images)[:16] if (images := task.data[each.run.seed].images) else ""
            }
            for each in runs
        },
        DATA: {str(seed): data_parts(task.data[seed]) for seed in sorted({each.run.seed for each in runs})},
        SUBMITTED: {
            card.name: {
                "task": task.name,
                "task_digest": task.digest,
                "card": asdict(card),
                "card_sha256": card_sha256,
                "embeddings_sha256": {each.run.name(card.name): each.sha256 for each in runs},
                "failed": failed,
                "missing": missing,
            }
        },
    }
    return Results(
        folder=None, scores=joined(scores), provenance=json.loads(json.dumps(provenance)), resampled=joined(replicates)
    )


def _shared_subjects(task: Task, runs: list[Checked]) -> dict[str, float]:
    found: dict[str, dict[int, set[tuple[str, str]]]] = {}
    for each in runs:
        frame, seed = each.table, each.run.seed
        # Two phantoms have people of the same names.
        data = digest(task.data[seed].manifests)
        tested = {(data, subject) for subject in frame.loc[frame["split"] == "test", "subject_id"]}
        found.setdefault(each.run.protocol, {})[seed] = tested
    return shares_in_common(found)


def data_parts(data: SeedData) -> dict[str, str]:
    """Digest of each part of a seed's data, as results record them; of images only where they were there."""
    return {"splits": data.split, **data.images}


def _seeds(task: Task, runs: list[Checked]) -> dict[str, list[int]]:
    there = {(each.run.protocol, each.run.seed) for each in runs}
    return {
        protocol: [seed for seed in seeds if (protocol, seed) in there] for protocol, seeds in task.protocols.items()
    }


def _scans(task: Task, seed: int, manifests: list[Path] | None) -> pd.DataFrame:
    data = task.data[seed]
    if manifests:
        data = replace(data, patterns=[str(path) for path in manifests])
    with manifests_of(data, None if manifests else task.phantom(seed)) as paths:
        scans = scans_of_seed(paths, seed, task.fractions)
    if hashlib.sha256(csv_text(shown_scans(scans)).encode()).hexdigest() != data.table_sha256:
        raise UserError(f"seed {seed}: the manifests give other scans or splits than the task's {data.table}")
    columns = ["subject_id", "session_id", "site", "diagnosis", "age", "sex", "split"]
    table = scans[columns + [name for name in ("travelling",) if name in scans]]
    return pd.concat([table, _true_anatomy(data, scans)], axis=1)


def _true_anatomy(data: SeedData, scans: pd.DataFrame) -> pd.DataFrame:
    """True anatomy of a phantom's scans, where it is there and the task has its digest; no column where not."""
    path = Path(data.truth)
    if not data.truth or not data.images or not path.is_file():
        return pd.DataFrame(index=scans.index)
    if sha256_of_file(path) != data.images.get("truth"):
        raise UserError(f"{path}: is not the true anatomy of the task; remove it, or make the phantom again")
    truth = pd.read_csv(path).set_index("scan_key")
    missing = sorted(set(scans["scan_key"]) - set(truth.index))
    if missing:
        raise UserError(f"{path}: no row for {len(missing)} scans of the task, the first is {missing[0]}")
    columns = [name for name in truth.columns if name.startswith("bio_")]
    chosen = truth.loc[scans["scan_key"], columns].set_axis(scans.index).astype(np.float32)
    return chosen.rename(columns=lambda name: name.replace("bio_", "anatomy_", 1))


def _of_run(scans: pd.DataFrame, run: Expected) -> pd.DataFrame:
    """Scans with the split that the run's protocol makes."""
    if run.protocol != LEAVE_ONE_SITE_OUT:
        return scans
    hidden = (scans["site"] == run.held_out_site) & (scans["split"] != "test")
    return scans.assign(split=scans["split"].mask(hidden, UNSEEN))
