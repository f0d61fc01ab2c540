"""The names that users may rely on, with their signatures, are those of tests/public_api.txt.

After a change that is meant: ``python tests/test_public_api.py > tests/public_api.txt``, and a line in CHANGELOG.md.
"""

from __future__ import annotations

import ast
import difflib
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.needs("docs")

FROZEN = ROOT / "tests" / "public_api.txt"
PACKAGES = ("benchmark", "baselines")

#: Promised beside the modules of the site's Python reference: what pages import, and what promised functions return.
NAMES = (
    "benchmark.data.preprocessing.Preprocessing",
    "benchmark.errors.UserError",
    "benchmark.methods.autoencoding.AutoencodingModule",
    "benchmark.methods.autoencoding.reconstruction_loss",
    "benchmark.methods.blocks.BuildingBlocks",
    "benchmark.methods.compute.Compute",
    "benchmark.methods.harmoniser.Fitted",
    "benchmark.methods.harmoniser.Harmoniser",
    "benchmark.prepare.phantom.generate.generate",
    "benchmark.prepare.phantom.settings.PhantomSettings",
    "benchmark.results.compare.Comparison",
    "benchmark.results.read.StoredResults",
    "benchmark.search.export.Exported",
)
#: Classes that YAML files of users name; how they are made is promised, and nothing else.
MADE = (
    "baselines.autoencoder.Autoencoder",
    "baselines.covbat.CovBat",
    "baselines.frozen_encoder.FrozenEncoder",
    "baselines.normalised_images.NormalisedImages",
    "baselines.normalised_images.Normaliser",
    "baselines.pca_voxels.PCAVoxels",
    "baselines.post_hoc.PostHoc",
)
#: What the page on adding a method has the reader write.
OF_THE_READER = "baselines.mine"


def modules_of_reference():
    """Modules in the site's Python reference, as docs/_site/pages.py lists them."""
    for node in ast.parse((ROOT / "docs/_site/pages.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "REFERENCE":
            return [name for _, names in ast.literal_eval(node.value).values() for name in names]
    raise AssertionError("docs/_site/pages.py has no REFERENCE")


def public_api(root=ROOT, packages=PACKAGES, modules=None, names=NAMES, classes=MADE):
    """A line for each promised name, read from the source without importing it."""
    import griffe

    modules = modules_of_reference() if modules is None else modules
    loader = griffe.GriffeLoader(search_paths=[root], allow_inspection=False)
    for package in packages:
        loader.load(package)

    def itself(found):
        return found.final_target if found.is_alias else found

    def lines(path, found):
        found = itself(found)
        if found.is_function:
            yield found.signature(name=path)
        elif found.is_attribute:
            yield f"{path}: {found.annotation}" if found.annotation else path
        elif found.is_class:
            yield made(path, found)
            inherited = {
                name: member
                for name, member in found.inherited_members.items()
                if itself(member).module.path not in modules
            }
            for name, member in sorted({**inherited, **found.members}.items()):
                if member.is_public and not name.startswith("__"):
                    yield from lines(f"{path}.{name}", member)

    def made(path, found):
        first = found.all_members.get("__init__")
        call = itself(first).signature(name=path, return_type=False) if first else path
        return f"class {call}" + "".join(f" | {base}" for base in found.bases)

    everything = loader.modules_collection
    for module in modules:
        for name, member in sorted(everything[module].members.items()):
            if member.is_public and not member.is_module:
                yield from lines(f"{module}.{name}", member)
    for path in names:
        yield from lines(path, everything[path])
    for path in classes:
        yield made(path, everything[path])


def test_names_and_signatures_are_those_that_are_promised():
    promised = FROZEN.read_text(encoding="utf-8").splitlines()
    changes = [*difflib.unified_diff(promised, list(public_api()), "promised", "now", lineterm="", n=0)]
    assert not changes, "\n".join([*changes, "", str(__doc__)])


def test_what_pages_import_is_promised():
    promised = {re.split(r"[(: ]", line.removeprefix("class "))[0] for line in FROZEN.read_text().splitlines()}
    pages = [*ROOT.glob("docs/**/*.md"), ROOT / "README.md"]
    named = set()
    for text in (page.read_text(encoding="utf-8") for page in pages):
        for module, names in re.findall(r"^\s*from ((?:benchmark|baselines|seada)[\w.]*) import (.*)", text, re.M):
            named |= {f"{module}.{name.strip()}" for name in names.split(",")}
        named |= set(re.findall(r"class_path: ((?:benchmark|baselines|seada)[\w.]*)", text))
    named = {name for name in named if not name.startswith(OF_THE_READER) and name != "benchmark.metrics"}
    assert len(named) > 10
    assert named <= promised


def test_a_change_of_a_signature_a_type_or_a_base_is_seen(tmp_path):
    def of(text):
        (tmp_path / "toy").mkdir(exist_ok=True)
        (tmp_path / "toy" / "__init__.py").write_text(f"from dataclasses import dataclass\n{text}")
        return list(public_api(tmp_path, ["toy"], ["toy"], [], []))

    plain = of(
        "@dataclass\nclass A(Base):\n    x: int = 1\n    def f(self, y: str) -> int: ...\n    def _g(self): ...\n"
    )
    assert plain == ["class toy.A(x: int = 1) | Base", "toy.A.f(y: str) -> int", "toy.A.x: int"]
    assert of("class A(Base):\n    def f(self, z: str) -> int: ...\n") == [
        "class toy.A | Base",
        "toy.A.f(z: str) -> int",
    ]
    assert of("def f(*, y=2): ...\n_hidden = 1\nB: float = 3\n") == ["toy.B: float", "toy.f(*, y=2)"]


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in public_api())
