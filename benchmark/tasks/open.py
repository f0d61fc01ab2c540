"""Open tasks: data that anybody can have, and every command from the archive to a row. Nothing here downloads."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import tempfile
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from benchmark.configs import FOLDER, SWEEPS
from benchmark.errors import UserError

#: One YAML file a task, called as the task is.
TASKS = FOLDER / "tasks"
#: What must be done before the data can be had: nothing, a web form, or an agreement.
ACCESS = ("none", "form", "agreement")
#: Sections of a sweep that say what is measured; which methods are compared is no part of a task.
_MEASURED = ("seeds", "held_out_sites", "overrides", "evaluation", "primary")
_HINTS = {
    "str": "a text",
    "int | None": "a whole number of at least 1, or empty",
    "list[str]": "a list of texts",
    "dict[str, str]": "a mapping of texts",
}


@dataclass(frozen=True)
class Listed:
    """The scans that an archive says it has, so that their splits can be told before they are there.

    Attributes
    ----------
    dataset, site_pattern
        As ``manifest build bids`` is given them.
    sessions
        Labels of the sessions, with spaces between them, by subject.
    """

    dataset: str
    site_pattern: str
    sessions: dict[str, str]


@dataclass(frozen=True)
class OpenTask:
    """What is known of a task, and the commands of each step.

    Attributes
    ----------
    name
        Of its file.
    title, measures
        A line each.
    subjects, scans, scanners
        How many people, T1 images that are used, and scanners or sites; None where that is not known.
    licence, access, homepage
        Of the data; ``access`` is one of :data:`ACCESS`.
    references
        What to cite.
    download
        Commands of the archive's own tools, or what to do in a browser.
    prepare
        Commands of this suite from the download to volumes.
    splits
        How subjects are split, in words.
    sweep
        Name of the shipped sweep.
    after
        Tasks whose data must be prepared first.
    not_verified
        What could not be looked up when the file was written.
    listed
        The archive's own list of scans, where there is one.
    """

    name: str
    title: str
    measures: str
    licence: str
    access: str
    homepage: str
    download: list[str]
    prepare: list[str]
    splits: str
    sweep: str
    subjects: int | None = None
    scans: int | None = None
    scanners: int | None = None
    references: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    not_verified: list[str] = field(default_factory=list)
    listed: Listed | None = None

    @property
    def size(self) -> str:
        """People, scans and scanners in words."""
        counts = ((self.subjects, "people"), (self.scans, "scans"), (self.scanners, "scanners"))
        return ", ".join(f"{number} {what}" for number, what in counts if number)

    @property
    def sweep_content(self) -> dict[str, Any]:
        """The sweep file as it stands."""
        content: dict[str, Any] = yaml.safe_load((SWEEPS / f"{self.sweep}.yaml").read_text(encoding="utf-8"))
        return content

    @property
    def digest(self) -> str:
        """SHA-256 of what the files declare: commands that make manifests and volumes, seeds, splits, evaluation.

        It can be told without the data and says nothing of them: that is what the digest of `task export` is for.
        """
        sweep = self.sweep_content
        earlier = [open_task(name).prepare for name in self.after]
        declared = {"prepare": [*earlier, self.prepare], **{part: sweep.get(part) for part in _MEASURED}}
        return hashlib.sha256(json.dumps(declared, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class ListedSplit:
    """Split of a seed by an archive's own list: people in training and scored, and the ``split`` of `task export`."""

    seed: int
    training: int
    scored: int
    digest: str


def open_tasks() -> dict[str, OpenTask]:
    """The shipped open tasks by name."""
    return {path.stem: read_open_task(path) for path in sorted(TASKS.glob("*.yaml"))}


