"""The examples of docs/api.md run, in order, as one program."""

from __future__ import annotations

import re

import matplotlib
import pytest

from tests.conftest import ROOT

SECTIONS = re.split(r"^## ", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]


def _case(section):
    title = section.split("\n", 1)[0]
    return pytest.param(section, id=title, marks=[pytest.mark.needs("train")] if title.startswith("Training") else [])


@pytest.mark.parametrize("section", map(_case, SECTIONS))
def test_examples(section, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    names: dict[str, object] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "docs/api.md", "exec"), names)  # noqa: S102 (the page's own examples)
