"""The first stage of preprocessing, raw T1 to template space, as the data of a training went through it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd

from benchmark.data.manifest import read_manifests
from benchmark.errors import UserError
from benchmark.prepare.preprocess.brain import Program, required
from benchmark.prepare.preprocess.intensity import normalised
from benchmark.prepare.preprocess.parallel import mapped, problem
from benchmark.prepare.preprocess.places import paths_of, record_at, save, write_record
from benchmark.prepare.preprocess.run import RECORD, REPORT, VERSION
from benchmark.prepare.preprocess.scan import Prepared, prepare
from benchmark.prepare.preprocess.settings import RawSettings
from benchmark.prepare.preprocess.template import template

#: What a model says where its scans' first stage is not known.
PREPARED = "scans must be prepared already: "


def template_digest() -> str:
    """SHA-256 of the template's images and of where they lie."""
    digest = hashlib.sha256()
    for image in template():
        digest.update(json.dumps([image.data.shape, image.affine.tolist()]).encode())
        digest.update(np.ascontiguousarray(image.data).tobytes())
    return digest.hexdigest()


def recorded(scans: pd.DataFrame) -> tuple[dict[str, Any] | None, str]:
    """What ``seada-bench preprocess`` did to the scans of a training, from the folders of their manifests.

    Parameters
    ----------
    scans
        Training scans, columns ``manifest`` and ``scan_key``.

    Returns
    -------
    tuple
        In plain values ``version``, ``settings``, ``brains`` (where masks came from), ``template`` (its digest) and
        ``standard`` (Nyul's scale); or None, and why.
    """
    manifests = sorted({Path(name) for name in scans["manifest"]})
    folders = sorted({manifest.parent for manifest in manifests})
    records = [record_at(folder / RECORD) for folder in folders]
    if not all("settings" in record for record in records):
        return None, f"{PREPARED}nothing beside the training's manifests says how they were"
    if any(record != records[0] for record in records) or records[0]["version"] != VERSION:
        return None, f"{PREPARED}the training's were by several settings or versions"
    try:
        settings = RawSettings(**records[0]["settings"])
        report = pd.concat([pd.read_csv(folder / REPORT, keep_default_na=False) for folder in folders])
    except (OSError, ValueError, TypeError) as error:
        return None, f"{PREPARED}the record of how the training's were cannot be read ({error})"
    brains = sorted(set(report.loc[report["scan"].isin(scans["scan_key"]), "brain"]))
    if not brains:
        return None, f"{PREPARED}the report of how the training's were has none of its scans"
    if settings.brain == "auto" and len(brains) == 1:
        settings = replace(settings, brain=brains[0])
    standard = None
    if settings.intensity == "nyul":
        standard = _standard(folders)
        if standard is None:
            return None, f"{PREPARED}the training's were by Nyul's scale, which their folder does not hold any more"
    return {
        "version": VERSION,
        "settings": asdict(settings),
        "brains": brains,
        "template": template_digest(),
        "standard": standard,
    }, ""


def apply(
    raw: Mapping[str, Any], scans: pd.DataFrame, folder: Path, processes: int = 1, progress: bool = False
) -> pd.DataFrame:
    """Prepare raw images as a training's were; what is there from the same file is not made again.

    Parameters
    ----------
    raw
        As :func:`recorded` gives it.
    scans
        Columns ``image`` (any format, or a folder with a DICOM series), ``mask`` and, where files state none,
        ``orientation``.
    folder
        Where prepared volumes go; made where missing.
    processes
        Scans at a time.
    progress
        Whether a bar goes to stderr.

    Returns
    -------
    pandas.DataFrame
        The scans with ``image`` and ``mask`` of the prepared volumes, ``mask`` "" where the training's have none.

    Raises
    ------
    UserError
        For another template or version than the training's, a program that is not installed, and, a line each, every
        image that cannot be used.
    """
    settings = settings_of(raw)
    folder.mkdir(parents=True, exist_ok=True)
    work = partial(_prepared, dict(raw), settings, folder)
    rows = scans.to_dict("records")
    # A process of its own for one image would take longer to start than it saves.
    done = mapped(work, rows, min(processes, len(rows)), "prepare", progress)
    problems = [one["error"] for one in done if "error" in one]
    if problems:
        head = [] if len(problems) == 1 else [f"{len(problems)} of {len(rows)} raw images cannot be used:"]
        raise UserError("\n".join([*head, *problems]))
    return scans.assign(image=[one["image"] for one in done], mask=[one["mask"] for one in done])


