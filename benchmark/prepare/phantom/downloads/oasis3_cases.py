"""Subjects of the OASIS-3 replica: how their scans and visits lie to each other, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass

#: NORMCOG, DEMENTED, MCIAMEM, MCIAPLUS, MCINON1, MCINON2, IMPNOMCI, PROBAD, POSSAD, DLB, VASC, FTD.
Flags = tuple[str, ...]


@dataclass(frozen=True)
class State:
    """What a visit found.

    Attributes
    ----------
    flags
        Of the table of diagnoses.
    cdr, code, words
        CDRTOT, dx1_code and dx1 of the clinical table.
    """

    flags: Flags
    cdr: str
    code: str
    words: str


def _flags(*ones: int) -> Flags:
    return tuple("1" if place in ones else "0" for place in range(12))


NORMAL = State(_flags(0), "0", "1", "Cognitively normal")
MILD = State(_flags(2), "0.5", "2", "uncertain dementia")
PROBABLE_AD = State(_flags(1, 7), "1", "3", "AD Dementia")
AD_IN_WORDS = State(_flags(1), "0.5", "3", "AD dem w/depresss- not contribut")
VASCULAR = State(_flags(1, 10), "1", "122", "Vascular Demt- primary")
UNKNOWN = State((".",) * 12, ".", ".", ".")


@dataclass(frozen=True)
class Session:
    """One session and the visits around it.

    Attributes
    ----------
    day
        From entry.
    visits
        Days from the scan, and what was found.
    d1, cdr
        Diagnosis of the scan by each scheme, within 180 days.
    names
        Ends of the names of images; the first is the T1 to use.
    sess
        Whether names have ``sess-``.
    """

    day: int
    visits: tuple[tuple[int, State], ...]
    d1: str
    cdr: str
    names: tuple[str, ...] = ("run-01_T1w", "T2w")
    sess: bool = False


#: Subjects at these places lack something.
NO_IMAGE, NO_SCANNER_ROW = 8, 11
CASES: tuple[tuple[Session, ...], ...] = (
    (Session(129, ((30, NORMAL),), "CN", "CN", ("run-01_T1w", "run-02_T1w", "T2w", "FLAIR", "run-01_bold", "dwi")),),
    (Session(64, ((-20, PROBABLE_AD),), "AD", "AD", sess=True),),
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
