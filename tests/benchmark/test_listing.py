"""What there is, by name."""

from __future__ import annotations

from importlib.metadata import version

import pytest
import yaml

from benchmark.cli import main
from benchmark.configs import METHODS, SWEEPS


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("methods", "dann", "Domain-adversarial autoencoder (gradient reversal, Ganin et al"),
        ("sweeps", "quick", ""),
        ("metrics", "retrieval/mAP", "higher is better"),
        ("importers", "bids", "BIDS"),
    ],
)
def test_every_kind_is_listed_with_what_it_is(kind, name, says, capsys):
    assert main(["list", kind]) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert says in rows[name]
    if kind in ("methods", "sweeps"):
        selected = [f"selected/{rule}/NAME" for rule in ("diagnoses", "unsupervised")] if kind == "methods" else []
        folder = METHODS if kind == "methods" else SWEEPS
        assert list(rows) == [*sorted(path.stem for path in folder.glob("*.yaml")), *selected]


def test_another_kind_is_refused(capsys):
    assert main(["list", "cats"]) == 2
    assert "list: 'cats' is not allowed; allowed: methods, sweeps, metrics, importers" in capsys.readouterr().err


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"seada-bench {version('seada-bench')}\n"


@pytest.mark.needs("train")
def test_a_shipped_sweep_is_called_by_its_name(tmp_path, capsys):
    assert main(["sweep", "--config", "nothing_of_this_name", "--out", str(tmp_path)]) == 2
    assert (
        "nothing_of_this_name: no such sweep file or shipped sweep; shipped: ablation, ablation_anatomies, "
        "ablation_canonical, all," in capsys.readouterr().err
    )
    assert main(["sweep", "--config", "smoke", "--out", str(tmp_path), "--scans", "9"]) == 2
    assert "--scans: only with --plan" in capsys.readouterr().err


@pytest.mark.needs("train")
@pytest.mark.parametrize("option", ["--config NAME", "--config=NAME", "-c NAME"])
def test_a_shipped_method_is_called_by_its_name(option, inside):
    given = option.replace("NAME", "selected/unsupervised/dann").split()
    printed = yaml.safe_load(inside("fit", *given, "--print_config").stdout)
    chosen = METHODS / "selected" / "unsupervised" / "dann.yaml"
    wanted = yaml.safe_load(chosen.read_text(encoding="utf-8"))["model"]["init_args"]
    assert printed["model"]["init_args"].items() >= wanted.items()


@pytest.mark.parametrize("name", ["nothing", "../methods/dann", "selected/nothing"])
def test_what_is_no_shipped_method_is_refused_with_those_that_there_are(name, capsys):
    assert main(["fit", "--config", name]) == 2
    said = capsys.readouterr().err
    assert f"config: there is no such file: {name} " in said
    assert "; shipped: autoencoder, " in said
    assert said.endswith("y_aware, selected/diagnoses/NAME, selected/unsupervised/NAME\n")
