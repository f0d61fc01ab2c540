"""What OASIS-1 and OASIS-2 have in common: Analyze pairs (``.hdr``, ``.img``) in folders of sessions, and one table.

All were acquired on one Siemens Vision. A CDR of 0 is CN and one above 0 is AD; without CDR the diagnosis is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmark.errors import UserError
from benchmark.prepare.importers.files import image_files, relative, stem
from benchmark.prepare.importers.oasis import OVERLAP, cdr
from benchmark.prepare.importers.record import Import, Scan
from benchmark.prepare.importers.sessions import Image, gather
from benchmark.prepare.importers.tables import Row, read_table

_SEX_LETTERS = {"M": "M", "F": "F"}
_HEADER_BYTES = 348


class Pairs:
    """Release 1 or 2, the folder of its images, and its table, of which a column (``key``) names sessions.

    Sessions are called ``OAS<release>_NNNN_MRn``.
    """

    def __init__(self, release: int, images: Path, table: Path, key: str) -> None:
        self.release = release
        self.images = images
        self.key = key
        self.session = re.compile(rf"(OAS{release}_\d{{4}})_(MR\d+)")
        self.example = f"OAS{release}_NNNN_MRn"
        self.found = Import(ambiguous=[OVERLAP])
        self.table = read_table(table, (key,))
        self.rows = self.table.keyed(key, self.session.pattern, self.example)
        known: dict[str, tuple[Row, str]] = {}
        for name, row in self.rows.items():
            row.age("Age")
            cdr(row, "CDR")
            subject, sex = name.rsplit("_", 1)[0], row.code("M/F", _SEX_LETTERS)
            first, other = known.setdefault(subject, (row, sex)) if sex else (row, sex)
            if other != sex:
                raise row.complaint("M/F", f"subject {subject} is {other} in line {first.line}, and has one sex")

    def collect(
        self,
        axes: str,
        rank: Callable[[str, str], int | str],
        diagnosis: Callable[[Row], tuple[str, str]],
        reason: Callable[[str], str],
    ) -> set[str]:
        """Find the scans, and the sessions that have one.

        Parameters
        ----------
        axes
            Directions of the voxel axes, which Analyze files do not state.
        rank
            Rank of an image by its name and that of its session's folder, smallest best, or why it is not wanted.
        diagnosis
            Of a row, and its source.
        reason
            Why no scan was made from the row of a session.
        """
        stating = 0

        def scan(image: Image) -> Scan | str:
            nonlocal stating
            if isinstance(image.rank, str):
                return image.rank
            row = self.rows.get(f"{image.subject}_{image.session}")
            if row is None:
                return "image without a row in the table"
            stated = _states_orientation(image.path)
            stating += stated
            age, (label, source) = row.age("Age"), diagnosis(row)
            facts = (label, age, row.code("M/F", _SEX_LETTERS), "Siemens", "Vision", 1.5)
            extra = {"image_id": stem(image.path), "diagnosis_source": source}
            dataset = f"OASIS{self.release}"
            return Scan(image.subject, image.session, image.path, dataset, *facts, "" if stated else axes, extra)

        found = self.found
        gather(self._images(rank), scan, self.images, found)
        used = {f"{scan.subject_id}_{scan.session_id}" for scan in found.scans}
        for session, row in self.rows.items():
            if session not in used:
                found.left_out.append(row.left_out(reason(session), self.key))
        if stating:
            text = "image headers state an orientation; it is used in place of the archive's"
            found.ambiguous.append(f"{stating} {text}")
        return used

    def _images(self, rank: Callable[[str, str], int | str]) -> list[Image]:
        images = []
        for header in _pairs(image_files(self.images, self.found), self.images, self.found):
            folders = (part for part in reversed(header.parts[:-1]) if self.session.fullmatch(part))
            folder = next(folders, "")
            ranked = rank(stem(header), folder) if folder else f"in no session folder ({self.example})"
            subject, _, session = folder.rpartition("_")
            images.append(Image(header, subject, session, ranked))
        names = [each.what for each in self.found.left_out] + [relative(image.path, self.images) for image in images]
        if not any(image.session for image in images) and not any(f"OAS{self.release}_" in name for name in names):
            raise UserError(
                f"{self.images}: holds no image in a folder of OASIS-{self.release}; they are named {self.example}"
            )
        return images


def from_cdr(row: Row, column: str = "CDR") -> tuple[str, str]:
    """Diagnosis by the CDR, and its source."""
    value = cdr(row, column)
    return "" if value != value else "AD" if value > 0 else "CN", row.source(column)


def _pairs(files: Iterable[Path], folder: Path, found: Import) -> list[Path]:
    """Headers of the pairs among image files."""
    paths = list(files)
    there = {path.with_suffix(path.suffix.lower()) for path in paths}
    others = {".hdr": ".img", ".img": ".hdr"}
    headers = []
    for path in paths:
        other = others.get(path.suffix.lower())
        if other is None:
            found.leave_out(relative(path, folder), "not an Analyze pair (.hdr and .img)")
        elif path.with_suffix(other) not in there:
            found.leave_out(relative(path, folder), f"half of an Analyze pair: its {other} is missing")
        elif other == ".img":
            headers.append(path)
    return headers


def _states_orientation(header: Path) -> bool:
    """Whether a ``.hdr`` is one of NIfTI that states the directions of its axes; Analyze has no place for them."""
    try:
        with header.open("rb") as stream:
            raw = stream.read(_HEADER_BYTES)
    except OSError:
        return False
    # qform_code and sform_code are zero in either byte order, or not.
    return raw[344:347] == b"ni1" and any(raw[252:256])
