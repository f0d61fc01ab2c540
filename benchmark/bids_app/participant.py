"""The participant level: each scan prepared, embedded, compared with the model's training, and reported on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.bids_app.folder import claim, plain, write_table, write_text
from benchmark.bids_app.report import MEASURED, Report, render
from benchmark.bids_app.scans import BidsScan, Derivatives, derivatives_of, scans_of
from benchmark.data.contents import sha256_of
from benchmark.data.store import one_thread
from benchmark.errors import UserError
from benchmark.prepare.importers.bids import Options
from benchmark.prepare.importers.write import SiteFrom
from benchmark.prepare.preprocess.intensity import normalised
from benchmark.prepare.preprocess.parallel import mapped, problem
from benchmark.prepare.preprocess.places import load_masked, record_at, save, write_record
from benchmark.prepare.preprocess.quality import LEAST_OVERLAP
from benchmark.prepare.preprocess.run import VERSION as PREPROCESS_VERSION
from benchmark.prepare.preprocess.settings import RawSettings
from benchmark.search.first_stage import PREPARED, prepared_as, settings_of, template_digest
from benchmark.search.gate import measured, problems
from benchmark.train.exported_model import ExportedModel, load_model

#: Raised whenever the same scan and model give other files.
VERSION = 1
#: Label of the space of nilearn's template, and of scans that are not registered.
TEMPLATE, OWN_SPACE = "MNI152NLin2009aSym", "scanner"


@dataclass(frozen=True)
class Job:
    """What is done to every scan.

    Attributes
    ----------
    out
        Folder of the derivatives.
    model, trust
        As for :func:`benchmark.train.exported_model.load_model`.
    stage
        First stage of preprocessing, as :func:`benchmark.search.first_stage.recorded` gives it.
    warnings
        What is to be said of every scan.
    """

    out: Path
    model: Path
    trust: tuple[str, ...]
    stage: dict[str, Any]
    warnings: tuple[str, ...]

    @property
    def space(self) -> str:
        """Label of the space of prepared volumes."""
        return OWN_SPACE if self.stage["settings"]["registration"] == "none" else TEMPLATE


@dataclass(frozen=True)
class Done:
    """What came of the participant level: scans made now and before, what is wrong with others, what was left out."""

    made: int
    there: int
    problems: list[str]
    told: list[str]


def participant(
    options: Options,
    out: Path,
    model_folder: Path,
    site_from: SiteFrom = "dataset",
    participants: Sequence[str] = (),
    sessions: Sequence[str] = (),
    processes: int = 1,
    trust: Sequence[str] = (),
    progress: bool = False,
) -> Done:
    """Make the derivatives of a dataset's scans; those that are finished, of the same input, are passed over.

    Parameters
    ----------
    options, site_from, participants, sessions
        As for :func:`benchmark.bids_app.scans.scans_of`.
    out
        Folder of the derivatives. Several processes may work on it at a time.
    model_folder, trust
        As for :func:`benchmark.train.exported_model.load_model`.
    processes
        Scans at a time.
    progress
        Whether a bar goes to stderr.

    Raises
    ------
    UserError
        For a dataset, a model or a folder that cannot be used. A scan that cannot be used keeps no other out.
    """
    model = load_model(model_folder, trust)
    found = scans_of(options, site_from, participants, sessions)
    _check_sites(model, found.scans)
    stage, warnings = first_stage(model)
    settings_of(stage)
    claim(out, options.images, model.name, model.digest)
    job = Job(out, model_folder, tuple(trust), stage, tuple(warnings))
    results = mapped(partial(make, job), found.scans, min(processes, len(found.scans)), "bids", progress)
    failed = [one["error"] for one in results if "error" in one]
    told = [f"{count} left out: {reason}" for reason, count in sorted(found.left_out.items())]
    return Done(
        made=sum(one.get("state") == "made" for one in results),
        there=sum(one.get("state") == "there" for one in results),
        problems=[*found.problems, *failed],
        told=[*warnings, *told, *found.ambiguous],
    )


def first_stage(model: ExportedModel) -> tuple[dict[str, Any], list[str]]:
    """How raw images are prepared for a model, and what is to be said of that.

    A model that knows how its training's scans were prepared prepares others alike. For another one, as those of the
    phantom are, the defaults of ``seada-bench preprocess`` take the place, on the grid of its training's volumes.

    Raises
    ------
    UserError
        For a model whose training had brain masks that a dataset in BIDS does not hold.
    """
    warnings = []
    if model.description["synthetic"]:
        warnings.append("The model was trained on synthetic scans: nothing shows yet that it holds on scans of people.")
    known = model.description["raw"]
    if known is not None:
        if known["settings"]["brain"] == "mask":
            raise UserError(
                "--model: its training had brain masks of its own, which raw T1w images lack; export one whose scans "
                "were prepared with --brain auto, hd-bet, synthstrip or template"
            )
        return known, warnings
    shape, spacing = _grid(model)
    settings = RawSettings(shape=shape, spacing=spacing, brain="none" if model.masks == "none" else "auto")
    warnings.append(
        "The model does not say how its training's scans were prepared "
        f"({model.description['prepared'].removeprefix(PREPARED)}): these are prepared by the defaults of seada-bench "
        "preprocess."
    )
    brains = ["none"] if model.masks == "none" else ["hd-bet", "synthstrip", "template"]
    return {
        "version": PREPROCESS_VERSION, "settings": asdict(settings), "brains": brains,
        "template": template_digest(), "standard": None,
    }, warnings  # fmt: skip


def make(job: Job, scan: BidsScan) -> dict[str, str]:
    """Make a scan's derivatives: ``state`` is ``made``, or ``there`` where they are; ``error`` is what is wrong."""
    try:
        with one_thread():
            return {"state": _make(job, scan)}
    except Exception as error:  # noqa: BLE001 (one bad scan must not end the work on all others)
        told = problem(error, scan.image)
        return {"error": told if str(scan.image) in told else f"{scan.image}: {told}"}


