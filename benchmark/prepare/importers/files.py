"""Files of a download folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from benchmark.errors import UserError
from benchmark.prepare.importers.record import Import

#: Endings of image files; longer ones first.
IMAGES = (".nii.gz", ".nii", ".mgz", ".mgh", ".hdr", ".img", ".dcm", ".ima")


def image_files(folder: Path, found: Import, endings: tuple[str, ...] = IMAGES) -> Iterator[Path]:
    """Absolute paths of all image files below a folder, sorted within each folder; hidden ones are passed over.

    Links to folders are followed once. Each folder that cannot be entered, and each link to an image that is not there,
    is left out. ``endings`` are in lower case.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder")
    seen: set[tuple[int, int]] = set()
    waiting = [folder.absolute()]
    while waiting:
        here = waiting.pop()
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(here) as inside:
                entries = sorted(inside, key=lambda entry: entry.name)
        except OSError as error:
            found.leave_out(relative(here, folder), f"folder cannot be read: {error.strerror}")
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.name.lower().endswith(endings) and not entry.is_dir():
                # Version-controlled datasets hold links to files that were not fetched.
                if entry.is_symlink() and not (here / entry.name).exists():
                    found.leave_out(relative(here / entry.name, folder), "link to a file that is not there")
                else:
                    yield here / entry.name
        waiting += [here / entry.name for entry in reversed(entries) if entry.is_dir() and entry.name[0] != "."]


def relative(path: Path, folder: Path) -> str:
    """Path within the download, for people."""
    try:
        return str(path.relative_to(folder.absolute()))
    except ValueError:
        return str(path)


def stem(path: Path) -> str:
    """Name without its image ending."""
    name = path.name
    return next((name[: -len(end)] for end in IMAGES if name.lower().endswith(end)), path.stem)
