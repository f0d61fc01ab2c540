"""`seada-bench preprocess`: raw scans of manifests to volumes in template space, with manifests and a report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from benchmark.data.atomic import atomic_path
from benchmark.data.manifest import read_manifests
from benchmark.data.schema import ADDED, REQUIRED
from benchmark.errors import UserError, cause
from benchmark.folders import make_writable
from benchmark.prepare.importers.write import IDENTIFYING
from benchmark.prepare.preprocess.brain import Program, installed, required
from benchmark.prepare.preprocess.intensity import landmarks, normalised
from benchmark.prepare.preprocess.parallel import mapped, problem
from benchmark.prepare.preprocess.places import load_masked, paths_of, record_at, save, write_record
from benchmark.prepare.preprocess.quality import NUMBERS, flags
from benchmark.prepare.preprocess.scan import prepare
from benchmark.prepare.preprocess.settings import RawSettings
from benchmark.prepare.preprocess.sheet import MOST, write_sheet
from benchmark.pseudonyms import pseudonym

#: Raised whenever the same settings give other volumes.
VERSION = 1
REPORT = "quality.csv"
QUARANTINE = "quarantine.csv"
RECORD = "preprocess.json"

#: Row of a scans table, by column.
Row = Mapping[Any, Any]


@dataclass(frozen=True)
class Outcome:
    """What came of preprocessing.

    Attributes
    ----------
    manifests
        One manifest per site, of the scans that could be used.
    report
        One row per scan: its numbers and why it should be looked at.
    quarantined
        Scans that could not be used: scan key, image, reason.
    """

    manifests: list[Path]
    report: pd.DataFrame
    quarantined: pd.DataFrame


def preprocess(
    manifests: list[Path],
    out: Path,
    settings: RawSettings,
    data_root: Path | None = None,
    processes: int = 1,
    progress: bool = True,
    salt: bytes | None = None,
) -> Outcome:
    """Preprocess every scan of manifests; what is there from the same input and settings is not made again.

    Parameters
    ----------
    manifests
        One CSV file per site. Images may be of any format that :func:`benchmark.prepare.preprocess.load.load` reads,
        or folders of DICOM series; an ``orientation`` column names the axes of those that state none. They are only
        read.
    out
        Folder of the new manifests, ``images/``, ``quality.csv``, ``quarantine.csv`` and a sheet of slices per site.
    settings
        What is done.
    data_root
        Folder that paths in the manifests may be relative to.
    processes
        Scans at a time.
    progress
        Whether a progress bar goes to stderr.
    salt
        Of the pseudonyms that take the place of subjects' identifiers, here and in everything that is made from the
        new manifests; None to keep them.

    Raises
    ------
    UserError
        For manifests that cannot be used, a folder that cannot be written or belongs to other settings, and if no scan
        could be used.
    """
    if settings.brain in get_args(Program):
        required(settings.brain)  # type: ignore[arg-type]
    scans = read_manifests(manifests, data_root, check_images=False)
    if salt is not None:
        scans["subject_id"] = [pseudonym(subject, salt) for subject in scans["subject_id"]]
        scans["scan_key"] = scans["site"] + "/" + scans["subject_id"] + "/" + scans["session_id"]
        scans = scans.drop(columns=[name for name in IDENTIFYING if name in scans])
    make_writable(out, "out")
    _claim(out, settings)
    rows = scans.to_dict("records")
    prepared = mapped(partial(_prepared, out, settings), rows, processes, "preprocess", progress)
    standard = _standard_scale(settings, rows, prepared)
    done = mapped(partial(_finished, out, settings, standard), rows, processes, "normalise", progress)
    fine = [one for one in done if "error" not in one]
    failed = [(row, one["error"]) for row, one in zip(rows, done, strict=True) if "error" in one]
    reasons = [[row["scan_key"], row["image"], reason] for row, reason in failed]
    quarantined = pd.DataFrame(reasons, columns=["scan", "image", "reason"])
    _write_csv(quarantined, out / QUARANTINE)
    if not fine:
        raise UserError(f"no scan could be used; the first reason of {len(done)}: {done[0]['error']}")
    report = pd.DataFrame(fine)
    report["flags"] = flags(report)
    _write_csv(report, out / REPORT)
    made = _write_manifests(out, scans, {one["scan"]: one["brain"] for one in fine})
    for site, part in report.groupby("site"):
        _write_sheet(out, str(site), part)
    return Outcome(made, report, quarantined)


def no_extractor(manifests: list[Path], settings: RawSettings, data_root: Path | None = None) -> str:
    """What to say first where scans get the template's mask because no program is installed; "" where none does."""
    if settings.brain != "auto" or installed():
        return ""
    scans = read_manifests(manifests, data_root, check_images=False)
    lacking = int((scans["mask"].fillna("") == "").sum()) if "mask" in scans else len(scans)
    if not lacking:
        return ""
    mask = "the template's mask, which is the same for every head" if settings.registration != "none" else "no mask"
    of = "every scan gets" if lacking == len(scans) else f"{lacking} of {len(scans)} scans, which come without one, get"
    return (
        f"note: no brain extractor is installed, so {of} {mask}; for a mask of its own put HD-BET (pip install hd-bet) "
        "or SynthStrip (mri_synthstrip of FreeSurfer) on the PATH, or name masks in the manifests' column 'mask'"
    )


