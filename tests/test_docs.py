"""The pages that say how to add something are followed to the letter."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from benchmark.cli import main
from benchmark.report.about import About
from benchmark.report.results import load_results
from benchmark.results.read import read_results
from tests.conftest import ROOT


def blocks(page, language):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", text, flags=re.S | re.M)
    return [re.sub(rf"^{indent}", "", body, flags=re.M) for indent, body in found]


@pytest.mark.slow
def test_a_method_is_added_by_the_two_files_of_the_page(tmp_path, phantom):
    (tmp_path / "mine_method.py").write_text(blocks("add-a-method.md", "python")[0])
    config = tmp_path / "mine.yaml"
    config.write_text(blocks("add-a-method.md", "yaml")[0].replace("baselines.mine.Mine", "mine_method.Mine"))
    done = subprocess.run(
        [
            sys.executable, "-m", "benchmark.cli", "fit", "--config", str(config), "--trainer.max_epochs=1",
            f"--data.manifests=[{phantom}/phantom-*.csv]", f"--data.data_root={phantom}", "--data.truth=null",
            f"--data.cache_dir={phantom.parent}/cache", "--data.preprocessing.shape=[16,24,16]",
            "--data.preprocessing.spacing=10.0", f"--trainer.default_root_dir={tmp_path}/out",
        ],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "embeddings.parquet").is_file()


#: Heads of the phantom lie in template space already; registration is covered in tests/benchmark/prepare/preprocess.
SMALL = {
    "phantom": ["--spacing", "10"],
    "preprocess": [
        "--shape", "[16, 24, 16]", "--spacing", "10", "--bias_correction", "false", "--registration", "none",
        "--brain", "none", "--processes", "1",
    ],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.needs("train", "import")
@pytest.mark.usefixtures("no_workers")
def test_the_commands_of_the_page_on_own_data_lead_from_bids_to_a_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sweep = yaml.safe_load(blocks("own_data.md", "yaml")[0])
    sweep |= {"methods": ["random_vectors"], "seeds": {"pooled": [1]}}
    sweep["overrides"] |= {"data.preprocessing.shape": [16, 24, 16], "data.preprocessing.spacing": 10.0}
    sweep["evaluation"] = {"probes": ["linear"], "permutations": 0, "inner_folds": 0, "bootstrap": 20}
    Path("mine.yaml").write_text(yaml.safe_dump(sweep))
    for line in blocks("own_data.md", "")[0].splitlines():
        # As a shell does.
        words = [
            str(one) for word in shlex.split(line)[1:] for one in (sorted(Path().glob(word)) if "*" in word else [word])
        ]
        assert main([*words, *SMALL.get(words[0], [])]) == 0, (line, capsys.readouterr().err)
    assert Path("results/mine/tables/report.html").is_file()


def test_links_between_the_pages_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("data_manifests/**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / Path(target)).exists(), f"{page.name} links to {target}"


#: Columns of the README's tables: results folder, protocol, and (table, column, digits) in their order.
README_TABLES = {
    "reference": (
        "pooled",
        [
            ("retrieval", "map_cn_ad", 3),
            ("retrieval", "travelling_top1", 3),
            ("leakage", "top1_common_mask", 3),
            ("leakage", "mlp_standardised", 3),
            ("leakage", "knn_standardised", 3),
            ("leakage", "effective_rank", 1),
        ],
    ),
    "unseen": (
        "leave_one_site_out",
        [
            ("retrieval", "map_cn_ad", 3),
            ("retrieval", "travelling_top1", 3),
            ("leakage", "mlp_standardised", 3),
            ("leakage", "mlp_standardised_held_out_site", 3),
            ("leakage", "linear_standardised_held_out_site", 3),
        ],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", README_TABLES)
def test_the_tables_of_the_readme_are_of_the_results(name):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = text.split(f"<!-- {name} table: begin -->")[1].split(f"<!-- {name} table: end -->")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in shown.splitlines() if line.startswith("|")
    ]
    results = load_results(ROOT / "results" / name)
    protocol, columns = README_TABLES[name]
    shown_methods = [row[0] for row in rows[2:-1]]
    assert rows[-1][0] == "chance"
    # The order of the folder; a long table may be a selection.
    assert shown_methods == [each for each in results.about.methods if each in shown_methods]
    assert {"random_vectors", "true_anatomy"} < set(shown_methods)
    tables = {table: results.table(table).set_index(["protocol", "method"]) for table, _, _ in columns}
    for method, *cells in rows[2:-1]:
        for cell, (table, key, digits) in zip(cells, columns, strict=True):
            mean, spread = tables[table].loc[(protocol, method), [key, f"{key}_sd"]]
            assert cell == shown_as(mean, spread, digits)


def shown_as(mean, spread, digits):
    if pd.isna(mean):
        return "–"
    return f"{mean:.{digits}f}" if pd.isna(spread) else f"{mean:.{digits}f} ± {spread:.{digits}f}"


@pytest.mark.parametrize(
    "folder",
    [
        "reference",
        "unseen",
        "archive/own_settings/reference",
        "archive/phantom-4/reference",
        "archive/phantom-4/ablation",
        "archive/phantom-4/anatomies",
        "archive/phantom-3/reference",
        "archive/phantom-3/ablation",
    ],
)
def test_committed_results_say_which_rows_bound_the_others(folder):
    results = read_results(ROOT / "results" / folder)
    known = {"random_vectors": "floor", "true_anatomy": "ceiling"}
    there = {name: role for name, role in known.items() if name in set(results.scores["method"])}
    bounds = About.of(results.provenance).bounds
    assert {name: role for name, role in bounds.items() if role in ("floor", "ceiling")} == there
