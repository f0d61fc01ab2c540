"""The documentation site is built as `make docs` builds it, and loads nothing from anywhere else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from benchmark import metrics
from benchmark.configs import METHODS
from tests.conftest import ROOT

pytestmark = [pytest.mark.needs("docs", "train"), pytest.mark.slow]

#: Attributes by which a browser loads something unasked.
LOADING = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("link", "href")}


class Page(HTMLParser):
    """What a page loads, and the places in it that links may lead to."""

    def __init__(self, text):
        super().__init__()
        self.loaded, self.places = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.places.add(value)
            elif (tag, name) in LOADING:
                self.loaded.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Folder of the built site."""
    out = tmp_path_factory.mktemp("docs")
    done = built(out)
    assert done.returncode == 0, done.stderr
    return out / "site"


def built(out, *, root=ROOT):
    return subprocess.run(
        [sys.executable, root / "docs/_site/build.py", out],
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def text_of(site, page):
    return (site / page).read_text(encoding="utf-8")


def test_no_page_loads_anything_from_another_host(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    elsewhere = [(page.name, url) for page in pages for url in Page(page.read_text("utf-8")).loaded if "//" in url]
    assert elsewhere == []
    styles = "".join(path.read_text("utf-8") for path in site.rglob("*.css"))
    assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)\"']*", styles) == []


def test_every_method_has_a_card(site):
    page = Page(text_of(site, "benchmark/configs/methods/index.html"))
    assert {path.stem for path in METHODS.glob("*.yaml")} <= page.places


def test_every_metric_is_in_the_reference(site):
    places = Page(text_of(site, "reference/metrics.html")).places
    assert {f"benchmark.metrics.{name}" for name in metrics.__all__} <= places


def test_notebooks_were_run(site):
    text = text_of(site, "docs/notebooks/leakage.html")
    # The row whose site is hidden: as clean as noise at first sight, and collapsed.
    cells = re.findall(r"<td[^>]*>(.*?)</td>", text[text.index('<td style="text-align: left;">hidden') :])
    assert float(cells[2]) < 0.45 < 0.8 < float(cells[3])
    assert cells[8] == "yes"
    for name in ("leakage", "results"):
        assert re.search(r'<img [^>]*src="' + name + r'-\d\.png"', text_of(site, f"docs/notebooks/{name}.html"))


def test_a_broken_link_or_anchor_ends_the_build(tmp_path):
    # A repository of two pages, for the whole one takes longer.
    for folder in ("benchmark", "baselines", "seada"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/_site").symlink_to(ROOT / "docs/_site")
    (tmp_path / "docs/metrics.md").write_text("# What is measured\n\n## Rules\n")
    settings = (ROOT / "mkdocs.yml").read_text("utf-8")
    (tmp_path / "mkdocs.yml").write_text(settings[: settings.index("\nnav:")], encoding="utf-8")
    (tmp_path / "README.md").write_text(
        "# Home\n\n[1](docs/absent.md) [2](docs/metrics.md#absent) [3](docs/metrics.md#rules)\n"
    )
    done = built(tmp_path / "out", root=tmp_path)
    assert done.returncode == 1
    wrong = set(re.findall("'README.md' contains a link '([^']*)'", done.stderr))
    assert wrong == {"docs/absent.md", "docs/metrics.md#absent"}
