"""What the methods of a results folder's runs add to the scans of each site beside what their LDRs hold."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmark.data.datamodule import SiteDataModule
from benchmark.errors import UserError
from benchmark.methods.errors import MethodError
from benchmark.methods.representation import RepresentationModule
from benchmark.protocols import POOLED
from benchmark.report.page.added import AddedInput, site_pictures
from benchmark.results.schema import RUN_COLUMNS, run_name
from benchmark.seeds import generator
from benchmark.sweep.run import Run, marker_files, marker_of, training_folder
from benchmark.sweep.sources import files_of
from benchmark.train.loaded_method import LoadedMethod, load_method
from benchmark.train.resolve import instantiate_data
from benchmark.train.run_folder import CONFIG, MODEL

log = logging.getLogger(__name__)

#: Most test scans of each site that are averaged.
SCANS = 4
#: What the pictures are called in Weights & Biases.
KEY = "added_per_site"

_UNITS = {"zscore": "normalised intensity [SD]", "percentile": "normalised intensity [range]"}


def added_inputs(results: Path, method_order: Sequence[str]) -> list[AddedInput]:
    """What methods add, each by its pooled run of the first seed, or else by another run.

    Of methods that add nothing no model is loaded.

    Parameters
    ----------
    results
        Results folder of a sweep, with its ``runs``.
    method_order
        Methods in table order.
    """
    first: dict[str, tuple[dict[str, Any], Path]] = {}
    runs = [(marker, file.parent) for file in sorted(marker_files(results)) if (marker := marker_of(file.parent))]
    for marker, folder in sorted(runs, key=lambda run: _rank(run[0])):
        first.setdefault(marker["method"], (marker, training_folder(folder)))
    of_methods = {name: set(marker.get("run_parts", {}).get("source", ())) for name, (marker, _) in first.items()}
    adding = adding_modules(set().union(*of_methods.values()))
    order = [name for name in method_order if name in first] + sorted(set(first) - set(method_order))
    # Methods that differ in their own distance alone share a training.
    titles: dict[Path, str] = {}
    for marker, folder in (first[name] for name in order if of_methods[name] & adding):
        titles.setdefault(folder, run_name(**{name: marker[name] for name in RUN_COLUMNS}))
    found = [added_of(folder, title) for folder, title in titles.items()]
    return [each for each in found if each is not None]


def adding_modules(names: Iterable[str]) -> set[str]:
    """Those modules that say what a reconstruction is the sum of; none is imported."""
    files = files_of(set(names) - {RepresentationModule.__module__})
    return {name for name, file in files.items() if file and "def summands(" in file.read_text(encoding="utf-8")}


def _rank(marker: Mapping[str, Any]) -> tuple[bool, int, str]:
    return marker["protocol"] != POOLED, marker["seed"], marker["held_out_site"]


def added_of(folder: Path, title: str) -> AddedInput | None:
    """What a trained method adds to a few test scans of each site; None if it adds nothing.

    Parameters
    ----------
    folder
        Of the run.
    title
        What the run is called.
    """
    if not (folder / MODEL).is_file():
        return AddedInput(title, problem=f"they need the run's {MODEL}, which is no longer there")
    try:
        method = load_method(folder)
    except UserError as error:
        log.warning("%s", error)
        return AddedInput(title, problem="the run's model cannot be loaded")
    try:
        config = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))["data"]
        # An augmentation matters in training alone.
        data = instantiate_data({**config, "augmentation": None})
        return _mean(method, data, title)
    except (UserError, OSError) as error:
        log.warning("%s", error)
        return AddedInput(title, problem="the scans that the run was scored on cannot be read")
    except MethodError as error:
        return AddedInput(title, problem=str(error))


def chosen_scans(scans: pd.DataFrame) -> dict[str, list[int]]:
    """Rows of a few test scans of each site, one a subject, drawn in an order that nobody picked.

    Where two subjects or more were scanned at every site, they alone: what differs between sites is then no subject.

    Parameters
    ----------
    scans
        The scans table, with ``split``, ``site``, ``subject_id`` and ``session_id``.
    """
    test = scans.reset_index(drop=True).query("split == 'test'")
    places = test.groupby("subject_id")["site"].nunique()
    everywhere = places.index[places == test["site"].nunique()]
    if len(everywhere) > 1:
        test = test[test["subject_id"].isin(everywhere)]
    draw = {subject: generator("added", str(subject)).random() for subject in test["subject_id"].unique()}
    order = test.assign(draw=test["subject_id"].map(draw)).sort_values(["site", "draw", "session_id"], kind="stable")
    few = order.drop_duplicates(["site", "subject_id"]).groupby("site").head(SCANS)
    return {str(site): [int(row) for row in rows.index] for site, rows in few.groupby("site")}


def _mean(method: LoadedMethod, data: SiteDataModule, title: str) -> AddedInput | None:
    chosen = chosen_scans(data.scans)
    volumes, name = {}, ""
    for site, rows in chosen.items():
        parts = method.added(method.batch_of(data.scans.iloc[rows], [data.store.volumes[row] for row in rows]))
        if not parts:
            return None
        name = " + ".join(parts)
        volumes[site] = np.sum(list(parts.values()), axis=0).mean(axis=0)
    if not all(np.isfinite(volume).all() for volume in volumes.values()):
        return AddedInput(title, problem="what the method adds is not finite")
    subjects = {frozenset(data.scans["subject_id"].iloc[rows]) for rows in chosen.values()}
    scans = {site: len(rows) for site, rows in chosen.items()}
    return AddedInput(title, name, _UNITS[method.preprocessing.normalisation], volumes, scans, len(subjects) == 1)


def log_added(wandb_run: Any, run: Run) -> None:
    """Log the pictures of a finished run; nothing where there is no wandb run, or the method adds nothing.

    Parameters
    ----------
    wandb_run
        Of Weights & Biases, or None.
    run
        Trained and scored.
    """
    if wandb_run is None or not adding_modules(run.parts.source):
        return
    given = added_of(run.folder, run.name)
    if given is None:
        return
    if given.problem:
        log.warning("%s: no pictures of what is added to scans: %s", run.name, given.problem)
        return
    import wandb
    from PIL import Image

    made = site_pictures(given)
    images = [wandb.Image(Image.open(io.BytesIO(one.png)).convert("RGB"), caption=one.caption) for one in made]
    wandb_run.log({KEY: images})
