"""Which source files a class or function depends on, and what they compute: comments, docstrings and layout apart.

Modules are found as Python would find them, but none is executed. What lies in an installed distribution is not looked
into; its version stands for it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import itertools
import os
import pkgutil
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from typing import Any

#: Folders that installers put distributions into.
_INSTALLED = ("site-packages", "dist-packages")
#: The distribution that this module belongs to: source wherever it is installed.
_OWN = "seada-bench"
#: Functions that import a module by its name.
_IMPORTERS = ("import_module", "__import__")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


@dataclass(frozen=True)
class _Import:
    """An import statement: ``level`` dots, the module, and the names that are taken from it."""

    level: int
    module: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Content:
    """What a file holds: a digest of what it computes, its imports, and whether some have names that are computed.

    ``lazy`` are the imports of a package that offers names when they are asked for: it has a function ``__getattr__``,
    and says under ``if TYPE_CHECKING:`` where they are.
    """

    digest: str
    imports: tuple[_Import, ...] = ()
    dynamic: bool = False
    lazy: tuple[_Import, ...] = ()


@dataclass(frozen=True)
class _Module:
    """A module that was found.

    ``content`` is None where an installed distribution or Python itself has it. A namespace package has no file.
    """

    name: str
    file: Path | None
    folders: tuple[str, ...]
    content: _Content | None


@dataclass(frozen=True)
class Closure:
    """Modules that something depends on.

    Attributes
    ----------
    modules
        Name of a module that is source to a digest of what its source computes.
    outside
        Top-level names of imported modules that are not source, Python's own left out.
    """

    modules: dict[str, str] = field(default_factory=dict)
    outside: set[str] = field(default_factory=set)


class Sources:
    """Source files as they are now; each is looked at once by one object, and read again only where it changed.

    Parameters
    ----------
    covered
        Top-level modules that are never looked into, wherever they lie: their versions are asked for by name.
    """

    def __init__(self, covered: Iterable[str] = ()) -> None:
        # Folders' listings are remembered by Python; a file that has just been written must be seen.
        importlib.invalidate_caches()
        self._covered = frozenset(covered)
        self._modules: dict[str, _Module | None] = {}
        self._closures: dict[tuple[tuple[str, ...], ...], Closure] = {}

    def closure(self, roots: Iterable[str], without: Iterable[str] = (), known: Iterable[str] = ()) -> Closure:
        """All modules that roots import, directly or by others, imports within functions and packages' own included.

        Of an import whose name is computed, all modules of the package it is written in are taken.

        Parameters
        ----------
        roots
            Dotted names of modules, or of classes and functions in them.
        without
            Modules and packages that are left out, with what only they import.
        known
            Modules whose imports are not followed, as another closure has them.
        """
        asked = tuple(roots), tuple(without), tuple(known)
        if asked not in self._closures:
            self._closures[asked] = self._followed(*asked)
        return self._closures[asked]

    def _followed(self, roots: tuple[str, ...], left_out: tuple[str, ...], known: tuple[str, ...]) -> Closure:
        found = Closure()
        seen = set(known)
        waiting = list(roots)
        while waiting:
            for module in self._path(waiting.pop(), left_out):
                if module.name in seen:
                    continue
                seen.add(module.name)
                if module.content is None:
                    found.outside.add(module.name)
                    continue
                found.modules[module.name] = module.content.digest
                waiting += self._imported(module, module.content)
        return Closure(
            dict(sorted(found.modules.items())),
            {name for name in found.outside if name not in sys.stdlib_module_names},
        )

    def digest(self, name: str) -> str:
        """Digest of what one module's source computes; empty if there is none."""
        module = self._module(name)
        return module.content.digest if module is not None and module.content is not None else ""

    def file(self, name: str) -> Path | None:
        """File of a module; None if there is none."""
        module = self._module(name)
        return None if module is None else module.file

    def _path(self, dotted: str, without: tuple[str, ...]) -> Iterator[_Module]:
        """Modules on the way to a dotted name, as far as it names modules."""
        modules: list[_Module] = []
        for name in itertools.accumulate(dotted.split("."), "{}.{}".format):
            module = self._module(name)
            if module is None:
                break
            modules.append(module)
            if module.content is None:
                break
        if modules and any(_within(modules[-1].name, name) for name in without):
            return
        yield from modules

    def _imported(self, module: _Module, content: _Content) -> Iterator[str]:
        package = module.name if module.folders else module.name.rpartition(".")[0]
        for each in content.imports:
            base = each.module
            if each.level:
                above = package.split(".")[: len(package.split(".")) - each.level + 1]
                base = ".".join([*above, *([each.module] if each.module else [])])
            if not base:
                continue
            yield base
            yield from self._offered(base, each.names)
            for name in each.names:
                if name == "*":
                    yield from self._children(base, deep=False)
                else:
                    yield f"{base}.{name}"
        if content.dynamic and package:
            yield from self._children(package, deep=True)

    def _offered(self, package: str, names: tuple[str, ...]) -> Iterator[str]:
        """Where the names are that a package offers on demand; all of them where it is imported as a whole."""
        module = self._module(package)
        for each in module.content.lazy if module is not None and module.content is not None else ():
            if not names or "*" in names or set(names) & set(each.names):
                yield each.module

    def _children(self, package: str, *, deep: bool) -> Iterator[str]:
        module = self._module(package)
        if module is None or module.content is None:
            return
        for each in pkgutil.iter_modules(list(module.folders), f"{package}."):
            yield each.name
            if deep and each.ispkg:
                yield from self._children(each.name, deep=True)

    def _module(self, name: str) -> _Module | None:
        if name not in self._modules:
            self._modules[name] = self._found(name)
        return self._modules[name]

    def _found(self, name: str) -> _Module | None:
        if name in self._covered or name in sys.stdlib_module_names:
            return _Module(name, None, (), None)
        parent = name.rpartition(".")[0]
        folders = None
        if parent:
            package = self._module(parent)
            if package is None or not package.folders:
                return None
            folders = list(package.folders)
        spec = _spec(name, folders)
        if spec is None:
            return None
        inner = tuple(spec.submodule_search_locations or ())
        file = Path(spec.origin) if spec.has_location and spec.origin else None
        if not parent and _installed(name, file, inner):
            return _Module(name, file, inner, None)
        return _Module(name, file, inner, _content(file) if file is not None else _Content(""))


