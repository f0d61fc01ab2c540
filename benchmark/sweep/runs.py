"""The runs of a sweep, from its configuration: methods × protocols × seeds, with all held-out sites and their keys."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.protocols import LEAVE_ONE_SITE_OUT
from benchmark.seeds import derive_seed
from benchmark.sweep.config import SweepConfig, with_seed
from benchmark.sweep.data_sets import data_digests, data_key, data_of, forget_changed_manifests
from benchmark.sweep.keys import digest, new_sources, run_key, run_parts, score_parts
from benchmark.sweep.run import RUNS, Run, settings_of
from benchmark.sweep.sources import Sources, files_of
from benchmark.sweep.up_to_date import is_of_the_suite
from benchmark.train.resolve import resolve
from benchmark.train.tracking.settings import Tracking


def runs_of(sweep: SweepConfig, out: Path) -> list[Run]:
    """All runs of a sweep, in table order: method, protocol, seed, held-out site.

    The phantom must be there; volume stores need not be, see :func:`build_stores`.
    """
    methods = {name: resolve(path, sweep.overrides) for name, path in sweep.method_files().items()}
    forget_changed_manifests()
    # Each looked at once for all runs.
    sources = new_sources()
    digests: dict[str, dict[str, str]] = {}
    return [
        run
        for name, config in methods.items()
        for protocol, seeds in sweep.seeds.items()
        for seed in seeds
        for run in _runs(name, protocol, seed, with_seed(config, seed), sweep, out, sources, digests)
    ]


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
            f"data.batch_size: {batch} is not allowed with {processes} processes a run (executor: nodes × devices); "
            "it counts the scans of all processes together and must be a multiple of their number"
        )
    config["trainer"]["devices"] = processes
    if config["trainer"].get("strategy") == "auto":
        # Adversarial training steps one optimiser at a time: the other's parameters are unused then.
        config["trainer"]["strategy"] = "ddp_find_unused_parameters_true"
    return config


def group_of(sweep: SweepConfig, out: Path) -> str:
    """Name that the tracked runs of a sweep share: the results folder's, and a digest of what the sweep computes."""
    content = {name: value for name, value in asdict(sweep).items() if name not in ("tracking", "workers")}
    return f"{out.resolve().name}-{digest(content)[:8]}"


def modules_of(runs: Sequence[Run]) -> dict[str, Path]:
    """Modules from outside of the suite that trainings of runs depend on, and their files."""
    files = files_of(sorted({name for run in runs for name in run.parts.source}))
    return {name: file for name, file in files.items() if file is not None and not is_of_the_suite(file)}


def _runs(
    method: str,
    protocol: str,
    seed: int,
    config: dict[str, Any],
    sweep: SweepConfig,
    out: Path,
    sources: Sources,
    digests: dict[str, dict[str, str]],
) -> Iterator[Run]:
    config = with_processes(config, sweep.executor.resources(method).processes)
    config["data"]["seed"] = seed
    _, scans = data_of(config["data"])
    key_of_data = data_key(config["data"])
    data = digests.get(key_of_data) or digests.setdefault(key_of_data, data_digests(config["data"]))
    held_out = sorted(set(scans["site"])) if protocol == LEAVE_ONE_SITE_OUT else [""]
    for site in held_out:
        resolved = copy.deepcopy(config)
        resolved["seed_everything"] = derive_seed("training", seed) % 2**32
        resolved["data"]["held_out_site"] = site or None
        parts = run_parts(resolved, data, sources)
        scoring = score_parts(settings_of(resolved, sweep.evaluation), sources)
        key = parts.key
        base = resolved["model"].get("init_args", {}).get("base")
        base_key = run_key({**resolved, "model": base}, data, sources) if base else ""
        train = (scans["split"] == "train") & (scans["site"] != site)
        yield Run(
            method=method,
            protocol=protocol,
            held_out_site=site,
            seed=seed,
            config=resolved,
            run_key=key,
            score_key=scoring.key(key),
            folder=out / RUNS / key[:16],
            base_key=base_key,
            scans=int(train.sum()),
            parts=parts,
            score_parts=scoring,
            tracking=Tracking(sweep.tracking, group_of(sweep, out)),
        )
