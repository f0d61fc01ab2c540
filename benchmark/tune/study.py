"""A study: every method's trials, trained and measured on held-out training subjects."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
import yaml

from benchmark.data.datamodule import SiteDataModule
from benchmark.embeddings.table import ldr_columns
from benchmark.errors import UserError
from benchmark.methods.representation import Batch
from benchmark.methods.views import Views
from benchmark.metrics.settings import EvaluationSettings
from benchmark.prepare.phantom.generate import generate
from benchmark.report.columns import CROSS_SITE_MAP, LEAKAGE, PRESERVED
from benchmark.report.summary import sections
from benchmark.results.read import read_table
from benchmark.results.schema import SCORES
from benchmark.sweep.config import SweepConfig, content_of, with_seed
from benchmark.sweep.data_sets import data_of
from benchmark.sweep.run import Run
from benchmark.sweep.runs import runs_of
from benchmark.sweep.sweep import run_sweep
from benchmark.sweep.up_to_date import matches
from benchmark.train import load_method
from benchmark.train.resolve import instantiate_data, resolve
from benchmark.train.run_folder import EMBEDDINGS
from benchmark.tune.rules import TERMS, view_match
from benchmark.tune.space import nested, read_space, space_file, trials_of, with_overrides

#: The terms read the MLP alone, and no interval or chance level.
EVALUATION = EvaluationSettings(
    probes=("mlp",), permutations=0, mlp_permutations=0, test_permutations=0, inner_folds=0, bootstrap=0
)
#: Term to the scores of the wide tables that it is the mean of.
_SCORES = {
    "map_cn_ad": ("map_cn_ad",),
    "ssim": ("ssim",),
    "site_probe": ("mlp_standardised", "mlp_whitened"),
}
_KEYS = {key for keys in _SCORES.values() for key in keys}
_COLUMNS = [column for column in (CROSS_SITE_MAP, *LEAKAGE, *PRESERVED) if column.key in _KEYS]
VIEW_SEED = 0


@dataclass(frozen=True)
class Trial:
    """Settings of a method that are tried.

    Attributes
    ----------
    method
        Its name.
    number
        1 for the method's own settings.
    settings
        Options of the model, dots between nested names, that differ from its own.
    file
        YAML file of the method with these settings.
    """

    method: str
    number: int
    settings: dict[str, Any]
    file: Path


def make_trials(sweep: SweepConfig, folder: Path, count: int) -> list[Trial]:
    """Write a YAML file of every trial, ``METHOD-NUMBER.yaml``, where it is not there.

    Raises
    ------
    UserError
        If a method's file or search space is not as it must be, or the folder has trials of other settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    trials = []
    for method, path in sweep.method_files().items():
        # Says what is wrong with a file.
        resolve(path, {})
        content = content_of(path)
        for number, settings in enumerate(trials_of(read_space(space_file(path)), count), 1):
            file = folder / f"{method}-{number}.yaml"
            changed = {**content, "model": with_overrides(content["model"], {"init_args": nested(settings)})}
            text = yaml.safe_dump(changed, sort_keys=False)
            if file.is_file() and file.read_text(encoding="utf-8") != text:
                raise UserError(
                    f"{file}: is of other settings, as the method or its search space has changed; name another --out"
                )
            file.write_text(text, encoding="utf-8")
            trials.append(Trial(method, number, settings, file))
    return trials


def training_sweep(sweep: SweepConfig, out: Path, trials: Sequence[Trial], seeds: Sequence[int]) -> SweepConfig:
    """The sweep of the trials, on manifests of training subjects alone.

    Of a phantom, a new one is made for each seed. Of other data, whoever is a test subject for any of the sweep's own
    seeds is left out. Which of the rest are held out is up to the suite's own split.

    Raises
    ------
    UserError
        For a sweep with axes, a seed that the sweep reports, or data of which no training subjects are left.
    """
    reported = {seed for of_protocol in sweep.seeds.values() for seed in of_protocol}
    if sweep.axes:
        raise UserError("field 'axes': is not allowed in a sweep that settings are chosen for")
    both = sorted(reported & set(seeds))
    if both:
        raise UserError(f"--seeds: {both[0]} is a seed of the sweep; no data that tables report may choose settings")
    folders = {}
    for seed in seeds:
        folders[seed] = out / f"training-{seed}"
        folders[seed].mkdir(parents=True, exist_ok=True)
        if sweep.phantom is not None:
            _, settings = sweep.phantom.of_seed(seed)
            for path in generate(settings, out / f"phantom-{seed}", sweep.workers or os.cpu_count() or 1):
                rows = pd.read_csv(path, dtype=str, keep_default_na=False)
                _write(rows[rows["split"] == "train"].drop(columns="split"), folders[seed] / path.name)
    overrides = {**sweep.overrides, "data.manifests": [f"{out}/training-{{seed}}/*.csv"]}
    if sweep.phantom is not None:
        overrides |= {"data.data_root": f"{out}/phantom-{{seed}}", "data.truth": None}
    else:
        _training_manifests(sweep, sorted(reported), list(folders.values()))
    overrides.setdefault("data.cache_dir", f"{out}/cache")
    return replace(
        sweep,
        methods=[str(trial.file) for trial in trials],
        seeds={"pooled": list(seeds)},
        overrides=overrides,
        phantom=None,
        evaluation=EVALUATION,
        primary=replace(sweep.primary, method=""),
    )


