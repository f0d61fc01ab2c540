"""Tables of embeddings that metric tests share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.metrics.ranking import RankedLists, list_quality

DIAGNOSES = ("CN", "MCI", "AD")


def embeddings_table(
    sites=3, subjects=9, travelling=3, train=10, dimensions=6, seed=0, site_strength=0.0, disease_strength=0.7
):
    """Subjects balanced in diagnosis at every site, travelling subjects at all sites, training subjects besides."""
    rows = []
    for site in range(sites):
        for kind, number, split in (("s", subjects, "test"), ("t", travelling, "test"), ("r", train, "train")):
            for index in range(number):
                # Only travelling subjects have the same name at every site.
                name = f"t{index}" if kind == "t" else f"{kind}{site}-{index}"
                rows.append((name, "ses-1", f"site{site}", DIAGNOSES[index % 3], 70.0, "F", split))
    table = pd.DataFrame(rows, columns=["subject_id", "session_id", "site", "diagnosis", "age", "sex", "split"])
    rng = np.random.default_rng(seed)
    own = {name: rng.normal(size=dimensions) for name in table["subject_id"].unique()}
    direction = rng.normal(size=dimensions) * disease_strength
    offset = {name: rng.normal(size=dimensions) * site_strength for name in sorted(table["site"].unique())}
    severity = table["diagnosis"].map({"CN": -1.0, "MCI": 0.0, "AD": 1.0}).to_numpy()
    vectors = np.stack([own[name] for name in table["subject_id"]])
    vectors += np.stack([offset[name] for name in table["site"]]) + severity[:, None] * direction
    vectors += 0.3 * rng.normal(size=vectors.shape)
    table[[f"z{i}" for i in range(dimensions)]] = vectors.astype(np.float32)
    return table


def ranked_quality(relevant, member):
    """Quality of lists from flags of shape (lists, ranks), best first; what is no member takes no rank."""
    found = relevant & member
    lists = RankedLists(np.cumsum(member, axis=1, dtype=np.int32)[found], found.sum(axis=1), member.sum(axis=1))
    return list_quality(lists)


@pytest.fixture
def make_table():
    return embeddings_table


@pytest.fixture
def set_vectors():
    def replace(table, vectors):
        rest = table[[name for name in table.columns if not name.startswith("z")]].copy()
        vectors = np.asarray(vectors)
        rest[[f"z{i}" for i in range(vectors.shape[1])]] = vectors
        return rest

    return replace
