"""Choose each method's settings from equally many trials by a rule that uses no label of a test, on development data.

Run as ``python -m benchmarks.choose_settings --out FOLDER``. Trials are in ``trials.yaml``. Each is trained on phantoms
of which only the training subjects are used, a quarter of them held out by the suite's own split; their diagnoses are
removed beforehand. Four families of scanner effects are on, so the others stay unseen until the reported sweeps. By
each of three terms a trial is ranked among its method's: the reconstruction's SSIM, how badly a probe names the site,
and how often a scan finds its own view (:class:`benchmark.methods.views.Views`) among those of all held-out scans. The
lowest mean rank is chosen. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
import yaml
from jsonargparse import auto_cli

from benchmark.configs import METHODS
from benchmark.data.datamodule import SiteDataModule
from benchmark.embeddings.table import ldr_columns
from benchmark.errors import UserError
from benchmark.methods.representation import Batch
from benchmark.methods.views import Views
from benchmark.metrics.settings import EvaluationSettings
from benchmark.prepare.phantom.generate import generate
from benchmark.prepare.phantom.settings import FAMILIES, PhantomSettings
from benchmark.results.read import read_table
from benchmark.results.schema import SCORES
from benchmark.sweep.config import SweepConfig
from benchmark.sweep.run import Run
from benchmark.sweep.runs import runs_of
from benchmark.sweep.sweep import run_sweep
from benchmark.train import load_method
from benchmark.train.resolve import instantiate_data
from benchmark.train.run_folder import EMBEDDINGS
from benchmark.tune.rules import view_match
from benchmark.tune.space import with_overrides

TRIALS = Path(__file__).with_name("trials.yaml")
#: Families of scanner effects that the phantoms have.
ON = ("contrast", "bias", "registration", "mask")
#: Terms of the rule, and whether higher is better.
TERMS = {"SSIM": True, "site probe": False, "own view found": True}
#: The terms read the MLP alone, and no interval or chance level.
EVALUATION = EvaluationSettings(
    probes=("mlp",), permutations=0, mlp_permutations=0, test_permutations=0, inner_folds=0, bootstrap=0
)
VIEW_SEED = 0

Trials = dict[str, list[dict[str, Any]]]


def read_trials(path: Path) -> Trials:
    """Settings to try, by method.

    Raises
    ------
    UserError
        If methods differ in how many they have.
    """
    try:
        trials: Trials = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    counts = {method: len(settings) for method, settings in trials.items()}
    if len(set(counts.values())) != 1:
        raise UserError(f"{path}: every method must have the same number of trials, not {counts}")
    return trials


def training_rows(manifest: pd.DataFrame) -> pd.DataFrame:
    """Training subjects of a phantom's manifest, without its split and without diagnoses."""
    return manifest[manifest["split"] == "train"].drop(columns="split").assign(diagnosis="")


def mean_ranks(measured: pd.DataFrame) -> pd.Series:
    """Mean over seeds and terms of a trial's rank among its method's trials, 1 being the best.

    Equal values share the mean of their ranks; an undefined one comes last.

    Parameters
    ----------
    measured
        One row per method, trial and seed, with these columns and those of :data:`TERMS`.

    Returns
    -------
    pandas.Series
        Indexed by method and trial, in the order of the rows.
    """
    among = measured.groupby(["method", "seed"], sort=False)
    ranks = [among[term].rank(ascending=not higher, na_option="bottom") for term, higher in TERMS.items()]
    # Sums of halves are exact, so that equal trials stay equal.
    total = pd.concat(ranks, axis=1).sum(axis=1)
    return total.groupby([measured["method"], measured["trial"]], sort=False).mean() / len(TERMS)


def chosen(ranks: pd.Series) -> list[tuple[str, int]]:
    """Method and trial of each method's lowest mean rank; the first of equal ones."""
    return list(ranks.groupby(level="method", sort=False).idxmin())


def as_markdown(measured: pd.DataFrame, trials: Trials) -> str:
    """Table of all trials; values are by seed, the chosen trials in bold."""
    ranks = mean_ranks(measured)
    best, of_trial = chosen(ranks), cast(dict[tuple[str, int], float], ranks.to_dict())
    by_trial, rows = dict(iter(measured.groupby(["method", "trial"]))), []
    for (method, trial), rank in of_trial.items():
        bold = "**" if (method, trial) in best else ""
        settings = yaml.safe_dump(trials[method][trial - 1], default_flow_style=True, sort_keys=False, width=1000)
        row = {"method": method, "settings": f"{bold}{settings.strip()[1:-1]}{bold}"}
        for term in TERMS:
            row[term] = " / ".join(f"{value:.3f}" for value in by_trial[method, trial][term])
        rows.append({**row, "mean rank": f"{bold}{rank:.2f}{bold}"})
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True) + "\n"


