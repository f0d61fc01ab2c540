"""Methods that see diagnoses tell them apart on new scans, and read those of training scans alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from lightning import Trainer, seed_everything
from sklearn.linear_model import LogisticRegression

from baselines.autoencoder import Autoencoder
from baselines.dann_diagnosis import DANNDiagnosis
from baselines.deep_metric import DeepMetric
from baselines.diagnosis_classifier import DiagnosisClassifier
from baselines.group_dro import GroupDRO
from baselines.supervised import DIAGNOSES, UNKNOWN
from benchmark.data import schema
from benchmark.methods.errors import MethodError
from benchmark.methods.mock_data import SHAPE, SITES, MockData

METHODS = (DiagnosisClassifier, DeepMetric, DANNDiagnosis, GroupDRO)
SIZES = {"ldr_dim": 4, "width": 4, "levels": 2}


def volumes(site, ill, seed):
    """Strong patterns of subject and site, a weak one of the diagnosis."""
    x, y, z = torch.meshgrid(*(torch.linspace(-1, 1, size) for size in SHAPE), indexing="ij")
    draw = torch.Generator().manual_seed(seed)
    waves = torch.stack([torch.cos(3 * (axis + shift)) for axis in (x, y, z) for shift in (0.0, 0.7)])
    subject = torch.einsum("sw,wxyz->sxyz", torch.randn(len(site), len(waves), generator=draw), waves)
    shading = torch.einsum("s,xyz->sxyz", 2 * (site - 1.5), y)
    disease = torch.einsum("s,xyz->sxyz", ill - 0.5, torch.sin(9 * x) * torch.sin(9 * z))
    return (subject + shading + 0.8 * disease + 0.2 * torch.randn(subject.shape, generator=draw)).unsqueeze(1)


class Toy(MockData):
    """Scans of which every pattern is known."""

    def __init__(self):
        super().__init__()
        ill = torch.tensor((self.scans["diagnosis"] == "AD").to_numpy()).float()
        self.fields["volume"] = volumes(self.fields["site"], ill, 0)


def trained(method, data, epochs, **settings):
    seed_everything(0, verbose=False)
    model = method(**SIZES, learning_rate=4e-3, **settings)
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, datamodule=data)
    model.use_average()
    return model.eval()


@torch.no_grad()
def probes(model):
    """Shares of new scans whose diagnosis (chance 1 in 2) and site (1 in 4) a fresh linear probe names."""
    site, ill = torch.arange(400) % len(SITES), (torch.arange(400) // len(SITES) % 2).float()
    ldr = model.encode(volumes(site, ill, 2))
    ldr = ((ldr - ldr.mean(dim=0)) / ldr.std(dim=0)).numpy()
    fit, score = slice(0, 200), slice(200, 400)
    return [LogisticRegression(max_iter=1000).fit(ldr[fit], y[fit]).score(ldr[score], y[score]) for y in (ill, site)]


def test_each_tells_diagnoses_apart_that_an_autoencoder_does_not():
    found = {method: probes(trained(method, Toy(), 15))[0] for method in (Autoencoder, *METHODS)}
    plain = found.pop(Autoencoder)
    assert plain < 0.7
    assert min(found.values()) > 0.9, found


def test_the_diagnoses_of_training_scans_alone_are_read():
    data = Toy()
    data.scans.loc[3, "diagnosis"] = ""
    data.scans.loc[4, "diagnosis"] = None
    # What no manifest may hold would be an error if it were read.
    data.scans.loc[data.scans["split"] != "train", "diagnosis"] = "not to be read"
    model = trained(DiagnosisClassifier, data, 0)
    known = (data.scans["split"] == "train").to_numpy() & ~data.scans.index.isin([3, 4])
    assert ((model.codes != UNKNOWN).numpy() == known).all()
    wanted = [schema.DIAGNOSES.index(one) for one in data.scans.loc[known, "diagnosis"]]
    assert model.codes[known].tolist() == wanted


def test_codes_are_of_the_diagnoses_that_manifests_may_have():
    assert DIAGNOSES == schema.DIAGNOSES


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_without_a_diagnosis_has_no_supervised_loss(method):
    data = Toy()
    model = trained(method, data, 0)
    batch = data.batch(data.rows("train")[:8])
    model.codes[batch["index"]] = UNKNOWN
    weights = model.group_weights.clone() if method is GroupDRO else None
    loss = model.training_step(batch, 0)
    loss.backward()
    if method is DANNDiagnosis:
        # The site is known of every scan.
        assert loss.item() == pytest.approx(math.log(len(SITES)), abs=0.5)
    else:
        assert loss.item() == 0
        assert not model.encoder.head.weight.grad.any()
    if weights is not None:
        torch.testing.assert_close(model.group_weights, weights)


@pytest.mark.parametrize(("given", "says"), [("", r"0 \(none\)"), ("CN", r"1 \(CN\)")])
def test_two_diagnoses_are_needed(given, says):
    data = Toy()
    data.scans.loc[data.scans["split"] == "train", "diagnosis"] = given
    with pytest.raises(MethodError, match=f"GroupDRO: it needs two diagnoses .* which have {says}; give them"):
        trained(GroupDRO, data, 1)


def test_the_loss_of_a_metric_is_that_of_the_paper():
    """Equations 7, 9 and 10 of Wang et al., CVPR 2019, in a loop over anchors, with kept scans before the new ones."""
    data = Toy()
    model = trained(DeepMetric, data, 0, margin=0.05)
    rows = data.rows("train")
    batches = [data.batch(rows[start : start + 8]) for start in (0, 8)]
    with torch.no_grad():
        model.training_step(batches[0], 0)
        got = model.training_step(batches[1], 1).item()
        ldrs = torch.cat([model.embed(batch) for batch in batches])
    cosines = torch.nn.functional.normalize(ldrs).double().numpy()
    cosines = cosines @ cosines.T
    ill = np.array([model.codes[row] for row in rows[:16]])
    losses = []
    for anchor in range(8, 16):
        others = np.arange(16) != anchor
        same, other = cosines[anchor][others & (ill == ill[anchor])], cosines[anchor][ill != ill[anchor]]
        near, far = other[other + 0.05 > same.min()], same[same - 0.05 < other.max()]
        losses.append(np.log1p(np.exp(-2 * (far - 0.5)).sum()) / 2 + np.log1p(np.exp(50 * (near - 0.5)).sum()) / 50)
    assert got == pytest.approx(np.mean(losses), rel=1e-4)


def test_the_worst_group_counts_most():
    data = Toy()
    model = trained(GroupDRO, data, 0, step=0.5)
    names = [(site, diagnosis) for site in SITES for diagnosis in DIAGNOSES]
    training = data.scans[data.scans["split"] == "train"]
    there = set(zip(training["site"], training["diagnosis"], strict=True))
    weights = dict(zip(names, model.group_weights.tolist(), strict=True))
    assert {name: pytest.approx(1 / len(there)) if name in there else 0 for name in names} == weights
    batch = data.batch(data.rows("train")[:20])
    with torch.no_grad():
        losses = model.cross_entropies(model.embed(batch), model.codes[batch["index"]]).numpy()
        loss = model.training_step(batch, 0).item()
    means = training.iloc[:20].assign(loss=losses).groupby(["site", "diagnosis"])["loss"].mean()
    grown = {name: np.exp(0.5 * means.get(name, 0.0)) * (name in there) for name in names}
    wanted = {name: value / sum(grown.values()) for name, value in grown.items()}
    assert dict(zip(names, model.group_weights.tolist(), strict=True)) == pytest.approx(wanted, rel=1e-5)
    assert loss == pytest.approx(sum(wanted[name] * value for name, value in means.items()), rel=1e-5)


def test_a_resumed_training_keeps_the_weights_of_the_groups():
    data = Toy()
    model = trained(GroupDRO, data, 2, step=0.5)
    kept = model.group_weights.clone()
    model.trainer.datamodule = data
    model.on_fit_start()
    assert torch.equal(model.group_weights, kept)
    with pytest.raises(MethodError, match="step: -1 is not allowed; it must be at least 0"):
        GroupDRO(step=-1)