def open_task(name: str) -> OpenTask:
    """A shipped open task by its name, or that of a file.

    Raises
    ------
    UserError
        If there is none.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return read_open_task(path)
    shipped = {each.stem: each for each in TASKS.glob("*.yaml")}
    if name not in shipped:
        raise UserError(f"{name}: no such open task; shipped: {', '.join(sorted(shipped))}")
    return read_open_task(shipped[name])


def read_open_task(path: Path) -> OpenTask:
    """Read the file of a task; nothing in it is run.

    Raises
    ------
    UserError
        For a file that cannot be read, and for a field that is unknown, missing or of another type.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UserError(f"{path}: not a YAML file in UTF-8") from None
    values = _checked(path, "", content, OpenTask, leave_out="name")
    if values.get("listed") is not None:
        values["listed"] = Listed(**_checked(path, "listed.", values["listed"], Listed))
    task = OpenTask(name=path.stem, **values)
    if task.access not in ACCESS:
        raise UserError(f"{path}: field 'access': '{task.access}' is not allowed; allowed: {', '.join(ACCESS)}")
    sweeps = sorted(each.stem for each in SWEEPS.glob("*.yaml"))
    if task.sweep not in sweeps:
        raise UserError(f"{path}: field 'sweep': '{task.sweep}' is no shipped sweep; allowed: {', '.join(sweeps)}")
    names = sorted(each.stem for each in TASKS.glob("*.yaml"))
    for name in task.after:
        if name not in names or name == task.name:
            raise UserError(f"{path}: field 'after': '{name}' is no other task; allowed: {', '.join(names)}")
    return task


def listed_splits(task: OpenTask) -> list[ListedSplit]:
    """Splits of each seed by the archive's own list of scans; none where there is no list.

    They are made by what splits the real manifests, of manifests whose images nobody looks at: an import that found
    the same scans has the same splits, with the same digest.
    """
    if task.listed is None:
        return []
    from benchmark.data.splits import split_digest
    from benchmark.tasks.task import scans_of_seed

    sweep = task.sweep_content
    stated = {name: sweep["overrides"].get(f"data.{name}") for name in ("val_fraction", "test_fraction")}
    fractions = {name: float(value) for name, value in stated.items() if value is not None}
    found = []
    with tempfile.TemporaryDirectory() as folder:
        manifests = _write_listed(task.listed, Path(folder))
        for seed in sorted({seed for seeds in sweep["seeds"].values() for seed in seeds}):
            scans = scans_of_seed(manifests, seed, fractions)
            people = scans.drop_duplicates("subject_id")["split"].value_counts()
            counts = (int(people.get("train", 0)), int(people.get("test", 0)))
            found.append(ListedSplit(seed, *counts, split_digest(scans)))
    return found


def _write_listed(listed: Listed, folder: Path) -> list[Path]:
    pattern = re.compile(listed.site_pattern)
    sites: dict[str, list[list[str]]] = {}
    for subject, sessions in sorted(listed.sessions.items()):
        for session in sorted(sessions.split()):
            label = pattern.fullmatch(session)
            if label is None:
                raise UserError(f"field 'listed.sessions': '{session}' of '{subject}' does not match 'site_pattern'")
            site = f"{listed.dataset}-{label[1]}"
            row = [f"{listed.dataset}_{subject}", session, f"{subject}_{session}.nii.gz", site, "", "", ""]
            sites.setdefault(site, []).append(row)
    paths = []
    for site, rows in sorted(sites.items()):
        paths.append(folder / f"{site}.csv")
        with paths[-1].open("w", encoding="utf-8", newline="") as stream:
            header = ["subject_id", "session_id", "image", "site", "diagnosis", "age", "sex"]
            csv.writer(stream).writerows([header, *rows])
    return paths


def _checked(path: Path, prefix: str, content: Any, kind: type, leave_out: str = "") -> dict[str, Any]:
    known = {one.name: one for one in fields(kind) if one.name != leave_out}
    if not isinstance(content, dict):
        where = f"field '{prefix.rstrip('.')}' must be" if prefix else "must be"
        raise UserError(f"{path}: {where} a mapping with the fields {', '.join(known)}")
    for name in content:
        if name not in known:
            raise UserError(f"{path}: field '{prefix}{name}' is unknown; allowed: {', '.join(known)}")
    for name, one in known.items():
        if name not in content and one.default is MISSING and one.default_factory is MISSING:
            raise UserError(f"{path}: field '{prefix}{name}' is missing")
        hint = _HINTS.get(str(one.type))
        if hint and name in content and not _is(content[name], str(one.type)):
            raise UserError(f"{path}: field '{prefix}{name}': {content[name]!r:.60} is not allowed; it must be {hint}")
    return dict(content)


def _is(value: Any, kind: str) -> bool:
    if kind == "str":
        return isinstance(value, str) and bool(value.strip())
    if kind == "list[str]":
        return isinstance(value, list) and all(_is(one, "str") for one in value)
    if kind == "dict[str, str]":
        return isinstance(value, dict) and all(_is(one, "str") for pair in value.items() for one in pair)
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1)
