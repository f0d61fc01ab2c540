"""ADNI1, ADNI-GO/2, ADNI3 and ADNI4, as downloaded from LONI: NIfTI or DICOM, with the collection or search table.

Each phase is a dataset; ADNI-GO and ADNI2 are one. A subject has one subject_id in all phases: ADNI_ and the RID.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmark.errors import UserError
from benchmark.prepare.importers.adni_phase import phase_of
from benchmark.prepare.importers.adni_t1 import rank, rejected
from benchmark.prepare.importers.adni_tables import Person, Visit, read_adnimerge, read_dxsum
from benchmark.prepare.importers.choice import nearest
from benchmark.prepare.importers.loni import Found, Tree, counted, read_tree
from benchmark.prepare.importers.loni_scanner import Scanner, read_document, scanner_of
from benchmark.prepare.importers.loni_sessions import Candidate, first_days, one_a_day, session_id, sexes
from benchmark.prepare.importers.loni_t1 import Processed, is_raw, is_repeat, is_twin, unwanted
from benchmark.prepare.importers.loni_tables import Row, match, read_rows
from benchmark.prepare.importers.normalise import field_strength, missing, years_between
from benchmark.prepare.importers.record import Import, LeftOut, Scan

_PTID = re.compile(r"\d{3}_S_(\d{4,5})")
_GROUPS = {"CN": "CN", "NL": "CN", "EMCI": "MCI", "MCI": "MCI", "LMCI": "MCI", "AD": "AD", "DEMENTIA": "AD"}


@dataclass(frozen=True)
class Options:
    """What the importer is told.

    Attributes
    ----------
    images
        Folder of the unpacked zips.
    collection
        Table that comes with the download, NAME_M_DD_YYYY.csv. This, search or both must be given.
    search
        Table that the advanced search writes, idaSearch_M_DD_YYYY.csv. It alone has phase, scanner and decimal age.
    adnimerge
        ADNIMERGE.csv: diagnosis by visit, phase, age and field strength.
    dxsum
        DXSUM.csv or DXSUM_PDXCONV_ADNIALL.csv: diagnosis by visit, which comes before ADNIMERGE's.
    window_days
        Largest distance between scan and visit, itself allowed.
    smc
        What the group SMC (significant memory concern) is read as where no visit has a diagnosis.
    processed
        Which images are used: raw; those that the archive processed, which tells the vendor in ADNI1; or any: raw,
        and processed in sessions without a raw one.
    phase_rule
        scan: each scan is of the phase it was acquired in. first: scans of phases after a subject's first are left out.
    """

    images: Path
    collection: Path | None = None
    search: Path | None = None
    adnimerge: Path | None = None
    dxsum: Path | None = None
    window_days: int = 180
    smc: Literal["CN", "MCI", "OTHER"] = "CN"
    processed: Processed = "raw"
    phase_rule: Literal["scan", "first"] = "scan"


@dataclass
class _State:
    options: Options
    tree: Tree
    persons: dict[str, Person]
    visits: dict[str, list[Visit]]
    left_out: list[LeftOut]
    notes: list[str] = field(default_factory=list)


def collect(options: Options) -> Import:
    """Find the T1 images of a download, one a subject and day.

    Parameters
    ----------
    options
        Folder, tables and rules.

    Raises
    ------
    UserError
        If folder or tables cannot be used.
    """
    if options.window_days < 0:
        raise UserError(f"window_days is {options.window_days}; must be 0 or more")
    left_out: list[LeftOut] = []
    notes: list[str] = []
    rows = read_rows(options.collection, options.search, left_out, notes)
    state = _State(
        options=options,
        persons=read_adnimerge(options.adnimerge, notes) if options.adnimerge else {},
        visits=read_dxsum(options.dxsum, notes) if options.dxsum else {},
        tree=read_tree(options.images, "ADNI", left_out),
        left_out=left_out,
        notes=notes,
    )
    matched = [one for one in match(state.tree, rows, left_out, notes) if _is_participant(one[0], one[1], left_out)]
    first = first_days((_subject(row), day) for _, row, day in matched)
    found_sex = sexes(_stated_sexes(state, [row for _, row, _ in matched]), notes)
    candidates = [one for each in matched if (one := _candidate(state, *each)) is not None]
    chosen = one_a_day(candidates, rank, left_out)
    if options.phase_rule == "first":
        chosen = _first_phase_only(chosen, left_out)
    scans = [_scan(state, one, first[one.subject_id], found_sex[one.subject_id]) for one in chosen]
    return Import(scans, left_out, counted(notes))


def _subject(row: Row) -> str:
    # Without the phase: a roll-over participant is one person.
    return f"ADNI_{row.subject.rsplit('_', 1)[-1]}"


def _rid(subject_id: str) -> str:
    return subject_id.removeprefix("ADNI_").lstrip("0")


def _is_participant(found: Found, row: Row, left_out: list[LeftOut]) -> bool:
    if _PTID.fullmatch(row.subject):
        return True
    left_out.append(LeftOut(found.shown, "subject is not of the form 123_S_4567, as participants are"))
    return False


def _stated_sexes(state: _State, rows: Sequence[Row]) -> list[tuple[str, str]]:
    by_rows = [(_subject(row), row.sex) for row in rows]
    persons = ((subject, state.persons.get(_rid(subject))) for subject, _ in dict(by_rows).items())
    return by_rows + [(subject, person.sex) for subject, person in persons if person is not None]


def _candidate(state: _State, found: Found, row: Row, day: datetime.date) -> Candidate | None:
    raw = is_raw(row, found)
    reason = rejected(row) or unwanted(raw, state.options.processed)
    subject = _subject(row)
    person = state.persons.get(_rid(subject), Person())
    dataset, source = ("", "") if reason else _phase(state, row, day, person)
    if not reason and not dataset:
        reason = "phase is unknown"
    if reason:
        state.left_out.append(LeftOut(found.shown, reason))
        return None
    return Candidate(
        subject_id=subject,
        found=found,
        row=row,
        date=day,
        raw=bool(raw),
        repeat=is_repeat(row.description),
        twin=is_twin(row.description),
        dataset=dataset,
        dataset_source=source,
    )


def _phase(state: _State, row: Row, day: datetime.date, person: Person) -> tuple[str, str]:
    visit = row.visit
    document = state.tree.documents.get(row.image_id)
    # The metadata has the long name of the visit; the collection has a code that several phases share.
    if not row.phase and document is not None and not visit.upper().startswith("ADNI"):
        visit = read_document(document, state.notes).get("visit", visit)
    window = state.options.window_days
    return phase_of(f"I{row.image_id}", row.phase, visit, day, person.visits, window, state.notes)


def _first_phase_only(chosen: Sequence[Candidate], left_out: list[LeftOut]) -> list[Candidate]:
    first: dict[str, str] = {}
    kept = []
    for one in sorted(chosen, key=lambda one: (one.subject_id, one.date)):
        if first.setdefault(one.subject_id, one.dataset) == one.dataset:
            kept.append(one)
        else:
            left_out.append(LeftOut(one.found.shown, "of a phase after the subject's first (--phase_rule first)"))
    return kept


def _scan(state: _State, one: Candidate, first: datetime.date, sex: str) -> Scan:
    row = one.row
    person = state.persons.get(_rid(one.subject_id), Person())
    diagnosis, source, days = _diagnosis(state, one, person)
    age, age_source = _age(row, one.date, person)
    scanner = scanner_of(
        row.protocol, state.tree.documents.get(row.image_id), one.found.first_slice, state.notes
    ).filled(_by_visit(person, one.date, state.options.window_days))
    return Scan(
        subject_id=one.subject_id,
        session_id=session_id(one.date, first),
        image=one.found.path,
        dataset=one.dataset,
        diagnosis=diagnosis,
        age=age,
        sex=sex,
        manufacturer=scanner.manufacturer,
        model=scanner.model,
        field_strength=scanner.field_strength,
        extra={
            "image_id": f"I{row.image_id}",
            "description": row.description,
            "phase_source": one.dataset_source,
            "diagnosis_source": source,
            "days_to_visit": days,
            "age_source": age_source,
        },
    )


def _diagnosis(state: _State, one: Candidate, person: Person) -> tuple[str, str, str]:
    window = state.options.window_days
    for visits in (state.visits.get(_rid(one.subject_id), []), person.visits):
        rated = [visit for visit in visits if visit.source]
        place = nearest([visit.day.toordinal() for visit in rated], one.date.toordinal(), window)
        if place is not None:
            visit = rated[place]
            return visit.diagnosis, visit.source, str((visit.day - one.date).days)
    if state.options.dxsum or state.options.adnimerge:
        state.notes.append(
            f"no visit with a diagnosis within {window} days of the scan: diagnosis left empty, as Group is that of "
            "enrolment"
        )
        return "", "", ""
    group = one.row.group
    known = _GROUPS | {"SMC": state.options.smc}
    if not missing(group) and group.upper() not in known:
        state.notes.append(f"Group '{group}' is not known: diagnosis left empty")
    return known.get(group.upper(), ""), f"Group={group}" if group else "", ""


def _age(row: Row, day: datetime.date, person: Person) -> tuple[float, str]:
    if not math.isnan(row.age):
        return row.age, "search"
    if person.baseline is not None and not math.isnan(person.baseline_age):
        return person.baseline_age + years_between(person.baseline, day), "ADNIMERGE"
    return row.whole_age, "" if math.isnan(row.whole_age) else "collection, whole years"


def _by_visit(person: Person, day: datetime.date, window: int) -> Scanner:
    visits = [visit for visit in person.visits if not missing(visit.field_strength)]
    place = nearest([visit.day.toordinal() for visit in visits], day.toordinal(), window)
    return Scanner() if place is None else Scanner(field_strength=field_strength(visits[place].field_strength))