def _claim(out: Path, settings: RawSettings) -> None:
    """Say whose folder it is; refuse one of other settings."""
    content = json.loads(json.dumps({"version": VERSION, "settings": asdict(settings)}))
    path = out / RECORD
    if not path.is_file():
        write_record(content, path)
        return
    there = record_at(path)
    if there != content:
        known = there.get("settings", {})
        differ = sorted(name for name, value in content["settings"].items() if known.get(name) != value)
        raise UserError(
            f"{path}: the folder holds volumes made with other settings ({', '.join(differ)}); name another --out"
        )


def _prepared(out: Path, settings: RawSettings, row: Row) -> dict[str, Any]:
    """Bring a scan to the grid unless that is done; its record, or what is wrong with it."""
    paths = paths_of(out, row)
    try:
        key = _key(row, settings)
        known = record_at(paths["record"])
        if known.get("key") == key and all(paths[name].is_file() for name in ("plain", "mask")):
            return known
        mask = Path(row["mask"]) if row.get("mask") else None
        made = prepare(Path(row["image"]), mask, str(row.get("orientation") or ""), row.get("sha256") or "", settings)
        paths["plain"].parent.mkdir(parents=True, exist_ok=True)
        paths["image"].parent.mkdir(parents=True, exist_ok=True)
        save(made.volume, made.affine, paths["plain"])
        save(made.mask.astype(np.uint8), made.affine, paths["mask"])
        record = {
            "key": key,
            "brain": made.brain,
            "mutual_information": made.information,
            "transform": made.transform.round(6).tolist(),
            "landmarks": landmarks(made.volume, made.mask) if settings.intensity == "nyul" else None,
            **asdict(made.quality),
        }
        write_record(record, paths["record"])
        return record
    except Exception as error:  # noqa: BLE001 (see problem)
        return {"error": problem(error, row["image"])}


def _finished(out: Path, settings: RawSettings, standard: list[float] | None, row: Row) -> dict[str, Any]:
    paths = paths_of(out, row)
    record = _prepared(out, settings, row)
    if "error" in record:
        return record
    wanted = hashlib.sha256(json.dumps([record["key"], standard]).encode()).hexdigest()
    try:
        if record_at(paths["done"]).get("key") != wanted or not paths["image"].is_file():
            volume, mask, affine = load_masked(paths["plain"], paths["mask"])
            save(normalised(volume, mask, settings.intensity, standard), affine, paths["image"])
            write_record({"key": wanted}, paths["done"], indent=None)
    except (UserError, OSError) as error:
        return {"error": f"{row['image']}: {cause(error)}"}
    names = ("brain", "mutual_information", *NUMBERS)
    return {"scan": row["scan_key"], "site": row["site"], **{name: record[name] for name in names}}


def _standard_scale(settings: RawSettings, rows: Sequence[Row], prepared: list[dict[str, Any]]) -> list[float] | None:
    if settings.intensity != "nyul":
        return None
    wanted = ("train",) if any(row.get("split") for row in rows) else ("", None)
    pairs = zip(rows, prepared, strict=True)
    found = [one["landmarks"] for row, one in pairs if "error" not in one and row.get("split") in wanted]
    if not found:
        raise UserError("intensity 'nyul': no training scan could be used, so there is no standard scale")
    return [float(value) for value in np.mean(found, axis=0)]


def _key(row: Row, settings: RawSettings) -> str:
    """What a scan's volume follows from: its files as they are on disk, and the settings."""
    files = []
    for path in (Path(row[name]) for name in ("image", "mask") if row.get(name)):
        if not path.exists():
            raise UserError(f"{path}: there is no such file")
        inside = [each for each in sorted(path.iterdir()) if each.is_file()] if path.is_dir() else [path]
        files.append([str(path), [[each.name, each.stat().st_size, each.stat().st_mtime_ns] for each in inside]])
    content = [VERSION, asdict(settings), files, str(row.get("orientation") or ""), str(row.get("sha256") or "")]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _write_manifests(out: Path, scans: pd.DataFrame, brains: dict[str, str]) -> list[Path]:
    part = scans[scans["scan_key"].isin(brains)].copy()
    paths = [paths_of(out, row) for row in part.to_dict("records")]
    for name in ("image", "mask"):
        part[name] = [one[name].relative_to(out).as_posix() for one in paths]
    part.loc[part["scan_key"].map(brains) == "none", "mask"] = ""
    for name in ("orientation", "sha256"):
        if name in part:
            part[name] = ""
    made = []
    for site, group in part.groupby("site", sort=True):
        made.append(out / f"{site}.csv")
        shown = group.drop(columns=[name for name in ADDED if name in group]).sort_values(["subject_id", "session_id"])
        filled = (shown.notna() & (shown != "")).any()
        # What nobody knows of any scan is left out, but for what a manifest must have.
        _write_csv(shown.loc[:, filled | filled.index.isin(REQUIRED)], made[-1])
    return made


def _write_sheet(out: Path, site: str, report: pd.DataFrame) -> None:
    ordered = report.sort_values(["flags", "scan"], key=lambda one: one == "" if one.name == "flags" else one)
    step = max(1, -(-len(ordered) // MOST))
    standing = int((ordered["flags"] != "").sum())
    chosen = pd.concat([ordered.head(min(standing, MOST)), ordered.iloc[standing::step]]).head(MOST)
    scans = []
    for scan, words in chosen[["scan", "flags"]].itertuples(index=False):
        _, subject, session = scan.split("/")
        paths = paths_of(out, {"site": site, "subject_id": subject, "session_id": session})
        volume, mask, _ = load_masked(paths["image"], paths["mask"])
        scans.append((f"{subject} {session}", volume, mask, bool(words)))
    with atomic_path(out / f"{site}.png") as temporary:
        write_sheet(f"{site}: {len(scans)} of {len(report)} scans, {standing} to look at (red)", scans, temporary)


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