def _make(job: Job, scan: BidsScan) -> str:
    paths = derivatives_of(job.out, scan, job.space)
    source = sha256_of([str(scan.image)])[str(scan.image)]
    prepared_key = _digest(VERSION, job.stage, source)
    model = _model(job.model, job.trust)
    key = _digest(VERSION, prepared_key, model.digest, scan.facts, job.warnings)
    masked = "none" not in job.stage["brains"]
    if record_at(paths.embedding_json).get("Key") == key and paths.are_there(masked):
        return "there"
    # Until the last file is written, the scan is not finished.
    paths.embedding_json.unlink(missing_ok=True)
    paths.volume.parent.mkdir(parents=True, exist_ok=True)
    record = record_at(paths.volume_json)
    needed = (paths.volume, paths.mask) if masked else (paths.volume,)
    if record.get("Key") != prepared_key or not all(path.is_file() for path in needed):
        record = _prepare(job, scan, paths, prepared_key, source)
    _embed(job, scan, paths, model, record, key)
    return "made"


def _prepare(job: Job, scan: BidsScan, paths: Derivatives, key: str, source: str) -> dict[str, Any]:
    """Write the volume and mask; the volume's JSON file, written last, has the rest."""
    settings = RawSettings(**job.stage["settings"])
    made = prepared_as(job.stage, settings, str(scan.image))
    paths.volume_json.unlink(missing_ok=True)
    grid = f"{' x '.join(map(str, settings.shape))} voxels of {settings.spacing:g} mm"
    common = {"Sources": [f"bids:raw:{scan.source}"], "Resolution": grid}
    if job.space == OWN_SPACE:
        common["SpatialReference"] = f"bids:raw:{scan.source}"
    if made.brain != "none":
        save(made.mask.astype(np.uint8), made.affine, paths.mask)
        about = {"Description": f"Brain mask, from {made.brain}.", "Type": "Brain"}
        write_record({**about, **common}, paths.mask_json)
    save(normalised(made.volume, made.mask, settings.intensity, job.stage["standard"]), made.affine, paths.volume)
    record: dict[str, Any] = {
        "Description": "T1w image on the grid of the model, its intensities normalised within the brain mask.",
        **common,
        "SkullStripped": False,
        "SourceSHA256": source,
        "Settings": asdict(settings),
        "BrainMask": made.brain,
        "TemplateToScanner": made.transform.round(6).tolist(),
        "Quality": {"mutual_information": made.information, **asdict(made.quality)},
        "Key": key,
    }
    # As it is read back by the next call, which must give the same report.
    record = plain(record)
    write_record(record, paths.volume_json)
    return record


