"""Primary comparisons of a sweep file, and what its design cannot show."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.configs import SWEEPS
from benchmark.errors import UserError
from benchmark.sweep.config import read_sweep, sweep_of
from benchmark.sweep.design import blind_spots

FILE = Path("sweep.yaml")
CONTENT = {"methods": ["random_vectors", "combat", "dann", "pca_voxels"], "seeds": {"pooled": [1]}}


def test_the_first_method_that_competes_is_compared_with_the_others():
    assert sweep_of(CONTENT, FILE).primary_method == "combat"
    assert sweep_of({**CONTENT, "methods": ["group_dro", *CONTENT["methods"]]}, FILE).primary_method == "combat"
    assert sweep_of({**CONTENT, "primary": None}, FILE).primary_method == "combat"
    assert sweep_of({**CONTENT, "primary": {"method": "dann"}}, FILE).primary_method == "dann"


def test_a_pattern_of_methods_stands_for_the_files_that_it_matches(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {**CONTENT, "methods": ["mine/*.yaml", "combat", "none/*.yaml"]}
    with pytest.raises(UserError, match=r"sweep.yaml: field 'methods': no file matches mine/\*.yaml"):
        sweep_of({**given, "methods": ["mine/*.yaml"]}, FILE)
    assert sweep_of(given, FILE).methods == ["combat"]
    (tmp_path / "mine").mkdir()
    for name in ("b", "a"):
        (tmp_path / "mine" / f"{name}.yaml").write_text("model: {class_path: a.B}\n")
    assert sweep_of(given, FILE).methods == ["mine/a.yaml", "mine/b.yaml", "combat"]


def test_a_shipped_sweep_among_the_methods_stands_for_its_methods(tmp_path, monkeypatch):
    smoke = read_sweep(SWEEPS / "smoke.yaml").methods
    assert sweep_of({**CONTENT, "methods": ["vicreg", "sweeps/smoke", smoke[0]]}, FILE).methods == ["vicreg", *smoke]
    own = {**CONTENT, "methods": ["sweeps/mine.yaml", "combat"]}
    with pytest.raises(UserError, match="'sweeps/mine.yaml' is neither a shipped method nor a YAML file"):
        sweep_of(own, FILE)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "mine.yaml").write_text("model: {class_path: a.B}\n")
    assert sweep_of(own, FILE).methods == own["methods"]
    with pytest.raises(UserError, match="field 'methods': 'sweeps/cats' is no shipped sweep; shipped: ablation, "):
        sweep_of({**CONTENT, "methods": ["sweeps/cats"]}, FILE)


@pytest.mark.parametrize(
    ("primary", "message"),
    [
        (
            {"method": "other"},
            "sweep.yaml: field 'primary.method': 'other' is no method of this sweep; allowed: random",
        ),
        ({"scores": ["x"]}, "sweep.yaml: field 'primary.scores': 'x' is not allowed; allowed: map_cn_ad, "),
        ({"scores": []}, "field 'primary.scores': .* must be a list of any of: map_cn_ad"),
        ({"against": "dann"}, "field 'primary.against' is unknown; allowed: method, scores"),
    ],
)
def test_errors_name_field_and_value(primary, message):
    with pytest.raises(UserError, match=message):
        sweep_of({**CONTENT, "primary": primary}, FILE)


def test_too_few_resamples_are_told_before_anything_runs():
    # Two pairs by three scores: 1 / (1 + 100) is not below 0.05 / 6.
    few = {**CONTENT, "evaluation": {"bootstrap": 100}}
    (line,) = blind_spots(sweep_of(few, FILE))
    assert line.startswith("pooled: no difference can be shown: 6 primary comparisons with 1 seed")
    # Without the MLP its score is no test: 0.05 / 4 can be reached.
    assert blind_spots(sweep_of({**CONTENT, "evaluation": {"bootstrap": 100, "probes": ["knn"]}}, FILE)) == []
    assert blind_spots(sweep_of(CONTENT, FILE)) == []


def test_strings_among_overrides_stay_strings():
    overrides = {"data.data_root": "null", "model.init_args.x": "1", "trainer.max_epochs": 2}
    assert sweep_of({**CONTENT, "overrides": overrides}, FILE).overrides == overrides
