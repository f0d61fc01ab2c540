"""The settings of a stress sweep."""

from pathlib import Path

import pytest
import yaml

from benchmark.configs import SWEEPS
from benchmark.errors import UserError
from benchmark.sweep.axes import setting_names, settings_of
from benchmark.sweep.config import read_sweep, sweep_of
from benchmark.sweep.runs import runs_of
from benchmark.train.resolve import resolve

PLACE = "made/{setting}-{seed}"


def content(**changes):
    return {
        "methods": ["pca_voxels", "combat"],
        "seeds": {"pooled": [3, 4]},
        "phantom": {"out": PLACE, "settings": {"seed": "{seed}", "spacing": 10.0}},
        "overrides": {
            "data.manifests": [f"{PLACE}/*.csv"],
            "data.data_root": PLACE,
            "data.truth": f"{PLACE}/truth.csv",
            "trainer.max_epochs": 5,
        },
        "axes": {
            "contrast": {0: {"phantom": {"contrast": 0}}, "1": {}},
            "epochs": {"5": {}, "16": {"overrides": {"trainer.max_epochs": 16}}},
            "grid": {"5mm": {"phantom": {"spacing": 5.0}, "overrides": {"data.preprocessing.spacing": 5.0}}},
        },
    } | changes


def read(**changes):
    return sweep_of(content(**changes), Path("mine.yaml"))


def test_each_setting_differs_from_the_sweep_in_its_own_thing_alone():
    sweep = read()
    settings = settings_of(sweep)
    assert list(settings) == ["base", "contrast-0", "epochs-16", "grid-5mm"]
    assert all(setting.axes == {} and setting.seeds == sweep.seeds for setting in settings.values())
    assert [setting.overrides["trainer.max_epochs"] for setting in settings.values()] == [5, 5, 16, 5]
    assert settings["contrast-0"].phantom.settings == {"seed": "{seed}", "spacing": 10.0, "contrast": 0}
    assert settings["grid-5mm"].phantom.settings["spacing"] == 5.0
    assert settings["grid-5mm"].overrides["data.preprocessing.spacing"] == 5.0
    assert setting_names(sweep) == {
        "contrast": {"0": "contrast-0", "1": "base"},
        "epochs": {"5": "base", "16": "epochs-16"},
        "grid": {"5mm": "grid-5mm"},
    }


def test_settings_that_change_nothing_of_the_phantom_share_that_of_the_base():
    settings = settings_of(read())
    assert settings["epochs-16"].phantoms == settings["base"].phantoms
    assert settings["epochs-16"].overrides["data.manifests"] == ["made/base-{seed}/*.csv"]
    assert [str(folder) for folder, _ in settings["contrast-0"].phantoms] == ["made/contrast-0-3", "made/contrast-0-4"]
    assert settings["contrast-0"].overrides["data.truth"] == "made/contrast-0-{seed}/truth.csv"


def test_without_the_base_among_the_values_it_is_not_run():
    assert list(settings_of(read(axes={"epochs": {"16": {"overrides": {"trainer.max_epochs": 16}}}}))) == ["epochs-16"]


WITH_SLURM = {"kind": "slurm", "time_minutes": 5}
OTHER = {"contrast": {"2": {"phantom": {"contrast": 2}}}}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"axes": ["contrast"]}, "field 'axes' must be a mapping of the axes' names to their values"),
        ({"axes": {"a-b": {"1": {}}}}, "field 'axes': name 'a-b' is not allowed; allowed: letters, digits and _"),
        ({"axes": {"a": [1, 2]}}, "field 'axes.a' must be a mapping of values to what differs there"),
        ({"axes": {"a": {"../1": {}}}}, "field 'axes.a': value '../1' is not allowed; it names a folder"),
        ({"axes": {"a": {"1": {"seeds": {}}}}}, "field 'axes.a.1.seeds' is unknown; allowed: phantom, overrides"),
        ({"axes": {"a": {"1": 5}}}, "field 'axes.a.1' must be a mapping with any of: phantom, overrides"),
        ({"axes": {"a": {"1": {"phantom": 5}}}}, "field 'axes.a.1.phantom' must be a mapping"),
        ({"axes": {"a": {"1": {"phantom": {"cats": 1}}}}}, "field 'axes.a.1.phantom.cats' is unknown; allowed: seed, "),
        (
            {"axes": {"a": {"1": {"phantom": {"contrast": 9}}}}},
            "field 'axes.a.1.phantom': phantom contrast: 9 is not allowed; it must be between 0 and 5",
        ),
        ({"axes": OTHER, "phantom": None}, "field 'axes.contrast.2.phantom' is not allowed: the sweep has no field"),
        (
            {"axes": OTHER, "phantom": {"out": "made"}},
            "field 'phantom.out': 'made' must have {setting} in it, as axes.contrast.2 changes the phantom",
        ),
        (
            {"axes": OTHER, "overrides": {"data.manifests": f"{PLACE}/*.csv", "data.truth": None}},
            "field 'overrides.data.data_root': '' must have {setting} in it",
        ),
        ({"executor": WITH_SLURM}, "field 'executor.kind': 'slurm' is not allowed with 'axes'; allowed: local"),
        (
            {"seeds": {"pooled": [1], "leave_one_site_out": [1]}},
            "field 'seeds': a sweep with 'axes' must have seeds of one protocol",
        ),
    ],
)
def test_what_is_not_allowed_is_said_in_one_line(changes, says):
    with pytest.raises(UserError) as error:
        read(**changes)
    assert str(error.value).startswith(f"mine.yaml: {says}")
    assert "\n" not in str(error.value)


def test_an_option_of_the_model_reaches_the_base_that_it_works_on(phantom, tmp_path):
    places = {
        "data.manifests": [f"{phantom}/phantom-*.csv"],
        "data.data_root": str(phantom),
        "data.cache_dir": str(tmp_path),
        "model.*.ldr_dim": 7,
    }
    sweep = read(phantom=None, axes={}, overrides=places, seeds={"pooled": [3]})
    plain, combat = (run.config["model"]["init_args"] for run in runs_of(sweep, tmp_path))
    assert plain["ldr_dim"] == 7
    assert combat["base"]["init_args"]["ldr_dim"] == 7


def test_the_shipped_sweep_varies_every_family_and_its_options_are_those_of_every_method():
    sweep = read_sweep(SWEEPS / "stress.yaml")
    assert {axis: list(values) for axis, values in sweep.axes.items()}["quantisation"] == ["1", "3"]
    assert len(settings_of(sweep)) == 18
    folders = {str(folder) for setting in settings_of(sweep).values() for folder, _ in setting.phantoms}
    # Three seeds of each setting but the two of epochs and that of ldr_dim.
    assert len(folders) == 3 * 15
    for name, file in sweep.method_files().items():
        resolved = resolve(file, {})
        card = yaml.safe_load(file.read_text())["card"]
        assert resolved["model"]["class_path"], name
        assert ("augmentations_imitate" in card) == ("views" in name or name in ("seada_balanced", "seada_canonical"))


def test_the_wrong_views_are_those_of_noise_and_resolution_and_the_card_says_so():
    file = read_sweep(SWEEPS / "stress.yaml").method_files()["seada_balanced_wrong_views"]
    resolved = resolve(file, {})
    views = resolved["model"]["init_args"]["blocks"]["views"]
    assert {name for name, strength in views.items() if strength} == {"noise", "resolution"}
    assert yaml.safe_load(file.read_text())["card"]["augmentations_imitate"] == ["noise", "resolution"]
