"""What a plan is about: the cells of a sweep, or of one whose data are not there yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.data.datamodule import UNSEEN
from benchmark.errors import UserError
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.protocols import LEAVE_ONE_SITE_OUT
from benchmark.sweep.cells import Cell, cells_of, scans_of
from benchmark.sweep.config import SweepConfig, with_seed
from benchmark.sweep.synthetic import synthetic_scans
from benchmark.train.resolve import resolve


@dataclass(frozen=True)
class Question:
    """What is asked in place of what a sweep file says.

    Attributes
    ----------
    scans, sites
        Scans of all splits together, and their sites; None for those of the manifests. With ``scans`` no data are
        looked at.
    shape
        Voxels along x, y and z; None for those of the sweep.
    """

    scans: int | None = None
    sites: int | None = None
    shape: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        least = {"scans": 50, "sites": 2}
        for name, lowest in least.items():
            value = getattr(self, name)
            if value is not None and value < lowest:
                raise UserError(f"--{name}: {value} is not allowed; it must be an integer >= {lowest}")
        if self.sites is not None and self.scans is None:
            raise UserError("--sites: only with --scans, which asks for scans that are not there")

    def of(self, sweep: SweepConfig) -> SweepConfig:
        """The sweep with the shape that is asked for."""
        if self.shape is None:
            return sweep
        return replace(sweep, overrides=sweep.overrides | {"data.preprocessing.shape": list(self.shape)})


@dataclass(frozen=True)
class Work:
    """One cell, as far as its cost goes.

    Attributes
    ----------
    name, method, protocol, held_out_site, seed
        As a cell's.
    state
        As a cell's; ``new`` where the data are not there.
    run_key
        Of the cell; "" where the data are not there.
    config
        Resolved configuration.
    scans
        Scans table of all its scans.
    train
        Number of training scans.
    base_key
        Run key, or method and seed, of the cell that trains its base; "" if none does.
    cell
        The cell itself; None where the data are not there.
    """

    name: str
    method: str
    protocol: str
    held_out_site: str
    seed: int
    state: str
    run_key: str
    config: dict[str, Any]
    scans: pd.DataFrame
    train: int
    base_key: str = ""
    cell: Cell | None = None

    @property
    def voxels(self) -> int:
        """Voxels of a volume."""
        x, y, z = self.config["data"]["preprocessing"]["shape"]
        return int(x) * int(y) * int(z)


def works_of(sweep: SweepConfig, out: Path, question: Question) -> list[Work]:
    """The cells of a sweep as works, in table order; makes no phantom and no store.

    Parameters
    ----------
    sweep
        The sweep, with the shape that is asked for.
    out
        Results folder, in which finished cells are found.
    question
        What is asked beside.
    """
    if question.scans is not None:
        return list(_imagined(sweep, question.scans, question.sites or _sites(sweep)))
    if _phantom_is_missing(sweep):
        return list(_imagined(sweep, None, PhantomSettings().sites))
    works = []
    for cell in cells_of(sweep, out):
        scans = scans_of(cell)
        works.append(
            Work(
                cell.name, cell.method, cell.protocol, cell.held_out_site, cell.seed, cell.state(), cell.run_key,
                cell.config, scans, cell.scans, cell.base_key, cell,
            )
        )  # fmt: skip
    trained = {work.run_key for work in works}
    return [replace(work, base_key=work.base_key if work.base_key in trained else "") for work in works]


def _phantom_is_missing(sweep: SweepConfig) -> bool:
    if sweep.phantom is None:
        return False
    seeds = {seed for seeds in sweep.seeds.values() for seed in seeds}
    return not all((sweep.phantom.of_seed(seed)[0] / "phantom.json").is_file() for seed in seeds)


def _sites(sweep: SweepConfig) -> int:
    manifests = sweep.overrides.get("data.manifests", [])
    named = isinstance(manifests, list) and not any("*" in str(one) for one in manifests)
    return max(len(manifests), 2) if named and manifests else PhantomSettings().sites


def _imagined(sweep: SweepConfig, count: int | None, sites: int) -> Iterator[Work]:
    methods = {name: resolve(path, sweep.overrides) for name, path in sweep.method_files().items()}
    tables: dict[tuple[int, int], pd.DataFrame] = {}
    for method, plain in methods.items():
        for protocol, seeds in sweep.seeds.items():
            for seed in seeds:
                config = with_seed(plain, seed)
                size = _split(sweep, config, count, seed, sites)
                if size not in tables:
                    tables[size] = synthetic_scans(*size, sites)
                names = sorted(set(tables[size]["site"])) if protocol == LEAVE_ONE_SITE_OUT else [""]
                for held_out in names:
                    yield _imagined_cell(method, protocol, seed, held_out, config, tables[size], methods)


def _imagined_cell(
    method: str, protocol: str, seed: int, held_out: str, config: dict[str, Any], scans: pd.DataFrame, methods: Any
) -> Work:
    hidden = (scans["site"] == held_out) & (scans["split"] == "train")
    scans = scans.assign(split=scans["split"].mask(hidden, UNSEEN)) if held_out else scans
    base = config["model"].get("init_args", {}).get("base")
    trained = [name for name, other in methods.items() if base and other["model"] == base]
    where = f" without {held_out}" if held_out else ""
    return Work(
        f"{method}, {protocol}{where}, seed {seed}", method, protocol, held_out, seed, "new", "", config, scans,
        int((scans["split"] == "train").sum()), trained[0] if trained else "",
    )  # fmt: skip


def _split(sweep: SweepConfig, config: dict[str, Any], count: int | None, seed: int, sites: int) -> tuple[int, int]:
    if count is None and sweep.phantom is not None:
        settings = sweep.phantom.of_seed(seed)[1]
        return settings.train_scans, sites * (settings.test_subjects + settings.travelling_subjects)
    test = round((count or 0) * (float(config["data"]["test_fraction"]) + float(config["data"]["val_fraction"])))
    return max((count or 0) - test, 2 * sites), max(test, 2 * sites)
