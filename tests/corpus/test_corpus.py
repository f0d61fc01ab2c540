"""Every input of the corpus is answered in one line that names it and the cause, and sound ones go on beside it."""

from __future__ import annotations

import shutil

import pandas as pd
import pytest

from benchmark.cli import main
from benchmark.data.manifest import read_manifests
from benchmark.data.preprocessing import Preprocessing
from benchmark.errors import UserError
from benchmark.prepare.phantom.downloads.registry import import_options, replicas
from tests.corpus.commands import COMMANDS
from tests.corpus.downloads import DOWNLOADS
from tests.corpus.images import IMAGES, head, save
from tests.corpus.manifests import MANIFESTS
from tests.corpus.masks import MASKS
from tests.corpus.series import SERIES, series

pytestmark = pytest.mark.slow

GRID = ("--shape", "[16, 16, 16]", "--spacing", "10", "--processes", "1")
FAST = ("--bias_correction", "false", "--registration", "none", "--brain", "auto")
SOUND = 3
#: Answers of problems that are two.
TWO_LINES = {"age-and-sex-swapped"}


def test_the_corpus_has_a_hundred_kinds_and_more():
    assert sum(map(len, (IMAGES, SERIES, MASKS, MANIFESTS, DOWNLOADS, COMMANDS))) >= 100


def _row(number, image, mask=""):
    row = {"subject_id": f"s{number}", "session_id": "1", "image": str(image), "site": "A"}
    return row | {"diagnosis": "CN", "age": 60 + number % 30, "sex": "F", "mask": str(mask)}


def _run(capsys, *words):
    status = main(list(map(str, words)))
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return status, said.out, said.err


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Sound scans and every image, series and mask of the corpus in one manifest, and what each must be told."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "sound").mkdir()
    rows = [_row(n, save(folder / "sound" / f"{n}.nii.gz", head(n))) for n in range(SOUND - 1)]
    series(folder / "sound" / "dicom")
    rows.append(_row(SOUND - 1, folder / "sound" / "dicom"))
    answers = {}
    for kind, cases in (("image", IMAGES), ("series", SERIES)):
        for name, write in cases.items():
            place = folder / kind / f"of-{name}"
            place.mkdir(parents=True)
            answers[name] = write(place / name)
            rows.append(_row(len(rows), place / name))
    for name, write in MASKS.items():
        answers[name] = write(folder / name)
        rows.append(_row(len(rows), save(folder / f"under-{name}", head(len(rows))), folder / name))
    path = folder / "A.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path, answers


@pytest.fixture(scope="module")
def preprocessed(mixed, tmp_path_factory):
    """Reasons of quarantined scans by file name, and the number of scans that were preprocessed."""
    path, _ = mixed
    out = tmp_path_factory.mktemp("out") / "prepared"
    status = main(["preprocess", "--manifests", str(path), "--out", str(out), *GRID, *FAST])
    table = pd.read_csv(out / "quarantine.csv", keep_default_na=False)
    return status, table, len(read_manifests([out / "A.csv"]))


@pytest.fixture(scope="module")
def checked(mixed, tmp_path_factory):
    """Findings of a check, and its exit status."""
    path, _ = mixed
    out = tmp_path_factory.mktemp("check") / "found.csv"
    status = main(["manifest", "check", "--manifests", str(path), "--processes", "1", "--out", str(out)])
    return status, pd.read_csv(out, keep_default_na=False)


def test_sound_scans_go_on_beside_all_others(preprocessed, checked):
    status, table, made = preprocessed
    assert (status, made) == (1, SOUND)
    assert len(table) == len(IMAGES) + len(SERIES) + len(MASKS)
    assert checked[0] == 1


def _the_line(lines, name):
    found = [line for line in lines if f"/{name}:" in line or line.endswith(f"/{name}")]
    assert len(found) == 1, found
    assert "\n" not in found[0]
    return found[0]


@pytest.mark.parametrize("name", [*IMAGES, *SERIES, *MASKS])
def test_preprocess_quarantines_a_scan_with_its_reason(mixed, preprocessed, name):
    assert mixed[1][name] in _the_line(preprocessed[1]["reason"], name)


@pytest.mark.parametrize("name", [*IMAGES, *SERIES, *MASKS])
def test_check_names_a_scan_and_its_reason(mixed, checked, name):
    errors = checked[1].loc[checked[1]["kind"] == "error", "message"]
    assert mixed[1][name] in _the_line(errors, name)


@pytest.mark.parametrize("name", [name for name in (*IMAGES, *MASKS) if name != "folder.nii.gz"])
def test_training_refuses_a_scan_with_the_same_reason(mixed, name):
    path, answers = mixed
    scans = read_manifests([path], check_images=False)
    column = "mask" if name in MASKS else "image"
    row = next(row for row in scans.to_dict("records") if row[column].endswith(f"/{name}"))
    with pytest.raises(UserError) as caught:
        Preprocessing(shape=(16, 16, 16), spacing=10.0).load(row)
    assert answers[name] in _the_line([str(caught.value)], name)


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests(capsys, tmp_path, name):
    content, answer = MANIFESTS[name]
    path = tmp_path / f"{name}.csv"
    path.write_bytes(content)
    status, said, error = _run(capsys, "manifest", "check", "--manifests", path, "--images", "none")
    lines = error.strip().splitlines()
    assert (status, said, len(lines)) == (2, "", 2 if name in TWO_LINES else 1)
    assert str(path) in lines[0]
    assert answer in lines[0]


@pytest.fixture(scope="module")
def sound_replicas(tmp_path_factory, tiny_volume):
    """A replica of each archive, made once."""
    root = tmp_path_factory.mktemp("replicas")
    made = {}

    def of(archive):
        if archive not in made:
            made[archive] = replicas()[archive].describe().write(root / archive, tiny_volume)
        return made[archive]

    return of


@pytest.mark.parametrize("name", DOWNLOADS)
def test_downloads(capsys, tmp_path, sound_replicas, name):
    case = DOWNLOADS[name]
    folder = tmp_path / case.archive
    shutil.copytree(sound_replicas(case.archive), folder, symlinks=True)
    case.change(folder)
    words = import_options(case.archive, folder)
    status, _, error = _run(capsys, "manifest", "build", case.archive, *words, "--out", tmp_path / "m")
    if case.refused:
        assert status == 2
        (line,) = error.strip().splitlines()
    else:
        assert status == 0
        record = pd.read_csv(tmp_path / "m" / f"{case.archive}-import.csv", keep_default_na=False)
        (line,) = [
            text for text in record.astype(str).agg(": ".join, axis=1) if all(part in text for part in case.answer)
        ]
        assert (record["outcome"] == "used").sum() > 10
    assert [part for part in case.answer if part not in line] == [], line


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(capsys, tmp_path, name):
    case = COMMANDS[name]
    for file, text in case.files.items():
        (tmp_path / file).write_text(text)
    (tmp_path / "file").write_text("")
    pd.DataFrame([_row(0, save(tmp_path / "t1.nii.gz"))]).to_csv(tmp_path / "sound.csv", index=False)
    places = {"sound": tmp_path / "sound.csv", "folder": tmp_path, "file": tmp_path / "file"}
    status, _, error = _run(capsys, *[word.format(**places) for word in case.words])
    lines = [line for line in error.strip().splitlines() if not line.startswith(("usage:", "tip:", " "))]
    assert (status, len(lines)) == (2, 1), error
    for part in case.answer:
        assert part.format(**places) in lines[0]
    assert {path.name for path in tmp_path.iterdir()} <= {*case.files, "file", "t1.nii.gz", "sound.csv"}
