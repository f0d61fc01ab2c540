"""Replicas of BIDS trees as Clinica's converters write them from ADNI and from OASIS-1.

Folders, labels and columns are those of Clinica's ``adni-to-bids`` and ``oasis-to-bids``: subjects ``sub-ADNI002S0295``
and ``sub-OASIS10001``, sessions ``ses-M000``, a table of sessions for each subject. Values are made up.
"""

from __future__ import annotations

import numpy as np

from benchmark.prepare.phantom.downloads.replica import Replica, Table

ADNI_PARTICIPANTS = Table(
    "participants.tsv",
    "participant_id,alternative_id_1,sex,education_level,age_bl,site,original_study,diagnosis_sc,mmse_bl",
)
OASIS_PARTICIPANTS = Table(
    "participants.tsv",
    "participant_id,alternative_id_1,sex,education_level,age_bl,cdr,diagnosis_bl,laterality",
)
#: Diagnosis at screening, which is not that of a session, and by month the session's own.
_COURSES = (
    ("CN", {"M000": "CN", "M012": "CN"}),
    ("LMCI", {"M000": "MCI", "M012": "AD", "M024": "AD"}),
    ("AD", {"M000": "AD"}),
    ("EMCI", {"M000": "MCI", "M006": ""}),
)
#: CDR, the diagnosis that the converter writes into the table of sessions (0.5 is none to it), and what it means.
_RATED = (("0.0", "CN", "CN"), ("0.5", "n/a", "AD"), ("1.0", "n/a", "AD"), ("n/a", "n/a", ""))


def describe_adni(seed: int = 0, subjects: int = 8) -> Replica:
    """A tree of ``adni-to-bids``: ages and diagnoses in the tables of sessions, one session without an image."""
    labels = [f"ADNI{900 + index % 3}S{8901 + index}" for index in range(subjects)]
    tables = [Table(_sessions_of(label), "session_id,age,examination_date,diagnosis,MMSE") for label in labels]
    replica = _tree("ADNI", [ADNI_PARTICIPANTS, *tables])
    for index, (label, table) in enumerate(zip(labels, tables, strict=True)):
        rng = np.random.default_rng([seed, index, 11])
        sex, age = "FM"[int(rng.integers(2))], round(float(rng.uniform(56, 88)), 1)
        screening, course = _COURSES[index % len(_COURSES)]
        ptid = f"{label[4:7]}_S_{label[8:]}"
        replica.row(ADNI_PARTICIPANTS, f"sub-{label}", ptid, sex, 16, age, index, "ADNI2", screening, "n/a")
        for month, diagnosis in course.items():
            years = round(age + int(month[1:]) / 12, 1)
            replica.row(table, f"ses-{month}", years, "2012-06-15", diagnosis or "n/a", 28)
            _scan(replica, label, month, index, diagnosis, years, sex)
        replica.row(table, "ses-M048", round(age + 4, 1), "2016-06-15", "AD", "n/a")
    return replica


def describe_oasis(seed: int = 0, subjects: int = 8) -> Replica:
    """A tree of ``oasis-to-bids``: ages and ratings in the table of participants, ratings in those of sessions."""
    labels = [f"OASIS1{9001 + index}" for index in range(subjects)]
    tables = [Table(_sessions_of(label), "session_id,cdr_global,MMS,diagnosis") for label in labels]
    replica = _tree("OASIS", [OASIS_PARTICIPANTS, *tables])
    for index, (label, table) in enumerate(zip(labels, tables, strict=True)):
        rng = np.random.default_rng([seed, index, 12])
        sex, age = "FM"[int(rng.integers(2))], int(rng.integers(60, 90))
        cdr, written, diagnosis = _RATED[index % len(_RATED)]
        name = f"OAS1_{label[6:]}_MR1"
        replica.row(OASIS_PARTICIPANTS, f"sub-{label}", name, sex, "2.0", age, cdr, cdr, "R")
        replica.row(table, "ses-M000", cdr, "29.0", written)
        _scan(replica, label, "M000", index, diagnosis, age, sex)
    return replica


def _tree(dataset: str, tables: list[Table]) -> Replica:
    replica = Replica(dataset, tables, subjects=8)
    replica.json("dataset_description.json", {"Name": dataset, "BIDSVersion": "1.7.0", "DatasetType": "raw"})
    replica.texts["README"] = "This BIDS directory was generated with Clinica.\n"
    replica.texts[".bidsignore"] = "pet/\nconversion_info/\n"
    replica.texts["conversion_info/v0/t1_paths.tsv"] = "Subject_ID\tPath\n"
    return replica


def _sessions_of(label: str) -> str:
    return f"sub-{label}/sub-{label}_sessions.tsv"


def _scan(replica: Replica, label: str, month: str, index: int, diagnosis: str, age: float, sex: str) -> None:
    session = f"sub-{label}/ses-{month}"
    start = f"{session}/anat/sub-{label}_ses-{month}_T1w"
    replica.image(f"{start}.nii.gz", index, diagnosis)
    replica.json(f"{start}.json", {"Manufacturer": "Siemens", "MagneticFieldStrength": 3})
    replica.texts[f"{session}/sub-{label}_ses-{month}_scans.tsv"] = f"filename\nanat/{start.rsplit('/', 1)[1]}.nii.gz\n"
    replica.expect(f"{replica.dataset}_{label}", month, f"{start}.nii.gz", diagnosis, age, sex, "Siemens", "", 3.0)
