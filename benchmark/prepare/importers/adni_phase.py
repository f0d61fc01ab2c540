"""The ADNI phase that an image was acquired in."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

from benchmark.prepare.importers.sessions import Visit, nearest

#: Sites by phase; ADNI-GO and ADNI2 used the same protocol.
_DATASETS = {"ADNI1": "ADNI1", "ADNIGO": "ADNI2", "ADNI2": "ADNI2", "ADNI3": "ADNI3", "ADNI4": "ADNI4"}
#: First days of enrolment, latest first; ADNI2 begins with ADNI-GO. ADNI4's is not known here: its images need a table
#: that names it.
_STARTS = {
    "ADNI3": datetime.date(2016, 9, 1),
    "ADNI2": datetime.date(2009, 9, 1),
    "ADNI1": datetime.date(2004, 10, 1),
}
#: Visits of the phase before go on for about a year after a phase begins.
_OVERLAP_DAYS = 365
#: ``ADNI2 Screening MRI-New Pt``; but ``ADNI Screening`` and ``ADNI1/GO Month 6`` are of more than one phase.
_VISIT = re.compile(r"(ADNI ?(?:1|GO|2|3|4))(?!/)\b", re.IGNORECASE)


def phase_of(
    image: str,
    stated: str,
    visit: str,
    day: datetime.date,
    visits: Sequence[Visit],
    window: datetime.timedelta,
    notes: list[str],
) -> tuple[str, str]:
    """Dataset of an image (``ADNI1`` to ``ADNI4``) and what says so; "" twice where nothing does.

    The phase that the advanced search states is trusted first; then the name of the visit, if it begins with one phase;
    then the phase under which the nearest of the subject's visits in ADNIMERGE within the window was collected; then
    the day. ``image`` is what notes call it.
    """
    name = _VISIT.match(visit)
    own, named = _dataset(stated), _dataset(name[1]) if name else ""
    if stated and not own:
        notes.append(f"phase '{stated}' is not known: taken from visit or date")
    if own:
        if named and named != own:
            notes.append(f"{image}: phase is '{stated}', but the visit is '{visit}': the phase is taken")
        if day < _STARTS.get(own, day):
            notes.append(f"{image}: was scanned before its phase '{stated}' began: the phase is taken")
        return own, "Phase"
    if named:
        return named, "Visit"
    near = nearest([each for each in visits if _dataset(each.phase)], day, window)
    if near is not None:
        return _dataset(near.phase), "COLPROT"
    dataset = next((dataset for dataset, start in _STARTS.items() if day >= start), "")
    if dataset in ("ADNI2", "ADNI3") and (day - _STARTS[dataset]).days < _OVERLAP_DAYS:
        notes.append(
            f"{image}: phase is by the date of the scan, and the phase before went on then: {dataset} is taken"
        )
    elif dataset:
        notes.append("phase is by the date of the scan, as no table states it")
    return dataset, "date" if dataset else ""


def _dataset(phase: str) -> str:
    return _DATASETS.get(re.sub(r"[\s_-]", "", phase).upper(), "")
