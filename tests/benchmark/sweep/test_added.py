"""What PL-SE-ADA adds to the scans of each site, on the page and in Weights & Biases."""

from __future__ import annotations

import html

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from benchmark.data.sampling import EVALUATION
from benchmark.sweep.added import KEY, SCANS, added_inputs, chosen_scans
from benchmark.train.loaded_method import load_method
from benchmark.train.resolve import instantiate_data
from tests.conftest import smoke_sweep

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("travelled", "taken"), [(SCANS + 1, SCANS), (2, 2), (1, SCANS)])
def test_subjects_of_every_site_stand_for_each(travelled, taken):
    rows = [
        {"subject_id": subject, "session_id": session, "site": site, "split": "test"}
        for site in "AB"
        for subject in (*(f"{site}{n}" for n in range(9)), *(f"travelling{n}" for n in range(travelled)))
        for session in ("2", "1")
    ]
    scans = pd.DataFrame([{**rows[0], "subject_id": "trained on", "split": "train"}, *rows])
    found = {site: scans.iloc[rows] for site, rows in chosen_scans(scans).items()}
    for site, chosen in found.items():
        assert chosen["subject_id"].nunique() == len(chosen) == taken
        assert set(chosen["site"]) == {site}
        assert set(chosen["session_id"]) == {"1"}
        assert "trained on" not in set(chosen["subject_id"])
    assert (set(found["A"]["subject_id"]) == set(found["B"]["subject_id"])) == (travelled > 1)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, phantom, no_workers, inside):
    """Results of one small run of PL-SE-ADA and one of random vectors."""
    folder = tmp_path_factory.mktemp("added")
    sweep = smoke_sweep(phantom) | {"methods": ["pl_seada", "random_vectors"]}
    sweep["evaluation"] |= {"probes": ["linear"], "permutations": 1, "bootstrap": 20}
    sweep["tracking"] = {"wandb": {"mode": "offline"}}
    config = folder / "sweep.yaml"
    config.write_text(yaml.safe_dump(sweep))
    inside("sweep", "--config", config, "--out", folder / "out")
    return folder / "out"


def run_folder(results, method):
    (config,) = [path for path in results.glob("runs/*/config.yaml") if method in path.read_text()]
    return config.parent


def test_what_is_added_is_the_decoded_style_of_a_few_test_scans(finished, phantom):
    (given,) = added_inputs(finished, ["random_vectors", "pl_seada"])
    assert (given.title, given.name) == ("pl_seada, pooled, seed 7", "f_D(z_d)")
    assert given.unit == "normalised intensity [SD]"
    sites = sorted(path.stem for path in phantom.glob("phantom-*.csv"))
    assert list(given.volumes) == sites
    folder = run_folder(finished, "PLSEADA")
    model = load_method(folder).model
    data = instantiate_data(yaml.safe_load((folder / "config.yaml").read_text())["data"])
    for site, rows in chosen_scans(data.scans).items():
        assert set(data.scans["split"].iloc[rows]) == {"test"}
        batch = data.split_dataloader("train").dataset[EVALUATION, rows]
        with torch.no_grad():
            expected = super(type(model), model).decode(model.expand(model.style(batch["volume"]))).mean(dim=(0, 1))
        np.testing.assert_allclose(given.volumes[site], expected.numpy(), atol=1e-5)
        assert given.scans[site] == len(rows) <= SCANS
    assert given.same_subjects
    assert np.ptp(list(given.volumes.values()), axis=0).max() > 1e-3


def test_the_page_has_a_picture_a_site_and_says_when_the_model_is_gone(finished, inside, tmp_path, phantom):
    inside("tables", finished, "--out", tmp_path / "tables")
    page = html.unescape((tmp_path / "tables" / "report.html").read_text(encoding="utf-8"))
    for path in phantom.glob("phantom-*.csv"):
        assert page.count(f"What pl_seada, pooled, seed 7 adds to scans of {path.stem}: three slices of f_D(z_d)") == 1
    model = run_folder(finished, "PLSEADA") / "model.ckpt"
    moved = model.rename(tmp_path / "model.ckpt")
    inside("tables", finished, "--out", tmp_path / "again")
    moved.rename(model)
    page = html.unescape((tmp_path / "again" / "report.html").read_text(encoding="utf-8"))
    assert "No pictures: they need the run's model.ckpt, which is no longer there." in page
    assert "three slices of f_D(z_d)" not in page


def test_weights_and_biases_has_a_picture_a_site(finished, phantom):
    def pictures(method):
        return list(run_folder(finished, method).glob(f"wandb/offline-run-*/files/media/images/{KEY}*.png"))

    assert len(pictures("PLSEADA")) == len(list(phantom.glob("phantom-*.csv")))
    assert all(path.stat().st_size > 5000 for path in pictures("PLSEADA"))
    assert pictures("RandomVectors") == []
