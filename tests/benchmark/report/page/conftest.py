"""Hostile names, and a results folder that is full of them."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from benchmark.methods.card import MethodCard
from benchmark.report.about import About
from benchmark.report.page.examples import ExampleInput
from benchmark.report.tables import write_tables
from benchmark.results.write import write_scores
from tests.tables import long_table

METHOD = "<script>alert(1)</script>"
SITE = '"><img src=x onerror=alert(1)>'
DIAGNOSES = ("CN", "AD")
NOTES = ["Model selection: none & <i>."]


def hostile_scores(make_score, method=METHOD, site=SITE, note="</td><b onclick=alert(2)>'&"):
    """Three methods, of which one is named to break out, two seeds; overall, per-site and pair rows, leakage."""
    rows = []
    for place, name in enumerate((method, "plain", "random_vectors")):
        for seed in (1, 2):
            value = 0.5 + 0.1 * place + 0.01 * seed
            rows.append(make_score(name, value, seed=seed, ci_low=value - 0.1, ci_high=value + 0.1))
            for metric, given in (("P@1", value), ("P@5", math.nan)):
                rows.append(make_score(name, given, seed=seed, metric=metric, note=note if given != given else ""))
            probe = "coordinates=standardised;folds=5;probe=mlp"
            leak = {"table": "leakage", "metric": "balanced_accuracy", "params": probe, "higher_is_better": False}
            rows.append(make_score(name, 0.2 + 0.2 * place, seed=seed, **leak))
            for number, one in enumerate((site, "B")):
                shift = 0.01 * number
                rows.append(make_score(name, value + shift, seed=seed, subgroup=f"query_site={one}"))
                for other in (site, "B"):
                    if other != one:
                        pair = f"gallery_site={other};query_site={one}"
                        rows.append(make_score(name, value - shift, seed=seed, subgroup=pair))
            new = {"table": f"new<i>{site}", "metric": "made<b>up", "params": f"k={site}"}
            rows.append(make_score(name, value, seed=seed, **new))
    return long_table(rows)


@pytest.fixture
def hostile():
    return {"method": METHOD, "site": SITE}


@pytest.fixture
def write_results(make_score, tmp_path):
    """Write a results folder of hostile scores, as a sweep would."""

    def write(folder=None, provenance=None, **changes):
        folder = folder or tmp_path / "results"
        scores = hostile_scores(make_score, **changes)
        write_scores(scores, folder)
        about = About(
            cards={"random_vectors": MethodCard(role="floor")}, notes=NOTES, methods=["plain", "random_vectors"]
        )
        write_tables(scores, folder, about)
        libraries = {"<u>lib": "1.0"}
        given = {
            "environment": {"git_commit": "abc123", "gpus": [], "libraries": libraries},
            "cells": 6,
            "about": about.to_json(),
        }
        (folder / "provenance.json").write_text(json.dumps(given if provenance is None else provenance))
        return folder

    return write


@pytest.fixture
def make_examples():
    """Embeddings of 2 methods: 3 sites with 2 CN and 2 AD subjects each, two scans of the first subject."""

    def make(site=SITE, method=METHOD, title="pooled, seed 1"):
        rows = []
        for one in (site, "B", "C"):
            for diagnosis in DIAGNOSES:
                for number in range(2):
                    for session in range(1 + (number == 0)):
                        person = f"{'abc'['BC'.find(one) + 1]}{diagnosis}{number}"
                        rows.append((f"secret-{person}", f"ses-{session}", one, diagnosis, 70.0, "F", "test"))
        names = ["subject_id", "session_id", "site", "diagnosis", "age", "sex", "split"]
        frame = pd.DataFrame(rows, columns=names)
        tables = {}
        for seed, name in enumerate((method, "plain")):
            vectors = np.random.default_rng(seed).normal(size=(len(frame), 3))
            tables[name] = pd.concat([frame, pd.DataFrame(vectors, columns=["z0", "z1", "z2"])], axis=1)

        def volume_of(key):
            return np.random.default_rng(len(key) + sum(map(ord, key))).random((8, 10, 9))

        return ExampleInput(title, tables, volume_of)

    return make
