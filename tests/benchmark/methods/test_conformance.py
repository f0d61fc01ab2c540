"""Shipped methods keep the contract; broken ones are told what to do, one finding each."""

from __future__ import annotations

import re
import sys

import pytest
import torch
from torch import nn

from benchmark.cli import main
from benchmark.configs import METHODS
from benchmark.methods.autoencoding import AutoencodingModule, reconstruction_loss
from benchmark.methods.card import MethodCard
from benchmark.methods.conformance import check_method
from benchmark.methods.errors import MethodError
from benchmark.methods.mock_data import SITES
from benchmark.train.resolve import instantiate_model, resolve

SHIPPED = sorted(path.stem for path in METHODS.glob("*.yaml"))


class Plain(AutoencodingModule):
    """A small autoencoder, which the broken ones break."""

    def __init__(self):
        super().__init__(ldr_dim=4, width=4, levels=2)

    def training_step(self, batch, batch_idx):
        return reconstruction_loss(self.decoder(self.encoder(batch["volume"])), batch["volume"])

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), 1e-3)


class Raising(Plain):
    def training_step(self, batch, batch_idx):
        raise KeyError("weight")


class Flat(Plain):
    def embed(self, batch):
        return super().embed(batch).flatten()


class Constant(Plain):
    def embed(self, batch):
        return torch.ones(len(batch["volume"]), 3)


class Infinite(Plain):
    def embed(self, batch):
        return super().embed(batch) / 0


class Drawing(Plain):
    def embed(self, batch):
        return super().embed(batch) + torch.randn(1)


class OfTheBatch(Plain):
    def embed(self, batch):
        ldr = super().embed(batch)
        return ldr - ldr.mean(dim=0)


class Seeing(Plain):
    """Adds the site of the scan, of which the card says nothing."""

    def embed(self, batch):
        return super().embed(batch) + batch["site"][:, None]


class Indexing(Plain):
    """One vector for each site of the training."""

    def build(self, spec):
        super().build(spec)
        self.register_buffer("offset", torch.zeros(len(spec.sites), 4))

    def embed(self, batch):
        return super().embed(batch) + self.offset[batch["site"]]


class Refusing(Indexing):
    def embed(self, batch):
        if (batch["site"] >= len(SITES)).any():
            raise MethodError("scans of unseen sites are refused")
        return super().embed(batch)


class Unseeded(Plain):
    def training_step(self, batch, batch_idx):
        state = torch.random.get_rng_state()
        torch.seed()
        noise = torch.randn(()) * 0.1
        torch.random.set_rng_state(state)
        return super().training_step(batch, batch_idx) * (1 + noise)


class Peeking(Plain):
    """Reads the diagnoses of the datamodule's table."""

    def on_fit_start(self):
        ill = (self.trainer.datamodule.scans["diagnosis"] == "AD").mean()
        with torch.no_grad():
            next(self.parameters()).mul_(1 + ill)


class OfTraining(Plain):
    """Reads the diagnoses of training scans, as a method may that says so."""

    def on_fit_start(self):
        scans = self.trainer.datamodule.scans
        ill = (scans.loc[scans["split"] == "train", "diagnosis"] == "AD").mean()
        with torch.no_grad():
            next(self.parameters()).mul_(1 + ill)


class Forgetful(Plain):
    """What is fitted is in no checkpoint."""

    shift = 0.0

    def fit_after_training(self, batches, unseen):
        self.shift = 1.0

    def embed(self, batch):
        return super().embed(batch) + self.shift


class Apart(Plain):
    """Every process adds its own to a parameter."""

    def build(self, spec):
        super().build(spec)
        self.mine = nn.Parameter(torch.zeros(()))

    def training_step(self, batch, batch_idx):
        with torch.no_grad():
            self.mine.add_(self.global_rank)
        return super().training_step(batch, batch_idx) + self.mine * 0


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_methods_keep_the_contract(name):
    config = resolve(METHODS / f"{name}.yaml", {})
    assert check_method(lambda: instantiate_model(config["model"]), MethodCard(**config["card"]), processes=1) == []


