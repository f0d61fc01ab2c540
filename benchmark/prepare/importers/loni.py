"""What ADNI and PPMI have in common: one loop from the folder tree and tables of a LONI download to scans."""

from __future__ import annotations

import datetime
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import UserError
from benchmark.prepare.importers import normalise
from benchmark.prepare.importers.loni_tables import Listed, read_listed
from benchmark.prepare.importers.loni_tree import File, Tree, read_tree
from benchmark.prepare.importers.record import Import, Scan
from benchmark.prepare.importers.sessions import by_session
from benchmark.prepare.importers.sidecar import Acquisition

#: Which images are wanted: as scanned, as the archive processed them, or raw ones and processed where there is none.
Processed = Literal["raw", "processed", "any"]
_KINDS = {"original": True, "processed": False, "pre-processed": False, "post-processed": False}


@dataclass(frozen=True)
class LoniOptions:
    """What the importer of a LONI archive is told.

    Attributes
    ----------
    images
        Folder of the unpacked zips.
    collection
        Table that comes with the download, NAME_M_DD_YYYY.csv. This, search or both must be given.
    search
        Table that the advanced search writes, idaSearch_M_DD_YYYY.csv. It alone has scanner, decimal age and phase.
    window_days
        Largest distance between scan and visit, itself allowed; in PPMI for visits that are matched by their month,
        because their code is unknown.
    processed
        Which images are used: raw; those that the archive processed, which tells the vendor in ADNI1; or any: raw,
        and processed in sessions without a raw one.
    """

    images: Path
    collection: Path | None = None
    search: Path | None = None
    window_days: int = 180
    processed: Processed = "raw"


@dataclass
class Image:
    """An image that is in the tree and listed.

    ``raw`` is as it came from the scanner, not processed by the archive, and None where nothing says so; ``repeat`` is
    a second acquisition of the session (``MP-RAGE REPEAT``, ``MPR-R; GradWarp``), ``twin`` the copy without distortion
    correction (``_ND``).
    """

    file: File
    listed: Listed
    date: datetime.date
    subject_id: str
    dataset: str = ""

    def __post_init__(self) -> None:
        #: Description in lower case, with single spaces for runs of spaces and underscores.
        self.words = " ".join(self.listed.description.replace("_", " ").split()).casefold()
        self.repeat = "repeat" in self.words or re.match(r"mpr-r\b", self.words) is not None
        self.twin = self.words.endswith(" nd")
        name = self.file.name.casefold()
        by_name = True if "_br_raw_" in name else False if "_br_" in name else None
        self.raw = _KINDS.get(self.listed.kind.casefold(), by_name)

    @property
    def tesla(self) -> float:
        """Field strength by the protocol of the search."""
        return normalise.field_strength(self.listed.protocol.get("field strength", ""))


