"""The runs of a sweep, from its configuration: methods × protocols × seeds, with all held-out sites and their keys."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.errors import UserError
from benchmark.protocols import LEAVE_ONE_SITE_OUT
from benchmark.seeds import derive_seed
from benchmark.sweep.config import SweepConfig, content_of, with_seed
from benchmark.sweep.data_sets import data_digests, data_key, data_of, forget_changed_manifests
from benchmark.sweep.keys import digest, new_sources, run_parts, score_parts
from benchmark.sweep.run import RUNS, Run, settings_of
from benchmark.sweep.sources import files_of
from benchmark.sweep.up_to_date import is_of_the_suite
from benchmark.train.resolve import resolve
from benchmark.train.tracking.settings import Tracking


def runs_of(
    sweep: SweepConfig, out: Path, made_up: Callable[[dict[str, Any]], pd.DataFrame] | None = None
) -> list[Run]:
    """All runs of a sweep, in table order: method, protocol, seed, held-out site.

    Parameters
    ----------
    sweep
        The sweep. Its phantom must be there; volume stores need not be, see :func:`build_stores`.
    out
        Results folder.
    made_up
        Gives a scans table for a ``data`` section, to plan with before the data are there: none are then looked at,
        and no digest of any is in the runs' keys.
    """
    methods = {name: resolve(path, _options(path, sweep.overrides)) for name, path in sweep.method_files().items()}
    forget_changed_manifests()
    # Each looked at once for all runs.
    sources, digests = new_sources(), {}
    tracking = Tracking(sweep.tracking, group_of(sweep, out))
    runs = []
    for method, plain in methods.items():
        shared = with_processes(plain, sweep.executor.resources(method).processes)
        for protocol, seed in ((protocol, seed) for protocol, seeds in sweep.seeds.items() for seed in seeds):
            config = with_seed(shared, seed)
            config["data"]["seed"] = seed
            config["seed_everything"] = derive_seed("training", seed) % 2**32
            scans = data_of(config["data"])[1] if made_up is None else made_up(config["data"])
            key_of_data = data_key(config["data"])
            if key_of_data not in digests:
                digests[key_of_data] = data_digests(config["data"]) if made_up is None else {}
            sites = sorted(set(scans["site"]))
            for site in _held_out(sweep, sites, check=made_up is None) if protocol == LEAVE_ONE_SITE_OUT else [""]:
                resolved = copy.deepcopy(config)
                resolved["data"]["held_out_site"] = site or None
                parts = run_parts(resolved, digests[key_of_data], sources)
                scoring = score_parts(settings_of(resolved, sweep.evaluation), sources)
                base = _shared_base(resolved["model"])
                run = Run(
                    method=method,
                    protocol=protocol,
                    held_out_site=site,
                    seed=seed,
                    config=resolved,
                    run_key=parts.key,
                    score_key=scoring.key(parts.key),
                    folder=out / RUNS / parts.key[:16],
                    base_key=run_parts({**resolved, "model": base}, parts.data, sources).key if base else "",
                    scans=int(((scans["split"] == "train") & (scans["site"] != site)).sum()),
                    parts=parts,
                    score_parts=scoring,
                    tracking=tracking,
                )
                runs.append(run)
    return runs


def _shared_base(model: dict[str, Any]) -> dict[str, Any] | None:
    """The base of a method that can take over a trained one; one that trains its base on other images cannot."""
    module, _, name = model["class_path"].rpartition(".")
    shares = hasattr(getattr(import_module(module), name), "use_trained_base")
    return model.get("init_args", {}).get("base") if shares else None


def _held_out(sweep: SweepConfig, sites: Sequence[str], *, check: bool) -> Sequence[str]:
    """Sites to hold out, in the alphabet's order; of made-up data, whose sites have other names, as many."""
    wanted = sorted(set(sweep.held_out_sites))
    unknown = sorted(set(wanted) - set(sites))
    if unknown and check:
        raise UserError(f"field 'held_out_sites': '{unknown[0]}' is no site of the data; allowed: {', '.join(sites)}")
    if unknown:
        return sites[: len(wanted)]
    return wanted or sites


def _options(method: Path, overrides: dict[str, Any]) -> dict[str, Any]:
    """Options of `fit`, with the name that ``model.*.NAME`` has for a method's YAML file."""
    model, inner = content_of(method).get("model"), "model.init_args."
    while isinstance(model, dict) and "base" in (arguments := model.get("init_args") or {}):
        model, inner = arguments["base"], f"{inner}base.init_args."
    return {name.replace("model.*.", inner): value for name, value in overrides.items()}


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
            f"data.batch_size: {batch} is not allowed with {processes} processes per run (executor: nodes × devices); "
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
