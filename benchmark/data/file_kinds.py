"""What a file is that is not what its name says, by its first bytes."""

from __future__ import annotations

#: How many first bytes tell.
START = 1024
_KINDS = {
    b"PK\x03\x04": "a spreadsheet or zip archive",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "packed with gzip",
    b"BZh": "packed with bzip2",
    b"PAR1": "a Parquet file",
    b"\x93NUMPY": "a NumPy array",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"NRRD": "an NRRD file",
    b"\x89HDF": "an HDF5 file",
    b"version https://git-lfs": "a pointer of Git LFS to a file that was not fetched",
    b"/annex/objects/": "a pointer of git-annex to a file that was not fetched",
}
_PAGES = (b"<!doctype html", b"<html")


def kind_of(start: bytes) -> str:
    """What a file is, such as ``a PDF``.

    Parameters
    ----------
    start
        Its first :data:`START` bytes, or all.

    Returns
    -------
    str
        To be put after "is"; "" for a kind that is not known, plain text among them.
    """
    if not start:
        return "empty"
    if start[128:132] == b"DICM":
        return "a DICOM file"
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGES):
        return "a web page, as of a log-in"
    if not start.strip(b"\0"):
        return "nothing but zero bytes at its start"
    return next((kind for first, kind in _KINDS.items() if start.startswith(first)), "")
