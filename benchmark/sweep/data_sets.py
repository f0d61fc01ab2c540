"""The data of a sweep's runs: manifests that are read once for all of them, their digests, and their volume stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.data.contents import sha256_of
from benchmark.data.datamodule import UNSEEN, SiteDataModule
from benchmark.data.splits import split_digest
from benchmark.data.store import digest_of_store, image_digest
from benchmark.sweep.keys import digest
from benchmark.sweep.run import Run
from benchmark.sweep.up_to_date import matches
from benchmark.train.resolve import instantiate_data

#: By :func:`data_key`: the datamodule, its scans table, and the states of the manifests that it was read from.
_DATA: dict[str, tuple[SiteDataModule, pd.DataFrame, list[tuple[str, int, int]]]] = {}


def data_key(config: dict[str, Any]) -> str:
    """What runs with the same data share: they differ in method and held-out site."""
    return digest({name: value for name, value in config.items() if name != "held_out_site"})


def data_of(config: dict[str, Any]) -> tuple[SiteDataModule, pd.DataFrame]:
    """Datamodule and scans table of a ``data`` section, for whatever held-out site; manifests are read once."""
    key = data_key(config)
    if key not in _DATA:
        module = instantiate_data(config | {"held_out_site": None})
        # Before they are read: a change meanwhile is then seen.
        states = _states(module)
        _DATA[key] = (module, module.scans, states)
    return _DATA[key][:2]


def forget_changed_manifests() -> None:
    """Read manifests again that have changed since."""
    for key, (module, _, states) in list(_DATA.items()):
        if _states(module) != states:
            del _DATA[key]


def _states(module: SiteDataModule) -> list[tuple[str, int, int]]:
    found = [(path, Path(path).stat()) for pattern in module.manifests for path in matches(pattern)]
    return [(path, state.st_size, state.st_mtime_ns) for path, state in found]


def data_digests(config: dict[str, Any]) -> dict[str, str]:
    """What identifies the data of a ``data`` section, part by part; the same wherever the files lie."""
    module, scans = data_of(config)
    cache = Path(module.cache_dir)
    truth = str(module.truth) if module.truth and Path(module.truth).is_file() else ""
    return {
        "images": image_digest(scans, cache),
        "scans table": _table_digest(scans),
        "splits": split_digest(scans),
        # Not the table alone that methods see: other columns of it may reach the embeddings.
        "truth": sha256_of([truth], cache)[truth] if truth else "",
    }


def scans_of(run: Run) -> pd.DataFrame:
    """Scans table of a run, with the split that its protocol makes."""
    _, scans = data_of(run.config["data"])
    hidden = (scans["site"] == run.held_out_site) & (scans["split"] != "test")
    return scans.assign(split=scans["split"].mask(hidden, UNSEEN)) if hidden.any() else scans


def store_folder(run: Run) -> Path:
    """Where the volume store of a run's scans lies, or will lie."""
    module, _ = data_of(run.config["data"])
    return Path(module.cache_dir) / digest_of_store(run.parts.data["images"], module.preprocessing)[:16]


def build_stores(runs: Sequence[Run], processes: int, tell: Callable[[str], object] | None = None) -> None:
    """Build the volume stores that runs need and that are missing, before workers open them.

    Parameters
    ----------
    runs
        Whose stores.
    processes
        How many read and preprocess.
    tell
        Is called with a line before each store that is built.
    """
    for run in {data_key(run.config["data"]): run for run in runs}.values():
        module, scans = data_of(run.config["data"])
        if tell is not None and not (folder := store_folder(run)).is_dir():
            tell(f"preprocessing {len(scans)} volumes into {folder}")
        module.store_processes = processes
        _ = module.store


def inputs_of(runs: Sequence[Run]) -> tuple[list[Path], list[str]]:
    """Files that the data of runs are read from, and the patterns that their manifests are found by."""
    files: set[str] = set()
    patterns: set[str] = set()
    for config in {data_key(run.config["data"]): run.config["data"] for run in runs}.values():
        module, scans = data_of(config)
        patterns |= set(module.manifests)
        columns = [name for name in ("manifest", "image", "mask") if name in scans]
        files |= {str(value) for name in columns for value in scans[name] if value}
        files |= {str(module.truth)} if module.truth else set()
    return sorted(Path(file) for file in files), sorted(patterns)


#: Columns of a scans table that say where something is, that follow from others, or that other digests have.
_NOT_IN_TABLE = ("manifest", "manifest_order", "line", "image", "mask", "sha256", "split", "site_code")


def _table_digest(scans: pd.DataFrame) -> str:
    table = scans.drop(columns=[name for name in _NOT_IN_TABLE if name in scans])
    return digest([list(table.columns), table.astype(str).to_numpy().tolist()])
