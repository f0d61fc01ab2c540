"""The page of method cards, from the shipped methods' YAML files and the docstrings of their classes."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import yaml
from docstrings import ROLE

from benchmark.configs import METHODS
from benchmark.methods.card import MethodCard

INTRODUCTION = """\
# Method cards

{count} methods are shipped, each as one YAML file. This page is made of these files and of the docstrings of their
classes. Every method embeds one prepared T1 volume; what else must be known of a scan to embed it is said below.
No method that is marked "no" under *sees diagnoses* is given a diagnosis in training. `seada-bench list methods`
prints the names; [Your own method](../../../docs/add-a-method.md) adds one.
"""


def cards(root: Path) -> str:
    """Markdown of the page, one section per method.

    Parameters
    ----------
    root
        Folder of the repository.
    """
    paths = sorted(METHODS.glob("*.yaml"))
    rows, sections = [], []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
        card = MethodCard(**content.get("card", {}))
        name = path.stem
        rows.append(
            f"| [{name}](#{name}) | {card.role} | {', '.join(card.uses) or 'nothing'} | {_yes(card.sees_diagnoses)} |"
            f" {', '.join(_at_test(card, content)) or 'nothing'} | {_yes(card.transductive)} |"
        )
        sections.append(_section(root, name, text, content, card))
    head = "| method | kind | labels that training sees | sees diagnoses | needed beside the volume | transductive |"
    table = "\n".join([head, "| --- | --- | --- | --- | --- | --- |", *rows])
    return "\n\n".join([INTRODUCTION.format(count=len(paths)), table, *sections]) + "\n"


def _section(root: Path, name: str, text: str, content: dict[str, Any], card: MethodCard) -> str:
    comment = " ".join(line.removeprefix("#").strip() for line in _first_comment(text))
    model = content["model"]
    log = "[How settings were found](../../../docs/method_log.md)"
    tried = (
        f"{card.tried_settings}, on {card.chosen_on.replace('docs/method_log.md', log)}"
        if card.tried_settings
        else "none"
    )
    facts = {
        "kind": {"method": "", "floor": "floor of the tables", "ceiling": "ceiling of the tables"}[card.role],
        "from": card.reference,
        "labels that training sees": ", ".join(card.uses) or "none",
        "needed to embed a scan": ", ".join(["its T1 volume", *_at_test(card, content)]),
        "transductive": "yes: unlabelled scans of an unseen site are used to embed that site's scans"
        if card.transductive
        else "no",
        "not from the paper": card.additions,
        "augmentations imitate": ", ".join(card.augmentations_imitate),
        "settings tried": tried,
    }
    table = "\n".join(["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in facts.items() if value)])
    docstring = "\n\n".join(_docstring(root, class_path) for class_path in _classes(model))
    settings = yaml.safe_dump({"model": model}, sort_keys=False)
    return f"## {name}\n\n{comment}\n\n{table}\n\n{docstring}\n\n```yaml\n{settings}```"


def _first_comment(text: str) -> list[str]:
    lines = text.splitlines()
    return lines[: next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))]


def _at_test(card: MethodCard, content: dict[str, Any]) -> list[str]:
    return [*(["site"] if card.needs_site_at_test else []), *_covariates(content["model"])]


def _covariates(model: dict[str, Any]) -> list[str]:
    """What a harmoniser is told of each scan beside its site, when it is fitted and when it is applied."""
    arguments = model.get("init_args", {})
    own: list[str] = arguments.get("covariates") or []
    return own or [name for value in arguments.values() if isinstance(value, dict) for name in _covariates(value)]


def _classes(model: dict[str, Any]) -> list[str]:
    """Class path of a method and of what it is made of, but for a method that it stands on: that has its own card."""
    parts = [value for name, value in model.get("init_args", {}).items() if name != "base" and isinstance(value, dict)]
    return [model["class_path"], *(each for part in parts if "class_path" in part for each in _classes(part))]


def _docstring(root: Path, class_path: str) -> str:
    """What the docstring of a class says before its first section, read without importing it."""
    module, _, name = class_path.rpartition(".")
    source = root / f"{module.replace('.', '/')}.py"
    tree = ast.parse(source.read_text(encoding="utf-8"))
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    prose = re.split(r"\n\n[A-Z][A-Za-z ]+\n-{3,}\n", ast.get_docstring(found) or "")[0]
    return f"`{class_path}`: " + ROLE.sub(r"`\1`", prose)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
