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
from benchmark.methods.card import MethodCard
from benchmark.results.compare import RUN, SCORE, score_name
from benchmark.results.environment import environment
from benchmark.results.read import StoredResults, read_results, read_table
from benchmark.results.same_task import DATA, SUBMITTED, differing, not_comparable, task_difference
from benchmark.results.schema import REPLICATES, joined, run_name, with_parameters
from benchmark.results.write import write_provenance, write_replicates, write_scores

#: Sections of a sweep that a merged one is made of.
_OF_SWEEP = {"methods": list, "seeds": dict}


def merge(folders: Sequence[Path | str], out: Path | str) -> StoredResults:
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
    out = Path(out)
    paths = [Path(folder) for folder in folders]
    given = [read_results(path) for path in dict.fromkeys(paths)]
    names = " and ".join(str(results.folder) for results in given)
    provenances = [results.provenance for results in given]
    for results in given:
        if why := not_comparable(results):
            raise UserError(f"{results.folder}: {why}")
    if difference := task_difference(given):
        raise UserError(f"{names}: different tasks: {difference}")
    if name := differing(each["run_keys"] for each in provenances):
        raise UserError(f"{names}: run '{name}' has different keys")
    for results in given:
        _check_told(results)
    sweeps, abouts = ([provenance[name] for provenance in provenances] for name in ("sweep", "about"))
    scores = joined([results.scores for results in given]).drop_duplicates(ignore_index=True)
    _check(names, scores)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out: {out} is already there; name a new folder")
    make_writable(out, "out")
    for run in chain.from_iterable(sorted(path.glob("runs/*")) for path in paths):
        if not (out / "runs" / run.name).exists():
            shutil.copytree(run, out / "runs" / run.name, symlinks=True)
    replicates = [read_table(file) for path in paths if (file := path / REPLICATES).is_file()]
    if len(replicates) == len(paths):
        write_replicates(each_once(joined(replicates)), out)
    write_scores(scores, out)
    protocols = _union(sweep["seeds"] for sweep in sweeps)
    seeds = {protocol: _union(sweep["seeds"].get(protocol, []) for sweep in sweeps) for protocol in protocols}
    data = dict(chain.from_iterable(each.get(DATA, {}).items() for each in provenances))
    provenance = {
        "environment": environment(),
        "sweep": {**sweeps[0], "methods": _union(sweep["methods"] for sweep in sweeps), "seeds": seeds},
        "about": {**_about(abouts, protocols), "shared_subjects": _shared_subjects(abouts, seeds, data)},
        "runs": len(scores[RUN].drop_duplicates()),
        **{
            name: dict(chain.from_iterable(each.get(name, {}).items() for each in provenances))
            for name in ("run_keys", "run_key_parts", SUBMITTED)
        },
        DATA: data,
        # By name: where the folders lay on somebody's machine is nobody else's business, and two may have one name.
        "merged": {
            f"{number} {'' if each.folder is None else each.folder.name}": each.provenance
            for number, each in enumerate(given, 1)
        },
    }
    write_provenance(provenance, out)
    return read_results(out)


def _union(lists: Iterable[Iterable[Any]]) -> list[Any]:
    return list(dict.fromkeys(chain.from_iterable(lists)))


def each_once(replicates: pd.DataFrame) -> pd.DataFrame:
    """A table of replicates, every score of a run once."""
    kept: pd.DataFrame = replicates[~with_parameters(replicates).duplicated([*RUN, "table", "metric", "parameters"])]
    return kept


def _check_told(results: StoredResults) -> None:
    """Refuse what is told of methods in other words than this version's: a folder may be anybody's."""
    kinds = {"cards": dict, "seconds": dict, "notes": list, "methods": list, "machine": str, "synthetic": bool}
    told = {f"about.{name}": (results.provenance["about"].get(name), kind) for name, kind in kinds.items()}
    told |= {f"sweep.{name}": (results.provenance["sweep"].get(name), kind) for name, kind in _OF_SWEEP.items()}
    told["about.shared_subjects"] = (results.provenance["about"].get("shared_subjects", {}), dict)
    for name, (value, kind) in told.items():
        if not isinstance(value, kind):
            raise UserError(f"{results.folder}: provenance.json: field '{name}' must be a {kind.__name__}")
    about, known = results.provenance["about"], set(MethodCard.__dataclass_fields__)
    for protocol, share in about.get("shared_subjects", {}).items():
        if not isinstance(share, float | int) or not 0 <= share <= 1:
            field = f"field 'about.shared_subjects.{protocol}'"
            raise UserError(f"{results.folder}: provenance.json: {field} must be a number from 0 to 1")
    for method, card in about["cards"].items():
        if not isinstance(card, dict) or not set(card) <= known:
            raise UserError(f"{results.folder}: provenance.json: the card of {method!a} is not one of this version")
    if not all(isinstance(each, dict) for each in about["seconds"].values()):
        raise UserError(f"{results.folder}: provenance.json: field 'about.seconds' must hold a dict for each protocol")


def _check(names: str, scores: pd.DataFrame) -> None:
    keyed = with_parameters(scores)
    for _, row in keyed[keyed.duplicated([*RUN, *SCORE])].head(1).iterrows():
        raise UserError(f"{names}: run '{run_name(*row[RUN])}' has different values of {score_name(*row[SCORE])}")


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


def _shared_subjects(
    abouts: Sequence[dict[str, Any]], seeds: dict[str, list[int]], data: dict[str, dict[str, str]]
) -> dict[str, float]:
    """Share of test subjects that two seeds of a protocol have in common, of all folders together."""
    told = [about.get("shared_subjects", {}) for about in abouts]
    # A folder with one seed cannot tell. Where none can, all subjects are taken as shared: intervals are then too wide.
    usual = max(chain.from_iterable(each.values() for each in told), default=1.0)
    found = {}
    for protocol, own in seeds.items():
        images = [data.get(str(seed), {}).get("images", "") for seed in own]
        if any(images.count(digest) > 1 for digest in images if digest):
            found[protocol] = max((each[protocol] for each in told if protocol in each), default=usual)
    return found
