"""What a sweep is: methods × protocols × seeds, and what they all share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmark.configs import METHODS, SWEEPS
from benchmark.configs.shipped import shipped_file, shipped_names
from benchmark.errors import UserError
from benchmark.methods.card import DIAGNOSIS
from benchmark.metrics.settings import EvaluationSettings
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.protocols import PROTOCOLS
from benchmark.report.statistics.settings import PRIMARY_SCORES
from benchmark.sweep.axes import settings_of
from benchmark.sweep.executor_config import ExecutorConfig, check_executor
from benchmark.sweep.fields import filled, typed
from benchmark.sweep.up_to_date import matches
from benchmark.train.tracking.settings import TrackingSettings

#: What an entry of the methods begins with that stands for all methods of a shipped sweep.
_ALL_OF = "sweeps/"


@dataclass(frozen=True)
class PhantomData:
    """The phantom that a sweep makes where it is missing.

    Attributes
    ----------
    out
        Its folder; ``{seed}`` stands for the run's seed.
    settings
        Fields of :class:`benchmark.prepare.phantom.settings.PhantomSettings`; ``{seed}`` likewise.
    """

    out: str
    settings: dict[str, Any] = field(default_factory=dict)

    def of_seed(self, seed: int) -> tuple[Path, PhantomSettings]:
        """Folder and settings for one seed."""
        return Path(with_seed(self.out, seed)), PhantomSettings(**with_seed(self.settings, seed))


@dataclass(frozen=True)
class PrimaryConfig:
    """The comparisons that a sweep is made for, declared before it runs; all others are exploratory.

    Attributes
    ----------
    method
        Name of the method that is compared with each other one; empty for the first of the sweep's methods.
    scores
        Keys of the scores that they are compared by, one a table at best: each score more makes all tests see less.
    """

    method: str = ""
    scores: list[str] = field(default_factory=lambda: list(PRIMARY_SCORES))


@dataclass(frozen=True)
class SweepConfig:
    """A sweep file.

    Attributes
    ----------
    methods
        Names of files in ``benchmark/configs/methods/``, or paths of YAML files. In the sweep file a path with ``*``
        stands for all files that it matches, of which there may be none, and ``sweeps/NAME`` for all methods of the
        shipped sweep of that name.
    seeds
        Seeds of each protocol that is run: ``pooled``, ``leave_one_site_out``.
    held_out_sites
        Sites that ``leave_one_site_out`` holds out, one a run; none for every site of the data.
    overrides
        Options of `seada-bench fit` that every method gets, such as ``trainer.max_epochs: 10``; ``{seed}`` in a
        string stands for the run's seed. ``model.*.NAME`` is the model's option of that name, and that of its base
        where the method works on the LDR of another.
    phantom
        The phantom to make where it is missing; None for real data.
    evaluation
        How embeddings are scored.
    workers
        Runs trained at a time; 0 for one a GPU, or one a CPU core where there is no GPU.
    executor
        Where runs are executed, and what each is given. How many processes train one together is part of its run
        key, where they are is not.
    tracking
        What is told of the trainings while they run.
    primary
        Which comparisons are tested together and may be called beyond chance.
    axes
        Of a stress sweep: axis to value to what differs there (:class:`benchmark.sweep.axes.Change`); empty for an
        ordinary sweep.
    """

    methods: list[str]
    seeds: dict[str, list[int]]
    overrides: dict[str, Any] = field(default_factory=dict)
    phantom: PhantomData | None = None
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    workers: int = 0
    executor: ExecutorConfig = field(default_factory=ExecutorConfig)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    primary: PrimaryConfig = field(default_factory=PrimaryConfig)
    axes: dict[str, dict[str, Any]] = field(default_factory=dict)
    held_out_sites: list[str] = field(default_factory=list)

    @property
    def phantoms(self) -> list[tuple[Path, PhantomSettings]]:
        """Folder and settings of the phantom of each seed; none for real data."""
        seeds = sorted({seed for seeds in self.seeds.values() for seed in seeds})
        return [self.phantom.of_seed(seed) for seed in seeds] if self.phantom is not None else []

    @property
    def primary_method(self) -> str:
        """Name of the method of the primary comparisons."""
        return self.primary.method or next(iter(self.candidates), "")

    @property
    def candidates(self) -> list[str]:
        """Names of the methods that compete, in table order: no floor or ceiling, and none that sees diagnoses."""
        return [name for name, file in self.method_files().items() if competes(file)]

    def method_files(self) -> dict[str, Path]:
        """Method name to YAML file, in table order.

        Raises
        ------
        UserError
            For a name that is no shipped method and no file, and for two of the same name: a method is called as its
            file is.
        """
        files: dict[str, Path] = {}
        for name in self.methods:
            file = _method_file(name)
            other = files.setdefault(Path(name).stem, file)
            if other != file:
                raise UserError(
                    f"field 'methods': {other} and {file} are both called '{Path(name).stem}'; a method is called as "
                    "its file is, and the names of a sweep's methods must differ"
                )
        return files


def read_sweep(path: Path) -> SweepConfig:
    """Read a sweep file.

    Raises
    ------
    UserError
        For a file that is missing or no YAML, and for unknown or missing fields, methods and protocols; the
        message names the file, the field, the value and what is allowed.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such sweep file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from None
    return sweep_of(content, path)


