"""PPMI, as downloaded from LONI: NIfTI or DICOM, with the collection or search table."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.prepare.importers.loni import Image, LoniOptions, Study
from benchmark.prepare.importers.loni_tables import Listed
from benchmark.prepare.importers.normalise import missing, number, years_between
from benchmark.prepare.importers.ppmi_tables import Person, read_persons
from benchmark.prepare.importers.record import Import
from benchmark.prepare.importers.sessions import nearest

_GROUPS = {
    "PD": "PD",
    "CONTROL": "CN",
    "HC": "CN",
    "HEALTHY CONTROL": "CN",
    "SWEDD": "SWEDD",
    "PRODROMAL": "PRODROMAL",
    "GENREG PD": "PD",
    "GENCOHORT PD": "PD",
}
_MONTHS = {3: 1, 6: 2, 9: 3, 12: 4, 18: 5, 24: 6, 30: 7, 36: 8, 42: 9, 48: 10, 54: 11, 60: 12}
_LATER = {72: 13, 84: 14, 96: 15, 108: 16, 120: 17, 132: 18, 144: 19, 156: 20}
_EVENTS = {
    "SCREENING": "SC",
    "BASELINE": "BL",
    "SYMPTOMATIC THERAPY": "ST",
    "UNSCHEDULED VISIT 01": "U01",
    "UNSCHEDULED VISIT 02": "U02",
    "PREMATURE WITHDRAWAL": "PW",
    **{f"MONTH {month}": f"V{visit:02d}" for month, visit in (_MONTHS | _LATER).items()},
}
# Weighting and Modality are unreliable here: T1 is listed with Weighting=PD, and under DTI.
_T1 = re.compile(r"mp[ -]?rage|t1|spgr|tfe")
_OTHER = re.compile(
    r"2d|phantom|dti|dwi|fmri|bold|t2|flair|neuromelanin|\bnm\b|gre\b.*\bmt\b|\bcor\b|coronal|\btra\b|transverse"
    r"|\bax\b|axial|cal head"
)
_NO_MRI = ("pet", "spect", "ct", "nm")


@dataclass(frozen=True)
class Options(LoniOptions):
    """What the importer is told.

    Attributes
    ----------
    participant_status
        Participant_Status.csv: cohorts, which come before the group of the image tables.
    demographics
        Demographics.csv: sex (0 is female) and month of birth.
    age_at_visit
        Age_at_visit.csv.
    curated
        PPMI_Curated_Data_Cut_Public_YYYYMMDD.csv: cohort, sex and age for those that the other tables lack.
    """

    participant_status: Path | None = None
    demographics: Path | None = None
    age_at_visit: Path | None = None
    curated: Path | None = None


def collect(options: Options) -> Import:
    """Find the T1 images of a download, one a subject and day."""
    return _Ppmi(options).collect()


class _Ppmi(Study):
    project = "PPMI"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        tables = options.participant_status, options.demographics, options.age_at_visit, options.curated
        self.persons = read_persons(*tables, self.notes)

    def stranger(self, listed: Listed) -> str:
        if listed.group.casefold() == "phantom":
            return "phantom, no participant"
        if not re.fullmatch(r"\d{4,7}", listed.subject):
            return "subject is no number of four to seven digits, as participants are"
        return ""

    def sex(self, listed: Listed) -> str:
        return self.persons[listed.subject].sex if listed.subject in self.persons else ""

    def rejected(self, image: Image) -> str:
        if image.listed.modality.casefold() in _NO_MRI:
            return f"not T1: modality {image.listed.modality}"
        if image.words == "sag spgr" and not image.tesla > 1:
            return "SAG SPGR of a low-field unit, or of an unknown one"
        is_t1 = _T1.search(image.words) and not _OTHER.search(image.words)
        return "" if is_t1 else "not T1 by its description"

    def find_dataset(self, image: Image) -> str:
        image.dataset = "PPMI"
        return ""

    def rank(self, image: Image) -> Any:
        """Raw before processed, first acquisitions before repeats, ``_ND`` last, then the largest matrix."""
        voxels = math.prod(number(image.listed.protocol.get(f"matrix {axis}", "")) for axis in "xyz")
        return not image.raw, image.repeat, image.twin, 0.0 if math.isnan(voxels) else -voxels

    def facts(self, image: Image) -> dict[str, Any]:
        person = self.persons.get(image.listed.subject, Person())
        diagnosis, source = self._diagnosis(image.listed, person)
        age, age_source, days = self._age(image, person)
        return {
            "diagnosis": diagnosis,
            "age": age,
            "visit": _event(image.listed.visit),
            "diagnosis_source": source,
            "days_to_visit": days,
            "age_source": age_source,
        }

    def _diagnosis(self, listed: Listed, person: Person) -> tuple[str, str]:
        if person.source:
            return person.diagnosis, person.source
        if missing(listed.group):
            return "", ""
        group = " ".join(listed.group.upper().split())
        if group not in _GROUPS:
            self.notes.append(f"Group '{listed.group}' is none of the cohorts: diagnosis OTHER")
        return _GROUPS.get(group, "OTHER"), f"Group={listed.group}"

    def _age(self, image: Image, person: Person) -> tuple[float, str, str]:
        listed = image.listed
        if not math.isnan(listed.age):
            return listed.age, "search", ""
        event = _event(listed.visit)
        if event in person.ages:
            return person.ages[event], f"visit {event}", ""
        # The tables give only the month of a birth and a visit.
        if person.birth is not None:
            return years_between(person.birth, image.date), "month of birth", ""
        visit = nearest(person.visits, image.date, self.window)
        if visit is not None:
            days = str((visit.day - image.date).days)
            return visit.age + years_between(visit.day, image.date), "nearest visit", days
        return listed.whole_age, "" if math.isnan(listed.whole_age) else "collection, whole years", ""


def _event(visit: str) -> str:
    return _EVENTS.get(" ".join(visit.upper().split()), visit.upper())
