"""What configuration files say of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def described(folder: Path) -> Iterator[tuple[str, str]]:
    """Names of a folder's YAML files with the comment that they begin with, to its first sentence."""
    for path in sorted(folder.glob("*.yaml")):
        lines = path.read_text(encoding="utf-8").splitlines()
        count = next((place for place, line in enumerate(lines) if not line.startswith("#")), len(lines))
        comment = " ".join(line.removeprefix("#").strip() for line in lines[:count])
        yield path.stem, comment.partition(". ")[0].rstrip(".")
