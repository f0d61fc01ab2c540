"""Replica of a dataset in BIDS: sessions, runs, JSON files of several levels, derivatives, words for diagnoses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.prepare.phantom.downloads.expected import Expected, check_subjects, write_csv
from benchmark.prepare.phantom.downloads.volumes import Volume, heads, write_nifti

NAME = "Memory clinic: a replica"
#: As a manifest writes the name.
DATASET = "Memory-clinic-a-replica"


@dataclass(frozen=True)
class Case:
    """What subjects of one kind have.

    Attributes
    ----------
    group
        Word in participants.tsv.
    diagnoses
        Of a manifest, by session.
    sessions
        Labels; "" for none.
    images
        Names of the T1w images of each session after ``sub-`` and ``ses-``; the first is the one to use.
    """

    group: str
    diagnoses: tuple[str, ...]
    sessions: tuple[str, ...] = ("",)
    images: tuple[str, ...] = ("T1w",)


#: Subjects at these places are odd.
VISITED, OTHER_SCANNER, NO_IMAGE, NO_ROW, VERY_OLD, FLAT, ONE_AGE = 0, 1, 6, 7, 8, 9, 10
CASES = (
    Case("Healthy control", ("CN", "MCI"), ("01", "02")),
    Case("AD", ("AD",), images=("run-1_T1w", "run-2_T1w", "run-10_T1w")),
    Case("Mild cognitive impairment", ("MCI",), images=("T1w", "acq-fast_T1w")),
    Case("parkinson's disease", ("PD",), images=("acq-a_run-2_T1w", "ce-gad_T1w")),
    Case("patient", ("OTHER",)),
    Case("n/a", ("",)),
    Case("control", ("CN",)),
    Case("control", ("CN",)),
    Case("HC", ("CN",)),
    Case("HC", ("CN",)),
    Case("ad", ("AD", "AD"), ("a", "b")),
    Case("MCI", ("MCI",)),
)
FEWEST = len(CASES)
#: The importer finds its tables itself.
OPTIONS: dict[str, str] = {}


@dataclass(frozen=True)
class Person:
    """One subject of the replica.

    Attributes
    ----------
    index
        From 0.
    sex, age
        As in participants.tsv, but for the very old.
    case
        What there is of the subject.
    """

    index: int
    sex: str
    age: float
    case: Case

    @property
    def label(self) -> str:
        """Without ``sub-``."""
        return f"R{901 + self.index}"

    @property
    def site(self) -> str:
        """Value of the column of sites."""
        return ("North", "South")[self.index % 2]

    def path(self, session: str, image: str) -> str:
        """Of an image within the replica."""
        folder = f"sub-{self.label}/ses-{session}" if session else f"sub-{self.label}"
        return f"{folder}/anat/sub-{self.label}_" + (f"ses-{session}_" if session else "") + f"{image}.nii.gz"

    def age_in(self, place: int) -> float:
        """Age in the session at a place."""
        if self.index == VERY_OLD:
            return 89.0
        return self.age + 2 * place if self.index == VISITED else self.age


def people(seed: int = 0, subjects: int = 12) -> list[Person]:
    """All subjects, with and without images or rows."""
    check_subjects(subjects, FEWEST)
    found = []
    for index in range(subjects):
        rng = np.random.default_rng([seed, index, 5])
        sex, age = "FM"[int(rng.integers(2))], round(float(rng.uniform(50, 85)), 1)
        found.append(Person(index, sex, age, CASES[index] if index < len(CASES) else CASES[index % 4]))
    return found


def expected(seed: int = 0, subjects: int = 12) -> list[Expected]:
    """What a manifest holds, in the order of subjects and sessions."""
    return [
        Expected(
            subject_id=f"{DATASET}_{each.label}",
            session_id=session or "single",
            image=each.path(session, each.case.images[0]),
            diagnosis=diagnosis,
            age=each.age_in(place),
            sex=each.sex,
            manufacturer="GE" if each.index == OTHER_SCANNER else "Philips",
            model="Achieva" if each.index % 2 == 0 else "",
            field_strength=1.5 if each.index == OTHER_SCANNER else 3.0,
        )
        for each in people(seed, subjects)
        for place, (session, diagnosis) in enumerate(zip(each.case.sessions, each.case.diagnoses, strict=False))
        if each.index not in (NO_IMAGE, NO_ROW, FLAT)
    ]


def write_bids(out: Path, seed: int = 0, subjects: int = 12, volume: Volume | None = None) -> Path:
    """Write the replica.

    Its oddities: sessions with a table of their own and without, sessions of one age, runs, an acquisition beside a
    plain image, a contrast agent, a word for a group that says nothing, ``n/a``, an age of ``89+``, JSON files of the
    root that those of images overrule, a 2D image, images that are no T1w, one without a name of BIDS, derivatives, a
    row without images, images without a row, a table with a byte-order mark.

    Parameters
    ----------
    out
        Root of the dataset.
    seed
        Of ages, sexes and heads.
    subjects
        How many; at least 12.
    volume
        What makes the volumes; small made-up heads by default.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    UserError
        For too few subjects.
    """
    make = volume or heads(seed)
    everyone = people(seed, subjects)
    for each in everyone:
        if each.index != NO_IMAGE:
            _write_subject(out, each, make)
    _write_json(out / "dataset_description.json", {"Name": NAME, "BIDSVersion": "1.8.0"})
    _write_json(out / "T1w.json", {"Manufacturer": "Philips Medical Systems", "MagneticFieldStrength": 3})
    rows = []
    for each in everyone:
        age = "89+" if each.index == VERY_OLD else each.age
        if each.index != NO_ROW:
            rows.append([f"sub-{each.label}", age, each.sex, each.case.group, each.site])
    header = ("participant_id", "age", "sex", "group", "centre")
    write_csv(out / "participants.tsv", header, rows, "utf-8-sig", "\t")
    visited = everyone[VISITED]
    sessions = [
        [f"ses-{name}", visited.age_in(place), group] for place, name, group in ((0, "01", "n/a"), (1, "02", "MCI"))
    ]
    path = out / f"sub-{visited.label}" / f"sub-{visited.label}_sessions.tsv"
    write_csv(path, ("session_id", "age", "group"), [*sessions, ["ses-03", 80, "MCI"]], separator="\t")
    return out


def _write_subject(out: Path, each: Person, make: Volume) -> None:
    for session, diagnosis in zip(each.case.sessions, each.case.diagnoses, strict=True):
        volume = make(each.index, diagnosis, "BIDS")
        for image in each.case.images:
            path = out / each.path(session, image)
            write_nifti(path, *volume, axes="RAS")
            fields: dict[str, object] = {"ManufacturersModelName": "Achieva"} if each.index % 2 == 0 else {}
            if each.index == OTHER_SCANNER:
                fields |= {"Manufacturer": "GE MEDICAL SYSTEMS", "MagneticFieldStrength": 1.4940}
            if each.index == FLAT:
                fields["MRAcquisitionType"] = "2D"
            if fields:
                _write_json(path.with_name(path.name.replace(".nii.gz", ".json")), fields)
        write_nifti(out / each.path(session, "T2w"), *volume, axes="RAS")
        if each.index == 0:
            folder = out / each.path(session, "T1w")
            write_nifti(folder.with_name("scan.nii.gz"), *volume, axes="RAS")
            write_nifti(out / "derivatives" / "tool" / each.path(session, "desc-preproc_T1w"), *volume, axes="RAS")


def _write_json(path: Path, fields: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fields, indent=1, sort_keys=True) + "\n", encoding="utf-8")
