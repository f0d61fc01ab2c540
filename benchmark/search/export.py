"""From a finished run to a model that carries its own preprocessing."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.torch
import torch
import yaml
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf

from benchmark.data.datamodule import SiteDataModule
from benchmark.data.preprocessing import Preprocessing
from benchmark.data.sampling import EveryScanOnce
from benchmark.data.store import VolumeStore, digest_of_store, image_digest
from benchmark.data.synthetic import is_synthetic
from benchmark.embeddings.table import KEY, ldr_columns, read_embeddings
from benchmark.errors import UserError
from benchmark.methods.card import MethodCard
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.harmoniser import Harmoniser
from benchmark.methods.representation import RepresentationModule
from benchmark.protocols import POOLED
from benchmark.report.columns import HEADLINE_DISTANCE
from benchmark.results.environment import environment
from benchmark.results.read import read_results
from benchmark.results.schema import RUN_COLUMNS, run_name
from benchmark.search.first_stage import PREPARED, recorded
from benchmark.search.gate import typical_volumes
from benchmark.search.scores import own_scores
from benchmark.sweep.run import MARKER, OWN, RUNS, marker_of
from benchmark.train.checkpoints import AtomicCheckpointIO
from benchmark.train.description import DESCRIPTION, FORMAT, STATISTICS, WEIGHTS, checksum_of, digest_of
from benchmark.train.exported_model import ENCODER, FILES, ExportedModel, load_model, named_classes
from benchmark.train.loaded_method import LoadedMethod, load_method
from benchmark.train.packed import hidden_modules, pack
from benchmark.train.resolve import instantiate_data
from benchmark.train.run_folder import CONFIG, EMBEDDINGS, MODEL
from benchmark.train.space import space_of

#: Shares of the training scans whose quality numbers a model carries.
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
#: Groups of subjects; each scan is measured by what the other groups are like.
FOLDS = 5
#: Largest difference of an LDR from the run's that is rounding, relative to the LDRs' standard deviation.
ROUNDING = 1e-3


@dataclass(frozen=True)
class Exported:
    """What came of an export.

    Attributes
    ----------
    folder
        The model.
    digest
        Of the model.
    checked
        How many scans were embedded again from their files and compared with the run's embeddings; 0 where the files
        are not at hand.
    difference
        Largest difference found, in LDR units; 0 for the same bits.
    unchecked
        Why none was compared; "" where some were.
    raw
        Why raw images cannot be embedded; "" where they can.
    placed
        Whether the model knows the grids of its training's volumes, and refuses others.
    """

    folder: Path
    digest: str
    checked: int
    difference: float
    unchecked: str
    raw: str
    placed: bool


def export_model(run: str | Path, out: str | Path, results: str | Path | None = None) -> Exported:
    """Write a finished run's method as one folder that embeds files and needs nothing else.

    Parameters
    ----------
    run
        Folder of a run: of ``seada-bench fit``, of :func:`benchmark.fit`, or of a sweep.
    out
        The model; must not be there.
    results
        Results folder with the run's scores; by default those in the folder of a sweep's run.

    Returns
    -------
    Exported
        What was written, and what of it was checked.

    Raises
    ------
    UserError
        For a run that is not finished or is several, a method that embeds no files, results of another run, a folder
        that is there, and a model that does not give the run's embeddings again.
    """
    run, out = Path(run), Path(out)
    _check_run(run)
    if out.exists() or out.is_symlink():
        raise UserError(f"--out: {out} is already there; name another folder")
    marker = _marker(run)
    config = yaml.safe_load((run / CONFIG).read_text(encoding="utf-8"))
    card = config.get("card")
    role = MethodCard(**card or {}).role
    if role != "method":
        raise UserError(f"{run}: its method is a {role} of the tables, which cannot embed files")
    method = load_method(run)
    model_config, attached = _with_files(run / CONFIG, config["model"])
    table = read_embeddings(run / EMBEDDINGS)
    scans, reason = _scans(config["data"], table.frame)
    images = _Images(prepared=f"{PREPARED}{reason}") if scans is None else _images_of(scans, method, config["data"])
    synthetic = is_synthetic(table.frame if scans is None else scans)
    scores = own_scores(
        next((folder for folder in (run, *run.glob(f"{OWN}*")) if (folder / MARKER).is_file()), run),
        run / EMBEDDINGS, marker, None if results is None else Path(results), synthetic,
    )  # fmt: skip
    train = table.frame[table.frame["split"] == "train"]
    ldr = train[ldr_columns(train)].to_numpy(np.float64)
    tensors, state = _state(run, method.model)
    description = {
        "format": FORMAT,
        "method": marker.get("method", run.resolve().name),
        "model": model_config,
        "spec": _spec(method.model),
        "preprocessing": {**asdict(method.preprocessing), "shape": list(method.preprocessing.shape)},
        "raw": images.raw,
        "prepared": images.prepared,
        "space": images.space,
        "masks": method.masks,
        "held_out_site": method.held_out_site,
        "precision": method.precision,
        "state": state,
        "statistics": {**_statistics(train, ldr), "volumes": images.limits},
        "headline": {"distance": config.get("own_distance") or HEADLINE_DISTANCE, "centre": "training scans"},
        "needs": _needs(method.model, card),
        "notes": method.model.notes(),
        "card": card,
        "scores": scores,
        "synthetic": synthetic,
        "run_key": marker.get("run_key"),
        "place": {name: marker[name] for name in RUN_COLUMNS} if marker else None,
        "libraries": marker.get("environment", environment())["libraries"],
    }
    statistics = {
        "centre": torch.from_numpy(ldr.mean(axis=0)),
        "covariance": torch.from_numpy(np.atleast_2d(np.cov(ldr, rowvar=False))),
        **{name: torch.from_numpy(np.ascontiguousarray(volume)) for name, volume in images.typical.items()},
    }
    contents = {
        WEIGHTS: safetensors.torch.save(tensors),
        STATISTICS: safetensors.torch.save(statistics),
        **{name: path.read_bytes() for name, path in attached.items()},
    }
    with _whole(out) as folder:
        _write(folder, description, contents)
        model = load_model(folder, trust=tuple(named_classes(model_config)))
        checked, difference = (0, 0.0) if scans is None else _compared(model, scans, table.frame, config, run)
    return Exported(out, model.digest, checked, difference, reason, images.prepared, images.space is not None)


@dataclass(frozen=True)
class _Images:
    """What the images of the training say: how raw ones are prepared, or why that is not known, and what is usual."""

    prepared: str
    raw: dict[str, Any] | None = None
    space: dict[str, Any] | None = None
    limits: dict[str, list[float]] = field(default_factory=dict)
    typical: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def _images_of(scans: pd.DataFrame, method: LoadedMethod, data: dict[str, Any]) -> _Images:
    rows = np.flatnonzero(scans["split"] == "train")
    of_training = scans.iloc[rows]
    raw, prepared = recorded(of_training)
    stored = _stored(scans, method.preprocessing, data.get("cache_dir"))
    volumes = None if stored is None else (stored, rows)
    typical, limits = typical_volumes(of_training, method.preprocessing, method.masks, volumes)
    return _Images(prepared, raw, space_of(map(Path, of_training["image"])), limits, typical)


def _write(folder: Path, description: dict[str, Any], contents: dict[str, bytes]) -> None:
    """Write a model's files and then, with their checksums and its own, its description."""
    for name, content in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    description["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    description["digest"] = digest_of(description)
    description["checksum"] = checksum_of(description)
    text = json.dumps(description, indent=1, allow_nan=False, ensure_ascii=False)
    (folder / DESCRIPTION).write_text(f"{text}\n", encoding="utf-8")


def run_of_method(results: Path, method: str, seed: int | None = None) -> Path:
    """Folder of a method's run in a sweep's results: the pooled one of the lowest seed, or else of the first site.

    Parameters
    ----------
    results
        Results folder of a sweep.
    method
        As the tables call it.
    seed
        Of the run; None for the lowest.

    Raises
    ------
    UserError
        If there is none among the finished runs that the tables are made of.
    """
    keys = read_results(results).provenance.get("run_keys", {})
    found: dict[tuple[bool, int, str], Path] = {}
    methods = set()
    for folder in sorted((results / RUNS).glob("*")):
        marker = _marker(folder)
        place = {name: marker[name] for name in RUN_COLUMNS} if marker else {}
        if not marker or keys.get(run_name(**place)) != marker["run_key"]:
            continue
        methods.add(str(marker["method"]))
        if marker["method"] == method and seed in (None, marker["seed"]):
            found[marker["protocol"] != POOLED, marker["seed"], marker["held_out_site"]] = folder
    if not found:
        of_seed = "" if seed is None else f" with seed {seed}"
        there = ", ".join(sorted(methods)) or "none"
        raise UserError(f"{results}: has no finished run of {method}{of_seed}; methods with runs there: {there}")
    return found[min(found)]


def _marker(run: Path) -> dict[str, Any]:
    """What a sweep notes of a finished run; empty where it is of none."""
    return next(filter(None, map(marker_of, (run, *sorted(run.glob(f"{OWN}*"))))), {})


def _check_run(run: Path) -> None:
    if not run.is_dir():
        raise UserError(f"{run}: there is no such folder; the folder of a finished run is needed")
    if (run / DESCRIPTION).is_file():
        raise UserError(f"{run}: is an exported model already; the folder of a finished run is needed")
    several = sorted(run.glob(f"{RUNS}/*/{MODEL}"))
    if several and not (run / MODEL).is_file():
        raise UserError(
            f"{run}: holds {len(several)} runs, and one model is one run; say which by --method, or name one of them, "
            f"such as {several[0].parent}"
        )
    for name in (CONFIG, MODEL, EMBEDDINGS):
        if not (run / name).is_file():
            raise UserError(f"{run}: has no {name}, so its training is not finished; train it to its end first")


def _with_files(config_file: Path, config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Path]]:
    """Settings as the model states them, and files that they name by the names that they get in its folder."""
    config, attached = copy.deepcopy(config), dict[str, Path]()
    for settings in _settings(config):
        if not isinstance(settings.get("file"), str) or "sha256" not in settings:
            continue
        path = Path(settings["file"])
        if settings.get("encoder") is not None:
            # Its weights are among the model's own.
            settings |= {"file": None, "sha256": None}
        elif path.suffix == ENCODER:
            settings["file"] = f"{FILES}/{settings['sha256'].lower()[:16]}{ENCODER}"
            attached[settings["file"]] = path
        else:
            raise UserError(
                f"{config_file}: its encoder {path} is a program that holds pickles, and an exported model holds none; "
                "allowed: .onnx, or a state dict with the encoder's class"
            )
    return config, attached


