"""The page's HTML: whole, escaped, self-contained, the same every time."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from benchmark.errors import UserError
from benchmark.methods.card import MethodCard
from benchmark.report.about import ABOUT, About
from benchmark.report.blocks import heading, items, paragraph, table
from benchmark.report.grid import Cell, number
from benchmark.report.write_all import write_all

VOID = {"meta", "br", "img", "link", "input", "hr"}

STATISTICS = [
    heading("Tests <b>", 1),
    table(["a", "p"], [[Cell("<script>alert(3)</script>"), number(0.01, 2)]]),
    items(["`code` <i>"]),
    paragraph("<img src=x>"),
]

FIGURES = {'A "figure" <u>': '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(4)</script></svg>'}


class Parsed(HTMLParser):
    """Tags with attributes, text, scripts; whether every tag is closed by its own end."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text, self.scripts, self.wrong = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif not self.open or self.open[-1] != "style":
            self.text.append(data)

    def attributes(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


#: The page is the same for every test that looks at it.
MADE = []


@pytest.fixture
def page(write_results, make_examples, tmp_path):
    if not MADE:
        given = [make_examples(title="pooled <seed> 1")]
        write_all(write_results(), tmp_path / "out", examples=given, statistics=STATISTICS, figures=FIGURES)
        MADE.append((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    return MADE[0]


def test_whole(page):
    found = Parsed(page)
    assert (found.wrong, found.open) == ([], [])
    identifiers = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    links = [each.get("href") or each["xlink:href"] for each in found.attributes("a") + found.attributes("use")]
    targets = {link[1:] for link in links if not link.startswith("data:text/csv;")}
    assert targets
    assert targets <= set(identifiers)
    labelled = {each["aria-labelledby"] for _, each in found.tags if "aria-labelledby" in each}
    assert labelled <= set(identifiers)


def test_every_section_is_there(page):
    sections = [each["id"] for each in Parsed(page).attributes("section")]
    assert sections == [
        "findings", "against", "compared", "wide-retrieval", "wide-leakage", "sites", "pairs", "examples", "statistics",
        "figures", "every", "provenance",
    ]  # fmt: skip


def test_hostile_names_are_text(page, hostile):
    found = Parsed(page)
    assert len(found.scripts) == len(found.attributes("script")) == 1
    assert "alert(" not in found.scripts[0]
    text = "".join(found.text)
    for shown in (hostile["method"], hostile["site"], "</td><b onclick=alert(2)>'&", "<script>alert(3)</script>"):
        assert shown in text
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
    assert {tag for tag, _ in found.tags} & {"i", "u", "iframe", "object", "link", "base", "form"} == set()
    # The one picture is the figure; nothing else is an img.
    assert [each["src"][:26] for each in found.attributes("img")] == ["data:image/svg+xml;base64,"]


def test_self_contained(page):
    found = Parsed(page)
    for _, attributes in found.tags:
        for name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/", "data:text/csv;"))
    styles = re.search(r"<style>(.*?)</style>", page, re.S)[1]
    assert "url(" not in styles
    assert "@import" not in styles
    (policy,) = [each["content"] for each in found.attributes("meta") if "http-equiv" in each]
    digest = base64.b64encode(hashlib.sha256(found.scripts[0].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def test_the_tables_are_handed_out(page):
    files = {each["download"]: each["href"] for each in Parsed(page).attributes("a") if "download" in each}
    assert list(files) == ["retrieval.csv", "leakage.csv", "retrieval_by_site.csv"]
    head, content = files["retrieval.csv"].split(",")
    assert head == "data:text/csv;charset=utf-8;base64"
    assert base64.b64decode(content).startswith(b"protocol,method,seeds,map_cn_ad,")


def test_findings_come_first(page, hostile):
    text = " ".join("".join(Parsed(page).text).split())
    # By hand: intervals of 0.1 to both sides of 0.715, 0.615 and 0.515, chance 0.5; random_vectors is the floor.
    assert "Disease. mAP CN/AD at other sites is above chance (0.500) for plain 0.615" in text
    assert f"not for {hostile['method']} 0.515" in text
    assert (
        text.index("Disease. mAP")
        < text.index("A good representation lies up")
        < text.index("What is compared Methods")
    )


def test_no_subject_is_named(page):
    assert "secret" not in page
    assert "ses-" not in page


def test_same_bytes_every_time(write_results, make_examples, tmp_path):
    folder = write_results()
    pages = []
    for name in ("one", "two"):
        write_all(folder, tmp_path / name, examples=[make_examples()], statistics=STATISTICS, figures=FIGURES)
        pages.append((tmp_path / name / "report.html").read_bytes())
    assert pages[0] == pages[1]


def test_rows_that_see_diagnoses_have_a_body_of_their_own(write_results, tmp_path):
    about = About(cards={"plain": MethodCard(uses=["diagnosis"])}, methods=["plain"])
    write_all(write_results(provenance={ABOUT: about.to_json()}), tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert (Parsed(text).wrong, Parsed(text).open) == ([], [])
    table = re.search(r'<table id="retrieval-1".*?</table>', text, re.S)[0]
    first, title, apart = re.findall(r"<tbody.*?</tbody>", table, re.S)
    assert len(re.findall('<th scope="row">', first)) == 2
    assert "sees diagnoses of training subjects" in title
    assert re.findall('<th scope="row">(.*?)</th>', apart) == ["plain"]
    assert "plain (sees diagnoses)" in text
    assert "Grey diamonds: floor, ceiling and methods that see diagnoses, which do not compete" in text


def test_content(page):
    text = " ".join("".join(Parsed(page).text).split())
    assert "How free of the scanner are 3 representations" in text
    assert "commit abc123" in text
    assert "random_vectors (floor)" in text
    assert "Missing: 2 of 2 runs: </td><b" in text
    assert "✓ same : CN" in text.replace("same:", "same :")
    assert "✗ other" in text
    assert "Model selection: none & <i>." in text
    assert "new<i>" in text
    assert "made<b>up" in text
    assert "<u>lib" in text


def test_without_anything_optional(write_results, tmp_path):
    folder = write_results()
    (folder / "provenance.json").unlink()
    write_all(folder, tmp_path / "out")
    text = " ".join("".join(Parsed((tmp_path / "out" / "report.html").read_text()).text).split())
    assert "None: they need the embeddings of a sweep's runs and the preprocessed volumes" in text
    assert "The results folder holds no provenance.json" in text
    assert "commit not recorded" in text
    assert "Statistics" not in text
    assert "Synthetic" not in text


def test_provenance_of_another_shape(write_results, tmp_path):
    folder = write_results(provenance={"environment": "unknown", "run_keys": ["x"]})
    write_all(folder, tmp_path / "out")
    assert "commit not recorded" in (tmp_path / "out" / "report.html").read_text()


def test_figures_must_be_svg(write_results, tmp_path):
    with pytest.raises(UserError, match="figure 'f': no SVG"):
        write_all(write_results(), tmp_path / "out", figures={"f": "<img src=x>"})
    assert not (tmp_path / "out").exists()


def test_a_method_that_cannot_rank_leaves_its_examples_empty(write_results, make_examples, tmp_path):
    given = make_examples(method="m")
    constant = given.embeddings["m"].assign(z0=1.0, z1=1.0, z2=1.0)
    given = replace(given, embeddings={"m": constant, "plain": given.embeddings["plain"]})
    write_all(write_results(), tmp_path / "out", examples=[given])
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("<td>not ranked</td>") == 4
    # Columns are those of the methods that do rank.
    assert page.count('<th scope="col">5</th>') == 4
