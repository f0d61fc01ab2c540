"""Packages that load their names on demand tell type checkers which names there are, and that there are no others.

For a checker, a module with ``__getattr__`` has every name, misspelt ones too; the stub beside it has no such function.
After a change of such a package: ``python tests/benchmark/test_stubs.py``.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("benchmark", "benchmark/metrics", "benchmark/search")


def stub_of(package):
    """The imports that are for types, and ``__all__``."""
    text = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
    lines, nodes = text.splitlines(), ast.parse(text).body
    (for_types,) = (node for node in nodes if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    (names,) = (node for node in nodes if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
    imports = [line.removeprefix("    ") for line in lines[for_types.lineno : for_types.end_lineno]]
    return "\n".join([*imports, "", *lines[names.lineno - 1 : names.end_lineno], ""])


def file_of(package):
    return ROOT / package / "__init__.pyi"


@pytest.mark.parametrize("package", PACKAGES)
def test_it_has_the_names_of_the_package(package):
    assert file_of(package).read_text(encoding="utf-8") == stub_of(package), __doc__


if __name__ == "__main__":
    for each in PACKAGES:
        file_of(each).write_text(stub_of(each), encoding="utf-8")
