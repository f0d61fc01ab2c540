"""Any dataset in BIDS: T1w images, participants.tsv, sessions.tsv and JSON files; those that Clinica converts too."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.data.schema import DIAGNOSES, SEXES
from benchmark.errors import UserError
from benchmark.prepare.importers.bids_files import Sidecars, t1_images
from benchmark.prepare.importers.bids_tables import DIAGNOSIS_WORDS, SEX_WORDS, People, Words, age
from benchmark.prepare.importers.clinica import AGE_AT_BASELINE, of_oasis, rated, years_since
from benchmark.prepare.importers.files import stem
from benchmark.prepare.importers.record import Import, Scan
from benchmark.prepare.importers.sessions import Image, gather
from benchmark.prepare.importers.sidecar import read_json

#: Of an image whose files cannot be used, until it is told of.
_BROKEN = "files that belong to it cannot be used"
_COLUMNS = {"diagnosis": ("diagnosis", "dx", "group"), "age": ("age", AGE_AT_BASELINE), "sex": ("sex", "gender")}


@dataclass(frozen=True)
class Options:
    """What is imported, and how.

    Attributes
    ----------
    images
        Root of the dataset, with its folders sub-LABEL.
    dataset
        Name of the dataset; that of dataset_description.json by default, with '-' for what a site's name cannot have.
    participants
        Table of subjects; participants.tsv of the root by default.
    diagnosis_column
        Column of participants.tsv or of sessions.tsv, which counts first; diagnosis, dx or group by default.
    age_column
        Column of sessions.tsv or participants.tsv with years; age by default.
    sex_column
        Column of participants.tsv or sessions.tsv; sex or gender by default.
    site_column
        Column whose values are added to the dataset's name, where one dataset is of several sites.
    site_pattern
        Regular expression of the whole label of a session, whose one group is added to the dataset's name, where
        sessions are called after scanners, such as '(.{7})[0-9]{3}' for OXF1PRI002.
    diagnosis_map
        Diagnosis (CN, MCI, AD, PD, SWEDD, PRODROMAL, OTHER, or empty for unknown) by word in the table, such as
        '{"patient": "AD"}'. Common words are known (control, HC, MCI, AD, PD ...); others are OTHER.
    sex_map
        F or M by word or code in the table, such as '{"1": "M", "2": "F"}'; F, M, female and male are known.
    """

    images: Path
    dataset: str = ""
    participants: Path | None = None
    diagnosis_column: str | None = None
    age_column: str | None = None
    sex_column: str | None = None
    site_column: str | None = None
    site_pattern: str | None = None
    diagnosis_map: dict[str, str] = field(default_factory=dict)
    sex_map: dict[str, str] = field(default_factory=dict)


def collect(options: Options) -> Import:
    """Scans of the dataset, one a session.

    Of several T1w images of a session the one without contrast agent, with fewest further entities and of the lowest
    run is used. Subjects are named DATASET_LABEL, since labels such as ``01`` are those of other people elsewhere.
    """
    found = Import()
    reader = _Reader(options)
    gather(t1_images(options.images, found), reader.scan, options.images, found)
    return _with_tables(found, reader, options)


def collect_some(options: Options, wanted: Callable[[Image], bool]) -> tuple[Import, dict[Path, str]]:
    """Scans of some of the images, as :func:`collect` chooses and names them.

    Returns
    -------
    tuple
        What was found, and by image what is wrong with the files that belong to it. It keeps no other session out; of
        its own session no image takes its place.
    """
    found, problems, broken = Import(), dict[Path, str](), set[tuple[str, str]]()
    reader = _Reader(options)

    def scan(image: Image) -> Scan | str:
        try:
            return reader.scan(image)
        except UserError as error:
            problems[image.path] = str(error)
            broken.add((f"{reader.dataset}_{image.subject}", image.session))
            return _BROKEN

    gather([image for image in t1_images(options.images, found) if wanted(image)], scan, options.images, found)
    found.scans = [scan for scan in found.scans if (scan.subject_id, scan.session_id) not in broken]
    found.left_out = [one for one in found.left_out if one.reason != _BROKEN]
    return _with_tables(found, reader, options), problems


def _with_tables(found: Import, reader: _Reader, options: Options) -> Import:
    """What was found, and what of the tables belongs to none of it or could be read in two ways."""
    for option in ("diagnosis_column", "age_column", "sex_column", "site_column"):
        if getattr(options, option):
            reader.people.check_column(option, getattr(options, option))
    prefix = f"{reader.dataset}_"
    used = {(scan.subject_id.removeprefix(prefix), scan.session_id) for scan in found.scans}
    found.left_out += reader.people.unused(used)
    found.ambiguous += reader.told(found.scans)
    return found


class _Reader:
    """Scans from images and tables, and what was met on the way that could be read in two ways."""

    def __init__(self, options: Options) -> None:
        self.options = options
        if options.dataset != _safe(options.dataset):
            raise UserError(
                f"dataset: '{options.dataset}' is not allowed; it must be of letters, digits, '.', '_' and '-'"
            )
        self.dataset = options.dataset or _dataset_name(options.images)
        self.site_pattern = _pattern(options)
        self.people = People(options.images, options.participants)
        self.sidecars = Sidecars(options.images)
        self.diagnoses = Words("diagnosis_map", options.diagnosis_map, DIAGNOSIS_WORDS, DIAGNOSES, "OTHER")
        self.sexes = Words("sex_map", options.sex_map, SEX_WORDS, SEXES)
        self.bounded: set[str] = set()
        self.age_of_subject: set[Path] = set()
        named = {"diagnosis": options.diagnosis_column, "age": options.age_column, "sex": options.sex_column}
        self.columns = {what: (name,) if name else _COLUMNS[what] for what, name in named.items()}

    def scan(self, image: Image) -> Scan | str:
        """The scan of an image, or why it is none."""
        acquired = self.sidecars.of(image.path)
        if acquired.dimensions == "2D":
            return "2D acquisition"
        if not self.people.knows(image.subject):
            return "image without a row in the table of participants"
        dataset, site_column = self.dataset, self.options.site_column
        if site_column:
            site = self.people.cell(image.subject, image.session, (site_column,))
            if site is None or not _safe(site[0][site_column]):
                return "no value in the column of sites"
            dataset += f"-{_safe(site[0][site_column])}"
        if self.site_pattern:
            label = self.site_pattern.fullmatch(image.session)
            if label is None or not _safe(label[1] or ""):
                return "label of the session in which site_pattern finds no site"
            dataset += f"-{_safe(label[1])}"
        diagnosis, years, sex = (
            self.people.cell(image.subject, image.session, names, subject_first=what == "sex")
            for what, names in self.columns.items()
        )
        if years and years[0].table is self.people.table and not years_since(years[1], image.session):
            self.age_of_subject.add(image.path)
        facts = (
            self.diagnoses(diagnosis[0][diagnosis[1]]) if diagnosis else "",
            age(*years, self.bounded) + years_since(years[1], image.session) if years else math.nan,
            self.sexes(sex[0][sex[1]]) if sex else "",
        )
        source = diagnosis[0].source(diagnosis[1]) if diagnosis else ""
        if not facts[0] and not self.options.diagnosis_column and of_oasis(image.subject):
            by_rating, source = rated(self.people, image.subject, image.session)
            facts = (by_rating, *facts[1:])
        extra = {"image_id": stem(image.path), "diagnosis_source": source}
        subject = f"{self.dataset}_{image.subject}"
        return Scan(subject, image.session, image.path, dataset, *facts, *acquired.of_scan, extra=extra)

    def told(self, scans: list[Scan]) -> list[str]:
        """What could be read in two ways, a line each."""
        lines = []
        table = self.people.table
        if table is None:
            lines.append("there is no participants.tsv; diagnosis, age and sex are known from sessions.tsv at most")
        for what, names in self.columns.items():
            several = [name for name in names if table and table.find(name)]
            if len(several) > 1:
                lines.append(f"{what} is read from column {several[0]}; there is {' and '.join(several[1:])} too")
            elif table and not several and not any(_known(scan, what) for scan in scans):
                lines.append(f"{what} is unknown: there is no column {' or '.join(names)}; name it by {what}_column")
        for start, words, end in (
            ("words that are read as OTHER", self.diagnoses.unknown, "; see diagnosis_map"),
            ("sexes that are read as unknown", self.sexes.unknown, "; see sex_map"),
            ("ages that are read as the number in them", self.bounded, ""),
        ):
            if words:
                listing = ", ".join(f"'{word}'" for word in sorted(words))
                lines.append(f"{start}: {listing}{end}")
        sessions = Counter(scan.subject_id for scan in scans)
        shared = sum(sessions[scan.subject_id] > 1 and scan.image in self.age_of_subject for scan in scans)
        if shared:
            text = "scans of subjects with several sessions have the subject's age, which is that of one of them"
            lines.append(f"{shared} {text}")
        return lines


def _known(scan: Scan, what: str) -> bool:
    return bool({"diagnosis": scan.diagnosis, "sex": scan.sex, "age": not math.isnan(scan.age)}[what])


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-._")


def _pattern(options: Options) -> re.Pattern[str] | None:
    if options.site_pattern is None:
        return None
    try:
        pattern = re.compile(options.site_pattern)
    except re.error as error:
        raise UserError(f"site_pattern: '{options.site_pattern}' is no regular expression: {error}") from None
    if pattern.groups != 1:
        raise UserError(
            f"site_pattern: '{options.site_pattern}' has {pattern.groups} groups; it must have one, "
            "such as (.{7})[0-9]{3}"
        )
    return pattern


def _dataset_name(root: Path) -> str:
    if not root.is_dir():
        raise UserError(f"{root}: there is no such folder")
    path = root / "dataset_description.json"
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; name the root of a BIDS dataset, or its name by --dataset")
    name = _safe(str(read_json(path).get("Name") or ""))
    if not name:
        raise UserError(f"{path}: field 'Name' has no letter or digit; name the dataset by --dataset")
    return name
