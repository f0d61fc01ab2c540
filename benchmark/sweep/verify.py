"""`seada-bench verify`: make a set of results again, and say what comes out differently."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from benchmark.data.atomic import atomic_path
from benchmark.embeddings.options import ForeignOptions
from benchmark.errors import UserError
from benchmark.folders import make_writable
from benchmark.metrics.settings import EvaluationSettings
from benchmark.protocols import PROTOCOLS
from benchmark.report.comparison_text import comparison_text
from benchmark.report.evaluate import EVALUATED, evaluate
from benchmark.report.text import count
from benchmark.results.compare import RUN, Comparison, compare
from benchmark.results.read import StoredResults, read_results
from benchmark.results.same_task import SUBMITTED
from benchmark.results.schema import PROVENANCE, SCORES
from benchmark.sweep.config import SweepConfig, read_sweep
from benchmark.sweep.recorded import sanitised
from benchmark.sweep.sweep import run_sweep

#: The sweep that is repeated, in its folder: says that the folder is of this command.
SWEEP = "verify.yaml"

#: Entries of the provenance that depend on which runs are repeated, and parts of the sweep that do not.
_OF_THE_RUNS = ("about", "runs", "failed", "run_keys", "run_key_parts", "sweep")
#: Parts of a run key as the provenance names them, in words.
_PARTS = {"config": "settings", "data": "data", "source": "code", "versions": "library versions"}
_SHARED_BY_RUNS = ("evaluation", "overrides", "phantom")


@dataclass(frozen=True)
class Verification:
    """What running results again gave.

    Attributes
    ----------
    results, again
        Folders of the results and of their second making.
    comparison
        What differs, the results being A and their second making B.
    runs
        How many runs were repeated.
    of
        How many runs the results have.
    run_keys
        Runs by whether both were made from the same code, data, settings and library versions: ``equal``,
        ``different``, and ``incomparable`` for keys of an earlier version, whose parts are not recorded; those whose
        key is not recorded count in none.
    different_parts
        What differs between the keys of any run: of ``settings``, ``data``, ``code`` and ``library versions``.
    failures
        Runs that failed, with their errors.
    """

    results: Path
    again: Path
    comparison: Comparison
    runs: int
    of: int
    run_keys: dict[str, int]
    different_parts: tuple[str, ...]
    failures: list[str]

    @property
    def same(self) -> bool:
        """Whether every run that was repeated has the same scores as in the results, within the tolerance."""
        return not self.failures and self.comparison.same


def verify(
    results: Path,
    out: Path,
    *,
    config: Path | None = None,
    tolerance: float = 1e-6,
    runs: int | None = None,
    methods: Sequence[str] | None = None,
) -> Verification:
    """Run the sweep of a results folder again and compare; the results are only read.

    What is repeated is the part of the sweep that the results have runs of, so that results of a sweep whose file has
    grown since can be verified too. The folder is kept, and the next call with it goes on.

    Parameters
    ----------
    results
        Folder with ``scores.parquet``, and with ``provenance.json`` unless ``config`` is given.
    out
        Folder for the second making: new, or of an earlier call.
    config
        The sweep file; by default the sweep that the provenance records.
    tolerance
        Absolute difference up to which two values are the same.
    runs
        Repeat the smallest part of the sweep, all of some methods' seeds, that has the first so many runs of the
        results in the order of method, protocol, seed and held-out site; None for all.
    methods
        Repeat these methods alone; None for all.

    Returns
    -------
    Verification

    Raises
    ------
    UserError
        For results or a sweep that cannot be read, a run of the results that the sweep has not, and a folder for
        the second making that is or holds something else.
    """
    if runs is not None and runs < 1:
        raise UserError(f"--runs: {runs} is not allowed; it must be at least 1")
    if not tolerance >= 0:
        raise UserError(f"--tolerance: {tolerance} is not allowed; it must be at least 0")
    first = read_results(results)
    if EVALUATED in first.provenance and config is None:
        if runs is not None or methods is not None:
            raise UserError(f"--runs, --methods: are for results of a sweep; {results} is of evaluate")
        return _evaluated_again(first, results, out, tolerance)
    submitted = set(first.provenance.get(SUBMITTED, {}))
    first = replace(first, scores=first.scores[~first.scores["method"].isin(submitted)])
    if submitted and first.scores.empty:
        raise UserError(
            f"{results}: its rows were submitted, and no sweep makes them; 'seada-bench submit' scores them again"
        )
    sweep = read_sweep(config) if config is not None else recorded_sweep(first, results)
    chosen = _chosen(first, sweep, runs, methods)
    sweep = _part(sweep, chosen)
    _begin(results, out, asdict(sweep))
    for name in (SCORES, PROVENANCE):
        # Of an earlier call, which may have repeated other runs; the runs themselves stay.
        (out / name).unlink(missing_ok=True)
    failures = [f"{run.name}: {error}" for run, error in run_sweep(sweep, out)]
    nothing = StoredResults(out, first.scores.iloc[:0], {})
    second = read_results(out) if (out / SCORES).is_file() else nothing
    repeated = [
        method in set(chosen["method"]) and seed in sweep.seeds.get(protocol, [])
        for method, protocol, seed in first.scores[["method", "protocol", "seed"]].itertuples(index=False)
    ]
    old, new = _general(first.provenance, second.provenance)
    compared = replace(first, scores=first.scores[repeated], provenance=old)
    keys, different_parts = _compared_keys(first, second)
    return Verification(
        results=results,
        again=out,
        comparison=compare(compared, replace(second, provenance=new), tolerance),
        runs=len(second.scores[RUN].drop_duplicates()),
        of=len(first.scores[RUN].drop_duplicates()),
        run_keys=keys,
        different_parts=different_parts,
        failures=failures,
    )


def _evaluated_again(first: StoredResults, results: Path, out: Path, tolerance: float) -> Verification:
    """Score the embeddings again that ``evaluate`` scored."""
    done = first.provenance[EVALUATED]
    path = Path(done["embeddings"])
    if not done["embeddings"] or not path.exists():
        what = f"{path}, which is not there" if done["embeddings"] else "embeddings in memory"
        raise UserError(f"{results / PROVENANCE}: the scores are of {what}; they cannot be scored again")
    _begin(results, out, {EVALUATED: done})
    given = dict(done["options"])
    for name, kind in (("rows", Path), ("manifests", lambda paths: tuple(map(Path, paths)))):
        if name in given:
            given[name] = kind(given[name])
    settings: dict[str, Any] = dict(done["settings"])
    settings |= {name: tuple(one) for name, one in settings.items() if isinstance(one, list)}
    again = evaluate(
        path,
        settings=EvaluationSettings(**settings),
        options=ForeignOptions(**given),
        allow_different_scans=done["allow_different_scans"],
    )
    again.save(out, overwrite=True)
    digests = again.provenance[EVALUATED]["sha256"]
    equal = sum(digests.get(name) == digest for name, digest in done["sha256"].items())
    number = first.scores["method"].nunique()
    return Verification(
        results=results,
        again=out,
        comparison=compare(first, read_results(out), tolerance),
        runs=number,
        of=number,
        run_keys={"equal": equal, "different": len(done["sha256"]) - equal, "incomparable": 0},
        different_parts=("embeddings",),
        failures=[],
    )


def recorded_sweep(results: StoredResults, folder: Path) -> SweepConfig:
    """The sweep that the provenance of results records under ``sweep``.

    Raises
    ------
    UserError
        If it records none, or one that this version cannot run, or should not: see
        :func:`benchmark.sweep.recorded.sanitised`.
    """
    path = folder / PROVENANCE
    found = results.provenance.get("sweep")
    if not isinstance(found, dict):
        raise UserError(f"{path}: does not record the sweep; name its file with --config")
    # Rows that somebody submitted are no runs of it.
    submitted = results.provenance.get(SUBMITTED, {})
    found = {**found, "methods": [method for method in found.get("methods", []) if method not in submitted]}
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "sweep.yaml"
        file.write_text(yaml.safe_dump(found), encoding="utf-8")
        try:
            return sanitised(read_sweep(file))
        except UserError as error:
            raise UserError(f"{path}: sweep: {str(error).replace(f'{file}: ', '')}") from None


def verification_text(found: Verification) -> str:
    """A verification for the terminal: the comparison, then whether the keys are equal, then the verdict."""
    lines = [comparison_text(found.comparison, found.results, found.again)]
    lines += [f"failed: {failure}" for failure in found.failures]
    equal, different = found.run_keys["equal"], found.run_keys["different"]
    if different:
        parts = " and ".join([", ".join(found.different_parts[:-1]), found.different_parts[-1]]).removeprefix(" and ")
        lines.append(
            f"run keys: {different} of {equal + different} differ, in {parts}: what can change embeddings is not "
            "all as it was for the results"
        )
    elif found.run_keys["incomparable"]:
        lines.append(
            f"run keys: those of {count(found.run_keys['incomparable'], 'run')} were made by an earlier version, "
            "which recorded no parts of them; whether code, data and settings are the same cannot be told from them"
        )
    elif equal:
        lines.append(f"run keys: all {equal} equal: the same code, data, settings and library versions")
    else:
        lines.append("run keys: the results record none")
    verdict = "verified" if found.same else "NOT verified"
    lines.append(
        f"{verdict}: {found.runs} of {count(found.of, 'run')} repeated, scores "
        f"{'within' if found.same else 'not all within'} {found.comparison.tolerance:g}"
    )
    return "\n".join(lines) + "\n"


def _chosen(
    results: StoredResults, sweep: SweepConfig, runs: int | None, methods: Sequence[str] | None
) -> pd.DataFrame:
    """Runs of the results that are to be repeated, in the order of the sweep."""
    order = list(sweep.method_files())
    table = results.scores[RUN].drop_duplicates()
    there = sorted(set(table["method"]))
    for name in methods or ():
        if name not in there:
            raise UserError(f"--methods: '{name}' has no run in {results.folder}; allowed: {', '.join(there)}")
    if methods is not None:
        table = table[table["method"].isin(methods)]
    for run in table.to_dict("records"):
        if run["method"] not in order or run["seed"] not in sweep.seeds.get(run["protocol"], []):
            raise UserError(
                f"{results.folder}: run '{run['method']}, {run['protocol']}, seed {run['seed']}' is not in the "
                f"sweep; its methods: {', '.join(order)}; its seeds: {sweep.seeds}; --config names another sweep"
            )
    place = pd.DataFrame(
        {
            "method": table["method"].map(order.index),
            "protocol": table["protocol"].map(PROTOCOLS.index),
            "seed": table["seed"],
            "held_out_site": table["held_out_site"],
        }
    )
    return table.loc[place.sort_values(list(place.columns)).index].head(len(table) if runs is None else runs)


def _part(sweep: SweepConfig, runs: pd.DataFrame) -> SweepConfig:
    names, seeds = set(runs["method"]), set(zip(runs["protocol"], runs["seed"], strict=True))
    return replace(
        sweep,
        methods=[method for method in sweep.methods if Path(method).stem in names],
        seeds={
            protocol: kept
            for protocol, given in sweep.seeds.items()
            if (kept := [seed for seed in given if (protocol, seed) in seeds])
        },
        executor=replace(
            sweep.executor, methods={name: given for name, given in sweep.executor.methods.items() if name in names}
        ),
    )


def _begin(results: Path, out: Path, repeated: dict[str, Any]) -> None:
    """See that the folder can be used, and leave in it what is repeated."""
    inner, outer = out.resolve(), results.resolve()
    if inner == outer or outer in inner.parents:
        raise UserError(f"--out: {out} is in {results}, which is only read; name another folder")
    if out.is_dir() and any(out.iterdir()) and not (out / SWEEP).is_file():
        raise UserError(f"--out: {out} holds something else; name a new folder, or that of an earlier verify")
    make_writable(out, "out")
    with atomic_path(out / SWEEP) as temporary:
        temporary.write_text(yaml.safe_dump(json.loads(json.dumps(repeated)), sort_keys=False), encoding="utf-8")


def _general(*provenances: dict[str, Any]) -> list[dict[str, Any]]:
    """Each provenance without what depends on which runs were repeated."""
    general = [{name: value for name, value in one.items() if name not in _OF_THE_RUNS} for one in provenances]
    if all(isinstance(one.get("sweep"), dict) for one in provenances):
        for kept, one in zip(general, provenances, strict=True):
            kept["sweep"] = {name: one["sweep"].get(name) for name in _SHARED_BY_RUNS}
    return general


def _compared_keys(first: StoredResults, second: StoredResults) -> tuple[dict[str, int], tuple[str, ...]]:
    """``run_keys`` and ``different_parts`` of a :class:`Verification`."""
    found = {"equal": 0, "different": 0, "incomparable": 0}
    old, new = (results.provenance.get("run_keys", {}) for results in (first, second))
    parts, again = (_key_parts(results) for results in (first, second))
    for name in set(old) & set(new):
        found["equal" if old[name] == new[name] else "different" if name in parts else "incomparable"] += 1
    both = set(parts) & set(again)
    different = [
        words for part, words in _PARTS.items() if any(parts[name].get(part) != again[name].get(part) for name in both)
    ]
    return found, tuple(different) or ("something",)


def _key_parts(results: StoredResults) -> dict[str, dict[str, str]]:
    found = results.provenance.get("run_key_parts", {})
    return {name: parts for name, parts in found.items() if isinstance(parts, dict)} if isinstance(found, dict) else {}
