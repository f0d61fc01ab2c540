"""Open tasks: what is shown of them, and their imports on synthetic replicas of the archives' layouts."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pandas as pd
import pytest
import yaml

from benchmark.cli import main
from benchmark.configs import SWEEPS
from benchmark.prepare.phantom.downloads import ixi
from benchmark.prepare.phantom.downloads.replica import Replica, Table
from benchmark.tasks.open import TASKS, Listed, listed_splits, open_task, open_tasks, read_open_task

NAMES = sorted(path.stem for path in TASKS.glob("*.yaml"))
PEOPLE = Table("participants.tsv", "participant_id,age,sex")
#: Sessions of the first people of each layout, which are nobody's, by subject; and the sites that they are of.
SESSIONS = {
    "on_harmony": (
        {"90001": "NOT1ACH001 OXF1PRI001 OXF1PRI002", "90002": "NOT1ACH001 NOT4GEP001 OXF1PRI001"},
        {"ON-Harmony-NOT1ACH": 2, "ON-Harmony-OXF1PRI": 3, "ON-Harmony-NOT4GEP": 1},
    ),
    "thp": (
        {"THP9001": "THP9001DART1 THP9001IOWA1 THP9001IOWA2", "THP9002": "THP9002DART1 THP9002UW1"},
        {"THP-DART": 2, "THP-IOWA": 2, "THP-UW": 1},
    ),
    "spins": (
        {"91": "Y1MRC Y2MRC Y1CMH", "92": "Y1MRC Y3CMP"},
        {"SPINS-MRC": 3, "SPINS-CMH": 1, "SPINS-CMP": 1},
    ),
    "srpbs": (
        {"91": "siteATV siteATTd1 siteATTd2", "92": "siteATV siteYC1"},
        {"SRPBS-ATV": 2, "SRPBS-ATT": 2, "SRPBS-YC1": 1},
    ),
}  # fmt: skip


def write_layout(name, folder, volume):
    """The archive's layout as its download leaves it, with noise for images."""
    if name == "ixi":
        made = ixi.describe().write(folder, volume)
        # As LibreOffice writes the table of the archive.
        from benchmark.prepare.phantom.downloads.spreadsheets import as_spreadsheet

        as_spreadsheet(made / ixi.TABLE.path)
        return
    words = shlex.split(open_task(name).prepare[0])
    root = words[words.index("--images") + 1]
    made = Replica(name, (PEOPLE,) if name in ("on_harmony", "srpbs") else (), 2)
    if name != "srpbs":
        made.json("dataset_description.json", {"Name": name, "BIDSVersion": "1.0.0"})
    for index, (subject, sessions) in enumerate(SESSIONS[name][0].items()):
        if made.rows:
            made.row(PEOPLE, f"sub-{subject}", 25 + index, "M")
        for session in sessions.split():
            start = f"sub-{subject}/ses-{session}/anat/sub-{subject}_ses-{session}"
            for run in ("run-1_", "run-2_") if name in ("thp", "spins") else ("",):
                made.image(f"{start}_{run}T1w.nii.gz", index, "")
    made.write(folder / root, volume)


@pytest.mark.needs("import")
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_commands_of_a_task_import_its_layout(name, tmp_path, tiny_volume, monkeypatch, inside):
    write_layout(name, tmp_path, tiny_volume)
    monkeypatch.chdir(tmp_path)
    task = open_task(name)
    build, check, preprocess = map(shlex.split, task.prepare)
    inside(*build[1:])
    manifests = sorted(tmp_path.glob(check[-1]))
    # Voxels are noise, which is no T1 image.
    said = inside(*check[1:-1], *manifests, "--images", "exist").stdout
    assert said.startswith(f"{sum(len(pd.read_csv(path)) for path in manifests)} scans")
    scans = pd.concat([pd.read_csv(path, dtype=str, keep_default_na=False) for path in manifests])
    if name == "ixi":
        assert set(scans["site"]) == {"IXI-Guys", "IXI-HH", "IXI-IOP"}
    else:
        people, sites = SESSIONS[name]
        assert scans["site"].value_counts().to_dict() == sites
        assert scans["subject_id"].nunique() == len(people)
    assert set(scans.get("split", [""])) == ({"test"} if task.after else {""})
    assert (scans["diagnosis"] == "").all()
    if name == "on_harmony":
        # What a list of sessions tells of the splits is what the manifests give.
        from benchmark.data.splits import split_digest
        from benchmark.tasks.task import scans_of_seed

        listed = replace(task.listed, sessions=SESSIONS[name][0])
        for split in listed_splits(replace(task, listed=listed)):
            table = scans_of_seed(manifests, split.seed, {"val_fraction": 0.0, "test_fraction": 0.5})
            assert split_digest(table) == split.digest
            assert split.training + split.scored == 2
    out = preprocess[preprocess.index("--out") + 1]
    read = task.sweep_content["overrides"]["data.manifests"]
    dataset = re.fullmatch(r"manifests/\w+/(.*-)\*\.csv", check[-1])[1]
    assert f"{out}/{dataset}*.csv" in read
    shape, spacing = (preprocess[preprocess.index(option) + 1] for option in ("--shape", "--spacing"))
    assert yaml.safe_load(shape) == task.sweep_content["overrides"]["data.preprocessing.shape"]
    assert float(spacing) == task.sweep_content["overrides"]["data.preprocessing.spacing"]


