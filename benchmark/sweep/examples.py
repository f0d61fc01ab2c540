"""What example retrievals are made from: the embeddings and volumes of a results folder's runs."""

from __future__ import annotations

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
from benchmark.sweep.run import OWN, marker_files, marker_of, training_folder
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
    pooled = [
        (marker, file.parent)
        for file in sorted(marker_files(results))
        if (marker := marker_of(file.parent)).get("protocol") == POOLED
    ]
    seed = min((marker["seed"] for marker, _ in pooled), default=0)
    folders = {
        marker["method"]: folder
        for marker, folder in pooled
        if marker["seed"] == seed and (training_folder(folder) / EMBEDDINGS).is_file()
    }
    if not folders:
        return []
    distances = {
        method: cast(Distance, folder.name.removeprefix(OWN))
        for method, folder in folders.items()
        if folder.name.startswith(OWN)
    }
    order = [name for name in method_order if name in folders] + sorted(set(folders) - set(method_order))
    embeddings = {name: read_embeddings(training_folder(folders[name]) / EMBEDDINGS).frame for name in order}
    config = yaml.safe_load((training_folder(folders[order[0]]) / CONFIG).read_text(encoding="utf-8"))
    try:
        data = instantiate_data(config["data"])
        rows = {key: row for row, key in enumerate(data.scans["scan_key"].tolist())}
        volumes = data.store.volumes
    except (UserError, OSError):
        return []

    def volume_of(key: str) -> np.ndarray[Any, Any]:
        return np.asarray(volumes[rows[key]], np.float32)

    return [ExampleInput(f"{POOLED}, seed {seed}", embeddings, volume_of, distances)]
