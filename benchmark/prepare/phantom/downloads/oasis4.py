"""Replica of OASIS-4: names with ``sess-``, days from 3000, a final diagnosis in words for each subject."""

from __future__ import annotations

import numpy as np

from benchmark.prepare.phantom.downloads.oasis_layouts import add_image, image_path
from benchmark.prepare.phantom.downloads.replica import Replica, Table

FEWEST = 12
_FOLDER = "OASIS4_data_files/OASIS4"
CLINICAL = Table(
    f"{_FOLDER}_data_clinical.csv",
    "oasis_id,demographics_id,demographics_firstvisit,sex,age,race,hispanic,edu,bmi,final_dx,final_dx_categorized",
)
IMAGING = Table(f"{_FOLDER}_data_imaging.csv", "oasis_id,imaging_id,visit_days,image_age,scanner,contrast,contrastx")
SCANNERS = Table(
    f"{_FOLDER}_json_information.csv",
    "filename,scan_type,MRAcquisitionType,MagneticFieldStrength,Manufacturer,ManufacturersModelName,SeriesDescription",
)
RATINGS = Table(f"{_FOLDER}_data_CDR.csv", "oasis_id,visit_days,cdr,sumbox,memory,orient,judgement,community")
OPTIONS = {"clinical": CLINICAL, "imaging": IMAGING, "scanners": SCANNERS}
#: Final diagnosis in words, and that of a manifest.
_DIAGNOSES = (
    ("Alzheimer Disease Dementia", "AD"),
    ("MCI", "MCI"),
    ("Cognitively Normal", "CN"),
    ("AD/Vascular", "AD"),
    ("Early Onset AD", "AD"),
    ("Vascular Cognitive Impairment (VCI)", "OTHER"),
    ("AD+Non Neurodegenerative", "AD"),
    ("ad  variant", "AD"),
    ("DLB", "OTHER"),
    ("Mood/polypharmacy/sleep", "OTHER"),
    (".", ""),
    ("Uncertain - AD possible", "OTHER"),
)
#: Subjects at these places are odd.
FLAT_FIRST, LATE, NO_IMAGE, NO_AGE, LAST_IN_WINDOW, ONLY_FLAT = 1, 3, 5, 2, 4, 8
#: Ends of the names of images, and whether each is 2D or 3D.
_SCANS = {
    FLAT_FIRST: (("run-01_T1w", "2D"), ("run-02_T1w", "3D"), ("run-01_T2w", "2D")),
    ONLY_FLAT: (("run-01_T1w", "2D"),),
}
_USUAL = (("run-01_T1w", "3D"), ("run-01_FLAIR", "2D"))
_MODELS = (("TrioTim", 3.0), ("Avanto", 1.5))


def describe(seed: int = 0, subjects: int = 12) -> Replica:
    """The replica, of at least 12 subjects.

    Its oddities: ``sess-`` in names, days from 3000, 2D images that are called T1w, beside a 3D one or alone, final
    diagnoses in other spellings and missing, an age at the scan that is missing, a scan on the last day of the window
    and one a day later, a row without images, images without a row.
    """
    replica = Replica("OASIS4", (*OPTIONS.values(), RATINGS), subjects, FEWEST)
    # One more than asked for has images but no row.
    for index in range(subjects + 1):
        rng = np.random.default_rng([seed, index, 4])
        words, diagnosis = _DIAGNOSES[index % len(_DIAGNOSES)]
        day = {LATE: 3185, LAST_IN_WINDOW: 3184}.get(index, 3000 + int(rng.integers(0, 90)))
        sex, age, subject = "FM"[int(rng.integers(2))], round(float(rng.uniform(50, 85)), 1), f"OAS4{9001 + index}"
        # The table of images states it, but for one.
        passed = age + (day - 3000) / 365.25
        at_scan = passed if index == NO_AGE else round(passed, 1)
        model, tesla = _MODELS[index % 2]
        for ending, kind in _SCANS.get(index, _USUAL):
            name = f"sub-{subject}_sess-d{day:04d}_{ending}"
            path = image_path(("scripts", "simple_zip")[index % 2], subject, day, 1, f"{name}.nii.gz")
            replica.row(SCANNERS, f"{name}.json", "anat", kind, tesla, "Siemens", model, "t1")
            fields: dict[str, object] = {"MRAcquisitionType": kind, "MagneticFieldStrength": tesla}
            fields |= {"Manufacturer": "Siemens", "ManufacturersModelName": model}
            if index != NO_IMAGE:
                add_image(replica, path, index, diagnosis, fields)
            if kind == "3D" and index not in (NO_IMAGE, subjects):
                stated = "" if index == LATE else diagnosis
                replica.expect(subject, f"d{day:04d}", path, stated, at_scan, sex, "Siemens", model, tesla)
        if index != subjects:
            start = (subject, f"{subject}_d3000", 1, "MF".index(sex) + 1, age, 1, 0, 16, 25.1)
            replica.row(CLINICAL, *start, words, ".")
            session = f"{subject}_MR_d{day:04d}"
            replica.row(IMAGING, subject, session, day, "." if index == NO_AGE else at_scan, "Siemens", 0, "")
            replica.row(RATINGS, subject, 3000, 0.5, 2, 0.5, 0.5, 0.5, 0.5)
    return replica