class Study(ABC):
    """A download, by an importer's options, and its rules; what differs between studies is for subclasses."""

    project: str
    tree: Tree

    def __init__(self, options: Any) -> None:
        if options.window_days < 0:
            raise UserError(f"window_days is {options.window_days}; must be 0 or more")
        self.options = options
        self.window = datetime.timedelta(options.window_days)
        self.found = Import()
        self.notes = self.found.ambiguous
        self.listed = read_listed(options.collection, options.search, self.found)

    @abstractmethod
    def stranger(self, listed: Listed) -> str:
        """Why a subject is no participant; "" if it is one."""

    @abstractmethod
    def sex(self, listed: Listed) -> str:
        """Sex of a subject by the study's tables; "" where they say nothing."""

    @abstractmethod
    def rejected(self, image: Image) -> str:
        """Why an image is no 3D T1; "" if it is one."""

    @abstractmethod
    def find_dataset(self, image: Image) -> str:
        """Set the collection that an image was acquired for; why it is left out, or ""."""

    @abstractmethod
    def rank(self, image: Image) -> Any:
        """Smallest for the image that stands for its session."""

    @abstractmethod
    def facts(self, image: Image) -> dict[str, Any]:
        """Diagnosis, age and further columns of a scan; ``scanner`` is what the study's tables know of it, if any."""

    def chosen(self, images: list[Image]) -> list[Image]:
        """Images that stay, of one a session in the order of subjects and days."""
        return images

    def collect(self) -> Import:
        """Find the T1 images of the download, one a subject and day.

        Sessions are numbered by the days since the subject's first image, so that no date is told.
        """
        self.tree = read_tree(self.options.images, self.project, self.found)
        images = list(self._participants())
        first: dict[str, datetime.date] = {}
        for image in images:
            first[image.subject_id] = min(image.date, first.get(image.subject_id, image.date))
        sexes = self._sexes(images)
        scans = []
        for image in self.chosen(self._one_a_day(image for image in images if self._is_wanted(image))):
            facts = self.facts(image)
            subject, session = image.subject_id, f"d{(image.date - first[image.subject_id]).days:04d}"
            scanner = self.tree.scanner_of(image.file, image.listed.protocol, self.notes)
            scanner = scanner.filled(facts.pop("scanner", Acquisition()))
            known = (facts.pop("diagnosis"), facts.pop("age"), sexes[subject], *scanner.of_scan)
            facts |= {"image_id": f"I{image.file.image}", "description": image.listed.description}
            scans.append(Scan(subject, session, image.file.path, image.dataset, *known, extra=facts))
        notes = [f"{note} ({count} images)" if count > 1 else note for note, count in Counter(self.notes).items()]
        return Import(scans, self.found.left_out, notes)

    def _participants(self) -> Iterator[Image]:
        """Images of participants that are both in the tree and listed, in the order of the tables."""
        leave_out = self.found.leave_out
        for number, file in self.tree.images.items():
            if number not in self.listed:
                leave_out(file.shown, "no table lists the image")
        for number, listed in self.listed.items():
            if number not in self.tree.images:
                leave_out(f"{listed.place} I{number}", "listed, but its file is not in the download")
                continue
            file = self.tree.images[number]
            day = file.date or listed.date
            if f"_{listed.subject}_" not in file.name:
                leave_out(file.shown, "file name and table name different subjects")
                continue
            if day is None:
                leave_out(file.shown, "day of the scan is unknown")
                continue
            if listed.date not in (None, day):
                self.notes.append("folder and table state different days of a scan: the folder's is taken")
            reason = self.stranger(listed)
            if reason:
                leave_out(file.shown, reason)
            else:
                # Without site and phase: a roll-over participant of ADNI is one person.
                yield Image(file, listed, day, f"{self.project}_{listed.subject.rsplit('_', 1)[-1]}")

    def _sexes(self, images: list[Image]) -> dict[str, str]:
        """Sex by subject, "" where sources contradict each other or none states it."""
        stated: dict[str, set[str]] = {}
        for image in images:
            known = {normalise.sex(image.listed.sex), normalise.sex(self.sex(image.listed))} - {""}
            stated.setdefault(image.subject_id, set()).update(known)
        for subject, known in stated.items():
            if len(known) > 1:
                self.notes.append(f"{subject}: tables state both sexes: left empty")
        return {subject: "".join(known) if len(known) == 1 else "" for subject, known in stated.items()}

    def _is_wanted(self, image: Image) -> bool:
        reason = self.rejected(image) or _unwanted(image.raw, self.options.processed) or self.find_dataset(image)
        if reason:
            self.found.leave_out(image.file.shown, reason)
        return not reason

    def _one_a_day(self, images: Iterable[Image]) -> list[Image]:
        def rank(image: Image) -> Any:
            return self.rank(image), image.file.series, int(image.file.image)

        sessions = by_session(images, lambda image: (image.subject_id, image.date), rank)
        for first, *others in sessions:
            for image in others:
                self.found.leave_out(image.file.shown, _why(first, image))
        return [several[0] for several in sessions]


def _unwanted(raw: bool | None, wanted: Processed) -> str:
    if raw is None:
        return "neither its Type nor its file name says whether the image is raw or processed"
    if wanted == "raw" and not raw:
        return "processed by the archive, and raw images are wanted"
    if wanted == "processed" and raw:
        return "raw, and processed images are wanted"
    return ""


def _why(first: Image, other: Image) -> str:
    if other.raw != first.raw:
        return f"{'raw' if other.raw else 'processed'} image of a session that has a preferred one"
    if other.repeat and not first.repeat:
        return "repeat acquisition of the same session"
    if other.twin and not first.twin:
        return "'_ND' twin of an image of the same session"
    return "another image of the same session comes first"
