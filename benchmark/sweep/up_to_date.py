"""Whether a finished sweep has anything left to do, found out without loading a single library.

Importing PyTorch and scikit-learn and resolving every method's options takes longer than looking at thousands of files.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path

from benchmark.data.atomic import atomic_path
from benchmark.sweep.sources import files_of

#: In the results folder: what the sweep was finished from, and what it printed.
RECORD = ".finished.json"
_ROOT = Path(__file__).resolve().parents[2]
_SOURCES = ("benchmark", "baselines", "seada")


def remember(
    out: Path,
    inputs: Sequence[Path],
    files: Iterable[Path],
    patterns: Mapping[str, Sequence[str]],
    modules: Mapping[str, Path],
    printed: str,
) -> None:
    """Note that a sweep is finished.

    Parameters
    ----------
    out
        Results folder.
    inputs
        Sweep file and methods' files, of which the content counts.
    files
        Everything else it was made from, and everything it made; size and time of change count.
    patterns
        Pattern of manifests or methods, as the sweep has it, to the files that it matched.
    modules
        Modules that the results depend on to their files, of which the content counts; those of the suite may be left
        out.
    printed
        What the sweep printed at its end.
    """
    record = {
        "code": _code(),
        "inputs": {str(path): _sha256(path) for path in [*inputs, *modules.values()]},
        "modules": {name: str(path) for name, path in modules.items()},
        "files": {str(path): _state(path) for path in sorted(set(files))},
        "patterns": {pattern: list(found) for pattern, found in patterns.items()},
        "here": str(Path.cwd()),
        "printed": printed,
    }
    _write(out, record)


def remember_parts(out: Path, parts: Sequence[Path], files: Iterable[Path], printed: str) -> None:
    """Note that a sweep of several finished ones is finished.

    Parameters
    ----------
    out
        Its results folder.
    parts
        Results folders of the sweeps that it consists of.
    files
        What it made beside them.
    printed
        What it printed at its end.
    """
    records = [json.loads((part / RECORD).read_text(encoding="utf-8")) for part in parts]
    whole: dict[str, dict[str, object]] = {name: {} for name in ("inputs", "modules", "files", "patterns")}
    for name, content in whole.items():
        for record in records:
            content |= record[name]
    whole["files"] |= {str(path): _state(path) for path in files}
    _write(out, {**records[0], **whole, "printed": printed})


def _write(out: Path, record: Mapping[str, object]) -> None:
    with atomic_path(out / RECORD) as temporary:
        temporary.write_text(json.dumps(record), encoding="utf-8")


def still_finished(out: Path, sweep: Path) -> str | None:
    """What the sweep printed when it was finished, if nothing that it depends on or made has changed since.

    Parameters
    ----------
    out
        Results folder.
    sweep
        The sweep file.
    """
    try:
        record = json.loads((out / RECORD).read_text(encoding="utf-8"))
        same = (
            record["here"] == str(Path.cwd())
            and str(sweep) in record["inputs"]
            and all(_state(Path(path)) == state for path, state in record["files"].items())
            and all(str(file) == record["modules"][name] for name, file in files_of(record["modules"]).items())
            and all(_sha256(Path(path)) == digest for path, digest in record["inputs"].items())
            and all(matches(pattern) == found for pattern, found in record["patterns"].items())
            and record["code"] == _code()
        )
        return str(record["printed"]) if same else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def matches(pattern: str) -> list[str]:
    """Files that a pattern of manifests or methods matches now."""
    path = Path(pattern)
    anchor = Path(path.anchor) if path.is_absolute() else Path()
    return sorted(str(found) for found in anchor.glob(str(path.relative_to(anchor)) if path.is_absolute() else pattern))


def is_of_the_suite(file: Path) -> bool:
    """Whether a source file is one that every call looks at: one of the suite's packages."""
    return any(_ROOT / name in file.parents for name in _SOURCES)


def _code() -> str:
    """SHA-256 over the suite's source and configuration, and names and versions of all that is installed."""
    hasher = hashlib.sha256()
    for source in _SOURCES:
        for path in sorted((_ROOT / source).rglob("*")):
            if path.suffix in (".py", ".yaml"):
                hasher.update(path.relative_to(_ROOT).as_posix().encode() + path.read_bytes())
    installed = sorted({(each.metadata["Name"] or "", each.version) for each in distributions()})
    hasher.update(json.dumps(installed).encode())
    return hasher.hexdigest()


def _state(path: Path) -> list[int]:
    state = os.stat(path)  # noqa: PTH116 (a third of the time that pathlib takes, for many thousand files)
    return [state.st_size, state.st_mtime_ns]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
