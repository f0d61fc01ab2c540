"""An archive of 24 scans of 12 people, one of whom is named to break out of the page, and a server of it."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
import torch
import uvicorn
from starlette.testclient import TestClient

from benchmark.data.preprocessing import Preprocessing
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.representation import RepresentationModule
from benchmark.search.archive import add_scans, indexed
from benchmark.search.gate import typical_volumes
from benchmark.search.index import create
from benchmark.search.serve.app import make_app
from benchmark.search.serve.security import Access
from benchmark.search.serve.service import Service
from benchmark.search.serve.shown import Archives
from benchmark.train.exported_model import ExportedModel
from benchmark.train.space import space_of

SHAPE, SPACING, DIMENSION = (12, 14, 12), 10.0, 4
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
SITES = ("A", "B", HOSTILE)
HOST = "127.0.0.1:8765"


class Projection(RepresentationModule):
    """LDRs by a fixed projection, and volumes back by its transpose."""

    def build(self, spec):
        voxels = int(np.prod(spec.shape))
        weights = np.random.default_rng(0).normal(size=(voxels, DIMENSION)) / voxels**0.5
        self.weights = torch.nn.Parameter(torch.tensor(weights, dtype=torch.float32))

    def embed(self, batch):
        return batch["volume"].flatten(1) @ self.weights

    def reconstruct(self, batch, ldr):
        return (ldr @ self.weights.T).reshape(batch["volume"].shape)


def head(seed, scale=1.0, offset=0.0):
    """A brain of noise in its mask."""
    rng = np.random.default_rng(seed)
    axes = np.meshgrid(*(np.linspace(-1, 1, length) for length in SHAPE), indexing="ij")
    mask = sum(axis**2 for axis in axes) < 0.8
    smooth = 2 - sum(axis**2 for axis in axes) + 0.5 * np.sin(3 * axes[seed % 3] + seed)
    return ((smooth + 0.2 * rng.random(SHAPE)) * mask * scale + offset).astype(np.float32), mask.astype(np.uint8)


def save(path, data):
    affine = np.diag([SPACING, SPACING, SPACING, 1.0])
    affine[:3, 3] = -SPACING * (np.array(data.shape[:3]) - 1) / 2
    nibabel.save(nibabel.Nifti1Image(data, affine), path)
    return path


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Folder with an image and a mask of each scan."""
    folder = tmp_path_factory.mktemp("archive")
    for number in range(24):
        image, mask = head(number)
        save(folder / f"secret-{number}.nii.gz", image)
        save(folder / f"secret-{number}_mask.nii.gz", mask)
    return folder


@pytest.fixture(scope="session")
def scans(files):
    numbers = range(24)
    return pd.DataFrame(
        {
            "subject_id": [f"person{number // 2:02}" for number in numbers],
            "session_id": ["2011-05-03", "2012-06-04"] * 12, "site": [SITES[number // 2 % 3] for number in numbers],
            "diagnosis": [("CN", "AD")[number // 2 % 2] for number in numbers],
            "age": [np.nan, *np.linspace(60, 82, 23)], "sex": ["F", "F", "M", "M"] * 6,
            "image": [str(files / f"secret-{number}.nii.gz") for number in numbers],
            "mask": [str(files / f"secret-{number}_mask.nii.gz") for number in numbers],
            "hospital_number": [f"H{number}" for number in numbers],
        }
    )  # fmt: skip


@pytest.fixture(scope="session")
def model(scans):
    module = Projection()
    module.ensure_built(DataSpec(SHAPE, SITES, SPACING))
    scores = {"rows": [{"key": "map_cn_ad", "title": "mAP CN/AD", "value": 0.6, "chance": 0.5}]}
    description = {
        "method": HOSTILE, "raw": None, "prepared": "scans must be prepared already: nothing says how they were",
        "space": space_of(map(Path, scans["image"])), "scores": scores, "synthetic": True,
    }  # fmt: skip
    typical, limits = typical_volumes(scans, Preprocessing(SHAPE, SPACING), "all")
    description["statistics"] = {"volumes": limits}
    made = ExportedModel(
        module, Preprocessing(SHAPE, SPACING), "all", None, "32-true", description,
        np.zeros(DIMENSION), np.eye(DIMENSION), hashlib.sha256(b"tiny").hexdigest(), typical,
    )  # fmt: skip
    made.centre = made.ldrs_of(scans).mean(axis=0, dtype=np.float64)
    return made


@pytest.fixture(scope="session")
def index_folder(model, scans, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / "index"
    create(folder, indexed(model))
    assert add_scans(folder, model, scans).problems == []
    return folder


@pytest.fixture
def make_client(index_folder, model):
    """A client that is logged in; closed, with its server, after the test."""
    clients = []

    def make(folder=None, salt=b"0" * 32, limit=1_000_000, login=True, waiting=32):
        access = Access("127.0.0.1", 8765)
        service = Service(Archives(folder or index_folder, salt), model, waiting)
        client = TestClient(
            make_app(service, access, limit), base_url=f"http://{HOST}", raise_server_exceptions=False,
            headers={"origin": f"http://{HOST}"},
        )  # fmt: skip
        client.__enter__()
        client.access, client.service = access, service
        clients.append(client)
        if login:
            assert client.post("/api/login", json={"token": access.token}).status_code == 200
        return client

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(make_client):
    return make_client()


def done(client, response):
    """What a job that was started comes to."""
    assert response.status_code == 202, response.text
    end = time.monotonic() + 60
    while time.monotonic() < end:
        state = client.get(f"/api/jobs/{response.json()['job']}").json()
        if state["stage"] in ("done", "failed"):
            return state
        time.sleep(0.01)
    raise AssertionError(f"not done: {state}")


@pytest.fixture
def finish():
    return done


@pytest.fixture
def search(client):
    """Search with the first scan of the archive."""

    def run(**asked):
        scan = client.get("/api/scans").json()["scans"][0]["scan"]
        return done(client, client.post("/api/search", json={"scan": scan, **asked}))

    return run


@pytest.fixture
def running(index_folder, model):
    """Address, with its token, of a server that listens at a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        access = Access("127.0.0.1", listening.getsockname()[1])
        app = make_app(Service(Archives(index_folder, b"0" * 32), model), access, 1_000_000)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield access.url
        server.should_exit = True
        thread.join(10)