def sweep_of(content: Any, path: Path) -> SweepConfig:
    """A sweep from the content of its file.

    Parameters
    ----------
    content
        What a YAML or JSON file holds.
    path
        The file, for messages.

    Raises
    ------
    UserError
        As :func:`read_sweep`.
    """
    if not isinstance(content, dict):
        raise UserError(f"{path}: a sweep is a mapping with the fields {', '.join(SweepConfig.__dataclass_fields__)}")
    try:
        sweep = typed("", _with_methods_found(content), SweepConfig)
        if sweep.evaluation.own_distance is not None:
            raise UserError(
                "field 'evaluation.own_distance' is not allowed in a sweep; a method declares it as 'own_distance' "
                "in its own file"
            )
        _check_protocols(sweep)
        _check_primary(sweep)
        check_executor(sweep.executor, list(sweep.method_files()))
        if sweep.axes:
            settings_of(sweep)
    except (UserError, TypeError) as error:
        raise UserError(f"{path}: {error}") from None
    return sweep


def method_patterns(content: Any) -> list[str]:
    """Those entries of the methods of a sweep file's content that stand for all files that they match."""
    methods = content.get("methods") if isinstance(content, dict) else None
    return [name for name in methods if isinstance(name, str) and "*" in name] if isinstance(methods, list) else []


def _with_methods_found(content: dict[str, Any]) -> dict[str, Any]:
    given = content.get("methods")
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        return content
    methods = list(dict.fromkeys(name for entry in given for name in _methods_of(entry)))
    if given and not methods:
        raise UserError(f"field 'methods': no file matches {', '.join(given)}")
    return {**content, "methods": methods}


def _methods_of(entry: str) -> list[str]:
    """Names and paths that an entry of a sweep file's methods stands for."""
    if "*" in entry:
        return matches(entry)
    # A YAML file in a folder of that name is a method's.
    if not entry.startswith(_ALL_OF) or Path(entry).suffix in (".yaml", ".yml"):
        return [entry]
    file = shipped_file(SWEEPS, entry.removeprefix(_ALL_OF))
    if file is None:
        raise UserError(f"field 'methods': '{entry}' is no shipped sweep; shipped: {shipped_names(SWEEPS)}")
    return read_sweep(file).methods


def with_seed(value: Any, seed: int) -> Any:
    """Replace ``{seed}`` in every string of a nested value; a string that is just that becomes the number."""
    return filled(value, "{seed}", seed)


def _check_protocols(sweep: SweepConfig) -> None:
    for protocol, seeds in sweep.seeds.items():
        if protocol not in PROTOCOLS:
            raise UserError(f"field 'seeds': protocol '{protocol}' is unknown; allowed: {', '.join(PROTOCOLS)}")
        if not isinstance(seeds, list) or not all(isinstance(seed, int) and seed >= 0 for seed in seeds):
            raise UserError(f"field 'seeds.{protocol}': {seeds} is not allowed; it must be a list of integers >= 0")
    sites = sweep.held_out_sites
    if not isinstance(sites, list) or not all(isinstance(site, str) and site for site in sites):
        raise UserError(f"field 'held_out_sites': {sites!r} is not allowed; it must be a list of names of sites")


def _check_primary(sweep: SweepConfig) -> None:
    names = [Path(name).stem for name in sweep.methods]
    if sweep.primary.method and sweep.primary.method not in names:
        raise UserError(
            f"field 'primary.method': '{sweep.primary.method}' is no method of this sweep; allowed: {', '.join(names)}"
        )
    # Metrics load compilers, which a file that is not there should not wait for.
    from benchmark.report.columns import HEADLINES

    known = [column.key for column in HEADLINES]
    scores = sweep.primary.scores
    if not isinstance(scores, list) or not scores:
        raise UserError(
            f"field 'primary.scores': {scores} is not allowed; it must be a list of any of: {', '.join(known)}"
        )
    for key in scores:
        if key not in known:
            raise UserError(f"field 'primary.scores': '{key}' is not allowed; allowed: {', '.join(known)}")


def competes(file: Path) -> bool:
    """Whether a method is a candidate by the card in its YAML file; one without a card is."""
    card = content_of(file).get("card")
    if not isinstance(card, dict):
        return True
    return card.get("role", "method") == "method" and DIAGNOSIS not in (card.get("uses") or ())


def content_of(file: Path) -> dict[str, Any]:
    """Content of a method's YAML file; nothing of one that is damaged: whoever resolves it says what is wrong."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def _method_file(name: str) -> Path:
    shipped = shipped_file(METHODS, name)
    if shipped is not None:
        return shipped
    path = Path(name)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    known = shipped_names(METHODS)
    raise UserError(f"field 'methods': '{name}' is neither a shipped method nor a YAML file; shipped: {known}")
