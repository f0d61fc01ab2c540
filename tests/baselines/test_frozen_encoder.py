"""Encoders of other people by path: what they are given, what they give, and what is refused."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from baselines.frozen_encoder import FrozenEncoder
from benchmark.cli import main
from benchmark.methods.conformance import check_method
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.errors import MethodError
from benchmark.methods.mock_data import MockData

SPEC = DataSpec((8, 12, 10), ("A", "B"), 4.0)


class Small(nn.Module):
    """An encoder that keeps the coarse picture: mean over blocks, then a fixed map."""

    def __init__(self, size: int = 7) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool3d(2)
        self.head = nn.Linear(8, size)

    def forward(self, volume):
        return self.head(self.pool(volume[:, :1]).flatten(1))


class Same(nn.Module):
    """Gives its input, flat."""

    def forward(self, volume):
        return volume.flatten(1)


class Several(nn.Module):
    def forward(self, volume):
        return {"map": volume, "vector": volume.flatten(2).mean(2)}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def script(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "small.ts"
    torch.jit.trace(Small().eval(), torch.zeros(2, 1, 8, 12, 10)).save(str(path))
    return path


def embedded(method, volume, spec=SPEC):
    method.ensure_built(spec)
    return method.embed({"volume": volume})


def test_torchscript_weights_and_class_and_onnx_agree(tmp_path, script):
    torch.manual_seed(0)
    network = Small().eval()
    weights = tmp_path / "weights.pt"
    torch.save(network.state_dict(), weights)
    volume = torch.randn(3, 1, 8, 12, 10)
    expected = network(volume)
    by_script = embedded(FrozenEncoder(str(script), digest(script)), volume)
    by_class = embedded(FrozenEncoder(str(weights), digest(weights), encoder=Small()), volume)
    torch.testing.assert_close(by_script, expected)
    torch.testing.assert_close(by_class, expected)
    assert not by_script.requires_grad


def test_onnx(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    mean = onnx.helper.make_node("ReduceMean", ["volume"], ["vector"], axes=[3, 4], keepdims=0)
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [mean], "rows", [value("volume", 1, ["n", 1, 8, 12, 10])], [value("vector", 1, ["n", 1, 8])]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path / "rows.onnx"
    onnx.save(model, str(path))
    volume = torch.randn(3, 1, 8, 12, 10)
    torch.testing.assert_close(embedded(FrozenEncoder(str(path), digest(path)), volume), volume.mean((2, 3, 4))[:, :1])


def test_the_volume_lies_on_the_encoder_s_grid_as_it_expects():
    volume = torch.zeros(1, 1, 8, 12, 10)
    volume[0, 0, 5, 2, 7] = 2.0
    same = embedded(FrozenEncoder(encoder=Same()), volume).view(8, 12, 10)
    torch.testing.assert_close(same, volume[0, 0])
    turned = embedded(FrozenEncoder(encoder=Same(), orientation="PLS"), volume).view(12, 8, 10)
    assert turned[12 - 1 - 2, 8 - 1 - 5, 7] == 2.0
    # A larger grid of the same spacing: zeros around, the middle in the middle.
    padded = embedded(FrozenEncoder(encoder=Same(), shape=(12, 12, 10)), volume).view(12, 12, 10)
    torch.testing.assert_close(padded[2:10], volume[0, 0])
    assert padded.sum() == 2.0
    # Half the spacing and twice the voxels: the same place, interpolated.
    fine = embedded(FrozenEncoder(encoder=Same(), shape=(16, 24, 20), spacing=2.0), volume).view(16, 24, 20)
    where = np.argwhere(fine.numpy() > 0.8)
    np.testing.assert_allclose((where + 0.5).mean(axis=0) / 2, [5.5, 2.5, 7.5], atol=1e-6)
    dark = torch.tensor([-2.0, 0.0, 4.0, 1.0]).view(1, 1, 1, 2, 2)
    unit = embedded(FrozenEncoder(encoder=Same(), intensities="unit"), dark, DataSpec((1, 2, 2), ("A",), 4.0))
    torch.testing.assert_close(unit, torch.tensor([[0.0, 0.0, 1.0, 0.5]]))


def test_one_of_several_outputs_and_a_map_averaged_over_space():
    volume = torch.randn(2, 1, 8, 12, 10)
    vector = embedded(FrozenEncoder(encoder=Several(), output="vector", channels=3), volume)
    assert vector.shape == (2, 3)
    torch.testing.assert_close(embedded(FrozenEncoder(encoder=Several(), output="map", channels=3), volume), vector)
    with pytest.raises(MethodError, match=r"several outputs; set output to one of \['map', 'vector'\]"):
        embedded(FrozenEncoder(encoder=Several()), volume)


def test_it_keeps_the_contract_and_its_checkpoint_has_no_copy(script):
    make = lambda: FrozenEncoder(str(script), digest(script), shape=(8, 12, 10), spacing=4.0)  # noqa: E731
    assert check_method(make, processes=1) == []
    method = make()
    method.ensure_built(MockData().spec)
    assert list(method.state_dict()) == ["anchor"]


def test_the_command_scores_it_from_a_yaml_file_alone(tmp_path, script, capsys):
    arguments = {"file": str(script), "sha256": digest(script), "shape": [8, 12, 10], "spacing": 4.0}
    model = {"class_path": "baselines.frozen_encoder.FrozenEncoder", "init_args": arguments}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"model": model, "card": {}}))
    assert main(["check-method", str(path), "--processes=1"]) == 0
    del arguments["sha256"]
    path.write_text(yaml.safe_dump({"model": model, "card": {}}))
    assert main(["check-method", str(path), "--processes=1"]) == 1
    assert f"that of '{script}' is {digest(script)}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "file or encoder must be given"),
        ({"file": "none.ts"}, "file 'none.ts' cannot be read: No such file"),
        ({"file": "SCRIPT"}, "sha256 must be given with file; that of '.*small.ts' is [0-9a-f]{64}"),
        ({"file": "SCRIPT", "sha256": "abc"}, "has the sha256 [0-9a-f]{64}, not abc"),
        ({"file": "SCRIPT", "sha256": "RIGHT", "encoder": Same()}, "cannot be used"),
        ({"encoder": Same(), "shape": (0, 4, 4)}, r"shape \[0, 4, 4\] is not allowed; it must be at least 1"),
        ({"encoder": Same(), "channels": 0}, r"channels \[0\] is not allowed"),
        ({"encoder": Same(), "spacing": -1.0}, "spacing -1.0 is not allowed; it must be above 0 mm"),
        ({"encoder": Same(), "orientation": "RAA"}, "orientation 'RAA' is not allowed"),
        ({"encoder": nn.Linear(3, 3)}, r"the encoder refuses a volume of shape \(1, 1, 8, 12, 10\)"),
    ],
)
def test_what_cannot_be_used_is_said(script, settings, message):
    given = {name: str(script) if value == "SCRIPT" else digest(script) if value == "RIGHT" else value
             for name, value in settings.items()}  # fmt: skip
    with pytest.raises(MethodError, match=message):
        FrozenEncoder(**given).ensure_built(SPEC)
