"""A task: the scans, splits, rules and settings that make two rows of a table comparable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.data.atomic import atomic_path
from benchmark.data.manifest import read_manifests
from benchmark.data.splits import assign_splits, check_no_overlap
from benchmark.errors import UserError
from benchmark.metrics.settings import EvaluationSettings
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.protocols import LEAVE_ONE_SITE_OUT, PROTOCOLS
from benchmark.results.same_task import without_places
from benchmark.results.schema import run_name
from benchmark.sweep.config import PhantomData

#: Goes up when the files of a task or their meaning change.
SCHEMA_VERSION = 1
TASK = "task.json"
#: What may be read of it.
MOST_BYTES = 16 * 1024 * 1024

#: Split of a held-out site's scans that are neither trained on nor scored; :mod:`benchmark.data.datamodule` has it too.
UNSEEN = "unseen"

#: What is known of a scan besides its key and split; of test scans nobody is told it.
LABELS = ("diagnosis", "age", "sex")

#: What training may use. Whoever changes a word changes the digest of every task.
RULES = (
    "Train on the scans whose split is `train`, and on nothing else of the task. Scans of `val` may be looked at to "
    "stop or to choose settings.",
    "In leave_one_site_out, the held-out site's scans that are not `test` are `unseen`: they train nothing. Their "
    "images, without labels, may be used after training if the card says `transductive: true`.",
    "No label of a test scan is used for anything, and no test scan is looked at but to embed it.",
    "Labels of training scans that training looks at are named in the card (`uses`).",
    "The site of a scan is not used to embed it, unless the card says `needs_site_at_test: true`.",
    "Other data that weights come from are named in the card (`other_data`).",
    "Settings are not chosen by scores on these scans; the card says how many were tried, and on what.",
    "Every scan is embedded once in every run. A scan that cannot be embedded is declared (`failed`), not left out.",
)

#: Parts that the digest of a task leaves out: itself, its name and who wrote it; of a seed where data lie, and
#: checksums of images, which are there only where the images were when it was written. The manifests, and for the
#: phantom its settings, say which images they are.
_APART = ("digest", "name", "written_by", "sweep")
_APART_OF_SEED = ("patterns", "command", "truth", "images")


@dataclass(frozen=True)
class Expected:
    """A run that a submission must have.

    Attributes
    ----------
    protocol, held_out_site, seed
        What it is; ``held_out_site`` is "" for the pooled protocol.
    """

    protocol: str
    held_out_site: str
    seed: int

    @property
    def stem(self) -> str:
        """Name of its file of embeddings, without the suffix."""
        return "_".join(str(part) for part in (self.protocol, self.held_out_site, self.seed) if part != "")

    def name(self, method: str) -> str:
        """The run of a method as text."""
        return run_name(method, self.protocol, self.held_out_site, self.seed)


@dataclass(frozen=True)
class SeedData:
    """Data of one seed.

    Attributes
    ----------
    scans
        Number of scans.
    sites
        Names of the sites, in the alphabet's order.
    manifests
        File name of every manifest, in their order, to its SHA-256.
    patterns
        Where a sweep looks for them, from the folder that it is run in.
    command
        What makes the data; "" where no command does.
    truth
        Where the sweep looks for a phantom's true anatomy; "" for real data.
    table
        File of the scans with their splits, and ``table_sha256``, its SHA-256.
    split
        Digest of keys and splits.
    images
        Digest of each part of the data, images among them; empty where they were not there.
    """

    scans: int
    sites: list[str]
    manifests: dict[str, str]
    patterns: list[str]
    command: str
    truth: str
    table: str
    table_sha256: str
    split: str
    images: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """What is measured on.

    Attributes
    ----------
    name
        Of the sweep that it is the task of.
    protocols
        Protocol to its seeds.
    synthetic
        Whether any scan is of a phantom.
    sweep
        The sections of the sweep that every row of the task shares, as its results record them.
    fractions
        ``val_fraction`` and ``test_fraction``, by which splits are made that no manifest states.
    metrics
        Version of every metric, by ``TABLE/NAME``.
    rules
        What training may use.
    data
        By seed.
    """

    name: str
    protocols: dict[str, list[int]]
    synthetic: bool
    sweep: dict[str, Any]
    fractions: dict[str, float]
    metrics: dict[str, int]
    rules: list[str]
    data: dict[int, SeedData]

    def content(self) -> dict[str, Any]:
        """Plain values for JSON, the digest among them."""
        plain = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        plain["data"] = {str(seed): data for seed, data in plain["data"].items()}
        return {**plain, "digest": digest_of(plain)}

    @property
    def digest(self) -> str:
        """SHA-256 of all that makes two rows comparable."""
        return str(self.content()["digest"])

    @property
    def evaluation(self) -> EvaluationSettings:
        """How embeddings are scored."""
        given: dict[str, Any] = {
            name: tuple(one) if isinstance(one, list) else one for name, one in self.sweep["evaluation"].items()
        }
        return EvaluationSettings(**given)

    def phantom(self, seed: int) -> PhantomSettings | None:
        """Settings of the phantom of a seed; None for real data."""
        found = self.sweep["phantom"]
        return None if found is None else PhantomData(**found).of_seed(seed)[1]

    @property
    def runs(self) -> list[Expected]:
        """Every run of the task, in table order."""
        return [
            Expected(protocol, site, seed)
            for protocol in PROTOCOLS
            for seed in self.protocols.get(protocol, [])
            for site in (self.data[seed].sites if protocol == LEAVE_ONE_SITE_OUT else [""])
        ]


def digest_of(content: dict[str, Any]) -> str:
    """Digest of a task's plain values."""
    kept = {name: value for name, value in content.items() if name not in _APART}
    kept["sweep"] = without_places(content["sweep"])
    kept["data"] = {
        seed: {name: value for name, value in data.items() if name not in _APART_OF_SEED}
        for seed, data in kept["data"].items()
    }
    return hashlib.sha256(json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def scans_of_seed(manifests: Sequence[Path], seed: int, fractions: dict[str, float]) -> pd.DataFrame:
    """The scans table of manifests with the splits of a seed, as training reads it; images are not looked at."""
    scans = read_manifests(list(manifests), check_images=False)
    scans["split"] = assign_splits(scans, seed, **fractions)
    check_no_overlap(scans)
    return scans


def shown_scans(scans: pd.DataFrame) -> pd.DataFrame:
    """What everybody may know of the scans: keys and splits, and the labels of those that are not scored."""
    shown = scans[["subject_id", "session_id", "site", "split"]].copy()
    for name in LABELS:
        shown[name] = scans[name].astype(object).where(scans["split"] != "test", "")
    return shown


def read_task(folder: Path) -> Task:
    """Read an exported task, and see that nobody changed it.

    Raises
    ------
    UserError
        If ``task.json`` or a table of scans is missing, was changed since it was written, or is of another version.
    """
    path = folder / TASK
    if not path.is_file():
        raise UserError(f"{path}: no such file; 'seada-bench task export NAME --out {folder}' writes one")
    if path.stat().st_size > MOST_BYTES:
        raise UserError(f"{path}: has {path.stat().st_size} bytes; a task has {MOST_BYTES} at most")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["schema_version"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path}: cannot be read as a task: {type(error).__name__}") from None
    if version != SCHEMA_VERSION:
        raise UserError(
            f"{path}: schema_version {version!r:.40} is not allowed; this seada-bench knows {SCHEMA_VERSION}"
        )
    try:
        if digest_of(content) != content["digest"]:
            raise UserError(f"{path}: was changed since it was written (its digest is of something else)")
        data = {int(seed): SeedData(**one) for seed, one in content["data"].items()}
        names = [name for name in Task.__dataclass_fields__ if name != "data"]
        task = Task(**{name: content[name] for name in names}, data=data)
        # Whoever wrote it: what cannot be used is found here, not on the way.
        _ = task.evaluation, task.runs, [task.phantom(seed) for seed in data]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: is not a task that this version can use ({type(error).__name__})") from None
    for one in data.values():
        table = folder / Path(one.table).name
        if not table.is_file():
            raise UserError(f"{table}: there is no such file; export the task again")
        if sha256_of_file(table) != one.table_sha256:
            raise UserError(f"{table}: was changed since it was written; export the task again")
    return task


def write_task(task: Task, tables: dict[int, pd.DataFrame], out: Path, readme: str, written_by: str) -> None:
    """Write a task's folder: tables of scans, what to do with them, and last ``task.json``.

    Parameters
    ----------
    task, readme, written_by
        The task, its page, and what wrote it.
    tables
        :func:`shown_scans` of every seed.
    out
        Folder, which must be there.
    """
    for seed, table in tables.items():
        _write_text(out / task.data[seed].table, csv_text(table))
    _write_text(out / "README.md", readme)
    content = {**task.content(), "written_by": written_by}
    _write_text(out / TASK, json.dumps(content, indent=1) + "\n")


def csv_text(table: pd.DataFrame) -> str:
    """A table of scans as CSV."""
    return str(table.to_csv(index=False, lineterminator="\n"))


def _write_text(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
