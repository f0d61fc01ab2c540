"""The page over several results folders: complete, escaped, the same every time, and nobody's file is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.cli import main
from benchmark.errors import UserError
from benchmark.methods.card import MethodCard
from benchmark.report.about import ABOUT, About
from benchmark.report.page.leaderboard import names_of
from tests.benchmark.report.page.test_page import Parsed

HOSTILE = '"><script>alert(5)</script><img src=x onerror=alert(6)>'


@pytest.fixture
def two(write_results, hostile, tmp_path):
    """Two folders, of which one has cards, and the page over both."""
    cards = {
        "plain": MethodCard(reference=HOSTILE, additions=HOSTILE, uses=["diagnosis"], needs_site_at_test=True),
        hostile["method"]: MethodCard(transductive=True),
    }
    about = About(synthetic=True, cards=cards, notes=[f"plain: {HOSTILE}"], methods=["plain"])
    parts = {"one": {"data": "abc"}, "two": {"data": "def"}}
    folders = [tmp_path / "first" / "results", tmp_path / "second" / "results"]
    write_results(folders[0], {ABOUT: about.to_json(), "run_key_parts": parts, "environment": {"git_commit": HOSTILE}})
    write_results(folders[1])
    return folders


def made(folders, out, *options):
    assert main(["leaderboard", *map(str, folders), "--out", str(out), *options]) == 0
    return (out / "index.html").read_text(encoding="utf-8")


def test_rows_cards_and_hostile_names(two, tmp_path, capsys):
    page = made(two, tmp_path / "out")
    assert "2 results folders" in capsys.readouterr().out
    found = Parsed(page)
    assert (found.wrong, found.open) == ([], [])
    assert len(found.scripts) == len(found.attributes("script")) == 1
    assert "alert(" not in found.scripts[0]
    assert "img" not in {tag for tag, _ in found.tags}
    for tag, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
    text = "".join(found.text)
    assert text.count(HOSTILE) == 3
    rows = [each for each in found.attributes("tr") if "data-site" in each]
    assert len(rows) == len(found.attributes("dialog")) == 6
    facts = [
        (each["data-folder"], each["data-site"], each["data-supervised"], each["data-transductive"]) for each in rows
    ]
    # Those that see diagnoses come last.
    assert facts[:3] == [
        ("first/results", "no", "no", "yes"),
        ("first/results", "not stated", "not stated", "not stated"),
        ("first/results", "yes", "yes", "no"),
    ]
    assert "Rows of first/results are" in " ".join(text.split())
    identifiers = {each["id"] for _, each in found.tags if "id" in each}
    links = [each["href"] for each in found.attributes("a")]
    assert {link[1:] for link in links if link.startswith("#")} <= identifiers
    assert [link[:14] for link in links if not link.startswith("#")] == ["data:text/csv;"]
    assert page == made(two, tmp_path / "again")


def test_reports_are_written_beside_it_and_linked(two, tmp_path):
    page = made(two[:1], tmp_path / "out", "--reports", "true")
    assert (tmp_path / "out" / "results" / "report.html").is_file()
    # From three rows and their cards.
    assert page.count('href="results/report.html"') == 6


def test_nobodys_page_is_replaced(two, tmp_path, capsys):
    (tmp_path / "index.html").write_text("mine")
    assert main(["leaderboard", str(two[0]), "--out", str(tmp_path)]) == 2
    assert "index.html: is there already and was not written by this command" in capsys.readouterr().err
    assert (tmp_path / "index.html").read_text() == "mine"


def test_a_card_of_another_kind_is_answered_in_a_line(two, tmp_path, capsys):
    path = two[0] / "provenance.json"
    content = json.loads(path.read_text())
    for change, message in (({"uses": 5}, "uses: '5' is not allowed"), ({"x": "<b>"}, "no entry 'x'; allowed: role,")):
        content[ABOUT]["cards"]["plain"] = change
        path.write_text(json.dumps(content))
        assert main(["leaderboard", str(two[0]), "--out", str(tmp_path / "out")]) == 2
        assert f"provenance.json: card of 'plain': {message}" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_names_are_as_long_as_needed():
    names = names_of([Path("/a/x"), Path("/b/x"), Path("/b/y")])
    assert list(names.values()) == ["a/x", "b/x", "y"]
    with pytest.raises(UserError, match="/a/x is given twice"):
        names_of([Path("/a/x"), Path("/a/../a/x")])
