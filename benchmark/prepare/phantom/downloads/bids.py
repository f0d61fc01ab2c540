"""Replica of a dataset in BIDS: sessions, runs, JSON files of several levels, derivatives, words for diagnoses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmark.prepare.phantom.downloads.replica import Replica, Table
from benchmark.prepare.phantom.downloads.volumes import write_nifti

#: As a manifest writes the dataset's name.
DATASET = "Memory-clinic-a-replica"
PARTICIPANTS = Table("participants.tsv", "participant_id,age,sex,group,centre", mark=True)
SESSIONS = Table("sub-R901/sub-R901_sessions.tsv", "session_id,age,group")
#: The importer finds its tables itself.
OPTIONS: dict[str, Table] = {}


@dataclass(frozen=True)
class Case:
    """Subjects of one kind: their word in participants.tsv, diagnoses by label of the session ("" for none), images.

    The last are T1w images of each session, named after ``sub-`` and ``ses-``; the first is the one to use.
    """

    group: str
    sessions: dict[str, str]
    images: tuple[str, ...] = ("T1w",)


#: Subjects at these places are odd.
VISITED, OTHER_SCANNER, NO_IMAGE, NO_ROW, VERY_OLD, FLAT = 0, 1, 6, 7, 8, 9
CASES = (
    Case("Healthy control", {"01": "CN", "02": "MCI"}),
    Case("AD", {"": "AD"}, ("run-1_T1w", "run-2_T1w", "run-10_T1w")),
    Case("Mild cognitive impairment", {"": "MCI"}, ("T1w", "acq-fast_T1w")),
    Case("parkinson's disease", {"": "PD"}, ("acq-a_run-2_T1w", "ce-gad_T1w")),
    Case("patient", {"": "OTHER"}),
    Case("n/a", {"": ""}),
    Case("control", {"": "CN"}),
    Case("control", {"": "CN"}),
    Case("HC", {"": "CN"}),
    Case("HC", {"": "CN"}),
    Case("ad", {"a": "AD", "b": "AD"}),
    Case("MCI", {"": "MCI"}),
)
FEWEST = len(CASES)


def describe(seed: int = 0, subjects: int = 12) -> Replica:
    """The replica, of at least 12 subjects.

    Its oddities: sessions with a table of their own and without, sessions of one age, runs, an acquisition beside a
    plain image, a contrast agent, a word for a group that says nothing, ``n/a``, an age of ``89+``, JSON files of the
    root that those of images overrule, a 2D image, images that are no T1w, one without a name of BIDS, derivatives, a
    row without images, images without a row, a table with a byte-order mark.
    """
    replica = Replica("BIDS", (PARTICIPANTS, SESSIONS), subjects, FEWEST)
    replica.json("dataset_description.json", {"Name": "Memory clinic: a replica", "BIDSVersion": "1.8.0"})
    replica.json("T1w.json", {"Manufacturer": "Philips Medical Systems", "MagneticFieldStrength": 3})
    for index in range(subjects):
        rng = np.random.default_rng([seed, index, 5])
        sex, age = "FM"[int(rng.integers(2))], round(float(rng.uniform(50, 85)), 1)
        label, case = f"R{901 + index}", CASES[index] if index < len(CASES) else CASES[index % 4]
        if index != NO_ROW:
            stated = "89+" if index == VERY_OLD else age
            replica.row(PARTICIPANTS, f"sub-{label}", stated, sex, case.group, ("North", "South")[index % 2])
        if index == VISITED:
            for cells in (("ses-01", age, "n/a"), ("ses-02", age + 2, "MCI"), ("ses-03", 80, "MCI")):
                replica.row(SESSIONS, *cells)
        for visit, (session, diagnosis) in enumerate(case.sessions.items()):
            if index == NO_IMAGE:
                continue
            image = _add_images(replica, case, index, label, session)
            if index not in (NO_ROW, FLAT):
                years = 89.0 if index == VERY_OLD else age + 2 * visit if index == VISITED else age
                scanner = ("GE", "", 1.5) if index == OTHER_SCANNER else ("Philips", ("Achieva", "")[index % 2], 3.0)
                replica.expect(f"{DATASET}_{label}", session or "single", image, diagnosis, years, sex, *scanner)
    return replica


def _add_images(replica: Replica, case: Case, index: int, label: str, session: str) -> str:
    """Add the images of a session; the path of the one to use."""
    folder = f"sub-{label}/ses-{session}/anat" if session else f"sub-{label}/anat"
    start = f"{folder}/sub-{label}_ses-{session}_" if session else f"{folder}/sub-{label}_"
    fields: dict[str, object] = {"ManufacturersModelName": "Achieva"} if index % 2 == 0 else {}
    if index == OTHER_SCANNER:
        fields |= {"Manufacturer": "GE MEDICAL SYSTEMS", "MagneticFieldStrength": 1.4940}
    if index == FLAT:
        fields["MRAcquisitionType"] = "2D"
    if fields:
        for name in case.images:
            replica.json(f"{start}{name}.json", fields)
    others = [f"{folder}/scan", f"derivatives/tool/{start}desc-preproc_T1w"] if index == VISITED else []
    for path in [*(start + name for name in (*case.images, "T2w")), *others]:
        replica.image(f"{path}.nii.gz", index, case.sessions[session], partial(write_nifti, axes="RAS"))
    return f"{start}{case.images[0]}.nii.gz"