def settings_of(raw: Mapping[str, Any]) -> RawSettings:
    """Settings of a first stage, as :func:`recorded` gives it, which this installation can repeat.

    Raises
    ------
    UserError
        For another template or version than the training's, and a program that is not installed.
    """
    if raw["version"] != VERSION or raw["template"] != template_digest():
        raise UserError("--raw: this seada-bench prepares raw images by another version or template than the training")
    settings = RawSettings(**raw["settings"])
    if settings.brain in get_args(Program):
        required(settings.brain)  # type: ignore[arg-type]
    return settings


def prepared_as(
    raw: Mapping[str, Any], settings: RawSettings, image: str, mask: str = "", orientation: str = ""
) -> Prepared:
    """A raw image prepared as a training's were, not yet normalised.

    Parameters
    ----------
    raw, settings
        As :func:`recorded` and :func:`settings_of` give them.
    image, mask, orientation
        As for :func:`apply`.

    Raises
    ------
    UserError
        For an image or mask that cannot be used, and a brain mask from elsewhere than the training's.
    """
    made = prepare(Path(image), Path(mask) if mask else None, orientation, "", settings)
    if made.brain not in raw["brains"]:
        allowed = " or ".join(raw["brains"])
        raise UserError(f"{image}: its brain mask is from '{made.brain}', the training's were from {allowed}")
    return made


def file_state(path: str) -> list[Any]:
    """Path, size and time of change of a file, or of all files of a folder; what is made of it is known by them."""
    place = Path(path)
    inside = sorted(each for each in place.iterdir() if each.is_file()) if place.is_dir() else [place]
    try:
        return [str(path), [[each.name, each.stat().st_size, each.stat().st_mtime_ns] for each in inside]]
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def _prepared(raw: dict[str, Any], settings: RawSettings, folder: Path, row: Mapping[str, Any]) -> dict[str, Any]:
    """Files of a scan in template space; or what is wrong with it."""
    image, mask = str(row["image"]), str(row.get("mask") or "")
    orientation = str(row.get("orientation") or "")
    try:
        states = [file_state(path) for path in (image, mask) if path]
        key = hashlib.sha256(json.dumps([raw, states, orientation], sort_keys=True).encode()).hexdigest()[:24]
        volume, brain, record = (folder / f"{key}{end}" for end in ("_T1w.nii.gz", "_mask.nii.gz", ".json"))
        if not record.is_file():
            made = prepared_as(raw, settings, image, mask, orientation)
            save(made.mask.astype(np.uint8), made.affine, brain)
            save(normalised(made.volume, made.mask, settings.intensity, raw["standard"]), made.affine, volume)
            write_record({"brain": made.brain}, record, indent=None)
        return {"image": str(volume), "mask": "" if record_at(record)["brain"] == "none" else str(brain)}
    except Exception as error:  # noqa: BLE001 (one bad file must not end the work on all others)
        told = problem(error, Path(image))
        return {"error": told if image in told or (mask and mask in told) else f"{image}: {told}"}


def _standard(folders: Sequence[Path]) -> list[float] | None:
    """Nyul's standard scale as ``preprocess`` made it, if every folder's volumes were made by it."""
    if len(folders) > 1:
        return None
    (folder,) = folders
    manifests = sorted(set(folder.glob("*.csv")) - {folder / REPORT, folder / "quarantine.csv"})
    try:
        rows = read_manifests(manifests, check_images=False).to_dict("records")
    except UserError:
        return None
    wanted = ("train",) if any(row.get("split") for row in rows) else ("", None)
    paths = [paths_of(folder, row) for row in rows if row.get("split") in wanted]
    records = [record_at(one["record"]) for one in paths]
    if not records or not all(record.get("landmarks") for record in records):
        return None
    standard = [float(value) for value in np.mean([record["landmarks"] for record in records], axis=0)]
    # What preprocess leaves beside each volume names the scale that it was made by.
    for record, one in zip(records, paths, strict=True):
        made_by = hashlib.sha256(json.dumps([record["key"], standard]).encode()).hexdigest()
        if record_at(one["done"]).get("key") != made_by:
            return None
    return standard
