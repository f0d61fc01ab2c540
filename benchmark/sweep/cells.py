"""Cells of a sweep: one (method, protocol, held-out site, seed) each, with its resolved configuration."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.data.atomic import atomic_path
from benchmark.data.contents import sha256_of
from benchmark.data.datamodule import UNSEEN, SiteDataModule
from benchmark.data.splits import split_digest
from benchmark.data.store import digest_of_store, image_digest
from benchmark.errors import UserError
from benchmark.metrics.settings import EvaluationSettings
from benchmark.protocols import LEAVE_ONE_SITE_OUT
from benchmark.seeds import derive_seed
from benchmark.sweep.changes import what_changed, what_changed_in_scoring
from benchmark.sweep.config import SweepConfig, with_seed
from benchmark.sweep.keys import RunParts, ScoreParts, digest, new_sources, run_key, run_parts, score_parts
from benchmark.sweep.sources import Sources, as_loaded, files_of
from benchmark.sweep.up_to_date import is_of_the_suite, matches
from benchmark.train.resolve import instantiate_data, resolve
from benchmark.train.run_folder import EMBEDDINGS, MODEL
from benchmark.train.tracking.settings import Tracking

#: Written last: a cell whose folder has it with the right score key is finished.
MARKER = "cell.json"
SCORES = "scores.parquet"
REPLICATES = "replicates.parquet"
ERROR = "error.txt"
#: Begins the name of the folder within a cell's that has the scores by a distance of the method's own.
OWN = "own-"


@dataclass(frozen=True)
class Cell:
    """One unit of work of a sweep.

    Attributes
    ----------
    method, protocol, held_out_site, seed
        What it is; ``held_out_site`` is "" for the pooled protocol.
    config
        Resolved configuration of `seada-bench fit`.
    run_key, score_key
        Identity of its training and of its scores.
    folder
        Where everything of it lies; derived from the run key.
    base_key
        Run key of the cell that trains this one's base, "" if it has none.
    scans
        Number of training scans.
    parts, score_parts
        What its keys are made of.
    tracking
        What is told of its training while it runs; part of no key.
    """

    method: str
    protocol: str
    held_out_site: str
    seed: int
    config: dict[str, Any]
    run_key: str
    score_key: str
    folder: Path
    base_key: str
    scans: int
    parts: RunParts
    score_parts: ScoreParts
    tracking: Tracking | None = None

    @property
    def name(self) -> str:
        """Short name for people."""
        where = f" without {self.held_out_site}" if self.held_out_site else ""
        return f"{self.method}, {self.protocol}{where}, seed {self.seed}"

    def settings(self, evaluation: EvaluationSettings) -> EvaluationSettings:
        """How the cell is scored: as all of the sweep, and by the distance that its method declares."""
        return settings_of(self.config, evaluation)

    @property
    def processes(self) -> int:
        """How many processes train it together."""
        devices = self.config["trainer"].get("devices")
        return devices if isinstance(devices, int) and devices > 0 else 1

    @property
    def scores_folder(self) -> Path:
        """Where scores, marker and error lie: methods that differ in their own distance alone share a training."""
        distance = self.config.get("own_distance")
        return self.folder / f"{OWN}{distance}" if distance else self.folder

    def state(self) -> str:
        """``done``, ``rescore`` (trained, scores outdated), ``resume`` (begun), ``failed`` or ``new``."""
        if is_done(self.scores_folder, self.score_key):
            return "done"
        if (self.folder / EMBEDDINGS).is_file() and (self.folder / MODEL).is_file():
            return "rescore"
        if (self.scores_folder / ERROR).is_file():
            return "failed"
        return "resume" if self.folder.is_dir() else "new"

    def files(self) -> list[Path]:
        """What it leaves."""
        of_training = [self.folder / name for name in (EMBEDDINGS, MODEL)]
        return [*of_training, *(self.scores_folder / name for name in (REPLICATES, SCORES, MARKER))]

    def marker(self) -> dict[str, Any]:
        """Content of the completion marker, empty if there is none."""
        return marker_of(self.scores_folder)


def marker_of(scores_folder: Path) -> dict[str, Any]:
    """Content of the completion marker in a folder, empty if there is none."""
    try:
        content = json.loads((scores_folder / MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def is_done(scores_folder: Path, score_key: str) -> bool:
    """Whether a folder has the scores of this key, complete."""
    return marker_of(scores_folder).get("score_key") == score_key and (scores_folder / SCORES).is_file()


def error_of(scores_folder: Path) -> str:
    """Last line of the error in a folder, which says what it was; empty if there is none."""
    try:
        text = (scores_folder / ERROR).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return text.strip().rpartition("\n")[2]


def write_error(scores_folder: Path, text: str) -> None:
    """Leave the error that a cell ended with, unless its disk has no room for that either; who called says it too."""
    with contextlib.suppress(OSError):
        scores_folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(scores_folder / ERROR) as temporary:
            temporary.write_text(text.rstrip("\n") + "\n", encoding="utf-8")


def with_processes(config: dict[str, Any], processes: int) -> dict[str, Any]:
    """A method's configuration for so many processes, on however many machines; a batch stays as large.

    Raises
    ------
    UserError
        If they cannot share a batch evenly.
    """
    config = copy.deepcopy(config)
    if processes == 1:
        return config
    batch = config["data"]["batch_size"]
    if batch % processes:
        raise UserError(
            f"data.batch_size: {batch} is not allowed with {processes} processes a cell (executor: nodes × devices); "
            "it counts the scans of all processes together and must be a multiple of their number"
        )
    config["trainer"]["devices"] = processes
    if config["trainer"].get("strategy") == "auto":
        # Adversarial training steps one optimiser at a time: the other's parameters are unused then.
        config["trainer"]["strategy"] = "ddp_find_unused_parameters_true"
    return config


def settings_of(config: dict[str, Any], evaluation: EvaluationSettings) -> EvaluationSettings:
    """Settings of a sweep with the distance that a method's configuration declares."""
    return replace(evaluation, own_distance=config.get("own_distance"))


