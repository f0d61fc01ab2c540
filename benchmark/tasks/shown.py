"""Tasks for the terminal: a line each, or all that is known of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from benchmark.configs import SWEEPS
from benchmark.configs.described import described
from benchmark.errors import UserError
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.tasks.open import OpenTask, listed_splits, open_task, open_tasks

#: Seconds that `preprocess` took for a real whole-head T1 at 1 mm, mean of six, in one process on two cores that had
#: other work; a brain extractor, which was not installed, comes on top.
SECONDS_PER_SCAN = 46
#: What a task of scans with diagnoses measures.
_ALL = "retrieval by disease, leakage, identity"
_HEADER = ("task", "data", "size", "licence", "needs", "measures")


def task_lines() -> list[str]:
    """A line for every task: sweeps of the phantom and of archives that have agreements, then open tasks."""
    tasks = open_tasks()
    taken = {task.sweep for task in tasks.values()}
    rows = [_sweep_row(name, what) for name, what in described(SWEEPS) if name not in taken and _is_task(name)]
    rows += [
        (task.name, "real", task.size, _before(task.licence, ",;"), task.access, _before(task.measures, ";."))
        for task in tasks.values()
    ]
    widths = [max(len(row[place]) for row in (_HEADER, *rows)) for place in range(len(_HEADER) - 1)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in (_HEADER, *rows)
    ]


def task_text(name: str) -> str:
    """All that is known of a task: an open one, a file of one, or a shipped sweep that is a task.

    Raises
    ------
    UserError
        If there is none.
    """
    sweeps = {sweep: what for sweep, what in described(SWEEPS) if _is_task(sweep)}
    tasks = open_tasks()
    if name in sweeps and name not in tasks:
        for task in tasks.values():
            if task.sweep == name:
                return _open_text(task)
        return _sweep_text(name, sweeps[name])
    if name not in tasks and Path(name).suffix not in (".yaml", ".yml"):
        taken = {task.sweep for task in tasks.values()}
        known = sorted(set(sweeps) - taken | set(tasks))
        raise UserError(f"{name}: no such task; there is {', '.join(known)}")
    return _open_text(open_task(name))


def _open_text(task: OpenTask) -> str:
    facts = {
        "measures": task.measures,
        "data": f"real: {task.size}",
        "licence": task.licence,
        "needs": {"none": "nothing: no account, no form", "form": "a form on the archive's page"}.get(
            task.access, "an agreement with the archive"
        ),
        "page": task.homepage,
    }
    lines = [task.title, "", *_facts(facts), *(f"{'cite':<10}{reference}" for reference in task.references), ""]
    lines.append("1. Download, by the archive's own tools; nothing here downloads by itself")
    lines += [*_indented(task.download), ""]
    lines += ["2. Manifests and volumes", *_indented(task.prepare)]
    for name in task.after:
        lines.append(f"   and steps 1 and 2 of 'seada-bench task show {name}', whose people train")
    if task.scans:
        minutes = round(task.scans * SECONDS_PER_SCAN / 60)
        lines.append(
            f"   preprocess: about {minutes} min in one process, at the {SECONDS_PER_SCAN} s a scan that it took on "
            "two cores with other work; a brain extractor comes on top"
        )
    lines += ["", "3. Splits", f"   {task.splits}"]
    lines.append(f"   declared by the files of the task: sha256 {task.digest}")
    splits = listed_splits(task)
    for split in splits:
        lines.append(
            f"   seed {split.seed}: {split.training} people train, {split.scored} are scored; split {split.digest}"
        )
    if splits:
        lines.append(
            "   by the archive's list of sessions; if yours are the same, so is 'split' in task.json of step 4"
        )
    else:
        lines.append("   The digest of the splits themselves is told by step 4, once the manifests are there.")
    out = f"results/open/{task.name}"
    lines += ["", "4. Run it, or take part with other software (docs/submit.md)"]
    lines += _indented(
        [
            f"seada-bench sweep --config {task.sweep} --plan",
            f"seada-bench sweep --config {task.sweep} --out {out}",
            f"seada-bench task export {task.sweep} --out task",
            f"seada-bench submit EMBEDDINGS --task task --card card.yaml --out {out}-mine",
            f"seada-bench merge {out} {out}-mine --out {out}-all",
        ]
    )
    lines.append("   --plan says how long the sweep takes on this machine, with its memory and disk;")
    lines.append("   before the data are there, with --scans and --sites.")
    if task.not_verified:
        lines += ["", "Not verified when this was written:", *(f"- {line}" for line in task.not_verified)]
    return "\n".join(lines) + "\n"


def _sweep_text(name: str, what: str) -> str:
    content = _content(name)
    _, data, size, licence, needs, _ = _sweep_row(name, what)
    facts = {"measures": f"{_ALL}; {what}", "data": f"{data}: {size}", "licence": licence, "needs": needs}
    seeds = ", ".join(f"{protocol} {given}" for protocol, given in content["seeds"].items() if given)
    lines = [f"Sweep {name}", "", *_facts({**facts, "seeds": seeds}), ""]
    if needs == "agreement":
        lines.append("data_manifests/README.md says how each dataset comes from its archive.")
    lines += _indented([f"seada-bench sweep --config {name} --plan", f"seada-bench sweep --config {name}"])
    lines += _indented([f"seada-bench task export {name} --out task"])
    return "\n".join(lines) + "\n"


def _sweep_row(name: str, what: str) -> tuple[str, str, str, str, str, str]:
    phantom = _content(name).get("phantom")
    measures = f"{_ALL}; {_before(what, ':;')}"
    if phantom is None:
        return name, "real", "eight datasets", "each archive's", "agreement", measures
    given = {knob: value for knob, value in phantom.get("settings", {}).items() if knob != "seed"}
    knobs = PhantomSettings(**given)
    scans = knobs.train_scans + knobs.sites * (knobs.test_subjects + knobs.travelling_subjects)
    needs = "label maps" if "anatomies" in given else "none"
    return name, "phantom", f"{scans} scans, {knobs.sites} sites", "made here", needs, measures


def _is_task(name: str) -> bool:
    """Whether a sweep is of one task; one with axes is of a task for each setting."""
    return not _content(name).get("axes")


def _content(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((SWEEPS / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


def _before(text: str, ends: str) -> str:
    return text[: min((place for end in ends if (place := text.find(end)) > 0), default=len(text))]


def _facts(facts: dict[str, str]) -> list[str]:
    return [f"{name:<10}{value}" for name, value in facts.items()]


def _indented(lines: list[str]) -> list[str]:
    return [f"   {line}" for line in lines]
