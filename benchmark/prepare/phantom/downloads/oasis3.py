"""Replica of OASIS-3: images in four layouts, and tables of clinical visits on other days than the scans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.prepare.phantom.downloads.oasis_layouts import add_image, image_path
from benchmark.prepare.phantom.downloads.replica import Replica, Table

_FOLDER = "OASIS3_data_files/OASIS3"
DEMOGRAPHICS = Table(
    f"{_FOLDER}_demographics.csv", "OASISID,AgeatEntry,AgeatDeath,GENDER,EDUC,SES,race,HAND,APOE", mark=True
)
DIAGNOSES = Table(
    f"{_FOLDER}_UDSd1_diagnoses.csv",
    "OASISID,OASIS_session_label,days_to_visit,age at visit,"
    "NORMCOG,DEMENTED,MCIAMEM,MCIAPLUS,MCINON1,MCINON2,IMPNOMCI,PROBAD,POSSAD,DLB,VASC,FTD",
)
CLINICAL = Table(
    f"{_FOLDER}_UDSb4_cdr.csv",
    "OASISID,OASIS_session_label,days_to_visit,age at visit,MMSE,CDRSUM,CDRTOT,dx1_code,dx1",
)
SCANNERS = Table(
    f"{_FOLDER}_MR_json.csv",
    "subject_id,label,filename,scan category,Manufacturer,ManufacturersModelName,MagneticFieldStrength,"
    "DeviceSerialNumber,SeriesDescription",
)
OPTIONS = {"demographics": DEMOGRAPHICS, "diagnoses": DIAGNOSES, "clinical": CLINICAL, "scanners": SCANNERS}
_LAYOUTS = ("scripts", "zip", "simple_zip", "bids")
#: Model and tesla as headers state them, and as a manifest does.
_SCANNERS = (
    ("TrioTim", "3", "TrioTim", 3.0),
    ("Biograph_mMR", "3", "Biograph mMR", 3.0),
    ("Sonata", "1.494", "Sonata", 1.5),
)


@dataclass(frozen=True)
class State:
    """What a visit found: which of the twelve flags of the diagnoses are set, CDRTOT, dx1_code and dx1."""

    flags: tuple[int, ...]
    cdr: str
    code: str
    words: str


NORMAL = State((0,), "0", "1", "Cognitively normal")
MILD = State((2,), "0.5", "2", "uncertain dementia")
PROBABLE_AD = State((1, 7), "1", "3", "AD Dementia")
AD_IN_WORDS = State((1,), "0.5", "3", "AD dem w/depresss- not contribut")
VASCULAR = State((1, 10), "1", "122", "Vascular Demt- primary")
UNKNOWN = State((), ".", ".", ".")


@dataclass(frozen=True)
class Session:
    """A session on a day from entry, and what visits found on other days, counted from it.

    ``d1`` and ``cdr`` are its diagnoses by each scheme, within 180 days; ``names`` the ends of the names of images, of
    which the first is the T1 to use; ``word`` stands before the day in them.
    """

    day: int
    visits: tuple[tuple[int, State], ...]
    d1: str
    cdr: str
    names: tuple[str, ...] = ("run-01_T1w", "T2w")
    word: str = "ses"


#: Subjects at these places lack something.
NO_IMAGE, NO_SCANNER_ROW = 8, 11
CASES: tuple[tuple[Session, ...], ...] = (
    (Session(129, ((30, NORMAL),), "CN", "CN", ("run-01_T1w", "run-02_T1w", "T2w", "FLAIR", "run-01_bold", "dwi")),),
    (Session(64, ((-20, PROBABLE_AD),), "AD", "AD", word="sess"),),
    (Session(407, ((10, MILD),), "MCI", "MCI", ("T1w", "acq-TSE_T2w")),),
    (
        Session(100, ((-3, NORMAL),), "CN", "CN", ("run-02_T1w", "run-10_T1w")),
        Session(1500, ((20, PROBABLE_AD),), "AD", "AD"),
    ),
    (Session(212, ((179, NORMAL),), "CN", "CN"),),
    (Session(305, ((180, NORMAL),), "", ""),),
    (Session(611, ((50, MILD), (-50, NORMAL)), "CN", "CN"),),
    (Session(88, ((5, UNKNOWN), (100, NORMAL)), "CN", "CN"),),
    (Session(700, ((0, NORMAL),), "CN", "CN"),),
    (Session(93, ((0, VASCULAR),), "OTHER", "AD"),),
    (Session(256, ((15, AD_IN_WORDS),), "AD", "MCI"),),
    (Session(75, ((-60, MILD),), "MCI", "MCI"),),
)
FEWEST = len(CASES)


def describe(seed: int = 0, subjects: int = 12, scheme: str = "d1") -> Replica:
    """The replica, of at least 12 subjects, and scans as an importer finds them by scheme ``d1`` or ``cdr``.

    Its oddities: four layouts, ``sess-`` for ``ses-``, a name without run, two runs, images that are no T1w, days with
    and without zeros in front, ``.`` for missing, a column name with spaces, visits just inside and just outside of 180
    days, two visits as near, a visit without a diagnosis, dementia that is not AD, AD in words alone, a row without
    images, images without a row, a scan that the table of scanners misses, a table with a byte-order mark.
    """
    replica = Replica("OASIS3", OPTIONS.values(), subjects, FEWEST)
    replica.json("dataset_description.json", {"Name": "OASIS-3", "BIDSVersion": "1.0.2"}, indent=None)
    # One more than asked for has images but no row.
    for index in range(subjects + 1):
        rng = np.random.default_rng([seed, index, 3])
        sex, entry, subject = "FM"[int(rng.integers(2))], round(float(rng.uniform(45, 85)), 2), f"OAS3{9001 + index}"
        if index != subjects:
            replica.row(DEMOGRAPHICS, subject, entry, ".", "MF".index(sex) + 1, 16, "", "White", "R", 33)
        # The odd ones once, the others again and again.
        for session in CASES[index] if index < len(CASES) else CASES[index % 4]:
            if index != subjects:
                _add_visits(replica, subject, entry, session)
            if index != NO_IMAGE:
                image = _add_images(replica, subject, index, session)
                if index != subjects:
                    diagnosis, age = getattr(session, scheme), entry + session.day / 365.25
                    scanner = "Siemens", *_SCANNERS[index % 3][2:]
                    replica.expect(subject, f"d{session.day:04d}", image, diagnosis, age, sex, *scanner)
    return replica


def _add_visits(replica: Replica, subject: str, entry: float, session: Session) -> None:
    for offset, state in session.visits:
        day = session.day + offset
        age = round(entry + day / 365.25, 2)
        flags = [str(int(place in state.flags)) if state.flags else "." for place in range(12)]
        replica.row(DIAGNOSES, subject, f"{subject}_UDSd1_d{day:04d}", f"{day:04d}", age, *flags)
        label = f"{subject}_UDSb4_d{day:04d}"
        replica.row(CLINICAL, subject, label, day, age, 28, ".", state.cdr, state.code, state.words)


def _add_images(replica: Replica, subject: str, index: int, session: Session) -> str:
    """Add the images of a session; the path of the one to use."""
    model, tesla = _SCANNERS[index % 3][:2]
    fields: dict[str, object] = {"Manufacturer": "Siemens", "ManufacturersModelName": model}
    fields["MagneticFieldStrength"] = float(tesla)
    paths = []
    for scan, ending in enumerate(session.names, start=1):
        name = f"sub-{subject}_{session.word}-d{session.day:04d}_{ending}"
        paths.append(image_path(_LAYOUTS[index % 4], subject, session.day, scan, f"{name}.nii.gz"))
        add_image(replica, paths[-1], index, session.d1, fields)
        if index != NO_SCANNER_ROW:
            kind = ending.rsplit("_", 1)[-1]
            cells = (f"{name}.json", kind, "Siemens", model, tesla, "90001", f"{kind}_sag")
            replica.row(SCANNERS, subject, f"{subject}_MR_d{session.day:04d}", *cells)
    return paths[0]
