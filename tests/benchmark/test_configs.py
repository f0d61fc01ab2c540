"""What the shipped sweeps have in common, and what they must not forget."""

from __future__ import annotations

import pytest

from benchmark.configs import METHODS, SWEEPS
from benchmark.sweep.config import read_sweep
from benchmark.sweep.design import blind_spots
from benchmark.train.resolve import resolve

pytestmark = pytest.mark.needs("train")


def test_the_sweep_of_every_method_forgets_none():
    methods = read_sweep(SWEEPS / "all.yaml").methods
    assert sorted(methods) == sorted(path.stem for path in METHODS.glob("*.yaml"))


def test_the_sweep_of_every_method_has_the_data_of_make_benchmark_and_can_show_a_difference():
    quick, every = (read_sweep(SWEEPS / f"{name}.yaml") for name in ("quick", "all"))
    assert every.phantom == quick.phantom
    assert every.overrides == quick.overrides
    assert every.methods[: len(quick.methods)] == quick.methods
    assert blind_spots(every) == []


def test_the_first_table_that_a_newcomer_sees_has_the_method_that_the_reference_measures():
    quick, reference = (read_sweep(SWEEPS / f"{name}.yaml") for name in ("quick", "reference"))
    assert quick.primary_method == reference.primary_method


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in METHODS.glob("*.yaml")))
def test_an_option_called_base_is_the_method_that_a_method_works_on(name):
    # Sweeps look for it by that name, to train it once and to tell what a run costs.
    base = resolve(METHODS / f"{name}.yaml", {})["model"].get("init_args", {}).get("base")
    assert base is None or "class_path" in base


@pytest.mark.parametrize("name", sorted(path.stem for path in SWEEPS.glob("*.yaml")))
def test_every_shipped_sweep_can_be_read(name):
    sweep = read_sweep(SWEEPS / f"{name}.yaml")
    assert sweep.method_files()
    assert sweep.primary_method in sweep.candidates


@pytest.mark.parametrize("name", sorted(path.stem for path in SWEEPS.glob("*.yaml")))
def test_a_sweep_that_makes_a_phantom_reads_the_manifests_that_were_made_with_it(name):
    # Those of data_manifests/phantom are in a clone alone.
    sweep = read_sweep(SWEEPS / f"{name}.yaml")
    if sweep.phantom is not None:
        assert all(one.startswith(f"{sweep.phantom.out}/") for one in sweep.overrides["data.manifests"])
