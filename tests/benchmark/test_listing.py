"""What there is, by name."""

from __future__ import annotations

from importlib.metadata import version

import pytest

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
        assert list(rows) == sorted(path.stem for path in (METHODS if kind == "methods" else SWEEPS).glob("*.yaml"))


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
        "nothing_of_this_name: no such sweep file or shipped sweep; shipped: ablation, ablation_anatomies, all,"
        in capsys.readouterr().err
    )
    assert main(["sweep", "--config", "smoke", "--out", str(tmp_path), "--scans", "9"]) == 2
    assert "--scans: only with --plan" in capsys.readouterr().err