def _training_manifests(sweep: SweepConfig, reported: Sequence[int], folders: Sequence[Path]) -> None:
    first = next(iter(sweep.method_files().values()))
    left: set[str] | None = None
    for seed in reported:
        config = resolve(first, with_seed(sweep.overrides, seed))["data"] | {"seed": seed}
        scans = data_of(config)[1]
        training = set(scans.loc[scans["split"] == "train", "subject_id"])
        left = training if left is None else left & training
    if not left:
        raise UserError("no subject is a training subject for all seeds of the sweep: no data are left to choose by")
    for pattern in with_seed(sweep.overrides["data.manifests"], reported[0]):
        for path in map(Path, matches(pattern)):
            rows = pd.read_csv(path, dtype=str, keep_default_na=False)
            kept = rows[rows["subject_id"].isin(left)].drop(columns="split", errors="ignore")
            for folder in folders:
                _write(kept, folder / path.name)


def _write(rows: pd.DataFrame, path: Path) -> None:
    text = rows.to_csv(index=False, lineterminator="\n")
    # An unchanged manifest keeps its time, by which runs know that nothing has changed.
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def measure(sweep: SweepConfig, out: Path, trials: Sequence[Trial]) -> pd.DataFrame:
    """Train what is missing of the trials, and measure every term of every rule.

    Parameters
    ----------
    sweep
        :func:`training_sweep`.
    out
        Folder of the runs; finished ones in it are kept.
    trials
        What the sweep's methods are, in its order.

    Returns
    -------
    pandas.DataFrame
        One row per trial and seed: ``method``, ``trial``, ``settings``, ``seed``, ``train_seconds`` and the terms;
        NaN where a method has no such thing.

    Raises
    ------
    UserError
        If a run fails; those that are finished stay.
    """
    for run, error in run_sweep(sweep, out):
        raise UserError(f"{run.name}: {error}; give the same command again to go on")
    scores, runs = read_table(out / SCORES), runs_of(sweep, out)
    of_file = {trial.file.stem: trial for trial in trials}
    views: dict[int, list[Batch]] = {}
    rows = []
    for seed, of_seed in scores.groupby("seed", sort=False):
        entries = sections(of_seed, _COLUMNS, list(of_file))[0].entries
        for run in (run for run in runs if run.seed == seed):
            if run.seed not in views:
                views[run.seed] = _views(instantiate_data(run.config["data"]))
            trial, found = of_file[run.method], entries.get(run.method, {})
            terms = {
                term: float(np.mean([found[key].mean if key in found else np.nan for key in keys]))
                for term, keys in _SCORES.items()
            }
            terms["own_view_found"] = _own_view_found(run, views[run.seed])
            settings = yaml.safe_dump(trial.settings, default_flow_style=True, sort_keys=False, width=10**6).strip()
            rows.append({"method": trial.method, "trial": trial.number, "settings": settings, "seed": run.seed} | terms)
    return pd.DataFrame(rows).sort_values(["method", "trial", "seed"], kind="stable", ignore_index=True)[
        ["method", "trial", "settings", "seed", *TERMS]
    ]


def _views(data: SiteDataModule) -> list[Batch]:
    """A view of every held-out scan."""
    batches = []
    for batch in data.predict_dataloader():
        held_out = {name: value[batch["scored"]] for name, value in batch.items()}
        if len(held_out["index"]):
            held_out["volume"] = Views().of(
                held_out["volume"], held_out["index"], epoch=0, seed=VIEW_SEED, spacing=data.preprocessing.spacing
            )
            batches.append(cast(Batch, held_out))
    return batches


@torch.no_grad()
def _own_view_found(run: Run, views: Sequence[Batch]) -> float:
    embeddings = pd.read_parquet(run.folder / EMBEDDINGS)
    ldrs = embeddings[ldr_columns(embeddings)].to_numpy(np.float64)
    model = load_method(run.folder).model
    of_views = torch.cat([model.embed({**batch, "volume": batch["volume"].to(model.device)}).cpu() for batch in views])
    rows = torch.cat([batch["index"] for batch in views]).numpy()
    return view_match(ldrs[rows], of_views.double().numpy(), ldrs[embeddings["split"] == "train"].mean(axis=0))


def write_selected(trials: Sequence[Trial], picked: dict[str, int], folder: Path, chosen_on: str) -> list[Path]:
    """Copy the YAML files of the trials that a rule picks, with the number of trials in their cards.

    Parameters
    ----------
    trials
        Of all methods.
    picked
        Method to the number of its trial.
    folder
        Where ``METHOD.yaml`` are written.
    chosen_on
        Data and rule, for the cards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for trial in trials:
        if picked.get(trial.method) == trial.number:
            content = yaml.safe_load(trial.file.read_text(encoding="utf-8"))
            count = sum(other.method == trial.method for other in trials)
            content["card"] = {**(content.get("card") or {}), "tried_settings": count, "chosen_on": chosen_on}
            files.append(folder / f"{trial.method}.yaml")
            files[-1].write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return files
