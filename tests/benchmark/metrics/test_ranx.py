"""Every retrieval measure against ranx, over whole galleries: what a query may not find is in neither of its lists."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from benchmark.metrics.ranking import NEEDS
from benchmark.metrics.retrieval import scores
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

pytestmark = [pytest.mark.needs("dev"), pytest.mark.slow]

NAMES = {
    "mAP": "map", "P@1": "precision@1", "P@5": "precision@5", "P@10": "precision@10", "R-precision": "r-precision",
    "nDCG@10": "ndcg@10", "recall@10": "recall@10", "MRR": "mrr",
}  # fmt: skip


#: Values by query of the measures named, for judgements and a run, in a process of its own: compiling ranx takes a
#: minute, and it cannot be loaded as plain Python where another test has compiled.
RANX = """
import json, sys
import ranx
judged, run, names = json.load(sys.stdin)
found = ranx.evaluate(ranx.Qrels(judged), ranx.Run(run), names, return_mean=False)
json.dump({name: [float(value) for value in found[name]] for name in names}, sys.stdout)
"""


def by_ranx(judged, run):
    done = subprocess.run(
        [sys.executable, "-c", RANX], input=json.dumps([judged, run, list(NAMES.values())]), capture_output=True,
        text=True, check=True, env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.parametrize("gallery", ["other_sites", "own_site", "all_sites"])
def test_against_ranx(make_table, gallery):
    scans = scored_scans(make_table(subjects=21, travelling=4, site_strength=0.5))
    chosen = np.flatnonzero(np.isin(scans.diagnosis, ("CN", "AD")))
    judged, run = {}, {}
    for i in chosen:
        same = scans.site == scans.site[i]
        of_gallery = {"other_sites": ~same, "own_site": same, "all_sites": np.full(len(scans), True)}[gallery]
        allowed = chosen[(of_gallery & (scans.subject != scans.subject[i]))[chosen]]
        judged[scans.key[i]] = {scans.key[j]: int(scans.diagnosis[j] == scans.diagnosis[i]) for j in allowed}
        run[scans.key[i]] = {scans.key[j]: float(-np.square(scans.ldr[j] - scans.ldr[i]).sum()) for j in allowed}
    assert set(NAMES) == set(NEEDS)
    by_query = by_ranx(judged, run)
    keys = sorted(judged)
    found = {
        score.metric.name: score
        for score in scores(scans, EvaluationSettings(distances=("euclidean",), bootstrap=0))
        if not score.subgroup and (score.params["gallery"], score.params["label"]) == (gallery, "CN/AD")
    }
    for ours, theirs in NAMES.items():
        by_site = {}
        for key, value in zip(keys, by_query[theirs], strict=True):
            by_site.setdefault(key.split("/")[0], []).append(value)
        assert found[ours].value == pytest.approx(np.mean([np.mean(one) for one in by_site.values()])), ours
        assert found[ours].n == len(chosen)
