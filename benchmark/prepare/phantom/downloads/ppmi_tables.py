"""Study tables of the PPMI replica: participant status, demographics, ages at visits and the curated cut."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.prepare.phantom.downloads.expected import write_csv

_STATUS = ("PATNO", "COHORT", "COHORT_DEFINITION", "ENROLL_DATE", "ENROLL_STATUS", "CONCOHORT", "CONCOHORT_DEFINITION")
_DEMOGRAPHICS = ("PATNO", "EVENT_ID", "INFODT", "BIRTHDT", "SEX", "HANDED")
_AGES = ("PATNO", "EVENT_ID", "AGE_AT_VISIT")
_CURATED = ("PATNO", "EVENT_ID", "YEAR", "visit_date", "COHORT", "subgroup", "age_at_visit", "SEX", "EDUCYRS", "moca")
_CODES = {"PD": "1", "CN": "2", "SWEDD": "3", "PRODROMAL": "4", "OTHER": "9"}
_WORDS = {
    "": "",
    "0": "",
    "1": "Parkinson's Disease",
    "2": "Healthy Control",
    "3": "SWEDD",
    "4": "Prodromal",
    "9": "Early Imaging (original study participants only)",
}
_SEXES = {"F": "0", "M": "1"}


@dataclass
class Clinic:
    """Rows of the study tables, gathered and then written."""

    status: list[tuple[str, ...]] = field(default_factory=list)
    demographics: list[tuple[str, ...]] = field(default_factory=list)
    ages: list[tuple[str, ...]] = field(default_factory=list)
    curated: list[tuple[str, ...]] = field(default_factory=list)

    def enrol(self, patno: str, label: str, day: datetime.date, consensus: str | None = None) -> None:
        """Add a row to the participant status; ``consensus`` is the code of CONCOHORT, that of the label by default."""
        code = _CODES[label]
        agreed = code if consensus is None else consensus
        self.status.append((patno, code, _WORDS[code], _month(day), "Enrolled", agreed, _WORDS[agreed]))

    def describe(self, patno: str, sex: str, birth: datetime.date, day: datetime.date) -> None:
        """Add a row to the demographics."""
        self.demographics.append((patno, "SC", _month(day), _month(birth), _SEXES[sex], "1"))

    def visit(self, patno: str, event: str, age: float) -> None:
        """Add an age at a visit."""
        self.ages.append((patno, event, f"{age:.1f}"))

    def curate(self, patno: str, event: str, day: datetime.date, label: str, sex: str, age: float) -> None:
        """Add a row to the curated cut."""
        start = (patno, event, "1", _month(day), _CODES[label], ".")
        self.curated.append((*start, f"{age:.1f}", _SEXES[sex], "16", "."))

    def write(self, out: Path) -> None:
        """Write the four tables into a folder, named as if exported on one day."""
        write_csv(out / "Participant_Status_15Jan2024.csv", _STATUS, self.status, quote=True)
        write_csv(out / "Demographics_15Jan2024.csv", _DEMOGRAPHICS, self.demographics, quote=True)
        write_csv(out / "Age_at_visit_15Jan2024.csv", _AGES, self.ages, quote=True)
        write_csv(out / "PPMI_Curated_Data_Cut_Public_20240115.csv", _CURATED, self.curated)


def _month(day: datetime.date) -> str:
    return f"{day:%m/%Y}"
