"""Download folders that are not as they should be: what is changed in a replica, and what the answer must name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Change = Callable[[Path], None]


@dataclass(frozen=True)
class Download:
    """A change of a replica.

    Attributes
    ----------
    archive
        Whose replica.
    change
        Is given the replica's folder.
    answer
        What the one line must hold: a file's name and the cause.
    refused
        Whether nothing is imported; otherwise the record names what was left out and the rest is imported.
    """

    archive: str
    change: Change
    answer: tuple[str, ...]
    refused: bool = True


def _table(path: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        file = folder / path
        text = file.read_bytes().decode("utf-8-sig")
        assert old in text, f"{path} of the replica has no {old!r}"
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def _content(path: str, content: bytes) -> Change:
    return lambda folder: _written(folder / path, content)


def _written(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _gone(path: str) -> Change:
    return lambda folder: (folder / path).unlink()


def _no_images(folder: Path) -> None:
    for path in list(folder.iterdir()):
        if path.is_dir() and path.name != "OASIS3_data_files":
            shutil.rmtree(path)


def _folder_in_place_of(path: str) -> Change:
    def change(folder: Path) -> None:
        (folder / path).unlink()
        (folder / path).mkdir()

    return change


def _copied(pattern: str, name: str) -> Change:
    def change(folder: Path) -> None:
        file = sorted(folder.rglob(pattern))[0]
        shutil.copyfile(file, folder / name)

    return change


def _renamed(pattern: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        file = sorted(folder.rglob(pattern))[0]
        file.rename(file.with_name(file.name.replace(old, new)))

    return change


def _linked_to_nothing(pattern: str) -> Change:
    def change(folder: Path) -> None:
        file = sorted(folder.rglob(pattern))[0]
        file.unlink()
        file.symlink_to("not-fetched")

    return change


def _swapped(first: str, second: str) -> Change:
    def change(folder: Path) -> None:
        one, other = (folder / first).read_bytes(), (folder / second).read_bytes()
        (folder / first).write_bytes(other)
        (folder / second).write_bytes(one)

    return change


COLLECTION, SEARCH = "Replica_1_15_2024.csv", "idaSearch_1_15_2024.csv"
OASIS3, OASIS4 = "OASIS3_data_files/OASIS3_", "OASIS4_data_files/OASIS4_"

DOWNLOADS: dict[str, Download] = {
    "adni-table-absent": Download("adni", _gone(COLLECTION), (COLLECTION, "No such file")),
    "adni-table-a-folder": Download("adni", _folder_in_place_of(SEARCH), (SEARCH, "directory")),
    "adni-table-empty": Download("adni", _content(COLLECTION, b""), (COLLECTION, "is empty")),
    "adni-table-web-page": Download("adni", _content(SEARCH, b"<html></html>\n"), (SEARCH, "is a web page")),
    "adni-table-spreadsheet": Download("adni", _content(SEARCH, b"PK\x03\x04rest"), (SEARCH, "is a spreadsheet")),
    "adni-table-utf-16": Download("adni", _content(SEARCH, "a,b\n1,2\n".encode("utf-16")), (SEARCH, "is not UTF-8")),
    "adni-tables-swapped": Download("adni", _swapped("ADNIMERGE.csv", "DXSUM.csv"), ("ADNIMERGE.csv", "is missing")),
    "adni-date-european": Download("adni", _table(SEARCH, "6/27/2007", "27.6.2007"), (SEARCH, "'27.6.2007'")),
    "adni-age-impossible": Download("adni", _table(SEARCH, ",71.3,", ",713,"), (SEARCH, "'713' is not allowed")),
    "adni-row-short": Download("adni", _table("DXSUM.csv", "\n", "\nADNI1,1\n"), ("DXSUM.csv:2", "fields")),
    "adni-file-without-id": Download(
        "adni", _renamed("*8901*_MR_MP-RAGE_br*.nii", "_I", "_X"), ("8901", "does not end in an image id"), False
    ),
    "adni-other-project": Download(
        "adni", _renamed("ADNI_*8901*_MR_MP-RAGE_br*.nii", "ADNI_", "AIBL_"), ("AIBL_", "does not begin with"), False
    ),
    "adni-not-fetched": Download(
        "adni", _linked_to_nothing("*8901*_MR_MP-RAGE_br*.nii"), ("8901", "link to a file that is not there"), False
    ),
    "adni-no-images": Download("adni", _no_images, ("no scan",)),
    "ppmi-number-not-one": Download(
        "ppmi", _table("Demographics_15Jan2024.csv", "991012", "PPMI-12"), ("Demographics", "'PATNO'")
    ),
    "ppmi-sex-code": Download(
        "ppmi", _table("Demographics_15Jan2024.csv", '"06/1950"', '"June 1950"'), ("Demographics", "'June 1950'")
    ),
    "oasis1-id-odd": Download(
        "oasis1", _table("oasis_cross-sectional.csv", "OAS1_9001_MR1", "9001"), ("cross-sectional.csv:2", "'ID'")
    ),
    "oasis1-age": Download(
        "oasis1", _table("oasis_cross-sectional.csv", ",R,", ",R,999"), ("cross-sectional.csv:2", "'Age'")
    ),
    "oasis1-is-oasis2": Download(
        "oasis1", _content("oasis_cross-sectional.csv", b"Subject ID,MRI ID,Group\nOAS2_0,OAS2_0_MR1,x\n"),
        ("cross-sectional.csv", "is missing"),
    ),
    "oasis1-header-without-data": Download(
        "oasis1", _table("oasis_cross-sectional.csv", "CDR", "Rating"), ("cross-sectional.csv", "'CDR' is missing")
    ),
    "oasis2-cdr-odd": Download(
        "oasis2", _table("oasis_longitudinal.csv", ",28,0.5,", ",28,7,"), ("longitudinal.csv", "'CDR': '7'")
    ),
    "oasis2-group-odd": Download(
        "oasis2", _table("oasis_longitudinal.csv", "Nondemented", "Healthy"), ("longitudinal.csv", "'Healthy'")
    ),
    "oasis3-tables-swapped": Download(
        "oasis3", _swapped(f"{OASIS3}UDSd1_diagnoses.csv", f"{OASIS3}demographics.csv"),
        ("demographics.csv:", "'OASISID'"),
    ),
    "oasis3-no-images": Download("oasis3", _no_images, ("holds no image",)),
    "oasis4-diagnosis-absent": Download(
        "oasis4", _table(f"{OASIS4}data_clinical.csv", "final_dx", "dx"), ("clinical.csv", "'final_dx' is missing")
    ),
    "bids-participants-latin-1": Download(
        "bids", lambda folder: _written(folder / "participants.tsv", b"participant_id\tsex\nsub-1\t\xfc\n"),
        ("participants.tsv:2", "is not UTF-8"),
    ),
    "bids-no-description": Download("bids", _gone("dataset_description.json"), ("dataset_description.json",)),
    "bids-description-broken": Download(
        "bids", _content("dataset_description.json", b"{"), ("dataset_description.json", "JSON")
    ),
}  # fmt: skip
