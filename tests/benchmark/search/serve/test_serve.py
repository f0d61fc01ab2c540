"""`seada-bench serve` as a process: what it says, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from benchmark.search.archive import add_scans, new_index
from benchmark.search.scans import scans_of_manifests
from tests.conftest import ROOT

#: Users who ask at once.
USERS = 50
#: What a user may be told when nothing else is wrong: the work has begun, or the queue is full.
BUSY = "many people search just now; try again soon"


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


class User:
    """Somebody at the page, who asks again where the server is busy, as the page does."""

    def __init__(self, address, token):
        # Nothing is encrypted, and reading certificates for fifty users takes longer than they do.
        self.client = httpx.Client(base_url=address, headers={"origin": address}, timeout=600, verify=False)  # noqa: S501
        self.busy = 0
        assert self.client.post("/api/login", json={"token": token}).status_code == 200

    def job(self, path, **content):
        """State at the end of work that is asked for."""
        while (response := self.client.post(path, **content)).status_code == 503:
            assert (response.json(), response.headers["retry-after"]) == ({"error": BUSY}, "3")
            self.busy += 1
            time.sleep(0.2)
        if response.status_code != 202:
            return {"stage": response.status_code, **response.json()}
        while (state := self.client.get(f"/api/jobs/{response.json()['job']}").json())["stage"] not in (
            "done", "failed",
        ):  # fmt: skip
            time.sleep(0.1)
        return state


def picks_a_scan(user, number, scan):
    listed = user.client.get("/api/scans", params={"offset": number % 5}).json()["scans"]
    state = user.job("/api/search", json={"scan": listed[0]["scan"], "k": 3})
    return state["stage"] == "done" and len(state["result"]["hits"]) == 3


def brings_a_file(user, number, scan):
    files = {name: (f"{name}.nii.gz", Path(scan[name]).read_bytes()) for name in ("image", "mask")}
    state = user.job("/api/queries", files=files)
    found = user.job("/api/search", json={"query": state["result"]["query"], "k": 3, "force": True})
    return found["stage"] == "done" and len(found["result"]["hits"]) == 3


def brings_no_image(user, number, scan):
    return "is no NIfTI file" in user.job("/api/queries", files={"image": ("../../x.nii", b"MZ" * 5000)})["error"]


def runs_code(user, number, scan):
    return user.job("/api/search", json={"scan": "1-0", "filter": "__import__('os')"})["stage"] == 422


def goes_elsewhere(user, number, scan):
    host = user.client.get("/api/scans", headers={"host": "evil.example"}).status_code
    return (host, user.client.get("/static/%2e%2e/app.py").status_code) == (403, 404)


@pytest.mark.slow
def test_a_real_server_answers_fifty_users_at_once_until_ctrl_c(start, exported, phantom, tmp_path):
    model, index = exported("autoencoder")[0], tmp_path / "index"
    scans = scans_of_manifests(sorted(phantom.glob("phantom-*.csv"))[:1], phantom)
    assert add_scans(index, new_index(index, model), scans).problems == []
    process, said = start("--index", index, "--port", 0, "--salt", tmp_path / "salt")
    count, address, token = re.fullmatch(r"(\d+) scans; open (http://127\.0\.0\.1:\d+)/#(\S+)\n", said).groups()
    assert httpx.get(f"{address}/api/scans").status_code == 401

    ways = [picks_a_scan, brings_a_file, brings_a_file, brings_no_image, runs_code, goes_elsewhere]
    together = threading.Barrier(USERS)

    def use(number):
        user, way = User(address, token), ways[number % len(ways)]
        together.wait(600)
        return way.__name__, way(user, number, scans.iloc[number % len(scans)])

    with ThreadPoolExecutor(USERS) as threads:
        answers = list(threads.map(use, range(USERS)))
    assert [way for way, fine in answers if not fine] == []
    user = User(address, token)
    listed = user.client.get("/api/scans").json()
    assert listed["total"] == int(count)
    volume = user.client.get(f"/api/scans/{listed['scans'][0]['scan']}/volume.nii").content
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
