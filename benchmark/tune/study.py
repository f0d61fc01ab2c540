"""A study: every method's trials, trained and measured on held-out training subjects."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from benchmark.data.atomic import atomic_path
from benchmark.data.store import VolumeStore
from benchmark.errors import UserError
from benchmark.prepare.phantom.generate import RECORD, generate
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.protocols import LEAVE_ONE_SITE_OUT, POOLED
from benchmark.report.about import About
from benchmark.results.read import read_provenance, read_table
from benchmark.results.schema import PROVENANCE, SCORES
from benchmark.sweep.config import SweepConfig, content_of, with_seed
from benchmark.sweep.data_sets import data_of
from benchmark.sweep.display import log_line
from benchmark.sweep.executor_config import SLURM
from benchmark.sweep.local import execute_locally
from benchmark.sweep.run import MARKER, Run, error_of
from benchmark.sweep.runs import runs_of
from benchmark.sweep.slurm import SlurmExecutor
from benchmark.sweep.sweep import Execute, run_sweep
from benchmark.sweep.up_to_date import matches
from benchmark.train.resolve import instantiate_data, resolve
from benchmark.tune.rules import ORACLE, RULES, TERMS
from benchmark.tune.space import nested, read_space, space_file, trials_of, with_overrides
from benchmark.tune.terms import EVALUATION, OF_HELD_OUT, OF_POOLED, Measure, read, scored_terms, test_scans

#: Folder of the trainings in a study's folder.
TRAININGS = "sweep"


@dataclass(frozen=True)
class Trial:
    """Settings of a method that are tried.

    Attributes
    ----------
    method
        Its name.
    number
        1 for the method's own settings.
    settings
        Options of the model, dots between nested names, that differ from its own.
    file
        YAML file of the method with these settings.
    """

    method: str
    number: int
    settings: dict[str, Any]
    file: Path


@dataclass(frozen=True)
class Study:
    """What is trained and measured.

    Attributes
    ----------
    sweep
        The sweep whose methods are the trials, on manifests of training subjects alone.
    out
        Folder of the study.
    trials
        Of all methods, in the sweep's order.
    rules
        Names of those that choose.
    tests
        Seed to the manifests of its test subjects, for the oracle; none without one.
    """

    sweep: SweepConfig
    out: Path
    trials: Sequence[Trial]
    rules: Sequence[str]
    tests: Mapping[int, Sequence[Path]] = field(default_factory=dict)

    @property
    def trainings(self) -> Path:
        """Results folder of the sweep."""
        return self.out / TRAININGS

    @cached_property
    def runs(self) -> list[Run]:
        """Of the sweep, looked at once: every trial's file takes a moment to resolve."""
        return runs_of(self.sweep, self.trainings)

    @property
    def seeds(self) -> list[int]:
        """Of data and trainings."""
        return next(iter(self.sweep.seeds.values()))


