"""Replica of an ADNI download: ADNI1, ADNI-GO/2 and ADNI3."""

from __future__ import annotations

import datetime
from pathlib import Path

from benchmark.errors import UserError
from benchmark.prepare.phantom.downloads.adni_oddities import add_oddities
from benchmark.prepare.phantom.downloads.adni_tables import Clinic
from benchmark.prepare.phantom.downloads.loni import Archive
from benchmark.prepare.phantom.downloads.loni_entry import Entry, Unit
from benchmark.prepare.phantom.downloads.volumes import Volume

_ADNI1 = (
    Unit("SIEMENS", "Symphony", "1.5", "Siemens", "Symphony", "1.5"),
    Unit("GE MEDICAL SYSTEMS", "SIGNA EXCITE", "1.5", "GE", "SIGNA EXCITE", "1.5"),
    Unit("Philips Medical Systems", "Intera", "1.5", "Philips", "Intera", "1.5"),
    Unit("Siemens", "Trio", "2.9", "Siemens", "Trio", "2.9"),
)
_LATER = (
    Unit("SIEMENS", "TrioTim", "3.0", "Siemens", "TrioTim", "3"),
    Unit("GE MEDICAL SYSTEMS", "DISCOVERY MR750", "3.0", "GE", "DISCOVERY MR750", "3"),
    Unit("Philips", "Achieva", "3.0", "Philips", "Achieva", "3"),
    Unit("Siemens", "Prisma_fit", "3.0", "Siemens", "Prisma fit", "3"),
)
_PHASES = {
    "ADNI1": (datetime.date(2006, 3, 6), 8000, _ADNI1),
    "ADNI2": (datetime.date(2012, 5, 7), 9000, _LATER),
    "ADNI3": (datetime.date(2017, 10, 2), 90000, _LATER),
}
_DESCRIPTIONS = {
    "Siemens": ("MPRAGE", "MP-RAGE", "ADNI       MPRAGE"),
    "GE": ("IR-SPGR", "IR-FSPGR"),
    "Philips": ("MPRAGE SENSE2", "MP RAGE"),
}
_ACCELERATED = {
    "Siemens": "Accelerated Sagittal MPRAGE",
    "GE": "Accelerated Sag IR-FSPGR",
    "Philips": "Sagittal 3D Accelerated MPRAGE",
}
#: Codes and names of a first and a second visit.
_VISITS = {
    "ADNI1": (("sc", "ADNI Screening"), ("m12", "ADNI1/GO Month 12")),
    "ADNI2": (("v02", "ADNI2 Screening MRI-New Pt"), ("v11", "ADNI2 Year 1 Visit")),
    "ADNI3": (("1", "ADNI3 Initial Visit-Cont Pt"), ("2", "ADNI3 Year 1 Visit")),
}
_GROUPS = {"CN": ("CN", "SMC"), "MCI": ("EMCI", "LMCI"), "AD": ("AD", "AD")}
#: Identifiers above are left to the oddities.
MOST_SUBJECTS = 900
OPTIONS = {
    "collection": "Replica_1_15_2024.csv",
    "search": "idaSearch_1_15_2024.csv",
    "adnimerge": "ADNIMERGE.csv",
    "dxsum": "DXSUM.csv",
}


def write_adni(out: Path, seed: int = 0, subjects: int = 12, volume: Volume | None = None) -> Path:
    """Write folders, images and tables.

    Parameters
    ----------
    out
        Folder: gets ``ADNI/``, ``Replica_1_15_2024.csv`` (collection), ``idaSearch_1_15_2024.csv``, ``DXSUM.csv``,
        ``ADNIMERGE.csv``, and ``truth.csv``, which says what an import should make of each image.
    seed
        Of all draws; the same gives the same bytes.
    subjects
        In each of the three phases, a third of them each CN, MCI and AD; some twenty with oddities come on top.
    volume
        Makes the volumes; :func:`benchmark.prepare.phantom.downloads.volumes.heads` by default.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    UserError
        For more subjects than there are identifiers.
    """
    if not 0 <= subjects <= MOST_SUBJECTS:
        raise UserError(f"subjects is {subjects}; must be from 0 to {MOST_SUBJECTS}")
    archive, clinic = Archive("ADNI", seed), Clinic()
    for place, phase in enumerate(_PHASES):
        for number in range(subjects):
            _add_subject(archive, clinic, phase, number, place * subjects + number)
    add_oddities(archive, clinic, 3 * subjects)
    archive.write_images(out, volume)
    archive.write_collection(out / OPTIONS["collection"], mark=True)
    archive.write_search(out / OPTIONS["search"])
    archive.write_truth(out / "truth.csv")
    clinic.write(out)
    return out


def _add_subject(archive: Archive, clinic: Clinic, phase: str, number: int, index: int) -> None:
    start, first_rid, units = _PHASES[phase]
    rng = archive.rng
    ptid = f"{950 + number % 9}_S_{first_rid + number + 1}"
    label = ("CN", "MCI", "AD")[number % 3]
    group = label if phase != "ADNI2" else _GROUPS[label][number // 3 % 2]
    sex = "FM"[int(rng.integers(2))]
    unit = units[int(rng.integers(len(units)))]
    days = start + datetime.timedelta(days=20 * (number % 20))
    clinical = days - datetime.timedelta(days=int(rng.integers(30)))
    age = round(float(rng.uniform(56, 88)), 1)
    names = (_ACCELERATED[unit.maker],) if phase == "ADNI3" else _DESCRIPTIONS[unit.maker]
    description = names[number % len(names)]
    for visit in range(1 + number % 2):
        # Every sixth subject converts, and its group stays that of enrolment.
        now = "AD" if label == "MCI" and visit == 1 and number % 6 == 1 else label
        later = datetime.timedelta(days=364 * visit)
        clinic.rate(ptid, clinical + later, now, phase, "bl" if visit == 0 else "m12")
        clinic.visit(ptid, clinical + later, now, phase, sex, age, clinical)
        archive.add(
            Entry(
                subject=ptid,
                index=index,
                day=days + later,
                description=description,
                group=group,
                sex=sex,
                age=age + (days + later - clinical).days / 365.25,
                unit=unit,
                dataset=phase,
                label=now,
                visit=_VISITS[phase][visit][0],
                visit_name=_VISITS[phase][visit][1],
                phase="ADNI GO" if phase == "ADNI2" and number % 4 == 0 else f"ADNI {phase[-1]}",
                folder="SI"[number % 2],
                prefix="I" if number % 3 else "",
                truth={"group_diagnosis": label},
            )
        )