def _make_data(out: Path, settings: PhantomSettings, processes: int) -> None:
    """A phantom, and manifests of its training subjects alone."""
    folder = out / f"training-{settings.seed}"
    folder.mkdir(parents=True, exist_ok=True)
    for path in generate(settings, out / f"phantom-{settings.seed}", processes):
        training_rows(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(folder / path.name, index=False)


def _method_files(folder: Path, trials: Trials) -> list[str]:
    """Method YAML files of all trials, ``METHOD-NUMBER.yaml``, numbered from 1."""
    folder.mkdir(exist_ok=True)
    files = []
    for method, several in trials.items():
        for number, settings in enumerate(several, 1):
            content = yaml.safe_load((METHODS / f"{method}.yaml").read_text(encoding="utf-8"))
            content["model"] = with_overrides(content["model"], {"init_args": settings})
            file = folder / f"{method}-{number}.yaml"
            file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
            files.append(str(file))
    return files


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
def _terms(run: Run, reconstructs: Run, views: Sequence[Batch]) -> dict[str, float]:
    scores, of_base = (read_table(one.scores_folder / SCORES) for one in (run, reconstructs))
    probe = scores[(scores["metric"] == "balanced_accuracy") & (scores["probe"] == "mlp") & (scores["subgroup"] == "")]
    probe = probe[(probe["table"] == "leakage") & probe["coordinates"].isin(["standardised", "whitened"])]
    ssim = of_base[(of_base["metric"] == "ssim") & (of_base["subgroup"] == "")]
    embeddings = pd.read_parquet(run.folder / EMBEDDINGS)
    ldrs = embeddings[ldr_columns(embeddings)].to_numpy(np.float64)
    model = load_method(run.folder).model
    of_views = torch.cat([model.embed({**batch, "volume": batch["volume"].to(model.device)}).cpu() for batch in views])
    rows = torch.cat([batch["index"] for batch in views]).numpy()
    found = view_match(ldrs[rows], of_views.double().numpy(), ldrs[embeddings["split"] == "train"].mean(axis=0))
    return {"SSIM": ssim["value"].item(), "site probe": probe["value"].mean(skipna=False), "own view found": found}


def main(
    out: Path,
    trials: Path = TRIALS,
    seeds: tuple[int, ...] = (101, 102),
    scans: int = 520,
    spacing: float = 5.0,
    shape: tuple[int, int, int] = (32, 40, 32),
    epochs: int = 5,
    workers: int = 2,
) -> None:
    """Print the trials as a Markdown table, and write it to ``result.md`` of the folder.

    Parameters
    ----------
    out
        Folder of phantoms, runs and table.
    trials
        Settings to try, by method.
    seeds
        Of phantoms and trainings; not those of reported results.
    scans
        Training scans of a phantom, the held-out quarter included.
    spacing, shape
        Edge of a voxel in mm, and voxels of the grid.
    epochs
        Of a training.
    workers
        Runs trained at a time.
    """
    tried, out = read_trials(trials), out.absolute()
    off: Any = {family: 0.0 for family in FAMILIES if family not in ON}
    # A phantom has held-out subjects of its own; they are not used.
    few: Any = {"spacing": spacing, "train_scans": scans, "test_subjects": 3, "travelling_subjects": 0}
    for seed in seeds:
        _make_data(out, PhantomSettings(seed, **few, **off), workers)
    sweep = SweepConfig(
        methods=_method_files(out / "methods", tried),
        seeds={"pooled": list(seeds)},
        overrides={
            "data.manifests": [f"{out}/training-{{seed}}/*.csv"],
            "data.data_root": f"{out}/phantom-{{seed}}",
            "data.truth": None,
            "data.cache_dir": f"{out}/cache",
            "data.preprocessing.shape": list(shape),
            "data.preprocessing.spacing": spacing,
            "trainer.max_epochs": epochs,
        },
        evaluation=EVALUATION,
        workers=workers,
    )
    for run, error in run_sweep(sweep, out / "sweep"):
        raise UserError(f"{run.name}: {error}")
    runs = runs_of(sweep, out / "sweep")
    by_key = {run.run_key: run for run in runs}
    # A seed's scans are the same for all methods.
    views = {
        seed: _views(instantiate_data(run.config["data"])) for seed, run in {run.seed: run for run in runs}.items()
    }
    measured = []
    for run in runs:
        method, _, trial = run.method.rpartition("-")
        # ComBat has the reconstruction of its base, which is a trial of the autoencoder.
        terms = _terms(run, by_key[run.base_key or run.run_key], views[run.seed])
        measured.append({"method": method, "trial": int(trial), "seed": run.seed, **terms})
    text = as_markdown(pd.DataFrame(measured), tried)
    (out / "result.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