def test_every_task_is_a_line_that_says_what_is_needed(capsys):
    assert main(["task", "list"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines}
    assert header.split() == ["task", "data", "size", "licence", "needs", "measures"]
    taken = {task.sweep for task in open_tasks().values()}
    stressed = {"stress", "conditions", "ablation_canonical", "breadth_stress"}
    assert set(rows) == {path.stem for path in SWEEPS.glob("*.yaml")} - taken - stressed | set(NAMES)
    assert "136 scans, 8 sites" in rows["smoke"]
    assert "agreement" in rows["paper"]
    assert "20 people, 165 scans, 8 scanners" in rows["on_harmony"]
    assert "form" in rows["srpbs"]


@pytest.mark.parametrize("name", NAMES)
def test_a_task_is_shown_with_every_command_from_the_archive_to_a_row(name, capsys):
    task = open_task(name)
    assert main(["task", "show", name]) == 0
    text = capsys.readouterr().out
    for shown in (*task.download, *task.prepare, *task.references, *task.not_verified, task.homepage, task.digest):
        assert shown in text
    commands = [shlex.split(line) for line in text.splitlines() if line.startswith("   seada-bench ")]
    assert [words[1] for words in commands] == [
        "manifest", "manifest", "preprocess", "sweep", "sweep", "task", "submit", "merge",
    ]  # fmt: skip
    assert task.scans is None or f"about {round(task.scans * 46 / 60)} min" in text
    assert "diagnosis" in task.measures


def test_a_list_of_sessions_has_as_many_people_and_scans_as_are_told():
    task = open_task("on_harmony")
    assert len(task.listed.sessions) == task.subjects
    assert sum(len(sessions.split()) for sessions in task.listed.sessions.values()) == task.scans
    assert len({label[:-3] for sessions in task.listed.sessions.values() for label in sessions.split()}) == 8
    splits = listed_splits(task)
    assert [split.seed for split in splits] == [1, 2, 3, 4, 5]
    assert {(split.training, split.scored) for split in splits} == {(10, 10)}
    assert len({split.digest for split in splits}) == 5
    assert listed_splits(task) == splits


def test_a_sweep_is_shown_by_its_own_name_or_as_the_task_that_it_is_of(capsys):
    assert main(["task", "show", "smoke"]) == 0
    assert "seada-bench task export smoke --out task" in capsys.readouterr().out
    assert main(["task", "show", "travelling_heads"]) == 0
    assert "ON-Harmony" in capsys.readouterr().out
    assert main(["task", "show", "stress"]) == 2
    assert "error: stress: no such task; there is ablation, " in capsys.readouterr().err


def test_the_digest_is_of_what_is_measured():
    task = open_task("thp")
    assert len({each.digest for each in open_tasks().values()}) == len(NAMES)
    assert replace(task, title="other", licence="other").digest == task.digest
    assert replace(task, prepare=task.prepare[:1]).digest != task.digest
    assert replace(task, sweep="open_spins").digest != task.digest
    assert replace(task, after=[]).digest != task.digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "red"}, "field 'colour' is unknown; allowed: title, measures"),
        ({"title": None}, "field 'title': None is not allowed; it must be a text"),
        ({"scans": "many"}, "field 'scans': 'many' is not allowed; it must be a whole number of at least 1, or empty"),
        ({"download": "wget"}, "field 'download': 'wget' is not allowed; it must be a list of texts"),
        ({"access": "open"}, "field 'access': 'open' is not allowed; allowed: none, form, agreement"),
        ({"sweep": "best"}, "field 'sweep': 'best' is no shipped sweep; allowed: ablation"),
        ({"after": ["nobody"]}, "field 'after': 'nobody' is no other task; allowed: ixi"),
        ({"listed": {"dataset": "X"}}, "field 'listed.site_pattern' is missing"),
        ({"listed": {"dataset": "X", "site_pattern": "(.)", "sessions": [1]}}, "it must be a mapping of texts"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_file_that_is_none_of_a_task_is_refused_in_one_line(change, message, tmp_path, capsys):
    content = yaml.safe_load((TASKS / "ixi.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert read_open_task(path).title == content["title"]
    path.write_text(yaml.safe_dump(content | change), encoding="utf-8")
    assert main(["task", "show", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}: ")
    assert message in error
    assert error.count("\n") == 1


def test_a_field_that_is_missing_and_a_file_that_is_none_are_named(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    wrong = {"title: x\n": "field 'measures' is missing", "- [": "not a YAML file", "1": "must be a mapping"}
    for text, message in wrong.items():
        path.write_text(text)
        assert main(["task", "show", str(path)]) == 2
        assert message in capsys.readouterr().err
    assert main(["task", "show", str(tmp_path / "absent.yaml")]) == 2
    assert "cannot be read: No such file" in capsys.readouterr().err


def test_a_session_that_the_pattern_does_not_match_is_named():
    listed = Listed("X", "(.)", {"1": "A BC"})
    with pytest.raises(Exception, match="'BC' of '1' does not match 'site_pattern'"):
        listed_splits(replace(open_task("on_harmony"), listed=listed))
