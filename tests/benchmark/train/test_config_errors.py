"""A broken YAML file of a method is told of with its name and line, by `fit` and `check-method` alike."""

import pytest

from benchmark.parsing import plain

AUTOENCODER = "model:\n  class_path: baselines.autoencoder.Autoencoder\n"
COMBAT = "model:\n  class_path: baselines.combat.ComBat\n  init_args:\n"
BASE = "    base: {class_path: baselines.autoencoder.Autoencoder, init_args: {%s}}\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("model:\n  class_path: [baselines\n  foo: 1\n", 3, "not YAML: expected ',' or ']'"),
        ("\tmodel: 3\n", 1, "not YAML: found character '\\t'"),
        ("- 1\n- 2\n", 1, "options and their values are needed"),
        ("", 1, "options and their values are needed"),
        (f"card: {{}}\n{AUTOENCODER}  init_args:\n    widht: 3\n", 5, "Option 'widht' is not accepted"),
        (
            COMBAT + BASE % "widht: 3",
            4,
            "Option 'widht' is not accepted; allowed: ldr_dim, width, levels, learning_rate,",
        ),
        (
            f"{COMBAT}    base: 3\n",
            4,
            "base: 3 is not allowed; it must have the class_path of a RepresentationModule (",
        ),
        (f"{COMBAT}    unseen_site: guess\n", 4, "unseen_site: guess is not allowed; allowed: 'refuse', "),
        (
            f"{AUTOENCODER}  init_args:\n    width: wide\n",
            4,
            "Autoencoder: width: wide is not allowed; it must be of type int (",
        ),
        ("# mine\nmodell: 3\n", 2, "does not accept option 'modell'"),
        ("model:\n  class_path: nowhere.mine.Mine\n", 2, "No module named 'nowhere'"),
        (f"{AUTOENCODER}card:\n  role: boss\n", 4, "role: boss is not allowed; allowed: 'method', 'floor', 'ceiling'"),
        ("card: {}\n", None, "required: fit.model"),
        (b"\xff\xfe\x00", None, "not a YAML file in UTF-8"),
    ],
)
@pytest.mark.parametrize("command", [("check-method",), ("fit", "--config")])
def test_file_and_line_are_named_on_one_line(inside, tmp_path, command, text, line, words):
    file = tmp_path / "mine.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = inside(*command, file, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {file}:{'' if line is None else f'{line}:'} ")
    assert words in done.stderr
    assert "given value: {" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_the_command_line_says_wrong_is_not_the_fault_of_the_file(inside, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(f"{AUTOENCODER}  init_args:\n    width: 8\n")
    done = inside("fit", "--config", file, "--model.init_args.width=wide", check=False)
    assert "wide is not allowed" in done.stderr
    assert str(file) not in done.stderr


def test_outside_a_clone_the_manifests_of_a_phantom_are_told(inside, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = inside("fit", "--config", "autoencoder", check=False)
    assert done.returncode == 2
    assert """--data.manifests '["data/phantom/phantom-*.csv"]' --data.data_root data/phantom""" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["model", "nowhere.Mine", "baselines.combat.Nope", "baselines.combat.main"])
def test_an_option_of_what_is_no_class_is_said_as_it_is(name):
    message = f"{name}: Option 'width' is not accepted"
    assert plain(message) == message
