"""Shipped configurations: what all methods share, one YAML a method, one YAML a sweep."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
#: Trainer and data settings of every method; a method's YAML adds its model.
DEFAULTS = FOLDER / "defaults.yaml"
METHODS = FOLDER / "methods"
SWEEPS = FOLDER / "sweeps"
#: Search spaces of methods, by the name of their YAML file.
SEARCH = FOLDER / "search"
