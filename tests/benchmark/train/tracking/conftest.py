import json
import struct
from collections import defaultdict

import pytest

BLOCK, HEADER = 2**15, 7
FULL, LAST = 1, 4


def records(path):
    """Records of a .wandb file: LevelDB's log format after a header of 7 bytes (wandb has no reader any more)."""
    from wandb.proto import wandb_internal_pb2

    content = path.read_bytes()
    assert content[:4] == b":W&B"
    at, parts = HEADER, b""
    while at + HEADER <= len(content):
        left = BLOCK - at % BLOCK
        if left < HEADER:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", content[at : at + HEADER])
        parts += content[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (FULL, LAST):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            parts = b""
            yield record


def put(mapping, item):
    *outer, last = item.nested_key or [item.key]
    for name in outer:
        mapping = mapping.setdefault(name, {})
    mapping[last] = json.loads(item.value_json)


class OfflineRun:
    """What an offline run of Weights & Biases holds."""

    def __init__(self, folder):
        self.folder = folder
        self.history, self.config, self.exit_code = [], {}, None
        for record in records(next(folder.glob("*.wandb"))):
            kind = record.WhichOneof("record_type")
            if kind == "run":
                self.run = record.run
                self._add(record.run.config)
            elif kind == "config":
                self._add(record.config)
            elif kind == "history":
                item = {}
                for each in record.history.item:
                    put(item, each)
                self.history.append(item)
            elif kind == "exit":
                self.exit_code = record.exit.exit_code

    def _add(self, config):
        for each in config.update:
            put(self.config, each)

    def series(self):
        """Values of every key in the order they were logged."""
        found = defaultdict(list)
        for item in self.history:
            for key, value in item.items():
                found[key].append(value)
        return found

    def table(self, value):
        return json.loads((self.folder / "files" / value["path"]).read_text())


@pytest.fixture(scope="session")
def offline_runs():
    """The offline runs below a folder, by name."""

    def read(folder):
        runs = [OfflineRun(path) for path in sorted(folder.glob("wandb/offline-run-*"))]
        return {run.run.display_name: run for run in runs}

    return read
