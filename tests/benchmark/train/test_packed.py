"""State of methods as tensors and plain values: every shipped method comes back from files without pickles."""

from __future__ import annotations

import json
import math

import pytest
import safetensors.torch
import torch
import yaml
from lightning import Trainer
from torch import nn

from baselines.frozen_encoder import FrozenEncoder
from benchmark.configs import METHODS
from benchmark.errors import UserError
from benchmark.methods.mock_data import MockData
from benchmark.train.packed import hidden_modules, pack, unpack
from benchmark.train.resolve import instantiate_model


def through_files(state):
    """A state as it comes back from the bytes of a safetensors and of a JSON file."""
    tensors, others = pack(state)
    return unpack(safetensors.torch.load(safetensors.torch.save(tensors)), json.loads(json.dumps(others)))


def ldrs(model, data):
    with torch.no_grad():
        return torch.cat([model.embed(batch) for batch in data.split_dataloader("train")])


@pytest.mark.slow
@pytest.mark.parametrize("method", sorted(path.stem for path in METHODS.glob("*.yaml")))
def test_every_shipped_method_embeds_to_the_same_bits_after_its_state_went_through_files(method):
    config, data = yaml.safe_load((METHODS / f"{method}.yaml").read_text())["model"], MockData()
    torch.manual_seed(3)
    model = instantiate_model(config)
    model.ensure_built(data.spec)
    if getattr(getattr(model, "blocks", None), "components", 0):
        # What these methods fit before their first step; the others' states are the same without a step.
        Trainer(
            max_epochs=1, limit_train_batches=1, accelerator="cpu", logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False,
        ).fit(model, datamodule=data)  # fmt: skip
    model.eval()
    with torch.no_grad():
        model.fit_after_training(data.split_dataloader("train"), data.split_dataloader("unseen"))
    torch.manual_seed(4)
    again = instantiate_model(config)
    again.ensure_built(data.spec)
    again.load_state_dict(through_files(model.state_dict()))
    expected = ldrs(model, data)
    assert float(expected.std(dim=0).max()) > 0
    assert torch.equal(ldrs(again.eval(), data), expected)


def test_values_of_extra_states_come_back_as_they_were():
    shared = torch.arange(6.0)
    state = {
        "weight": shared[:3],
        "same": shared,
        "half": torch.ones(2, dtype=torch.bfloat16),
        "number": torch.tensor(True),
        "none": torch.zeros(0, 4),
        "a._extra_state": {"sites": ["A", "B"], "fitted": {"mean": shared.double(), "pair": (1, None)}, "count": 3},
        "b._extra_state": [[torch.ones(2), torch.zeros(1)], []],
        "c._extra_state": {"low": -math.inf, "share": 0.1, "tensor": "a name"},
    }
    found = through_files(state)
    assert set(found) == set(state)
    for name in ("weight", "same", "half", "number", "none"):
        assert torch.equal(found[name], state[name])
        assert found[name].dtype == state[name].dtype
    inner = found["a._extra_state"]
    assert (inner["sites"], inner["count"], inner["fitted"]["pair"]) == (["A", "B"], 3, (1, None))
    assert torch.equal(inner["fitted"]["mean"], shared.double())
    assert torch.equal(found["b._extra_state"][0][0], torch.ones(2))
    assert found["b._extra_state"][1] == []
    assert found["c._extra_state"] == state["c._extra_state"]


def test_what_is_neither_tensor_nor_plain_is_refused_by_its_place():
    with pytest.raises(UserError, match="the method's state has a set at 'a._extra_state/sites'"):
        pack({"a._extra_state": {"sites": {"A"}}})
    with pytest.raises(UserError, match="the weights lack the tensor 'a/0'"):
        unpack({}, {"a": {"list": [{"tensor": "a/0"}]}})


def test_modules_that_no_state_dict_sees_are_found():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3, 2))
    outer = nn.ModuleDict({"base": FrozenEncoder(encoder=network)})
    assert hidden_modules(outer) == {"hidden:base.encoder": network}
    assert hidden_modules(nn.ModuleDict({"base": FrozenEncoder(encoder=nn.Flatten())})) == {}