def _embed(
    job: Job, scan: BidsScan, paths: Derivatives, model: ExportedModel, record: Mapping[str, Any], key: str
) -> None:
    masked = record["BrainMask"] != "none"
    row = {**scan.facts, "image": str(paths.volume), "mask": str(paths.mask) if masked else ""}
    frame = pd.DataFrame([row]).astype({"age": float})
    model.check(frame)
    ldr = model.ldrs_of(frame)[0]
    numbers, limits = measured(model, frame, ldr)
    quality = {name: record["Quality"][name] for name in MEASURED}
    warnings = problems(numbers, limits)
    overlap = quality["overlap"]
    if job.space == TEMPLATE and (overlap is None or overlap < LEAST_OVERLAP):
        told = "there is no overlap" if overlap is None else f"overlap {overlap:.2f} is below {LEAST_OVERLAP}"
        warnings.append(f"registration may have failed: {told}")
    volume, mask, _ = load_masked(paths.volume, paths.mask if masked else paths.volume)
    report = Report(scan, model, job.space, record, quality, numbers, limits, warnings, job.warnings)
    write_text(render(report, volume, mask if masked else None), paths.report)
    write_table({f"z{number}": f"{value:.9g}" for number, value in enumerate(ldr)}, paths.embedding)
    content = {
        "Description": "Embedding of the prepared volume: one row, one column per dimension.",
        "Sources": [f"bids::{paths.volume.relative_to(job.out).as_posix()}"],
        "GeneratedBy": {"Name": "seada-bench", "Version": version("seada-bench")},
        "Model": {"Name": model.name, "Digest": model.digest, "Synthetic": bool(model.description["synthetic"])},
        "Scan": {"name": scan.name, **scan.facts},
        "Quality": quality,
        "Gate": {
            name: {"Value": value, "TrainingMedianLeastGreatest": limits.get(name)} for name, value in numbers.items()
        },
        "Warnings": warnings,
        "Notes": list(job.warnings),
        "Report": paths.report.name,
        "Key": key,
    }
    write_record(plain(content), paths.embedding_json)


@cache
def _model(folder: Path, trust: tuple[str, ...]) -> ExportedModel:
    return load_model(folder, trust)


def _grid(model: ExportedModel) -> tuple[tuple[int, int, int], float]:
    """Of the training's files where all have one with cubic voxels, else of what the network sees."""
    space = model.description["space"]
    if space is not None and len(space["grids"]) == 1:
        (grid,) = space["grids"]
        steps = np.linalg.norm(np.array(grid["affine"])[:3, :3], axis=0)
        if np.ptp(steps) < 1e-6:
            return tuple(grid["shape"]), round(float(steps[0]), 6)
    return model.preprocessing.shape, model.preprocessing.spacing


def _check_sites(model: ExportedModel, scans: Sequence[BidsScan]) -> None:
    """Say before hours of work what would be said of every scan."""
    if not model.description["needs"]["site"]:
        return
    allowed = [*model.sites, *([model.held_out_site] if model.held_out_site else [])]
    unknown = sorted({scan.facts["site"] for scan in scans} - set(allowed))
    if unknown:
        raise UserError(
            f"--model: the LDR of '{model.name}' depends on the site of a scan, and '{unknown[0]}' was no site of its "
            f"training; allowed: {', '.join(allowed)}"
        )


def _digest(*content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