def files_of(names: Iterable[str]) -> dict[str, Path | None]:
    """Files that modules would be imported from now, whatever this process has loaded; None where there is none."""
    sources = Sources()
    return {name: sources.file(name) for name in names}


def dotted_names(value: Any) -> Iterator[str]:
    """Everything in a nested value that may name a class or function: class paths, and other dotted names."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from dotted_names(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from dotted_names(inner)
    elif isinstance(value, str) and _DOTTED.fullmatch(value):
        yield value


_distributions = cache(packages_distributions)


def distributions_of(top: str) -> tuple[str, ...]:
    """Names of the installed distributions that have a top-level module; sorted, empty for none."""
    return tuple(sorted(set(_distributions().get(top, ()))))


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _spec(name: str, folders: list[str] | None) -> ModuleSpec | None:
    """Where a process that is started now would find a module, whatever this one has loaded."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = find(name, folders) if find is not None else None
        if spec is not None:
            return spec
    loaded = getattr(sys.modules.get(name), "__spec__", None)
    return loaded if isinstance(loaded, ModuleSpec) else None


def _installed(top: str, file: Path | None, folders: tuple[str, ...]) -> bool:
    if top in _own():
        return False
    places = [file] if file is not None else [Path(folder) for folder in folders]
    if not places:
        return True  # built into Python
    if any(set(_INSTALLED) & set(place.parts) for place in places):
        # A file that somebody has put there is nobody's distribution.
        return bool(distributions_of(top))
    standard = Path(sysconfig.get_path("stdlib"))
    return all(standard in place.parents for place in places)


@cache
def _own() -> frozenset[str]:
    try:
        names = (distribution(_OWN).read_text("top_level.txt") or "").split()
    except PackageNotFoundError:
        names = []
    return frozenset([__name__.partition(".")[0], *names])


#: File to its size and times of change, and what was in it then.
_CONTENTS: dict[Path, tuple[tuple[int, int, int], _Content]] = {}


def _content(file: Path) -> _Content:
    state = os.stat(file)  # noqa: PTH116 (a third of the time that pathlib takes)
    stamp = (state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    known = _CONTENTS.get(file)
    if known is None or known[0] != stamp:
        known = (stamp, _read(file))
        _CONTENTS[file] = known
    return known[1]


def _read(file: Path) -> _Content:
    text = file.read_bytes()
    try:
        if file.suffix != ".py":
            raise SyntaxError("no Python")
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        # A compiled extension, or what Python would refuse as well.
        return _Content(hashlib.sha256(text).hexdigest())
    hasher = hashlib.sha256()
    for piece in _meaning(tree):
        hasher.update(piece.encode("utf-8", "surrogatepass"))
    offers = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "__getattr__"]
    for_types = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    if not offers or not for_types:
        imports, dynamic = _imports(tree)
        return _Content(hasher.hexdigest(), imports, dynamic)
    lazy, _ = _imports(ast.Module(list(for_types), []))
    rest = [node for node in tree.body if node not in (*offers, *for_types)]
    imports, dynamic = _imports(ast.Module(rest, []))
    return _Content(hasher.hexdigest(), imports, dynamic, lazy)


def _meaning(node: object) -> Iterator[str]:
    """A syntax tree as text, without positions, docstrings and other statements that do nothing.

    Empty fields are left out: what later Pythons add to a node's fields then changes nothing.
    """
    if isinstance(node, ast.AST):
        yield f"({type(node).__name__}"
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                value = [inner for inner in value if not _idle(inner)]
            if value is None or value == [] or name in ("kind", "type_comment", "type_ignores"):
                continue
            yield f" {name}="
            yield from _meaning(value)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for inner in node:
            yield from _meaning(inner)
            yield ","
        yield "]"
    else:
        yield f"{type(node).__name__}:{node!r}"


def _idle(node: object) -> bool:
    if isinstance(node, ast.Pass):
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _imports(tree: ast.AST) -> tuple[tuple[_Import, ...], bool]:
    """Imports anywhere in a file, within functions too, and whether one's name is not written out."""
    found: list[_Import] = []
    dynamic = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [_Import(0, each.name) for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(_Import(node.level, node.module or "", tuple(each.name for each in node.names)))
        elif isinstance(node, ast.Call) and _called(node) in _IMPORTERS:
            name = (
                node.args[0] if node.args else next((each.value for each in node.keywords if each.arg == "name"), None)
            )
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                dots = len(name.value) - len(name.value.lstrip("."))
                found.append(_Import(dots, name.value[dots:]))
            else:
                dynamic = True
        elif isinstance(node, ast.Call) and _called(node) == "spec_from_file_location":
            dynamic = True
    return tuple(dict.fromkeys(found)), dynamic


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


#: Module to the digest of its source when this process first asked; what was loaded then stays loaded.
_LOADED: dict[str, str] = {}


def as_loaded(names: Iterable[str], sources: Sources) -> dict[str, str]:
    """Digests of modules as this process has loaded them, or is about to: those of the first call that names them."""
    return {name: _LOADED.setdefault(name, sources.digest(name)) for name in names}
