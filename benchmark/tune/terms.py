"""What is measured of a trial beside its scores: own views that are found, and test subjects for the oracle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from benchmark.data.atomic import atomic_path
from benchmark.data.dataset import VolumeDataset
from benchmark.data.manifest import read_manifests
from benchmark.data.sampling import EVALUATION as IN_EVALUATION
from benchmark.data.store import VolumeStore
from benchmark.embeddings.table import REQUIRED, ldr_columns
from benchmark.methods.representation import Batch
from benchmark.methods.views import Views
from benchmark.metrics.evaluate import evaluate
from benchmark.metrics.settings import EvaluationSettings
from benchmark.protocols import POOLED
from benchmark.report.columns import CROSS_SITE_MAP, LEAKAGE, OF_HELD_OUT_SITE, PRESERVED
from benchmark.report.held_out import with_held_out
from benchmark.report.summary import sections
from benchmark.sweep.keys import digest
from benchmark.sweep.run import Run, settings_of
from benchmark.train import load_method
from benchmark.train.loaded_method import LoadedMethod
from benchmark.train.resolve import instantiate_data
from benchmark.train.run_folder import EMBEDDINGS
from benchmark.tune.rules import ORACLE, view_match

#: In the folder of a run's scores.
FILE = "tune.json"
#: The terms read the MLP alone, and no interval or chance level.
EVALUATION = EvaluationSettings(
    probes=("mlp",), permutations=0, mlp_permutations=0, test_permutations=0, inner_folds=0, bootstrap=0
)
VIEW_SEED = 0
#: Test scans that are embedded at a time.
BATCH = 16

#: Term to the keys of the columns of wide tables that it is the mean of.
OF_POOLED = {
    "map_cn_ad": ("map_cn_ad",),
    "ssim": ("ssim",),
    "site_probe": ("mlp_standardised", "mlp_whitened"),
}
OF_HELD_OUT = {
    "unseen_map_cn_ad": ("map_cn_ad",),
    "unseen_site_probe": ("mlp_standardised_held_out_site", "mlp_whitened_held_out_site"),
}
_KEYS = {key for keys in (*OF_POOLED.values(), *OF_HELD_OUT.values()) for key in keys}
_COLUMNS = [column for column in (CROSS_SITE_MAP, *LEAKAGE, *OF_HELD_OUT_SITE, *PRESERVED) if column.key in _KEYS]
#: Each once: tables repeat some.
COLUMNS = list({column.key: column for column in _COLUMNS}.values())


def scored_terms(scores: pd.DataFrame, protocol: str, of: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
    """Method to its terms in a long score table of one seed; none of a method without any score.

    Parameters
    ----------
    scores
        The table.
    protocol
        Of the scores.
    of
        Term to the columns that it is the mean of.
    """
    rows = scores[scores["protocol"] == protocol]
    parts = sections(with_held_out(rows), COLUMNS, None) if len(rows) else []
    return {
        method: {term: float(np.mean([entries[key].mean for key in keys])) for term, keys in of.items()}
        for part in parts
        for method, entries in part.entries.items()
    }


@dataclass(frozen=True)
class Measure:
    """Measures a run when it is scored, and leaves :data:`FILE` with what it found.

    Attributes
    ----------
    tests
        Seed to the manifests of its test subjects, for the oracle; none if they are not to be looked at.
    """

    tests: Mapping[int, Sequence[Path]] = field(default_factory=dict)

    def __call__(self, run: Run) -> None:
        """Measure a run; one with a held-out site has nothing but scores."""
        if run.protocol != POOLED:
            return
        method = load_method(run.folder)
        found: dict[str, Any] = {"own_view_found": _own_view_found(run, method)}
        if run.seed in self.tests:
            found["test"] = {"manifests": self._digest(run), **_test_terms(run, method, self.tests[run.seed])}
        with atomic_path(run.scores_folder / FILE) as temporary:
            temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

    def lacks(self, run: Run) -> bool:
        """Whether a run that is scored has not been measured, or on other test subjects."""
        found = read(run)
        of_test = found.get("test", {}).get("manifests")
        return run.protocol == POOLED and (not found or (run.seed in self.tests and of_test != self._digest(run)))

    def _digest(self, run: Run) -> str:
        return digest([path.read_text(encoding="utf-8") for path in self.tests[run.seed]])


def read(run: Run) -> dict[str, Any]:
    """What :class:`Measure` has left of a run; nothing if it has not, or the file is damaged."""
    try:
        found = json.loads((run.scores_folder / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def test_scans(run: Run, manifests: Sequence[Path]) -> pd.DataFrame:
    """Scans table of the test subjects of a run's seed."""
    root = run.config["data"]["data_root"]
    return read_manifests(manifests, None if root is None else Path(root))


def _own_view_found(run: Run, method: LoadedMethod) -> float:
    embeddings = pd.read_parquet(run.folder / EMBEDDINGS)
    ldrs = embeddings[ldr_columns(embeddings)].to_numpy(np.float64)
    of_views, rows = [], []
    for batch in _views(run):
        of_views.append(_embedded(method, batch))
        rows.append(batch["index"].numpy())
    centre = ldrs[embeddings["split"] == "train"].mean(axis=0)
    return view_match(ldrs[np.concatenate(rows)], np.concatenate(of_views), centre)


def _views(run: Run) -> Iterator[Batch]:
    """A view of every held-out scan."""
    data = instantiate_data(run.config["data"])
    for batch in data.predict_dataloader():
        held_out = {name: value[batch["scored"]] for name, value in batch.items()}
        if len(held_out["index"]):
            held_out["volume"] = Views().of(
                held_out["volume"], held_out["index"], epoch=0, seed=VIEW_SEED, spacing=data.preprocessing.spacing
            )
            yield cast(Batch, held_out)


def _test_terms(run: Run, method: LoadedMethod, manifests: Sequence[Path]) -> dict[str, float]:
    scans = test_scans(run, manifests)
    cache = Path(run.config["data"]["cache_dir"])
    volumes = VolumeStore.open_or_build(scans, method.preprocessing, cache).volumes
    codes = {site: code for code, site in enumerate(method.sites)}
    data = VolumeDataset(volumes, scans.assign(site_code=[codes.get(site, len(codes)) for site in scans["site"]]))
    starts = range(0, len(scans), BATCH)
    batches = (data[IN_EVALUATION, list(range(start, min(start + BATCH, len(scans))))] for start in starts)
    ldrs = np.concatenate([_embedded(method, cast(Batch, batch)) for batch in batches])
    embeddings = pd.read_parquet(run.folder / EMBEDDINGS)
    names = ldr_columns(embeddings)
    tested = pd.concat([scans[list(REQUIRED)], pd.DataFrame(ldrs, scans.index, names)], axis=1).assign(split="test")
    trained = embeddings.loc[embeddings["split"] == "train", tested.columns]
    scores = evaluate(pd.concat([trained, tested], ignore_index=True), settings_of(run.config, EVALUATION))
    terms = scored_terms(scores.assign(**run.place), POOLED, OF_POOLED)[run.method]
    return {term: terms[term.removeprefix("test_")] for term in ORACLE.terms}


@torch.no_grad()
def _embedded(method: LoadedMethod, batch: Batch) -> npt.NDArray[np.float64]:
    model = method.model
    moved = {name: value.to(model.device) for name, value in cast(dict[str, torch.Tensor], batch).items()}
    moved["volume"] = moved["volume"].to(model.dtype)
    return model.embed(cast(Batch, moved)).double().cpu().numpy()
