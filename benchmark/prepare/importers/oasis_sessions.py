"""Image files of OASIS-3 and OASIS-4: subject, day and run from names and folders, in every layout handed out."""

from __future__ import annotations

import re
from pathlib import Path

from benchmark.errors import UserError
from benchmark.prepare.importers.files import image_files, relative, stem
from benchmark.prepare.importers.record import Import
from benchmark.prepare.importers.sessions import Image
from benchmark.prepare.importers.sidecar import Acquisition, acquisition, beside
from benchmark.prepare.importers.tables import Row, read_table

_NAME = re.compile(r"sub-(OAS\d+)_(?:ses|sess)-d(\d+)(?:_|$)")
_SESSION = re.compile(r"(OAS\d+)_MR_d(\d+)")
_FOLDERS = re.compile(r"sub-(OAS\d+)/(?:ses|sess)-d(\d+)/")
_RUN = re.compile(r"_run-(\d+)")


def t1_images(folder: Path, release: str, found: Import) -> list[Image]:
    """All T1-weighted NIfTI files below a folder, in sessions such as ``d0129``; files without a run are the first.

    ``release`` is ``OAS3`` or ``OAS4``, how subjects begin; a folder with nothing of it is an error. Other images are
    left out.
    """
    images: list[Image] = []
    known = False
    for path in image_files(folder, found):
        name = relative(path, folder)
        places = _places(path, f"{folder.absolute().name}/{name}")
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
            found.leave_out(name, reason)
        else:
            run = _RUN.search(stem(path))
            subject, day = ours[0]
            images.append(Image(path, subject, f"d{day:04d}", int(run[1]) if run else 1))
    if not known:
        raise UserError(
            f"{folder}: holds no image of {release}; folders are named {release}NNNN_MR_dNNNN or sub-{release}NNNN"
        )
    return images


def _places(path: Path, inside: str) -> list[tuple[str, int]]:
    """Subjects and days that name and folders state, each once; the folder given may itself be that of a session."""
    found = [_NAME.match(path.name), _FOLDERS.search(inside)]
    found += [_SESSION.fullmatch(part) for part in Path(inside).parts[:-1]]
    return list(dict.fromkeys((match[1], int(match[2])) for match in found if match))


def key(name: str) -> str:
    """Name of an image as a table and a folder agree on: without ending, ``ses`` for ``sess``, small letters."""
    start = Path(name.strip()).name
    start = start[: -len(".json")] if start.lower().endswith(".json") else stem(Path(start))
    return start.replace("_sess-", "_ses-").casefold()


class Scanners:
    """Acquisitions of images, from a table and the JSON files beside them.

    The table is OASIS3_MR_json.csv or OASIS4_json_information.csv. Images of which it and the JSON file say different
    things are told of.
    """

    def __init__(self, path: Path | None, found: Import) -> None:
        self.table = read_table(path) if path else None
        self.found = found
        self.by_name: dict[str, list[Row]] = {}
        self.used: list[Row] = []
        for row in self.table.rows if self.table else ():
            self.by_name.setdefault(key(row["filename"]), []).append(row)

    def of(self, image: Image, name: str) -> Acquisition:
        """Acquisition of an image that is called by a name; what the table does not say, the JSON file does."""
        rows = self.by_name.get(key(image.path.name), [])
        self.used += rows
        listed = [acquisition({column.replace(" ", ""): value for column, value in row.values.items()}) for row in rows]
        stated = listed[0] if listed else Acquisition()
        if any(stated.contradicts(other) for other in listed):
            self.found.ambiguous.append(f"{name}: {len(listed)} rows name different scanners; the first is used")
        file = beside(image.path)
        if stated.contradicts(file):
            text = "the table's scanner is another than the JSON file's; the table is used"
            self.found.ambiguous.append(f"{name}: {text}")
        return stated.filled(file)

    def leave_out_rest(self) -> None:
        """Leave out the rows of the table that no image was looked up in."""
        if self.table:
            self.found.left_out += self.table.rest(self.used, "row without a T1w image", "filename")
