"""The examples of docs/api.md, and that of docs/metrics.md, run; those of a section in order, as one program."""

from __future__ import annotations

import re

import matplotlib
import pytest

from tests.conftest import ROOT


def _sections(page: str) -> list[str]:
    return re.split(r"^## ", (ROOT / "docs" / page).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]


SECTIONS = [*_sections("api.md"), *(section for section in _sections("metrics.md") if "```python" in section)]


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
        exec(compile(block, "docs", "exec"), names)  # noqa: S102 (the pages' own examples)
