"""An index on disk: what is added stays, what is removed goes, and nothing in between is ever seen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.errors import UserError
from benchmark.search.index import INDEX, Index, IndexedModel, create, writing
from benchmark.search.segments import LDRS, SCANS, SEGMENTS, UNITS

MODEL = IndexedModel("mine", "ab" * 32, np.array([0.5, -0.5, 0.0, 1.0]))


def scans(first, last, **more):
    """Made-up scans of numbers first to last - 1."""
    numbers = list(range(first, last))
    return pd.DataFrame(
        {
            "subject_id": [f"s{number // 2}" for number in numbers],
            "session_id": [f"v{number % 2}" for number in numbers],
            "site": "A",
            "diagnosis": ["CN", "AD"] * (len(numbers) // 2) + ["CN"] * (len(numbers) % 2),
            "age": [60.0 + number for number in numbers],
            "sex": "F",
            "image": [f"{number}.nii.gz" for number in numbers],
            "mask": "",
            "content": [f"{number:064x}" for number in numbers],
            **more,
        }
    )


def ldrs(first, last):
    """LDRs of the same scans."""
    return np.stack([np.random.default_rng(number).normal(size=4).astype(np.float32) for number in range(first, last)])


def keys(folder):
    index = Index(folder)
    return [key for key, kept in zip(index.scans["scan_key"].to_pylist(), index.kept, strict=True) if kept]


@pytest.fixture
def folder(tmp_path):
    create(tmp_path / "index", MODEL)
    return tmp_path / "index"


def test_an_index_without_scans_is_one(folder):
    index = Index(folder)
    assert len(index) == 0
    assert index.scans.num_rows == 0
    assert index.ldrs(np.zeros(0, np.int64)).shape == (0, 4)
    with writing(folder) as writer:
        writer.compact()
    assert len(Index(folder)) == 0


def test_what_is_added_in_parts_is_there_in_order_and_in_few_segments(folder):
    for first in range(0, 40, 5):
        with writing(folder, MODEL) as writer:
            assert writer.add(scans(first, first + 5), ldrs(first, first + 5)) == 5
    index = Index(folder)
    assert len(index) == 40
    assert len(index.parts) == 1
    assert index.scans["age"].to_pylist() == [60.0 + number for number in range(40)]
    np.testing.assert_array_equal(index.ldrs(np.array([3, 39, 0])), ldrs(0, 40)[[3, 39, 0]])
    assert sorted(path.name for path in (folder / SEGMENTS).iterdir()) == [index.state.segments[0].name]
    with writing(folder, MODEL) as writer:
        writer.add(scans(40, 43), ldrs(40, 43))
    assert [len(part.ldrs) for part in Index(folder).parts] == [40, 3]


def test_images_that_are_there_are_not_added_again(folder):
    with writing(folder, MODEL) as writer:
        twice = pd.concat([scans(0, 4), scans(3, 4)])
        assert writer.add(twice, ldrs(0, 5)) == 4
        assert writer.add(scans(2, 6), ldrs(2, 6)) == 2
        assert writer.add(scans(0, 6), ldrs(0, 6)) == 0
    assert len(keys(folder)) == 6


def test_another_image_under_the_same_names_is_refused(folder):
    with writing(folder, MODEL) as writer:
        writer.add(scans(0, 4), ldrs(0, 4))
        other = scans(2, 3, content=["f" * 64])
        with pytest.raises(UserError, match=r"scan A/s1/v0 .* is in the index with other images; remove it first"):
            writer.add(other, ldrs(2, 3))
        rows = np.array([key == "A/s1/v0" for key in writer.opened().scans["scan_key"].to_pylist()])
        assert writer.remove(rows) == 1
        assert writer.add(other, ldrs(2, 3)) == 1
    assert sorted(keys(folder)) == ["A/s0/v0", "A/s0/v1", "A/s1/v0", "A/s1/v1"]


def test_removed_scans_are_gone_and_leave_the_disk_when_compacted(folder):
    with writing(folder, MODEL) as writer:
        writer.add(scans(0, 20), ldrs(0, 20))
        writer.add(scans(20, 24), ldrs(20, 24))
        gone = np.zeros(24, bool)
        gone[[0, 5, 22]] = True
        assert writer.remove(gone) == 3
        assert writer.remove(gone) == 0
        before = keys(folder)
        assert len(before) == 21
        writer.compact()
    index = Index(folder)
    assert keys(folder) == before
    assert [len(part.ldrs) for part in index.parts] == [21]
    expected = np.delete(ldrs(0, 24), [0, 5, 22], axis=0)
    np.testing.assert_array_equal(index.ldrs(np.arange(21)), expected)
    removed = ldrs(22, 23)[0].tobytes()
    assert not any(removed in path.read_bytes() for path in folder.rglob("*.npy"))


def test_more_columns_are_kept_as_numbers_or_text(folder):
    with writing(folder, MODEL) as writer:
        writer.add(scans(0, 4, mmse=["29", "", "27", "30"], code=["01", "02", "03", "04"]), ldrs(0, 4))
        writer.add(scans(4, 5, note="x"), ldrs(4, 5))
    table = Index(folder).scans
    assert table["mmse"].to_pandas().fillna(-1).tolist() == [29, -1, 27, 30, -1]
    assert table["code"].to_pylist() == ["01", "02", "03", "04", ""]
    assert table["note"].to_pylist() == ["", "", "", "", "x"]


def test_a_reader_keeps_what_it_opened(folder):
    with writing(folder, MODEL) as writer:
        writer.add(scans(0, 6), ldrs(0, 6))
        reader = Index(folder)
        writer.remove(np.arange(6) < 5)
        writer.compact()
    assert len(reader) == 6
    np.testing.assert_array_equal(reader.ldrs(np.arange(6)), ldrs(0, 6))
    assert len(Index(folder)) == 1


def test_one_writer_at_a_time(folder):
    with writing(folder), pytest.raises(UserError, match="another process is changing this index"), writing(folder):
        pass


def test_the_same_scans_give_the_same_index(tmp_path):
    written = []
    for name in ("one", "two"):
        create(tmp_path / name, MODEL)
        with writing(tmp_path / name, MODEL) as writer:
            writer.add(scans(0, 8), ldrs(0, 8))
        state = json.loads((tmp_path / name / INDEX).read_text())
        written.append([segment["files"] for segment in state["segments"]])
    assert written[0] == written[1]


def test_what_is_no_new_folder_is_refused(folder, tmp_path):
    with pytest.raises(UserError, match="is not empty"):
        create(folder, MODEL)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be made"):
        create(tmp_path / "file", MODEL)


def test_another_model_is_refused(folder):
    other = IndexedModel("mine", "cd" * 32, MODEL.centre)
    with pytest.raises(UserError, match=r"made by the model mine abab.*another one, mine cdcd"), writing(folder, other):
        pass


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.zeros((2, 3), np.float32), "one finite vector of 4 is needed"),
        (np.array([[0, 0, 0, 1], [0, np.nan, 0, 0]], np.float32), "1.nii.gz: its LDR has a value that is not finite"),
    ],
)
def test_ldrs_that_cannot_be_compared_are_refused(folder, wrong, said):
    with writing(folder, MODEL) as writer, pytest.raises(UserError, match=said):
        writer.add(scans(0, 2), wrong)


@pytest.mark.parametrize("file", [LDRS, UNITS, SCANS])
@pytest.mark.parametrize("how", ["changed", "truncated", "missing"])
def test_a_segment_that_was_tampered_with_is_refused(folder, file, how):
    with writing(folder, MODEL) as writer:
        writer.add(scans(0, 20), ldrs(0, 20))
    path = next(folder.rglob(file))
    content = bytearray(path.read_bytes())
    if how == "missing":
        path.unlink()
    else:
        content[-9] ^= 1
        path.write_bytes(bytes(content) if how == "changed" else bytes(content[:-8]))
    with pytest.raises(UserError, match=f"{file}: (differs from its checksum|is missing)") as raised:
        Index(folder)
    assert "\n" not in str(raised.value)
    with writing(folder) as writer, pytest.raises(UserError, match="differs from its checksum|is missing"):
        writer.compact()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace('"generation": 1', '"generation": 2'), "differs from its checksum"),
        (lambda text: text.replace('"format": 1', '"format": 9'), "format 9 is not allowed"),
        (lambda _: "{", "is no JSON"),
        (lambda _: "[" * 100_000, "is no JSON"),
        (lambda _: "[]", "format None is not allowed"),
        (lambda _: "\udcff", "is no JSON"),
    ],
)
def test_an_index_file_that_was_tampered_with_is_refused(folder, change, said):
    with writing(folder, MODEL) as writer:
        writer.add(scans(0, 2), ldrs(0, 2))
    text = (folder / INDEX).read_text()
    (folder / INDEX).write_bytes(change(text).encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=said):
        Index(folder)


def test_a_segment_outside_of_the_index_is_refused(folder):
    from benchmark.search.index import State, _digest

    with writing(folder, MODEL) as writer:
        writer.add(scans(0, 2), ldrs(0, 2))
    content = json.loads((folder / INDEX).read_text())
    content["segments"][0]["name"] = "../../elsewhere"
    del content["sha256"]
    (folder / INDEX).write_text(json.dumps({**content, "sha256": _digest(content)}))
    with pytest.raises(UserError, match="has not the form of an index"):
        State.read(folder)


#: Starts writers on request, each from the first scan that it is told, so that libraries are imported once.
STARTER = """
import os
import sys
import numpy as np
sys.path.insert(0, sys.argv[2])
from test_index import MODEL, ldrs, scans
from benchmark.search.index import writing
for line in sys.stdin:
    first = int(line)
    child = os.fork()
    if child:
        print("pid", child, flush=True)
        os.waitpid(child, 0)
        print("end", flush=True)
        continue
    with writing(sys.argv[1], MODEL) as writer:
        while True:
            writer.add(scans(first, first + 3), ldrs(first, first + 3))
            print(first + 3, flush=True)
            if first % 2:
                keys = writer.opened().scans["scan_key"].to_pylist()
                writer.remove(np.array([key.startswith("A/s1/") for key in keys]))
                writer.compact()
                print("compacted", flush=True)
            first += 3
