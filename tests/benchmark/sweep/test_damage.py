"""What is torn, full, read-only or changed since is told, mended where it can be, and never taken for a result."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
import yaml

from benchmark.cli import main
from benchmark.errors import UserError
from benchmark.sweep.local import WorkerPool, execute_locally
from benchmark.sweep.up_to_date import RECORD, still_finished
from benchmark.train.checkpoints import AtomicCheckpointIO
from tests.conftest import smoke_sweep, untimed

pytestmark = pytest.mark.slow

CLOSED = ["pca_voxels", "random_vectors"]
QUICK = {"probes": ["knn"], "permutations": 0, "test_permutations": 0, "inner_folds": 0, "bootstrap": 20}
TABLES = ("scores.csv", "scores.parquet", "replicates.parquet", "retrieval.md", "leakage.md", "statistics.md")


@pytest.fixture(scope="module")
def made(tmp_path_factory, phantom, no_workers):
    """A sweep of the closed-form methods on a phantom of its own, done."""
    folder = tmp_path_factory.mktemp("damage")
    shutil.copytree(phantom, folder / phantom.name)
    sweep = smoke_sweep(folder / phantom.name) | {"methods": CLOSED, "workers": 1}
    sweep["evaluation"] |= QUICK
    (folder / "small.yaml").write_text(yaml.safe_dump(sweep))
    assert main(["sweep", "--config", str(folder / "small.yaml"), "--out", str(folder / "out")]) == 0
    return folder


@pytest.fixture
def again(made, capsys):
    """Run the sweep again; its status, output and error."""

    def run(*arguments):
        capsys.readouterr()
        status = main(["sweep", "--config", str(made / "small.yaml"), "--out", str(made / "out"), *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def contents(folder):
    return {name: untimed(folder / "out" / name) for name in TABLES}


def changed(folder):
    return {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*") if path.is_file()}


def flip(path):
    """Change one byte in the middle of a file."""
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(whole)


def run_of(made, method):
    (found,) = [
        path.parent for path in (made / "out").glob("runs/*/run.json") if f'"method": "{method}"' in path.read_text()
    ]
    return found


def test_a_second_call_says_the_same_and_loads_and_changes_nothing(made, again, command):
    before = changed(made)
    done = command("sweep", "--config", made / "small.yaml", "--out", made / "out")
    assert "retrieval" in done.stdout.lower()
    assert again() == (0, done.stdout, "")
    assert changed(made) == before
    code = "from benchmark.cli import main; import sys; main(sys.argv[1:]); assert 'torch' not in sys.modules"
    arguments = ["sweep", "--config", str(made / "small.yaml"), "--out", str(made / "out")]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)


def marker(made):
    return run_of(made, "pca_voxels") / "run.json"


@pytest.mark.parametrize(
    "change",
    [
        lambda made: (made / "small.yaml").write_text((made / "small.yaml").read_text() + "# seen\n"),
        lambda made: os.utime(next(made.glob("phantom-*/**/*.nii.gz"))),
        lambda made: os.utime(next(made.glob("phantom-*/truth.csv"))),
        lambda made: os.utime(made / "out" / "scores.csv"),
        lambda made: os.utime(marker(made)),
        lambda made: (made / "out" / RECORD).write_text("{"),
        lambda made: (made / "out" / RECORD).unlink(),
        lambda made: (made / "out" / "retrieval.md").unlink(),
        lambda made: shutil.copy(next(made.glob("phantom-*/phantom-*.csv")), made / "phantom-smoke" / "phantom-x.csv"),
    ],
)
def test_any_change_is_seen(made, monkeypatch, change):
    copy = made.with_name("changed")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(made, copy)
    change(made)
    try:
        assert still_finished(made / "out", made / "small.yaml") is None
    finally:
        shutil.rmtree(made)
        copy.rename(made)
    assert still_finished(made / "out", made / "small.yaml") is not None
    monkeypatch.setattr("benchmark.sweep.up_to_date._code", lambda: "other code")
    assert still_finished(made / "out", made / "small.yaml") is None


@pytest.mark.parametrize("name", ["scores.parquet", "replicates.parquet", "run.json"])
def test_a_torn_file_of_a_finished_run_is_made_again(made, again, caplog, name):
    before = contents(made)
    folder = run_of(made, "pca_voxels")
    embeddings = (folder / "embeddings.parquet").stat().st_mtime_ns
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[:-9]) if name == "run.json" else flip(folder / name)
    status, _, _ = again()
    assert status == 0
    if name != "run.json":
        assert f"{folder / name}: cannot be read as parquet" in caplog.text
        assert (folder / name).read_bytes() == whole
    assert (folder / "embeddings.parquet").stat().st_mtime_ns == embeddings
    assert contents(made) == before


def test_a_run_whose_embeddings_are_torn_too_is_trained_again(made, again):
    before = contents(made)
    folder = run_of(made, "pca_voxels")
    flip(folder / "embeddings.parquet")
    (folder / "run.json").unlink()
    assert again()[0] == 0
    assert "embeddings.parquet: cannot be read as parquet" in (folder / "log.txt").read_text()
    assert contents(made) == before


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a given size, and a function that gives it another."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mounted(*options):
        mount = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("file systems cannot be mounted here")
        return folder

    yield lambda size, more="rw": mounted(f"size={size}k", more, *(["remount"] if os.path.ismount(folder) else []))
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)


@pytest.mark.parametrize("size", [8, 64, 256])
def test_a_full_disk_ends_the_sweep_and_the_next_call_goes_on(made, small_disk, inside, size):
    disk = small_disk(size)
    arguments = ["sweep", "--config", made / "small.yaml", "--out", disk / "out"]
    done = inside(*arguments, check=False)
    assert done.returncode in (1, 2)
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (disk / "out" / RECORD).exists()
    small_disk(50_000)
    inside(*arguments)
    for name, content in contents(made).items():
        assert untimed(disk / "out" / name) == content


def test_a_folder_that_cannot_be_written_is_said_at_once(made, small_disk, inside):
    disk = small_disk(1000)
    small_disk(1000, "ro")
    done = inside("sweep", "--config", made / "small.yaml", "--out", disk / "out", check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: out: cannot write into {disk}/out: Read-only")
    assert done.stderr.count("\n") == 1


def test_one_sweep_at_a_time_works_in_a_folder_and_a_dead_one_does_not_count(made, inside, tmp_path):
    arguments = ["sweep", "--config", made / "small.yaml", "--out", tmp_path / "out"]
    (tmp_path / "out").mkdir()
    owner = subprocess.Popen(["flock", str(tmp_path / "out" / ".lock"), "sleep", "600"], start_new_session=True)
    while subprocess.run(["flock", "-n", str(tmp_path / "out" / ".lock"), "true"], check=False).returncode == 0:
        time.sleep(0.01)
    done = inside(*arguments, check=False)
    assert (done.returncode, done.stderr) == (
        2,
        f"error: {tmp_path}/out: another sweep is working in this folder; wait for it or give another --out\n",
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
    os.killpg(owner.pid, signal.SIGKILL)
    owner.wait()
    inside(*arguments)
    for name, content in contents(made).items():
        assert untimed(tmp_path / "out" / name) == content


def test_runs_whose_process_dies_are_failed_ones_and_the_next_call_runs_them(made, capsys, monkeypatch, tmp_path):
    arguments = ["sweep", "--config", str(made / "small.yaml"), "--out", str(tmp_path / "out")]

    def die(self, number, run, base, sweep):
        self.busy[self.pools[number].submit(os._exit, 137)] = (number, run)

    with monkeypatch.context() as patch:
        patch.setattr("benchmark.sweep.sweep.execute_locally", execute_locally)
        patch.setattr(WorkerPool, "submit", die)
        assert main(arguments) == 1
    said = capsys.readouterr().err
    assert "2 runs failed" in said
    assert "the worker process died (killed, or out of memory)" in said
    assert main(arguments) == 0
    for name, content in contents(made).items():
        assert untimed(tmp_path / "out" / name) == content


class Evil:
    def __reduce__(self):
        return (os.system, ("touch evil-was-here",))


@pytest.mark.parametrize("forced", ["", "1"])
def test_a_checkpoint_that_would_run_code_is_not_loaded(tmp_path, monkeypatch, forced):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", forced)
    torch.save({"state_dict": Evil()}, tmp_path / "last.ckpt")
    with pytest.raises(UserError, match=r"last\.ckpt: holds more than tensors and plain values .*could run code"):
        AtomicCheckpointIO().load_checkpoint(tmp_path / "last.ckpt", weights_only=False)
    assert not (tmp_path / "evil-was-here").exists()
