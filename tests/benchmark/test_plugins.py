"""Folders in which class paths are looked for."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

from benchmark.errors import UserError
from benchmark.plugins import use_plugins, without_plugins


def test_folders_are_those_of_plugins_and_of_configurations(tmp_path):
    config = tmp_path / "mine.yaml"
    config.touch()
    given = ["fit", "--config", str(config), "--plugins", "one", "--plugins=two", "--config=none.yaml", "--data.seed=1"]
    kept, folders = without_plugins(given)
    assert kept == ["fit", "--config", str(config), "--config=none.yaml", "--data.seed=1"]
    assert folders == [tmp_path, Path("one"), Path("two")]
    with pytest.raises(UserError, match="--plugins: needs a folder"):
        without_plugins(["fit", "--plugins"])


def test_modules_are_found_here_and_by_other_processes_after_all_others(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", "/before")
    (tmp_path / "module_of_a_plugin.py").write_text("VALUE = 7\n")
    (tmp_path / "json.py").write_text("raise RuntimeError\n")
    use_plugins([tmp_path, tmp_path])
    assert importlib.import_module("module_of_a_plugin").VALUE == 7
    assert sys.path[-1] == str(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1
    assert os.environ["PYTHONPATH"] == os.pathsep.join(["/before", str(tmp_path)])
    with pytest.raises(UserError, match="--plugins: .*none is no folder"):
        use_plugins([tmp_path / "none"])
