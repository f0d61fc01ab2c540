"""Both container recipes install the same thing, from files that are there."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch

import pytest

from tests.conftest import ROOT


def instructions():
    """Instructions of the Containerfile, as (keyword, rest) pairs; continued lines are joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Containerfile").read_text(), flags=re.M).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def sections():
    """Header and sections of the Apptainer recipe, by name."""
    head, *rest = re.split(r"^%(\w+).*\n", (ROOT / "apptainer.def").read_text(), flags=re.M)
    return {"": head, **dict(zip(rest[::2], rest[1::2], strict=True))}


def copied_by_container():
    words = [rest.split() for keyword, rest in instructions() if keyword == "COPY" and "--from" not in rest]
    return {source for *sources, _ in words for source in sources}


def copied_by_apptainer():
    return {line.split()[0] for line in sections()["files"].splitlines() if line.strip()}


def installed(text):
    """Arguments of `pip install`."""
    return re.search(r"pip install ([^\n]*)", text)[1].replace("{{ EXTRAS }}", "${EXTRAS}").split()


def test_both_install_the_same_from_the_same_base():
    keywords = instructions()
    (run,) = [rest for keyword, rest in keywords if keyword == "RUN" and "pip install" in rest]
    assert installed(run) == installed(sections()["post"])
    assert installed(run)[-3:] == ["-c", "constraints.txt", '".[${EXTRAS}]"']
    bases = {rest.split()[0].removeprefix("docker.io/library/") for keyword, rest in keywords if keyword == "FROM"}
    assert bases == {re.search(r"^From: (.*)$", sections()[""], flags=re.M)[1]}
    (extras,) = [rest.removeprefix("EXTRAS=") for keyword, rest in keywords if keyword == "ARG"]
    assert extras == re.search(r"EXTRAS=(.*)", sections()["arguments"])[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(extras.split(",")) <= set(project["optional-dependencies"]) - {"dev", "all"}
    for text in ((ROOT / "Containerfile").read_text(), sections()["labels"]):
        assert re.search(r'image\.version[= ]"?([\d.]+)', text)[1] == project["version"]


def test_the_container_runs_the_command_as_a_user_who_is_not_root():
    last = {keyword: rest for keyword, rest in instructions()}
    assert last["ENTRYPOINT"] == '["seada-bench"]'
    assert last["USER"].isdecimal()
    assert int(last["USER"]) > 0
    assert 'exec seada-bench "$@"' in sections()["runscript"]


@pytest.mark.parametrize("ignore", [".containerignore", ".dockerignore"])
def test_everything_that_is_copied_is_there_and_not_ignored(ignore):
    assert copied_by_container() == copied_by_apptainer()
    lines = [line for line in (ROOT / ignore).read_text().splitlines() if line and line[0] != "#"]
    kept = [line[1:] for line in lines if line[0] == "!"]
    assert lines[0] == "*"
    for name in copied_by_container():
        assert (ROOT / name).exists()
        assert any(fnmatch(name, each) for each in kept)
    # What setuptools reads to build the package.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {each.removesuffix(".*") for each in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert {"pyproject.toml", "constraints.txt", project["project"]["readme"], "LICENSE", *packages} == set(kept)
