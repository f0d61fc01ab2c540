"""`seada-bench serve` as a process: what it says, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest

from benchmark.search.archive import add_scans, new_index
from benchmark.search.scans import scans_of_manifests
from benchmark.train.exported_model import load_model
from tests.conftest import ROOT


@pytest.fixture
def start():
    """Start the command; its first line."""
    started = []

    def run(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmark.cli", "serve", *map(str, arguments)],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        return process, process.stdout.readline()

    yield run
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_an_index_of_an_exported_model_is_served_until_ctrl_c(start, exported, phantom, tmp_path):
    model, index = exported("autoencoder")[0], tmp_path / "index"
    new_index(index, model)
    scans = scans_of_manifests(sorted(phantom.glob("phantom-*.csv"))[:1], phantom)
    assert add_scans(index, load_model(model), scans).problems == []
    process, said = start("--index", index, "--port", 0, "--salt", tmp_path / "salt")
    count, address, token = re.fullmatch(r"(\d+) scans; open (http://127\.0\.0\.1:\d+)/#(\S+)\n", said).groups()

    with httpx.Client(base_url=address, headers={"origin": address}, timeout=60) as client:
        assert client.get("/api/scans").status_code == 401
        assert client.post("/api/login", json={"token": token}).status_code == 200
        listed = client.get("/api/scans").json()
        assert listed["total"] == int(count)
        volume = client.get(f"/api/scans/{listed['scans'][0]['scan']}/volume.nii").content
    assert len(volume) == 352 + 4 * 16 * 24 * 16
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert process.stderr.read() == ""


def test_a_port_that_is_taken_is_one_line(inside, index_folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = inside("serve", "--index", index_folder, "--port", port, check=False)
    assert (done.returncode, done.stderr) == (
        2, f"error: --port: cannot listen at 127.0.0.1:{port}: Address already in use; 0 takes any free port\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--port", "70000"), "--port: 70000 is not allowed; 0 to 65535 are"),
        (("--max_upload", "0"), "--max_upload: 0 is not allowed"),
        (("--show_ids", "--salt", "s"), "--salt: is for pseudonyms"),
        (("--host", "no.such.host.invalid", "--port", "0"), "--host: no.such.host.invalid is no address"),
        (("--host", "203.0.113.1", "--port", "0"), "cannot listen at 203.0.113.1:0"),
    ],
)
def test_options_that_cannot_be_are_one_line(inside, index_folder, options, says):
    done = inside("serve", "--index", index_folder, *options, check=False)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_that_is_no_index_is_one_line(inside, tmp_path):
    done = inside("serve", "--index", tmp_path, check=False)
    assert done.returncode == 2
    assert "index.json" in done.stderr
    assert done.stderr.count("\n") == 1