def make_trials(sweep: SweepConfig, folder: Path, count: int) -> list[Trial]:
    """Write a YAML file of every trial, ``METHOD-NUMBER.yaml``, where it is not there.

    Floors and ceilings have no settings to choose, and are left out.

    Raises
    ------
    UserError
        If a method's file or search space is not as it must be, the folder has trials of other settings, or there is
        no method but floors and ceilings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    trials = []
    for method, path in sweep.method_files().items():
        # Says what is wrong with a file.
        resolve(path, {})
        content = content_of(path)
        if (content.get("card") or {}).get("role", "method") != "method":
            continue
        for number, settings in enumerate(trials_of(read_space(space_file(path)), count), 1):
            file = folder / f"{method}-{number}.yaml"
            changed = {**content, "model": with_overrides(content["model"], {"init_args": nested(settings)})}
            text = yaml.safe_dump(changed, sort_keys=False)
            if file.is_file() and file.read_text(encoding="utf-8") != text:
                raise UserError(
                    f"{file}: is of other settings, as the method or its search space has changed; name another --out"
                )
            _write_text(text, file)
            trials.append(Trial(method, number, settings, file))
    if not trials:
        raise UserError("field 'methods': none of the sweep's has settings to choose; floors and ceilings have none")
    return trials


def make_study(
    sweep: SweepConfig,
    out: Path,
    trials: Sequence[Trial],
    seeds: Sequence[int],
    rules: Sequence[str],
    held_out_sites: int,
    oracle: bool,
) -> Study:
    """Write the study's manifests, of which those that are trained on have training subjects alone.

    Of a phantom, a new one is made for each seed. Of other data, whoever is a test subject for any of the sweep's own
    seeds is left out. Which of the rest are held out is up to the suite's own split.

    Parameters
    ----------
    sweep
        The sweep that settings are chosen for.
    out
        Folder of the study.
    trials
        :func:`make_trials`.
    seeds
        Of data and trainings.
    rules
        Names of those that choose.
    held_out_sites
        How many sites are held out, one a training, for the rules that need it.
    oracle
        Whether to write manifests of test subjects too.

    Raises
    ------
    UserError
        For a sweep with axes, a seed that the sweep reports, data of which no training subjects are left, and more
        held-out sites than there are.
    """
    reported = {seed for of_protocol in sweep.seeds.values() for seed in of_protocol}
    if sweep.axes:
        raise UserError("field 'axes': is not allowed in a sweep that settings are chosen for")
    both = sorted(reported & set(seeds))
    if both:
        raise UserError(f"--seeds: {both[0]} is a seed of the sweep; no data that tables report may choose settings")
    training = {seed: out / f"training-{seed}" for seed in seeds}
    test = {seed: out / f"test-{seed}" for seed in seeds if oracle}
    for folder in (*training.values(), *test.values()):
        folder.mkdir(parents=True, exist_ok=True)
    if sweep.phantom is None:
        written = _given_manifests(sweep, sorted(reported), training, test)
    else:
        made = {seed: sweep.phantom.of_seed(seed)[1] for seed in seeds}
        processes = sweep.workers or os.cpu_count() or 1
        written = [_phantom_manifests(made[seed], out, processes, training[seed], test.get(seed)) for seed in seeds]
    overrides = {**sweep.overrides, "data.manifests": [f"{out}/training-{{seed}}/*.csv"], "data.truth": None}
    if sweep.phantom is not None:
        overrides["data.data_root"] = f"{out}/phantom-{{seed}}"
    overrides.setdefault("data.cache_dir", f"{out}/cache")
    protocols = {RULES[name].protocol for name in rules} | ({POOLED} if oracle else set())
    given = sweep.executor.methods
    trained = replace(
        sweep,
        methods=[str(trial.file) for trial in trials],
        seeds={protocol: list(seeds) for protocol in (POOLED, LEAVE_ONE_SITE_OUT) if protocol in protocols},
        held_out_sites=[],
        overrides=overrides,
        phantom=None,
        evaluation=EVALUATION,
        primary=replace(sweep.primary, method=""),
        executor=replace(
            sweep.executor,
            methods={trial.file.stem: given[trial.method] for trial in trials if trial.method in given},
        ),
    )
    if LEAVE_ONE_SITE_OUT in protocols:
        trained = replace(trained, held_out_sites=sites_to_hold_out(pd.concat(written), held_out_sites))
    return Study(trained, out, trials, rules, {seed: sorted(folder.glob("*.csv")) for seed, folder in test.items()})


def sites_to_hold_out(scans: pd.DataFrame, count: int) -> list[str]:
    """The sites that can say most of retrieval by disease: those with most subjects of the rarer of CN and AD.

    Of equal ones those with most subjects, then those first in the alphabet.

    Parameters
    ----------
    scans
        Rows of manifests.
    count
        How many sites.

    Raises
    ------
    UserError
        If there are fewer than two sites more.
    """
    subjects = scans.drop_duplicates(["site", "subject_id"])
    counts = pd.DataFrame(
        {name: subjects[subjects["diagnosis"] == name].groupby("site").size() for name in ("CN", "AD")},
        index=sorted(set(subjects["site"])),
    ).fillna(0)
    if count > len(counts) - 2:
        raise UserError(
            f"--held_out_sites: {count} is not allowed; the data have {len(counts)} sites, of which two must be left"
        )
    order = pd.DataFrame({"rarer": counts.min(axis=1), "all": subjects.groupby("site").size()})
    return sorted(order.sort_values(["rarer", "all"], ascending=False, kind="stable").index[:count])


def _phantom_manifests(
    settings: PhantomSettings, out: Path, processes: int, training: Path, test: Path | None
) -> pd.DataFrame:
    folder = out / f"phantom-{settings.seed}"
    if not (folder / RECORD).is_file():
        log_line(f"making the phantom {folder}")
    found = []
    for path in generate(settings, folder, processes):
        rows = _rows(path)
        found.append(rows[rows["split"] == "train"].drop(columns="split"))
        _write(found[-1], training / path.name)
        if test is not None:
            _write(rows[rows["split"] == "test"].drop(columns="split"), test / path.name)
    return pd.concat(found)


def _given_manifests(
    sweep: SweepConfig, reported: Sequence[int], training: Mapping[int, Path], test: Mapping[int, Path]
) -> list[pd.DataFrame]:
    first = next(iter(sweep.method_files().values()))
    left: set[str] | None = None
    tested: set[str] = set()
    for seed in reported:
        config = resolve(first, with_seed(sweep.overrides, seed))["data"] | {"seed": seed}
        scans = data_of(config)[1]
        of_seed = set(scans.loc[scans["split"] == "train", "subject_id"])
        left = of_seed if left is None else left & of_seed
        tested |= set(scans.loc[scans["split"] == "test", "subject_id"])
    if not left:
        raise UserError("no subject is a training subject for all seeds of the sweep: no data are left to choose by")
    found = []
    for pattern in with_seed(sweep.overrides["data.manifests"], reported[0]):
        for path in map(Path, matches(pattern)):
            rows = _rows(path).drop(columns="split", errors="ignore")
            for name in ("image", "mask"):
                if name in rows:
                    rows[name] = [_located(value, path.parent) for value in rows[name]]
            for subjects, folders in ((left, training), (tested, test)):
                kept = rows[rows["subject_id"].isin(subjects)]
                for folder in folders.values():
                    _write(kept, folder / path.name)
            found.append(rows[rows["subject_id"].isin(left)])
    return found


def _located(image: str, folder: Path) -> str:
    """An image that a manifest names relative to its own folder, for a manifest in another one."""
    return str((folder / image).absolute()) if image and (folder / image).exists() else image


def _rows(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _write(rows: pd.DataFrame, path: Path) -> None:
    # A site without any such subject has no manifest: one without rows is refused.
    if len(rows):
        _write_text(rows.to_csv(index=False, lineterminator="\n"), path)


def _write_text(text: str, path: Path) -> None:
    # An unchanged manifest keeps its time, by which runs know that nothing has changed.
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def train(study: Study, costs: Mapping[str, float]) -> tuple[list[tuple[Run, str]], list[tuple[Run, str]] | None]:
    """Train, score and measure what is missing of the trials.

    Parameters
    ----------
    study
        The study.
    costs
        Estimated seconds by the names of runs; others are estimated as a sweep's are.

    Returns
    -------
    failures
        Failed runs with their errors. Worker processes try those of an earlier call again; to SLURM they are handed
        again once their ``error.txt`` is removed: settings that fail would else keep a study from its end.
    submitted
        Runs that were handed to SLURM, with their jobs; None for those of worker processes, which are waited for.

    Raises
    ------
    UserError
        As :func:`benchmark.sweep.sweep.run_sweep`.
    """
    measure, out = Measure(study.tests), study.trainings
    for run in study.runs:
        if run.state() == "done" and measure.lacks(run):
            _score_again(run)
    _build_test_stores(study)
    if study.sweep.executor.kind != SLURM:
        # Its runs have test scores too, which nobody should see a setting by.
        execute_here = partial(execute_locally, study.sweep, tell_scores=False)
        return run_sweep(study.sweep, out, _measuring(execute_here, measure, costs)), None
    cluster = SlurmExecutor(study.sweep, out)
    failures: list[tuple[Run, str]] = []

    def execute(missing: Sequence[tuple[Run, float]], runs: Sequence[Run]) -> None:
        failures.extend((run, error) for run, _ in missing if (error := error_of(run.scores_folder)))
        failed = {run.score_key for run, _ in failures}
        cluster.execute([row for row in missing if row[0].score_key not in failed], runs)

    run_sweep(study.sweep, out, _measuring(execute, measure, costs))
    return failures, cluster.submitted


def _measuring(execute: Execute, measure: Measure, costs: Mapping[str, float]) -> Execute:
    def execute_and_measure(missing: Sequence[tuple[Run, float]], runs: Sequence[Run]) -> list[tuple[Run, str]] | None:
        return execute([(replace(run, then=measure), costs.get(run.name, cost)) for run, cost in missing], runs)

    return execute_and_measure


def _score_again(run: Run) -> None:
    """Make a run one that is trained but not scored. Its marker stays: it says how long the training took."""
    with atomic_path(run.scores_folder / MARKER) as temporary:
        temporary.write_text(json.dumps({**run.marker(), "score_key": ""}, indent=1) + "\n", encoding="utf-8")


def _build_test_stores(study: Study) -> None:
    if not study.tests:
        return
    first = {run.seed: run for run in study.runs}
    for seed, manifests in study.tests.items():
        data = instantiate_data(first[seed].config["data"])
        scans = test_scans(first[seed], manifests)
        log_line(f"test subjects of seed {seed} for the oracle: {len(scans)} scans")
        VolumeStore.open_or_build(scans, data.preprocessing, Path(data.cache_dir), os.cpu_count() or 1)


def machine_of(study: Study) -> str:
    """What the trainings were executed on."""
    return About.of(read_provenance(study.trainings / PROVENANCE)).machine


def measured(study: Study, failed: Collection[str] = ()) -> pd.DataFrame:
    """Every term of every rule, of every trial.

    Parameters
    ----------
    study
        The study, whose trainings are over.
    failed
        Names of the runs that failed.

    Returns
    -------
    pandas.DataFrame
        One row per trial and seed: ``method``, ``trial``, ``settings``, ``seed``, ``trainings``, ``train_seconds``
        (NaN where one is not known), ``failed`` (how many of the trainings), the terms, and those of the oracle; NaN
        where a method has no such thing.

    Raises
    ------
    UserError
        If no training is finished.
    """
    out, runs = study.trainings, study.runs
    markers = {run.run_key: run.marker() for run in runs}
    if not (out / SCORES).is_file():
        raise UserError(f"{out}: none of {len(runs)} trainings is finished; the first is '{runs[0].name}'")
    scores = read_table(out / SCORES)
    of_seed = {seed: scores[scores["seed"] == seed] for seed in study.seeds}
    terms = {
        (seed, protocol): scored_terms(rows, protocol, of)
        for seed, rows in of_seed.items()
        for protocol, of in ((POOLED, OF_POOLED), (LEAVE_ONE_SITE_OUT, OF_HELD_OUT))
    }
    rows = []
    for trial in study.trials:
        settings = yaml.safe_dump(trial.settings, default_flow_style=True, sort_keys=False, width=10**6).strip()
        for seed in study.seeds:
            name = trial.file.stem
            its = [run for run in runs if (run.method, run.seed) == (name, seed)]
            row: dict[str, Any] = {"method": trial.method, "trial": trial.number, "settings": settings, "seed": seed}
            row |= {"trainings": len(its), "train_seconds": sum(_seconds(run, markers) for run in its)}
            row["failed"] = sum(run.name in failed for run in its)
            for protocol in study.sweep.seeds:
                row |= terms[seed, protocol].get(name, {})
            for run in its:
                if run.protocol == POOLED:
                    beside = read(run) if run.state() == "done" else {}
                    row["own_view_found"] = beside.get("own_view_found", math.nan)
                    row |= {term: beside.get("test", {}).get(term, math.nan) for term in ORACLE.terms}
            rows.append(row)
    names = ["method", "trial", "settings", "seed", "trainings", "train_seconds", "failed", *TERMS, *ORACLE.terms]
    return pd.DataFrame(rows).reindex(columns=names)


def _seconds(run: Run, markers: Mapping[str, Mapping[str, Any]]) -> float:
    """What a training took, with that of its base, also where another run trained it."""
    own = markers[run.run_key].get("training_seconds")
    base = markers[run.base_key].get("training_seconds") if run.base_key in markers else 0.0
    return math.nan if own is None or base is None else float(own) + float(base)


def write_selected(trials: Sequence[Trial], picked: Mapping[str, int], folder: Path, chosen_on: str) -> list[Path]:
    """Copy the YAML files of the trials that a rule picks, with the number of trials in their cards.

    What a method's own card says was tried before is counted too.

    Parameters
    ----------
    trials
        Of all methods.
    picked
        Method to the number of its trial.
    folder
        Where ``METHOD.yaml`` are written.
    chosen_on
        Data and rule, for the cards.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for trial in trials:
        if picked.get(trial.method) == trial.number:
            content = yaml.safe_load(trial.file.read_text(encoding="utf-8"))
            card = content.get("card") or {}
            tried, data = sum(other.method == trial.method for other in trials), chosen_on
            if before := card.get("tried_settings", 0):
                # Its own settings, the first trial, were chosen from these.
                tried, data = before + tried - 1, f"{card.get('chosen_on', 'data not named')}; then {chosen_on}"
            content["card"] = {**card, "tried_settings": tried, "chosen_on": data}
            files.append(folder / f"{trial.method}.yaml")
            _write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), files[-1])
    return files
