"""Folders that OASIS-3 and OASIS-4 are handed out in, and the files of a scan in each."""

from __future__ import annotations

from benchmark.prepare.phantom.downloads.replica import Replica

_KINDS = {"T1w": "anat", "T2w": "anat", "FLAIR": "anat", "bold": "func", "dwi": "dwi"}
#: ``scripts``: of the archive's download scripts. ``zip``, ``simple_zip``: of the web site. JSON files lie beside
#: images, or in ``BIDS`` beside their folder ``NIFTI``.
_FOLDERS = {
    "scripts": "{subject}_MR_d{day:04d}/{folder}{scan}",
    "zip": "{subject}_MR_d{day:04d}/scans/{folder}{scan}-{kind}/resources/NIFTI/files",
    "simple_zip": "{subject}_MR_d{day:04d}/{folder}{scan}/NIFTI",
    "bids": "sub-{subject}/ses-d{day:04d}/{folder}",
}


def image_path(layout: str, subject: str, day: int, scan: int, name: str) -> str:
    """Path within the download of an image with a file name, the scan of a number in the session of a day."""
    kind = name.split(".")[0].rsplit("_", 1)[-1]
    folder = _FOLDERS[layout].format(subject=subject, day=day, scan=scan, kind=kind, folder=_KINDS[kind])
    return f"{folder}/{name}"


def add_image(replica: Replica, path: str, index: int, diagnosis: str, fields: dict[str, object]) -> None:
    """Add an image and its JSON file."""
    replica.image(path, index, diagnosis)
    folder, name = path.rsplit("/", 1)
    folders = ["BIDS" if part == "NIFTI" else part for part in folder.split("/")]
    replica.json("/".join([*folders, name.replace(".nii.gz", ".json")]), fields)