def cells_of(sweep: SweepConfig, out: Path) -> list[Cell]:
    """All cells of a sweep, in table order: method, protocol, seed, held-out site.

    The phantom must be there; volume stores need not be, see :func:`build_stores`.
    """
    methods = {name: resolve(path, sweep.overrides) for name, path in sweep.method_files().items()}
    _forget_changed_manifests()
    here = _Here(new_sources())
    return [
        cell
        for name, config in methods.items()
        for protocol, seeds in sweep.seeds.items()
        for seed in seeds
        for cell in _cells(name, protocol, seed, with_seed(config, seed), sweep, out, here)
    ]


def group_of(sweep: SweepConfig, out: Path) -> str:
    """Name that the tracked runs of a sweep share: the results folder's, and a digest of what the sweep computes."""
    content = {name: value for name, value in asdict(sweep).items() if name not in ("tracking", "workers")}
    return f"{out.resolve().name}-{digest(content)[:8]}"


@dataclass(frozen=True)
class _Here:
    """Source and data as one call finds them, each looked at once for all cells."""

    sources: Sources
    data: dict[str, dict[str, str]] = field(default_factory=dict)

    def digests(self, config: dict[str, Any]) -> dict[str, str]:
        key = _data_key(config)
        if key not in self.data:
            self.data[key] = _data_digests(config)
        return self.data[key]


_DATA: dict[str, tuple[SiteDataModule, pd.DataFrame]] = {}
#: States of the manifests that each of them was read from.
_MANIFESTS: dict[str, list[tuple[str, int, int]]] = {}


def _data(config: dict[str, Any]) -> tuple[SiteDataModule, pd.DataFrame]:
    # Cells differ in method and held-out site, not in data: manifests are read once.
    key = _data_key(config)
    if key not in _DATA:
        module = instantiate_data(config | {"held_out_site": None})
        states = _states(module)
        _DATA[key] = (module, module.scans)
        _MANIFESTS[key] = states
    return _DATA[key]


def _states(module: SiteDataModule) -> list[tuple[str, int, int]]:
    files = [path for pattern in module.manifests for path in matches(pattern)]
    found = [(path, Path(path).stat()) for path in files]
    return [(path, state.st_size, state.st_mtime_ns) for path, state in found]


def _forget_changed_manifests() -> None:
    for key, (module, _) in list(_DATA.items()):
        if _states(module) != _MANIFESTS[key]:
            del _DATA[key], _MANIFESTS[key]


def _data_digests(config: dict[str, Any]) -> dict[str, str]:
    """What identifies the data of a ``data`` section, part by part; the same wherever the files lie."""
    module, scans = _data(config)
    cache = Path(module.cache_dir)
    truth = str(module.truth) if module.truth and Path(module.truth).is_file() else ""
    return {
        "images": image_digest(scans, cache),
        "scans table": _table_digest(scans),
        "splits": split_digest(scans),
        # Not the table alone that methods see: other columns of it may reach the embeddings.
        "truth": sha256_of([truth], cache)[truth] if truth else "",
    }


def training_problem(cell: Cell) -> str:
    """What is not as the cell's run key says, in this process: source, library versions or data; empty if all is.

    A module that this process has loaded stays as it was then, whatever happens to its file.
    """
    _forget_changed_manifests()
    sources = new_sources()
    parts = run_parts(cell.config, _data_digests(cell.config["data"]), sources)
    return what_changed(cell.parts, replace(parts, source=as_loaded(cell.parts.source, sources)))


