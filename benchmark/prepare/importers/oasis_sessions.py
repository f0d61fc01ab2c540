"""Image files of OASIS-3 and OASIS-4: subject, day and run from names and folders, in every layout handed out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import UserError
from benchmark.prepare.importers.cells import row_left_out, whole
from benchmark.prepare.importers.files import image_files, relative, stem
from benchmark.prepare.importers.record import LeftOut
from benchmark.prepare.importers.sidecar import Acquisition, acquisition, beside
from benchmark.prepare.importers.tables import Table

_NAME = re.compile(r"sub-(OAS\d+)_(?:ses|sess)-d(\d+)(?:_|$)")
_SESSION = re.compile(r"(OAS\d+)_MR_d(\d+)")
_FOLDERS = re.compile(r"sub-(OAS\d+)/(?:ses|sess)-d(\d+)/")
_RUN = re.compile(r"_run-(\d+)")
#: Files without a run are the first.
_NO_RUN = 1


@dataclass(frozen=True)
class Image:
    """A T1 image of a session.

    Attributes
    ----------
    path
        Absolute.
    subject
        Such as ``OAS39001``.
    day
        Days on the subject's scale.
    run
        From 1.
    """

    path: Path
    subject: str
    day: int
    run: int

    @property
    def session(self) -> str:
        """Such as ``d0129``."""
        return f"d{self.day:04d}"


def t1_images(folder: Path, release: str, left_out: list[LeftOut]) -> list[Image]:
    """All T1-weighted NIfTI files below a folder.

    Parameters
    ----------
    folder
        Of the download.
    release
        ``OAS3`` or ``OAS4``: how subjects begin.
    left_out
        Gets an entry for each image file that is none.

    Raises
    ------
    UserError
        If nothing below the folder is of that release.
    """
    images: list[Image] = []
    known = False
    for path in image_files(folder, left_out):
        name = relative(path, folder)
        places = _places(path, folder)
        ours = [place for place in places if place[0].startswith(release)]
        known = known or bool(ours)
        suffix = stem(path).rsplit("_", 1)[-1]
        reason = ""
        if not path.name.lower().endswith((".nii.gz", ".nii")):
            reason = "not NIfTI"
        elif not ours:
            reason = f"neither name nor folders say which session of {release} it is of"
        elif len(places) > 1:
            reason = "name and folders say different sessions"
        elif suffix != "T1w":
            reason = f"kind of image that is no T1w: {suffix if re.fullmatch(r'[A-Za-z0-9]+', suffix) else 'unknown'}"
        if reason:
            left_out.append(LeftOut(name, reason))
            continue
        run = _RUN.search(stem(path))
        (subject, day) = ours[0]
        images.append(Image(path, subject, day, int(run[1]) if run else _NO_RUN))
    if not known:
        raise UserError(
            f"{folder}: holds no image of {release}; folders are named {release}NNNN_MR_dNNNN or sub-{release}NNNN"
        )
    return images


def _places(path: Path, folder: Path) -> list[tuple[str, int]]:
    """Subjects and days that name and folders state, each once."""
    inside = relative(path, folder)
    # The folder given may itself be that of a session.
    whole_path = f"{folder.absolute().name}/{inside}"
    found = [_NAME.match(path.name), _FOLDERS.search(whole_path)]
    found += [_SESSION.fullmatch(part) for part in Path(whole_path).parts[:-1]]
    return list(dict.fromkeys((match[1], int(match[2])) for match in found if match))


def key(name: str) -> str:
    """Name of an image as a table and a folder agree on: without ending, ``ses`` for ``sess``, small letters."""
    start = Path(name.strip()).name
    start = start[: -len(".json")] if start.lower().endswith(".json") else stem(Path(start))
    return start.replace("_sess-", "_ses-").casefold()


class Scanners:
    """Acquisitions of images, from a table and the JSON files beside them.

    Parameters
    ----------
    table
        OASIS3_MR_json.csv or OASIS4_json_information.csv; None where there is none.
    ambiguous
        Gets a line for each image of which table and JSON file say different things.
    """

    def __init__(self, table: Table | None, ambiguous: list[str]) -> None:
        self.table = table
        self.ambiguous = ambiguous
        self.by_name: dict[str, list[int]] = {}
        self.used: set[int] = set()
        if table is not None:
            column = table.column("filename")
            for index, row in enumerate(table.rows):
                self.by_name.setdefault(key(row[column]), []).append(index)

    def of(self, image: Image, name: str) -> Acquisition:
        """Acquisition of an image; what the table does not say, the JSON file does.

        Parameters
        ----------
        image
            The image.
        name
            What the summary calls it.
        """
        stated = self._in_table(image, name)
        file = beside(image.path)
        if stated.contradicts(file):
            self.ambiguous.append(f"{name}: the table's scanner is another than the JSON file's; the table is used")
        return stated.filled(file)

    def unused(self) -> list[LeftOut]:
        """Rows of the table that no image was looked up in."""
        if self.table is None:
            return []
        rest = sorted(set(range(len(self.table.rows))) - self.used)
        column = self.table.column("filename")
        return [row_left_out(self.table, index, "row without a T1w image", column) for index in rest]

    def _in_table(self, image: Image, name: str) -> Acquisition:
        indices = self.by_name.get(key(image.path.name), [])
        self.used |= set(indices)
        if self.table is None or not indices:
            return Acquisition()
        found = [_row(self.table, index) for index in indices]
        if any(found[0].contradicts(other) for other in found[1:]):
            self.ambiguous.append(f"{name}: {len(found)} rows name different scanners; the first is used")
        return found[0]


def _row(table: Table, index: int) -> Acquisition:
    return acquisition({column.replace(" ", ""): value for column, value in table.rows[index].items()})


def days(table: Table, column: str, indices: Iterable[int]) -> list[tuple[int, int]]:
    """Day and row of those rows that have a day, zero-padded or not."""
    read = ((whole(table, index, column), index) for index in indices)
    return [(day, index) for day, index in read if day is not None]
