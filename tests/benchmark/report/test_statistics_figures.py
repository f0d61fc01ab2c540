"""Figures of the statistics, and their way into the page."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmark.cli import main
from benchmark.methods.card import MethodCard
from benchmark.report.about import ABOUT, About
from benchmark.report.statistics_figures import statistics_figures
from benchmark.report.tables import write_tables
from benchmark.report.write_statistics import write_statistics
from benchmark.results.read import read_results
from benchmark.results.schema import REPLICATES
from benchmark.results.write import write_replicates, write_scores
from tests.tables import long_table

METHODS = {"a": 0.7, "b": 0.6, "c": 0.5, "random_vectors": 0.4}
RECORDED = About(cards={"random_vectors": MethodCard(role="floor")})


@pytest.fixture
def results(make_score, tmp_path):
    """Write a results folder with statistics: protocols by name, each with held-out sites and seeds."""

    def write(**protocols):
        random = np.random.default_rng(0)
        rows = []
        for protocol, (sites, seeds) in protocols.items():
            for seed in seeds:
                for site in sites:
                    for method, level in METHODS.items():
                        value = level + 0.01 * random.normal()
                        row = make_score(method, value, protocol, site, seed)
                        rows.append(row | {"replicates": value + 0.02 * random.normal(size=50)})
        folder = tmp_path / "results"
        frame = long_table(rows)
        scores = frame.drop(columns="replicates")
        write_scores(scores, folder)
        write_tables(scores, folder, RECORDED)
        write_replicates(frame, folder)
        write_statistics(frame, folder, RECORDED)
        (folder / "provenance.json").write_text(json.dumps({ABOUT: RECORDED.to_json()}))
        return folder

    return write


def test_every_protocol_has_figures_of_what_it_can_show(results):
    sites = ["X", "Y"]
    folder = results(pooled=([""], [1, 2, 3]), leave_one_site_out=(sites, [1, 2]), foreign=([""], [0]))
    figures = statistics_figures(read_results(folder))
    # One seed has no ranks over seeds, so no critical difference.
    assert list(figures) == [
        "mAP CN/AD, pooled: means with intervals",
        "mAP CN/AD, pooled: ranks",
        "mAP CN/AD, leave one site out: means with intervals",
        "mAP CN/AD, leave one site out: ranks",
        "mAP CN/AD, foreign: means with intervals",
    ]
    assert all(figure.startswith("<svg") for figure in figures.values())


def test_figures_and_titles_of_synthetic_data_say_so(results):
    folder = results(pooled=([""], [1, 2, 3]))
    about = replace(RECORDED, synthetic=True)
    (folder / "provenance.json").write_text(json.dumps({ABOUT: about.to_json()}))
    figures = statistics_figures(read_results(folder))
    assert list(figures)[1] == "mAP CN/AD, pooled (synthetic data): ranks"
    assert all("synthetic data" in figure for figure in figures.values())
    write_statistics(pd.read_parquet(folder / REPLICATES), folder, about)
    text = (folder / "statistics.md").read_text()
    assert text.startswith("# Statistics between methods (synthetic data)\n\n## pooled")


def test_without_tables_there_are_no_figures(results):
    folder = results(pooled=([""], [1, 2, 3]))
    (folder / "statistics_ranks.csv").unlink()
    assert statistics_figures(read_results(folder)) == {}


def test_a_critical_difference_diagram_reaches_the_page_without_replicates(results, capsys):
    folder = results(pooled=([""], [1, 2, 3]))
    diagram = statistics_figures(read_results(folder))["mAP CN/AD, pooled: ranks"]
    (folder / "replicates.parquet").unlink()
    assert main(["tables", str(folder)]) == 0
    page = (folder / "tables" / "report.html").read_text(encoding="utf-8")
    pictures = dict(re.findall(r'<figure><img src="data:image/svg\+xml;base64,([^"]+)" alt="([^"]+)">', page))
    shown = {title: base64.b64decode(data).decode() for data, title in pictures.items()}
    assert shown["mAP CN/AD, pooled: ranks"] == diagram.strip()
    assert '<section id="statistics">' in page
    assert "Covers resampled seeds, and resampled subjects within each: mAP CN/AD" in page
    # What a reader can do for examples is a command, not a function of the package.
    assert "seada-bench sweep --config SWEEP.yaml" in page
    assert "benchmark.report" not in page