def scoring_problem(cell: Cell) -> str:
    """What is not as the cell's score key says, in this process: source or library versions; empty if all is."""
    sources = new_sources()
    versions = score_parts(EvaluationSettings(), sources).versions
    source = as_loaded(cell.score_parts.source, sources)
    return what_changed_in_scoring(cell.score_parts, replace(cell.score_parts, source=source, versions=versions))


def _data_key(config: dict[str, Any]) -> str:
    return digest({name: value for name, value in config.items() if name != "held_out_site"})


def scans_of(cell: Cell) -> pd.DataFrame:
    """Scans table of a cell, with the split that its protocol makes."""
    _, scans = _data(cell.config["data"])
    hidden = (scans["site"] == cell.held_out_site) & (scans["split"] != "test")
    return scans.assign(split=scans["split"].mask(hidden, UNSEEN)) if hidden.any() else scans


def store_folder(cell: Cell) -> Path:
    """Where the volume store of a cell's scans lies, or will lie."""
    module, _ = _data(cell.config["data"])
    return Path(module.cache_dir) / digest_of_store(cell.parts.data["images"], module.preprocessing)[:16]


def build_stores(cells: Sequence[Cell], processes: int, tell: Callable[[str], object] | None = None) -> None:
    """Build the volume stores that cells need and that are missing, before workers open them.

    Parameters
    ----------
    cells
        Whose stores.
    processes
        How many read and preprocess.
    tell
        Is called with a line before each store that is built.
    """
    for cell in {_data_key(cell.config["data"]): cell for cell in cells}.values():
        module, scans = _data(cell.config["data"])
        if tell is not None and not (folder := store_folder(cell)).is_dir():
            tell(f"preprocessing {len(scans)} volumes into {folder}")
        module.store_processes = processes
        _ = module.store


def inputs_of(cells: Sequence[Cell]) -> tuple[list[Path], list[str]]:
    """Files that the data of cells are read from, and the patterns that their manifests are found by."""
    files: set[str] = set()
    patterns: set[str] = set()
    seen: set[str] = set()
    for cell in cells:
        config = cell.config["data"]
        key = _data_key(config)
        if key in seen:
            continue
        seen.add(key)
        module, scans = _data(config)
        patterns |= set(module.manifests)
        columns = [name for name in ("manifest", "image", "mask") if name in scans]
        files |= {str(value) for name in columns for value in scans[name] if value}
        files |= {str(module.truth)} if module.truth else set()
    return sorted(Path(file) for file in files), sorted(patterns)


def modules_of(cells: Sequence[Cell]) -> dict[str, Path]:
    """Modules from outside of the suite that trainings of cells depend on, and their files."""
    files = files_of(sorted({name for cell in cells for name in cell.parts.source}))
    return {name: file for name, file in files.items() if file is not None and not is_of_the_suite(file)}


def _cells(
    method: str, protocol: str, seed: int, config: dict[str, Any], sweep: SweepConfig, out: Path, here: _Here
) -> Iterator[Cell]:
    config = with_processes(config, sweep.executor.resources(method).processes)
    config["data"]["seed"] = seed
    _, scans = _data(config["data"])
    digests = here.digests(config["data"])
    held_out = sorted(set(scans["site"])) if protocol == LEAVE_ONE_SITE_OUT else [""]
    for site in held_out:
        resolved = copy.deepcopy(config)
        resolved["seed_everything"] = derive_seed("training", seed) % 2**32
        resolved["data"]["held_out_site"] = site or None
        parts = run_parts(resolved, digests, here.sources)
        scoring = score_parts(settings_of(resolved, sweep.evaluation), here.sources)
        key = parts.key
        base = resolved["model"].get("init_args", {}).get("base")
        base_key = run_key({**resolved, "model": base}, digests, here.sources) if base else ""
        train = (scans["split"] == "train") & (scans["site"] != site)
        yield Cell(
            method=method,
            protocol=protocol,
            held_out_site=site,
            seed=seed,
            config=resolved,
            run_key=key,
            score_key=scoring.key(key),
            folder=out / "cells" / key[:16],
            base_key=base_key,
            scans=int(train.sum()),
            parts=parts,
            score_parts=scoring,
            tracking=Tracking(sweep.tracking, group_of(sweep, out)),
        )


#: Columns of a scans table that say where something is, that follow from others, or that other digests have.
_NOT_IN_TABLE = ("manifest", "manifest_order", "line", "image", "mask", "sha256", "split", "site_code")


def _table_digest(scans: pd.DataFrame) -> str:
    table = scans.drop(columns=[name for name in _NOT_IN_TABLE if name in scans])
    return digest([list(table.columns), table.astype(str).to_numpy().tolist()])
