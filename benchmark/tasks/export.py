"""From a sweep to the task that its rows answer."""

from __future__ import annotations

import hashlib
import json
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.configs import METHODS
from benchmark.configs.shipped import sweep_file
from benchmark.data.splits import split_digest
from benchmark.data.synthetic import is_synthetic
from benchmark.errors import UserError
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.report.statistics.bounds import declared_metrics
from benchmark.results.same_task import SHARED
from benchmark.sweep.config import SweepConfig, read_sweep, with_seed
from benchmark.sweep.up_to_date import matches
from benchmark.tasks.task import RULES, SeedData, Task, csv_text, scans_of_seed, sha256_of_file, shown_scans

#: Any method's file resolves the data section, which is the same for all.
_ANY_METHOD = METHODS / "random_vectors.yaml"


def sweep_named(name: str) -> SweepConfig:
    """A shipped sweep by its name, or that of a file.

    Raises
    ------
    UserError
        If there is none.
    """
    return read_sweep(sweep_file(name))


def task_of(sweep: SweepConfig, name: str) -> tuple[Task, dict[int, pd.DataFrame]]:
    """The task of a sweep, and of every seed the table of scans that it shows.

    Manifests are read where the sweep looks for them. Those of a phantom that is not there are made in a moment, for
    they need no volume; checksums of images are then missing.

    Parameters
    ----------
    sweep
        The sweep; nothing of it is run.
    name
        Of the task.

    Raises
    ------
    UserError
        For a sweep with axes or without runs, and for manifests that are not there or cannot be used.
    """
    seeds = sorted({seed for seeds in sweep.seeds.values() for seed in seeds})
    if sweep.axes:
        raise UserError(f"{name}: is a sweep with 'axes', which is a task for each setting; export a sweep of one")
    if not seeds:
        raise UserError(f"{name}: has no runs; give 'seeds' of a protocol")
    from benchmark.train.resolve import resolve

    of_data = {option: value for option, value in sweep.overrides.items() if option.startswith("data.")}
    config = resolve(_ANY_METHOD, of_data)["data"]
    fractions = {part: float(config[part]) for part in ("val_fraction", "test_fraction")}
    found = {seed: _seed_data(sweep, name, {**with_seed(config, seed), "seed": seed}, fractions) for seed in seeds}
    task = Task(
        name=name,
        protocols={protocol: list(given) for protocol, given in sweep.seeds.items() if given},
        synthetic=any(is_synthetic(scans) for _, scans in found.values()),
        sweep=json.loads(json.dumps({part: asdict(sweep)[part] for part in SHARED})),
        fractions=fractions,
        metrics={f"{metric.table}/{metric.name}": metric.version for metric in declared_metrics()},
        rules=list(RULES),
        data={seed: data for seed, (data, _) in found.items()},
    )
    return task, {seed: shown_scans(scans) for seed, (_, scans) in found.items()}


def phantom_command(out: Path, settings: PhantomSettings) -> str:
    """The command that makes a phantom; knobs that are as they come are left out."""
    usual = PhantomSettings()
    knobs = {name: value for name, value in asdict(settings).items() if value != getattr(usual, name)}
    given = [f"--{name}={value}" for name, value in knobs.items()]
    return shlex.join(["seada-bench", "phantom", "--out", str(out), *given])


@contextmanager
def manifests_of(data: SeedData, phantom: PhantomSettings | None) -> Iterator[list[Path]]:
    """The manifests of a seed: those that lie where the sweep looks for them, or those of the phantom, made anew.

    Raises
    ------
    UserError
        If there are none, or others than the task's.
    """
    with _manifests(data.patterns, phantom) as paths:
        found = {path.name: sha256_of_file(path) for path in paths if path.is_file()}
        for name, digest in data.manifests.items():
            if name not in found:
                raise UserError(f"{name}: the manifest is not there, in {', '.join(data.patterns)}; {how(data)}")
            if found[name] != digest:
                path = next(path for path in paths if path.name == name)
                raise UserError(f"{path}: is not the task's manifest (sha256 {found[name][:16]}, not {digest[:16]})")
        by_name = {path.name: path for path in paths}
        # In the task's order, which splits may depend on.
        yield [by_name[name] for name in data.manifests]


def how(data: SeedData) -> str:
    """How to come by the data of a seed, in a few words."""
    return f"'{data.command}' makes it" if data.command else "docs/manifests.md says how it is made"


@contextmanager
def _manifests(patterns: list[str], phantom: PhantomSettings | None) -> Iterator[list[Path]]:
    found = [matches(pattern) if set("*?[") & set(pattern) else [pattern] for pattern in patterns]
    paths = [Path(path) for of_pattern in found for path in of_pattern]
    there = [path for path in paths if path.is_file()]
    if (there and len(there) == len(paths)) or phantom is None:
        yield paths
        return
    from benchmark.prepare.phantom.generate import write_manifests

    with tempfile.TemporaryDirectory() as folder:
        yield write_manifests(phantom, Path(folder))


def _seed_data(
    sweep: SweepConfig, name: str, config: dict[str, Any], fractions: dict[str, float]
) -> tuple[SeedData, pd.DataFrame]:
    seed = config["seed"]
    out, phantom = (None, None) if sweep.phantom is None else sweep.phantom.of_seed(seed)
    patterns = [str(pattern) for pattern in config["manifests"]]
    with _manifests(patterns, phantom) as paths:
        absent = [path for path in paths if not path.is_file()]
        if absent or not paths:
            lacking = absent[0] if absent else ", ".join(patterns)
            raise UserError(
                f"{name}: {lacking} is not there; a task needs its manifests, and data_manifests/README.md says how "
                "they are made"
            )
        scans = scans_of_seed(paths, seed, fractions)
        manifests = {path.name: sha256_of_file(path) for path in paths}
        if len(manifests) < len(paths):
            raise UserError(f"{name}: two manifests have one file name; a task tells them apart by it")
    data = SeedData(
        scans=len(scans),
        sites=sorted(set(scans["site"])),
        manifests=manifests,
        patterns=patterns,
        command=phantom_command(out, phantom) if out is not None and phantom is not None else "",
        truth=str(config["truth"] or ""),
        table=f"scans-{seed}.csv",
        table_sha256=hashlib.sha256(csv_text(shown_scans(scans)).encode()).hexdigest(),
        split=split_digest(scans),
        images=_of_images(config),
    )
    return data, scans


def _of_images(config: dict[str, Any]) -> dict[str, str]:
    """Digest of each part of the data as run keys hold them; nothing where an image or the truth is not there."""
    from benchmark.sweep.data_sets import data_digests

    if config["truth"] and not Path(config["truth"]).is_file():
        return {}
    try:
        return data_digests(config)
    except UserError:
        # The manifests were read before: what is wrong now is that their images are not there.
        return {}
