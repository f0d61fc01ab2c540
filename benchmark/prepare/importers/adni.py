"""ADNI1, ADNI-GO/2, ADNI3 and ADNI4, as downloaded from LONI: NIfTI or DICOM, with the collection or search table.

Each phase is a dataset; ADNI-GO and ADNI2 are one. A subject has one subject_id in all phases: ADNI_ and the RID.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.prepare.importers.adni_phase import phase_of
from benchmark.prepare.importers.adni_tables import Person, read_adnimerge, read_dxsum
from benchmark.prepare.importers.loni import Image, LoniOptions, Study
from benchmark.prepare.importers.loni_tables import Listed
from benchmark.prepare.importers.normalise import field_strength, missing, years_between
from benchmark.prepare.importers.record import Import
from benchmark.prepare.importers.sessions import nearest
from benchmark.prepare.importers.sidecar import Acquisition

_GROUPS = {"CN": "CN", "NL": "CN", "EMCI": "MCI", "MCI": "MCI", "LMCI": "MCI", "AD": "AD", "DEMENTIA": "AD"}
#: ``MPR; GradWarp; B1 Correction; N3; Scaled``, ``MPR-R; ...``, ``MT1; N3m``.
_PROCESSED = re.compile(r"(mpr(-r)?|mt1) ?;")
_T1 = re.compile(r"mp[ -]?rage|f?spgr")
_NEVER = re.compile(r"mask|segment|hippo|phantom")
_OTHER = re.compile(
    r"locali[sz]er|scout|plane|calibration|\bb1\b|flair|t2|\bpd\b|field ?map|dti|asl|fmri|moco|swi\b|\bpet\b"
)
_MODALITIES = ("", "mri", "mr")
#: Endings of processed images, best first.
_ENDINGS = ("scaled", "scaled 2", "n3m", "n3")


@dataclass(frozen=True)
class Options(LoniOptions):
    """What the importer is told.

    Attributes
    ----------
    adnimerge
        ADNIMERGE.csv: diagnosis by visit, phase, age and field strength.
    dxsum
        DXSUM.csv or DXSUM_PDXCONV_ADNIALL.csv: diagnosis by visit, which comes before ADNIMERGE's.
    smc
        What the group SMC (significant memory concern) is read as where no visit has a diagnosis.
    phase_rule
        scan: each scan is of the phase it was acquired in. first: scans of phases after a subject's first are left out.
    """

    adnimerge: Path | None = None
    dxsum: Path | None = None
    smc: Literal["CN", "MCI", "OTHER"] = "CN"
    phase_rule: Literal["scan", "first"] = "scan"


def collect(options: Options) -> Import:
    """Find the T1 images of a download, one a subject and day."""
    return _Adni(options).collect()


class _Adni(Study):
    project = "ADNI"

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.persons = read_adnimerge(options.adnimerge, self.notes) if options.adnimerge else {}
        self.visits = read_dxsum(options.dxsum, self.notes) if options.dxsum else {}
        #: What was named as the phase of an image, by its identifier.
        self.sources: dict[str, str] = {}

    def _person(self, listed: Listed) -> Person:
        return self.persons.get(_rid(listed), Person())

    def stranger(self, listed: Listed) -> str:
        participant = re.fullmatch(r"\d{3}_S_\d{4,5}", listed.subject)
        return "" if participant else "subject is not of the form 123_S_4567, as participants are"

    def sex(self, listed: Listed) -> str:
        return self._person(listed).sex

    def rejected(self, image: Image) -> str:
        if image.listed.modality.casefold() not in _MODALITIES:
            return f"not T1: modality {image.listed.modality}"
        processed = _PROCESSED.match(image.words)
        other = _NEVER.search(image.words) or (None if processed else _OTHER.search(image.words))
        is_t1 = other is None and (processed or _T1.search(image.words))
        return "" if is_t1 else "not T1 by its description"

    def find_dataset(self, image: Image) -> str:
        listed = image.listed
        visit = listed.visit
        # The metadata has the long name of the visit; the collection has a code that several phases share.
        if not listed.phase and not visit.upper().startswith("ADNI"):
            visit = self.tree.document(listed.image, self.notes).get("visit", visit)
        image.dataset, self.sources[listed.image] = phase_of(
            f"I{listed.image}", listed.phase, visit, image.date, self._person(listed).visits, self.window, self.notes
        )
        return "" if image.dataset else "phase is unknown"

    def rank(self, image: Image) -> Any:
        """Smallest for the image that stands for its session.

        Raw before processed; the field strength that the phase was designed for (1.5 T in ADNI1, 3 T later); first
        acquisitions before repeats; corrected for distortion before ``_ND``; accelerated ones last, but first in ADNI3
        and ADNI4, which were designed with them; ``MPRAGE SENSE2`` after others; of processed ones the most processed.
        """
        ending = next((place for place, end in enumerate(_ENDINGS) if image.words.endswith(end)), len(_ENDINGS))
        return (
            not image.raw,
            not math.isnan(image.tesla) and (image.tesla < 2) != (image.dataset == "ADNI1"),
            image.repeat,
            image.twin,
            ("acc" in image.words) != (image.dataset in ("ADNI3", "ADNI4")),
            "sense" in image.words,
            0 if image.raw else ending,
        )

    def chosen(self, images: list[Image]) -> list[Image]:
        if self.options.phase_rule == "scan":
            return images
        first: dict[str, str] = {}
        kept = []
        for image in images:
            if first.setdefault(image.subject_id, image.dataset) == image.dataset:
                kept.append(image)
            else:
                self.found.leave_out(image.file.shown, "of a phase after the subject's first (--phase_rule first)")
        return kept

    def facts(self, image: Image) -> dict[str, Any]:
        person = self._person(image.listed)
        diagnosis, source, days = self._diagnosis(image, person)
        age, age_source = _age(image, person)
        measured = [visit for visit in person.visits if not missing(visit.field_strength)]
        visit = nearest(measured, image.date, self.window)
        by_visit = Acquisition(field_strength=field_strength(visit.field_strength)) if visit else Acquisition()
        return {
            "diagnosis": diagnosis,
            "age": age,
            "scanner": by_visit,
            "phase_source": self.sources[image.listed.image],
            "diagnosis_source": source,
            "days_to_visit": days,
            "age_source": age_source,
        }

    def _diagnosis(self, image: Image, person: Person) -> tuple[str, str, str]:
        for visits in (self.visits.get(_rid(image.listed), []), person.visits):
            visit = nearest([visit for visit in visits if visit.source], image.date, self.window)
            if visit is not None:
                return visit.diagnosis, visit.source, str((visit.day - image.date).days)
        if self.options.dxsum or self.options.adnimerge:
            self.notes.append(
                f"no visit with a diagnosis within {self.window.days} days of the scan: diagnosis left empty, as Group "
                "is that of enrolment"
            )
            return "", "", ""
        group = image.listed.group
        known = _GROUPS | {"SMC": self.options.smc}
        if not missing(group) and group.upper() not in known:
            self.notes.append(f"Group '{group}' is not known: diagnosis left empty")
        return known.get(group.upper(), ""), f"Group={group}" if group else "", ""


def _rid(listed: Listed) -> str:
    return listed.subject.rsplit("_", 1)[-1].lstrip("0")


def _age(image: Image, person: Person) -> tuple[float, str]:
    if not math.isnan(image.listed.age):
        return image.listed.age, "search"
    if person.baseline is not None and not math.isnan(person.baseline_age):
        return person.baseline_age + years_between(person.baseline, image.date), "ADNIMERGE"
    whole = image.listed.whole_age
    return whole, "" if math.isnan(whole) else "collection, whole years"