def _settings(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, dict):
        yield config
        for value in config.values():
            yield from _settings(value)


def _scans(config: dict[str, Any], embedded: pd.DataFrame) -> tuple[pd.DataFrame | None, str]:
    """The run's scans in the order of its embeddings; or None and why, where their files are not at hand."""
    try:
        # What a torchio augmentation was made with is not in every configuration, and matters in training alone.
        data: SiteDataModule = instantiate_data({**config, "augmentation": None})
        scans = data.scans
    except (UserError, OSError) as error:
        first, *more = str(error).splitlines()
        return None, f"the training's scans are not at hand ({first}{' ...' if more else ''})"
    if not scans[KEY].astype(str).equals(embedded[KEY].astype(str)):
        return None, "the training's manifests name other scans now"
    return scans, ""


def _stored(scans: pd.DataFrame, preprocessing: Preprocessing, cache_dir: str | None) -> NDArray[np.float16] | None:
    """Volumes of all scans, of a store of these files and settings; None where the training's is not there any more."""
    if not cache_dir or not (cache := Path(cache_dir)).is_dir():
        return None
    digest = digest_of_store(image_digest(scans, cache), preprocessing)
    try:
        store = VolumeStore(cache / digest[:16])
    except (OSError, EOFError, ValueError, KeyError):
        return None
    return store.volumes if store.digest == digest else None


