"""Join results folders of one task that have different runs, such as parts of a sweep from several machines."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.errors import UserError
from benchmark.folders import make_writable
from benchmark.results.compare import RUN, SCORE, score_name
from benchmark.results.environment import environment
from benchmark.results.read import StoredResults, read_results
from benchmark.results.schema import joined, run_name, with_parameters
from benchmark.results.write import write_provenance, write_replicates, write_scores

#: Sections of a sweep that must be equal, and overrides that say where data lie, not what they are.
_SHARED = ("evaluation", "overrides", "phantom", "primary")
_PLACES = ("data.manifests", "data.data_root", "data.truth", "data.cache_dir")


def merge(folders: Sequence[Path], out: Path) -> StoredResults:
    """Write the results of several sweeps as one: scores, replicates, provenance and the folders of the runs.

    A run that several folders have is taken once. Replicates are written where every folder has them.

    Parameters
    ----------
    folders
        Results folders of sweeps; they are only read.
    out
        New folder.

    Raises
    ------
    UserError
        For a folder that is not of a sweep or cannot be read; for folders of different tasks (settings of the sweep,
        data, versions of metrics); for a run that has different keys or values in them; and if ``out`` is not new.
    """
    given = [read_results(folder) for folder in dict.fromkeys(folders)]
    names = " and ".join(str(results.folder) for results in given)
    provenances = [results.provenance for results in given]
    for results in given:
        if not results.provenance.get("run_key_parts") or "sweep" not in results.provenance:
            raise UserError(f"{results.folder}: records no run keys; only results of sweeps can be merged")
    sweeps, abouts = ([provenance[name] for provenance in provenances] for name in ("sweep", "about"))
    _united(f"{names}: different tasks: the sweeps differ in '{{}}'", map(_task, sweeps))
    keys = _united(f"{names}: run '{{}}' has different keys", (each["run_keys"] for each in provenances))
    parts = [part for each in provenances for part in each["run_key_parts"].items()]
    data = ({name.rpartition("seed ")[2]: part["data"]} for name, part in parts)
    _united(f"{names}: different tasks: the data of seed {{}} differ", data)
    scores = joined([results.scores for results in given]).drop_duplicates(ignore_index=True)
    _check(names, scores)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out: {out} is already there; name a new folder")
    make_writable(out, "out")
    for run in chain.from_iterable(sorted(Path(folder).glob("runs/*")) for folder in folders):
        if not (out / "runs" / run.name).exists():
            shutil.copytree(run, out / "runs" / run.name, symlinks=True)
    replicates = [table for results in given if (table := results.replicates()) is not None]
    if len(replicates) == len(given):
        table = joined(replicates)
        write_replicates(table[~with_parameters(table).duplicated([*RUN, "table", "metric", "parameters"])], out)
    write_scores(scores, out)
    protocols = _union(sweep["seeds"] for sweep in sweeps)
    seeds = {protocol: _union(sweep["seeds"].get(protocol, []) for sweep in sweeps) for protocol in protocols}
    provenance = {
        "environment": environment(),
        "sweep": {**sweeps[0], "methods": _union(sweep["methods"] for sweep in sweeps), "seeds": seeds},
        "about": _about(abouts, protocols),
        "runs": len(scores[RUN].drop_duplicates()),
        "run_keys": keys,
        "run_key_parts": dict(parts),
        # By name: where the folders lay on somebody's machine is nobody else's business, and two may have one name.
        "merged": {
            f"{number} {'' if each.folder is None else each.folder.name}": each.provenance
            for number, each in enumerate(given, 1)
        },
    }
    write_provenance(provenance, out)
    return read_results(out)


def _task(sweep: dict[str, Any]) -> dict[str, Any]:
    overrides = {name: value for name, value in sweep["overrides"].items() if name not in _PLACES}
    return {name: sweep.get(name) for name in _SHARED} | {"overrides": overrides}


def _united(problem: str, tables: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Entries of all tables; an error where two have different values of one."""
    united: dict[str, Any] = {}
    for name, value in chain.from_iterable(table.items() for table in tables):
        if united.setdefault(name, value) != value:
            raise UserError(problem.format(name))
    return united


def _union(lists: Iterable[Iterable[Any]]) -> list[Any]:
    return list(dict.fromkeys(chain.from_iterable(lists)))


def _check(names: str, scores: pd.DataFrame) -> None:
    keyed = with_parameters(scores)
    for _, row in keyed[keyed.duplicated([*RUN, *SCORE])].head(1).iterrows():
        raise UserError(f"{names}: run '{run_name(*row[RUN])}' has different values of {score_name(*row[SCORE])}")
    versions = scores[["table", "metric", "version"]].drop_duplicates()
    for _, row in versions[versions.duplicated(["table", "metric"])].head(1).iterrows():
        raise UserError(f"{names}: different tasks: versions of the metric {row['table']} {row['metric']} differ")


def _about(abouts: Sequence[dict[str, Any]], protocols: Sequence[str]) -> dict[str, Any]:
    """What readers of tables are told (:class:`benchmark.report.about.About`), of all folders together."""
    seconds = {protocol: [about["seconds"].get(protocol, {}) for about in abouts] for protocol in protocols}
    return {
        "synthetic": any(about["synthetic"] for about in abouts),
        "cards": {method: card for about in abouts for method, card in about["cards"].items()},
        "seconds": {protocol: dict(chain.from_iterable(map(dict.items, of))) for protocol, of in seconds.items()},
        "machine": "; ".join(_union([about["machine"]] for about in abouts)),
        "notes": _union(about["notes"] for about in abouts),
        "methods": _union(about["methods"] for about in abouts),
    }
