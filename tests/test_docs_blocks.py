"""Every command, and every example of a file, that a page shows: it must at least be one that the suite takes.

What is run as well: docs/quickstart.md by .ci/run, docs/own_data.md by tests/test_docs.py, commands of archives by
tests/test_downloads.py and tests/test_travelling_heads.py, docs/embeddings.md by
tests/benchmark/embeddings/test_page.py, Python by tests/test_api_docs.py and tests/test_docs.py.
"""

from __future__ import annotations

import ast
import dataclasses
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from benchmark.cli import COMMANDS, main
from benchmark.configs import METHODS, SWEEPS
from benchmark.methods.card import MethodCard
from benchmark.parsing import Parser
from benchmark.sweep.config import SweepConfig, sweep_of
from benchmark.tasks.card import read_card
from tests.conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("data_manifests/**/*.md")])
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", flags=re.DOTALL | re.MULTILINE)
PROGRAM = re.compile(r"^(?:\.venv/bin/)?seada-bench ")


class Parsed(BaseException):
    """Raised in place of running a command; no handler of errors takes it."""


def blocks(page):
    """Language and text of the blocks of a page."""
    for indent, language, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        yield language, re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)


def shown(kind):
    """Commands of the suite with where they are shown: whole ones, in blocks, or named ones, within a sentence."""
    for page in PAGES:
        if kind == "whole":
            lines = [line for language, body in blocks(page) for line in body.replace("\\\n", " ").splitlines()]
        else:
            lines = re.findall(r"`([^`\n]+)`", BLOCK.sub("", page.read_text(encoding="utf-8")))
        for line in filter(PROGRAM.match, lines):
            words = shlex.split(PROGRAM.sub("", line), comments=True)
            yield pytest.param(words, id=f"{page.relative_to(ROOT)}: {' '.join(words)[:60]}")


@pytest.fixture
def parsers(monkeypatch):
    """Parse in earnest and run nothing; the parsers that were asked."""
    asked, parse = [], Parser.parse_args

    def parse_only(self, *args, **kwargs):
        asked.append(self)
        parse(self, *args, **kwargs)
        raise Parsed

    monkeypatch.setattr(Parser, "parse_args", parse_only)
    return asked


def is_training(words):
    return words[0] in ("fit", "predict")


@pytest.mark.parametrize("words", [one for one in shown("whole") if not is_training(one.values[0])])
def test_a_command_that_is_shown_is_one(words, parsers, capsys):
    with pytest.raises(Parsed):
        pytest.fail(f"ended with {main(words)}: {capsys.readouterr().err}")


@pytest.mark.slow
@pytest.mark.needs("train", "track")
@pytest.mark.parametrize("words", [one for one in shown("whole") if is_training(one.values[0])])
def test_a_training_that_is_shown_is_one(words, tmp_path, monkeypatch, capsys):
    # Examples of files of one's own are any file that is there.
    place = words.index("--config") + 1
    if not (ROOT / words[place]).is_file():
        words = [*words[:place], str(METHODS / "autoencoder.yaml"), *words[place + 1 :]]
    monkeypatch.chdir(tmp_path)
    given = [str(ROOT / word) if word.startswith("benchmark/") else word for word in words]
    with pytest.raises(SystemExit) as end:
        main([*given, "--print_config"])
    assert end.value.code == 0, capsys.readouterr().err


@pytest.mark.parametrize("words", shown("named"))
def test_a_command_that_is_named_is_there_with_its_options(words, parsers, capsys):
    if "--help" in words or words[0] in ("list", "--version"):
        with pytest.raises(SystemExit, match="0"):
            raise SystemExit(main(words))
        return
    assert words[0] in COMMANDS
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    if not options or is_training(words):
        return
    with pytest.raises((Parsed, SystemExit)):
        raise SystemExit(main(words))
    known = {option for action in parsers[-1]._actions for option in action.option_strings}
    assert {option.replace("-", "_").replace("__", "--", 1) for option in options} <= known


def whole(example):
    """An example of parts of a sweep file with the parts that it lacks, and without methods of one's own."""
    content = yaml.safe_load((SWEEPS / "smoke.yaml").read_text()) | example
    shipped = {path.stem for path in METHODS.glob("*.yaml")}
    return content | {"methods": [method for method in content["methods"] if method in shipped]}


def settings_of(class_path):
    """Names of the arguments of a method's class, which is not loaded: that takes seconds."""
    module, _, name = class_path.rpartition(".")
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    made = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    (init,) = [node for node in made.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    return {argument.arg for argument in init.args.args}


def examples():
    for page in PAGES:
        for number, (language, body) in enumerate(blocks(page)):
            if language == "yaml":
                yield pytest.param(body, id=f"{page.name} {number}")


@pytest.mark.parametrize("body", examples())
def test_an_example_of_a_file_has_the_fields_of_such_files(body, tmp_path):
    example = yaml.safe_load(body)
    if "model" in example:
        assert set(example) <= {"model", "card", "trainer", "own_distance"}
        MethodCard(**example.get("card", {}))
        assert set(example["model"]) <= {"class_path", "init_args"}
    elif set(example) <= {field.name for field in dataclasses.fields(SweepConfig)}:
        sweep_of(whole(example), Path("example.yaml"))
    elif "inputs" in example:
        (tmp_path / "card.yaml").write_text(body, encoding="utf-8")
        assert read_card(tmp_path / "card.yaml").name == example["name"]
    elif "file" in example:
        assert set(example) <= settings_of("baselines.frozen_encoder.FrozenEncoder")
    else:
        ranges = [value for value in example.values() if isinstance(value, dict)]
        assert ranges
        assert all(set(value) <= {"low", "high", "log"} for value in ranges)


def test_targets_and_modules_that_pages_name_are_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"(?:^|`)make ([a-z-]+)", text, flags=re.MULTILINE)
        modules = re.findall(r"python -m (benchmarks?[.\w]*)", text)
        assert set(named) <= targets, page
        assert all(find_spec(module) for module in modules), (page, modules)
