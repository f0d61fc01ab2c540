"""What example retrievals are made from: the embeddings and volumes of a results folder's runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import yaml

from benchmark.embeddings.table import read_embeddings
from benchmark.errors import UserError
from benchmark.metrics.settings import Distance
from benchmark.protocols import POOLED
from benchmark.report.page.examples import ExampleInput
from benchmark.sweep.run import OWN, marker_files
from benchmark.train.resolve import instantiate_data
from benchmark.train.run_folder import CONFIG, EMBEDDINGS


def example_inputs(results: Path, method_order: Sequence[str]) -> list[ExampleInput]:
    """Embeddings and volumes of the pooled runs of the first seed; none where runs or data are no longer there.

    Parameters
    ----------
    results
        Results folder of a sweep, with its ``runs``.
    method_order
        Methods in table order.
    """
    runs: dict[str, Path] = {}
    distances: dict[str, Distance] = {}
    markers = [
        (json.loads(path.read_text(encoding="utf-8")), results / path.relative_to(results).parents[-3], path)
        for path in marker_files(results)
    ]
    pooled = [each for each in markers if each[0]["protocol"] == POOLED]
    if not pooled:
        return []
    seed = min(marker["seed"] for marker, _, _ in pooled)
    for marker, folder, path in sorted(pooled, key=lambda each: str(each[1])):
        if marker["seed"] == seed and (folder / EMBEDDINGS).is_file():
            runs[marker["method"]] = folder
            if path.parent != folder:
                distances[marker["method"]] = cast(Distance, path.parent.name.removeprefix(OWN))
    order = [name for name in method_order if name in runs] + sorted(set(runs) - set(method_order))
    embeddings = {name: read_embeddings(runs[name] / EMBEDDINGS).frame for name in order}
    config = yaml.safe_load((runs[order[0]] / CONFIG).read_text(encoding="utf-8"))
    try:
        data = instantiate_data(config["data"])
        rows = {key: row for row, key in enumerate(data.scans["scan_key"].tolist())}
        volumes = data.store.volumes
    except (UserError, OSError):
        return []

    def volume_of(key: str) -> np.ndarray[Any, Any]:
        return np.asarray(volumes[rows[key]], np.float32)

    return [ExampleInput(f"{POOLED}, seed {seed}", embeddings, volume_of, distances)]
