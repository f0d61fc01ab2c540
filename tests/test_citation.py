"""The citation file says what the package says of itself."""

import tomllib

import yaml

from tests.conftest import ROOT


def test_it_is_of_this_version_and_names_the_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == project["version"]
    newest = next(line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## "))
    assert newest == f"## {citation['version']} ({citation['date-released']})"
    assert [one["name"] for one in citation["authors"]] == [one["name"] for one in project["authors"]]
    (paper,) = citation["references"]
    assert paper["identifiers"][0]["value"] == "arXiv:2501.01326"
    assert [one["family-names"] for one in paper["authors"]] == ["Tobari", "Tomoshige", "Muraki", "Oishi", "Iyatomi"]