@pytest.mark.parametrize(
    ("broken", "check", "words"),
    [
        (Raising, "training", "two epochs on mock data end in KeyError: 'weight'"),
        (Flat, "shapes", "return \\(batch, dimension\\)"),
        (Constant, "finite values", "the same vector for every scan"),
        (Infinite, "finite values", "NaN or infinity"),
        (Drawing, "determinism", "twice gives other LDRs; switch off"),
        (OfTheBatch, "one scan at a time", "depends on which scans are embedded with it"),
        (Seeing, "site at test", "state 'needs_site_at_test: true'"),
        (Indexing, "unseen site", "ends in IndexError.*; embed it, or raise MethodError"),
        (Unseeded, "determinism", "two trainings with one seed"),
        (Peeking, "diagnoses", "methods must not look at diagnoses"),
        (Forgetful, "checkpoint", "keep what is fitted in parameters, buffers or get_extra_state"),
    ],
)
def test_each_break_is_found_and_named(broken, check, words):
    findings = check_method(broken, processes=1)
    assert check in [finding.check for finding in findings]
    assert any(re.search(words, finding.problem) for finding in findings if finding.check == check)


@pytest.mark.parametrize("fine", [Plain, Refusing])
def test_nothing_is_found_in_what_keeps_it(fine):
    assert check_method(fine, MethodCard(needs_site_at_test=fine is Refusing), processes=1) == []


def test_diagnoses_of_training_scans_are_seen_by_a_method_that_says_so_and_no_others_by_any():
    declared = MethodCard(uses=["diagnosis"])
    assert check_method(OfTraining, declared, processes=1) == []
    (undeclared,) = check_method(OfTraining, processes=1)
    assert undeclared.check == "diagnoses"
    assert "unless the card states 'uses: [diagnosis]'" in undeclared.problem
    (peeking,) = check_method(Peeking, declared, processes=1)
    assert peeking.check == "diagnoses"
    assert "diagnoses of scans that are not in training give other LDRs" in peeking.problem


MINE = '''
from torch.optim import Optimizer
import torch
from benchmark.methods.autoencoding import AutoencodingModule, reconstruction_loss
import helper_of_mine


class Mine(AutoencodingModule):
    """A method of somebody else's."""

    def __init__(self, split: bool = False) -> None:
        super().__init__(ldr_dim=4, width=4, levels=2)
        self.split = split

    def build(self, spec):
        super().build(spec)
        self.mine = torch.nn.Parameter(torch.zeros(()))

    def training_step(self, batch, batch_idx):
        if self.split:
            with torch.no_grad():
                self.mine.add_(self.global_rank)
        loss = reconstruction_loss(self.decoder(self.encoder(batch["volume"])), batch["volume"])
        return helper_of_mine.same(loss) + self.mine * 0

    def configure_optimizers(self) -> Optimizer:
        return torch.optim.SGD(self.parameters(), 1e-3)
'''


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A method in a folder of its own, which needs a module of another folder; nothing of it stays on the path."""
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", "")
    (tmp_path / "method").mkdir()
    (tmp_path / "plugins").mkdir()
    (tmp_path / "method" / "mine_of_somebody.py").write_text(MINE)
    (tmp_path / "plugins" / "helper_of_mine.py").write_text("def same(value):\n    return value\n")
    for name, split in (("mine", "false"), ("split", "true")):
        (tmp_path / "method" / f"{name}.yaml").write_text(
            f"model:\n  class_path: mine_of_somebody.Mine\n  init_args:\n    split: {split}\n"
        )
    return tmp_path


@pytest.mark.slow
def test_two_optimisers_in_two_processes_are_fine(capfd):
    assert main(["check-method", str(METHODS / "seada.yaml")]) == 0
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_the_command_finds_what_processes_do_apart(elsewhere, capfd):
    plugins = f"--plugins={elsewhere / 'plugins'}"
    assert main(["check-method", str(elsewhere / "method" / "mine.yaml"), plugins]) == 0
    assert capfd.readouterr().out.endswith("mine.yaml: every check passed\n")
    assert main(["check-method", str(elsewhere / "method" / "split.yaml"), plugins]) == 1
    error = capfd.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert error[0].startswith(
        "several processes: training in 2 CPU processes (DDP) ends in RuntimeError: parameter 'mine'"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.yaml"], "method: none.yaml is no file"),
        ([str(METHODS / "dann.yaml"), "--processes", "0"], "--processes: 0 is not allowed"),
        ([str(METHODS / "dann.yaml"), "--plugins", "nowhere"], "--plugins: nowhere is no folder"),
    ],
)
def test_bad_input_is_one_line(arguments, message, capsys):
    assert main(["check-method", *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