"""


@pytest.mark.slow
def test_a_hundred_kills_lose_nothing_that_was_reported(folder):
    """While scans are added and segments merged, a process is killed a hundred times at random moments."""
    rng, next_scan, merged = np.random.default_rng(0), 0, 0
    command = [sys.executable, "-c", STARTER, str(folder), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        for _ in range(100):
            starter.stdin.write(f"{next_scan}\n")
            starter.stdin.flush()
            pid = int(starter.stdout.readline().split()[1])
            # At any moment, but not before something was done: machines differ in speed.
            lines = [starter.stdout.readline().strip() for _ in range(rng.integers(4))]
            time.sleep(rng.uniform(0, 0.05))
            os.kill(pid, signal.SIGKILL)
            while (line := starter.stdout.readline().strip()) != "end":
                lines.append(line)
            merged += lines.count("compacted")
            reported = max([next_scan, *(int(line) for line in lines if line.isdigit())])
            index = Index(folder)
            found = [int(name.split(".")[0]) for name in index.scans["image"].filter(index.kept).to_pylist()]
            # At most one addition was made and not yet reported; scans 2 and 3 are those that are removed.
            assert set(found) - {2, 3} in ({*range(reported)} - {2, 3}, {*range(reported + 3)} - {2, 3})
            np.testing.assert_array_equal(index.ldrs(np.flatnonzero(index.kept)), ldrs(0, reported + 3)[found])
            next_scan = max(found, default=-1) + 1
        starter.stdin.close()
    assert next_scan > 200
    assert merged > 20
