import numpy as np
import pandas as pd
import pytest
import torch
from lightning import LightningModule
from torch import nn

from benchmark.errors import UserError
from benchmark.train.tracking.images import Reconstructions, picture, shown_rows
from benchmark.train.tracking.probes import ProbeCurves, probe_scores, probed_rows
from benchmark.train.tracking.undisturbed import undisturbed


def scans(subjects, split, sites=2, sessions=2):
    rows = [
        {"subject_id": f"{split}{i}", "site": f"S{i % sites}", "split": split, "scan_key": f"{split}{i}-{session}",
         "diagnosis": ("CN", "AD")[i // sites % 2]}
        for i in range(subjects) for session in range(sessions)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_curves_never_look_at_test_scans():
    table = pd.concat([scans(60, "test"), scans(20, "train"), scans(8, "val")], ignore_index=True)
    assert set(table["split"].iloc[probed_rows(table, 500)]) == {"train"}
    many = pd.concat([table, scans(60, "val").assign(subject_id=lambda f: f["subject_id"] + "x")], ignore_index=True)
    assert set(many["split"].iloc[probed_rows(many, 500)]) == {"val"}


def test_curves_take_whole_subjects():
    table = scans(40, "train")
    rows = probed_rows(table, 21)
    assert len(rows) == 22
    assert (table.iloc[rows].groupby("subject_id").size() == 2).all()


def test_curves_find_a_site_that_is_there_and_leave_out_what_is_undefined():
    table = scans(40, "train")
    site = (table["site"] == "S1").to_numpy(float)
    noise = np.random.default_rng(0).normal(size=(len(table), 3))
    got = probe_scores(np.column_stack([site + 0.01 * noise[:, 0], noise]), table)
    assert got["probe/site"] == 1.0
    assert 0.2 < got["probe/diagnosis"] < 0.8
    assert set(probe_scores(noise, table.assign(diagnosis=""))) == {"probe/site"}
    assert probe_scores(np.zeros((len(table), 3)), table) == {}
    assert probe_scores(np.full((len(table), 3), np.nan), table) == {}


def test_looking_leaves_modes_and_random_generators_as_they_were():
    module = LightningModule()
    module.frozen, module.free = nn.BatchNorm1d(2).eval(), nn.BatchNorm1d(2).train()
    torch.manual_seed(3)
    np.random.seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    with undisturbed(module):
        assert not module.free.training
        assert not torch.is_grad_enabled()
        torch.rand(5)
        np.random.rand(5)
    assert [module.frozen.training, module.free.training] == [False, True]
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])


def test_scans_are_shown_from_all_sites_in_turn_and_from_training_alone():
    table = pd.concat([scans(9, "test", sites=3), scans(9, "train", sites=3)], ignore_index=True)
    rows = shown_rows(table, 5)
    assert table["site"].iloc[rows].tolist() == ["S0", "S1", "S2", "S0", "S1"]
    assert set(table["split"].iloc[rows]) == {"train"}
    assert shown_rows(table, 3) == rows[:3]


def test_a_picture_has_the_volume_above_its_reconstruction_on_one_scale():
    volume = np.random.default_rng(0).normal(size=(4, 6, 8)).astype(np.float32)
    image = picture(np.stack([volume, volume]))
    assert image.shape == (2 * 8, 4 + 4 + 6)
    np.testing.assert_array_equal(image[:8], image[8:])
    low, high = np.percentile(volume, [0.5, 99.5])
    expected = np.clip((volume[0, -1, 4] - low) / (high - low), 0, 1) * 255  # anterior is up: the last y
    assert abs(int(image[0, 0]) - expected) <= 1


@pytest.mark.parametrize("make", [lambda: ProbeCurves(every=0), lambda: Reconstructions(scans=0)])
def test_a_number_that_makes_no_sense_is_refused(make):
    with pytest.raises(UserError, match="0 is not allowed; it must be an integer >= 1"):
        make()
