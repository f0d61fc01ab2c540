"""Search spaces, and trials spread over them."""

from __future__ import annotations

import math

import pytest

from benchmark.configs import METHODS, SEARCH
from benchmark.errors import UserError
from benchmark.train.resolve import resolve
from benchmark.tune.space import Range, nested, read_space, space_file, trials_of, with_overrides


def test_the_first_trial_is_the_method_s_own_and_the_others_fill_the_space():
    space = {"rate": Range(1e-4, 1e-2, log=True), "share": Range(0, 4), "kind": ["a", "b"]}
    trials = trials_of(space, 9)
    assert trials[0] == {}
    rates = [math.log10(trial["rate"]) for trial in trials[1:]]
    shares = [trial["share"] for trial in trials[1:]]
    assert all(-4 <= rate <= -2 for rate in rates)
    assert all(0 <= share <= 4 for share in shares)
    # A quarter of the space holds no more than half of eight points, and no half of it fewer than three.
    for values, low, step in ((rates, -4, 0.5), (shares, 0, 1)):
        quarters = [sum(low + k * step <= value < low + (k + 1) * step for value in values) for k in range(4)]
        assert max(quarters) <= 4
        assert min(sum(quarters[:2]), sum(quarters[2:])) >= 3
    assert {trial["kind"] for trial in trials[1:]} == {"a", "b"}
    assert trials_of(space, 9) == trials
    assert trials_of(space, 4) == trials[:4]
    assert trials_of({}, 9) == [{}]


def test_dots_are_nested_options():
    settings = nested({"a": 1, "blocks.views.mask": 2, "blocks.components": 3})
    assert settings == {"a": 1, "blocks": {"views": {"mask": 2}, "components": 3}}
    own = {"a": 0, "b": 5, "blocks": {"erase": "site", "components": 9}}
    assert with_overrides(own, settings) == {
        "a": 1, "b": 5, "blocks": {"erase": "site", "components": 3, "views": {"mask": 2}},
    }  # fmt: skip
    assert own["blocks"]["components"] == 9


@pytest.mark.parametrize("path", sorted(SEARCH.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_spaces_are_of_options_that_their_methods_have(path):
    method = METHODS / path.name
    space = read_space(space_file(method))
    for trial in (trials_of(space, 2)[1],):
        overrides = {f"model.init_args.{option}": value for option, value in trial.items()}
        found = resolve(method, overrides)["model"]["init_args"]
        for option, value in trial.items():
            place = found
            for name in option.split("."):
                place = place[name]
            assert place == value


def test_a_method_elsewhere_has_its_space_beside_it(tmp_path):
    (tmp_path / "mine.search.yaml").write_text("weight: {low: 1, high: 2}\n", encoding="utf-8")
    assert read_space(space_file(tmp_path / "mine.yaml")) == {"weight": Range(1, 2)}
    assert read_space(space_file(tmp_path / "other.yaml")) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "is no YAML"),
        ("- 1", "must be a mapping of options"),
        ("a: {low: 1}", "field 'a.high' is missing; allowed: low, high and log, or a list of values"),
        ("a: {low: 1, high: 2, step: 3}", "field 'a.step' is unknown"),
        ("a: 3", "field 'a' must be a mapping"),
        ("a: []", "field 'a' must be a mapping"),
        ("a: {low: 2, high: 1}", "a: 2 to 1 is not allowed; allowed: low < high"),
        ("a: {low: 0, high: 1, log: true}", "a: 0 to 1 is not allowed; allowed: 0 < low < high"),
    ],
)
def test_what_is_no_space_is_said(tmp_path, text, message):
    path = tmp_path / "mine.search.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message) as caught:
        read_space(path)
    assert str(caught.value).startswith(str(path))