def _spec(model: RepresentationModule) -> dict[str, Any]:
    spec = model.spec
    if spec is None:
        raise UserError("the run's model does not know the grid and the sites of its training; train it again")
    state = DataSpec.state(spec)
    return state | {"spacing": None if math.isnan(spec.spacing) else spec.spacing}


def _state(run: Path, model: RepresentationModule) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    state = dict(AtomicCheckpointIO().load_checkpoint(run / MODEL, map_location="cpu")["state_dict"])
    for prefix, module in hidden_modules(model).items():
        state |= {f"{prefix}.{name}": value for name, value in module.state_dict().items()}
    return pack(state)


def _needs(model: RepresentationModule, card: Mapping[str, Any] | None) -> dict[str, Any]:
    """What must be known of a scan, beside its image, to embed it."""
    parts = [value for module in model.modules() for value in vars(module).values() if isinstance(value, Harmoniser)]
    site = any(part.needs_site for part in parts) or MethodCard(**card or {}).needs_site_at_test
    return {"site": site, "covariates": sorted({name for part in parts for name in part.covariates})}


def _statistics(train: pd.DataFrame, ldr: NDArray[np.float64]) -> dict[str, Any]:
    """What LDRs of training scans are like, by numbers that say of a new one whether it is like them."""
    subjects = train["subject_id"].to_numpy(str)
    fold = np.unique(subjects, return_inverse=True)[1] % FOLDS
    norm, mahalanobis = np.full(len(ldr), np.nan), np.full(len(ldr), np.nan)
    for number in range(FOLDS):
        inside, others = fold == number, ldr[fold != number]
        if not inside.any() or len(others) < 2:
            continue
        centre, (covariance, _) = others.mean(axis=0), ledoit_wolf(others)
        away = ldr[inside] - centre
        norm[inside] = np.linalg.norm(away, axis=1)
        solved = np.linalg.lstsq(covariance, away.T, rcond=None)[0].T
        mahalanobis[inside] = np.sqrt((away * solved).sum(axis=1).clip(0))
    measured = np.isfinite(norm) & np.isfinite(mahalanobis)
    found = {"norm": norm[measured], "mahalanobis": mahalanobis[measured]}
    return {
        "scans": len(ldr),
        "subjects": len(set(subjects)),
        # Of the whole training: (1 - shrinkage) S + shrinkage tr(S) / D I, S being the covariance over n.
        "shrinkage": float(ledoit_wolf(ldr)[1]),
        "measured_on": "training scans, each by centre and Ledoit-Wolf covariance of the subjects of the other "
        f"{FOLDS - 1} of {FOLDS} groups",
        "quantiles": list(QUANTILES),
        **{name: np.quantile(values, QUANTILES).tolist() for name, values in found.items() if len(values)},
    }


def _compared(
    model: ExportedModel, scans: pd.DataFrame, embedded: pd.DataFrame, config: dict[str, Any], run: Path
) -> tuple[int, float]:
    """Embed the run's first batch again, as it was embedded; how many scans that is, and the largest difference."""
    devices = config["trainer"].get("devices")
    nodes = config["trainer"].get("num_nodes") or 1
    ranks = devices * nodes if isinstance(devices, int) and devices > 0 else 1
    rows = next(iter(EveryScanOnce(np.arange(len(scans)), config["data"]["batch_size"], 0, ranks)))[1]
    chosen = scans.iloc[rows]
    chosen = chosen.assign(mask=chosen["mask"].fillna("") if "mask" in chosen else "")
    before = embedded[ldr_columns(embedded)].to_numpy(np.float32)
    difference = float(np.abs(model.ldrs_of(chosen) - before[rows]).max())
    if not difference <= ROUNDING * max(float(before.std(axis=0).max()), 1e-12):
        raise UserError(
            f"{run}: its model gives other LDRs of the training's files than {EMBEDDINGS} has (by up to "
            f"{difference:.3g}): files or libraries are not those of the training; nothing is written"
        )
    return len(rows), difference


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """A folder beside the one that is to appear, which takes its name when everything is on the disk."""
    temporary = out.with_name(f".{secrets.token_hex(4)}-{out.name}")
    try:
        temporary.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"--out: {out} cannot be made: {error.strerror}") from None
    try:
        yield temporary
        for path in (*temporary.rglob("*"), temporary):
            _to_disk(path)
        if out.exists():
            raise UserError(f"--out: {out} is already there; name another folder")
        temporary.rename(out)
        _to_disk(out.absolute().parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
