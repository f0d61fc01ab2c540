"""Write the phantom: volumes, masks, manifests, truth table."""

from __future__ import annotations

import gzip
import json
from collections.abc import Hashable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.data.atomic import atomic_path
from benchmark.errors import UserError
from benchmark.folders import make_writable
from benchmark.prepare.phantom.acquisition import acquire, acquisition
from benchmark.prepare.phantom.atlas import grid_affine
from benchmark.prepare.phantom.biology import DRAWS, biology
from benchmark.prepare.phantom.brain import Brain, BrainMaker
from benchmark.prepare.phantom.cohort import cohort
from benchmark.prepare.phantom.draws import held_out_draws
from benchmark.prepare.phantom.label_maps import folder_digest
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.prepare.phantom.sites import SITES, first_sites
from benchmark.prepare.phantom.template import template_brain
from benchmark.prepare.shown import Shown
from benchmark.processes import process_pool
from benchmark.seeds import generator

#: Raised whenever the same settings give other volumes.
VERSION = 4
TRUTH = "truth.csv"
RECORD = "phantom.json"
#: Table of the people that subjects were made from, where they were made from label maps.
ANATOMIES = "anatomies.csv"
#: nibabel is only partly typed.
_NIBABEL: Any = nibabel
#: A row of the table of scans.
Scan = dict[Hashable, Any]


def generate(settings: PhantomSettings, out: Path, processes: int = 1) -> list[Path]:
    """Write the phantom, unless it is there.

    Parameters
    ----------
    settings
        The knobs; equal settings give equal bytes, whatever the number of processes.
    out
        Folder of manifests, ``truth.csv``, ``phantom.json`` (written last) and ``images/``; ``anatomies.csv`` where
        anatomies come from label maps.
    processes
        Processes that make volumes.

    Returns
    -------
    list of Path
        The manifests, one per site.

    Raises
    ------
    UserError
        If the folder cannot be written or holds a phantom of other settings; nothing is overwritten. If a label map
        cannot be used, before anything is written.
    """
    if _is_there(settings, out):
        return [out / f"{site}.csv" for site in first_sites(settings.sites)]
    maker, people = _brain_maker(settings)
    make_writable(out, "out")
    scans = _scans(settings)
    subjects = [group.to_dict("records") for _, group in scans.groupby("subject_id", sort=True)]
    make = partial(_make_subject, settings, maker, out)
    truth: list[dict[str, object]] = []
    with Shown(len(scans), f"phantom {out.name}") as bar:
        for rows in _mapped(make, subjects, processes):
            truth += rows
            bar.update(len(rows))
    _write_table(pd.DataFrame(truth).sort_values("scan_key"), out / TRUTH)
    if people is not None:
        _write_table(people, out / ANATOMIES)
    manifests = write_manifests(settings, out)
    with atomic_path(out / RECORD) as temporary:
        temporary.write_text(json.dumps(_record(settings), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return manifests


def write_manifests(settings: PhantomSettings, out: Path) -> list[Path]:
    """Write the manifests alone, one per site; they need no volume."""
    out.mkdir(parents=True, exist_ok=True)
    scans = _scans(settings)
    paths = []
    for site, group in scans.groupby("site", sort=False):
        paths.append(out / f"{site}.csv")
        _write_table(group.drop(columns=["scan_key", "scanner", "years", "draw"]), paths[-1], None)
    return sorted(paths)


def _write_table(table: pd.DataFrame, path: Path, digits: str | None = "%.6g") -> None:
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format=digits, lineterminator="\n")


def _record(settings: PhantomSettings) -> dict[str, object]:
    knobs = asdict(settings)
    if settings.anatomies is not None:
        # The anatomies themselves, not where they happen to lie.
        knobs["anatomies"] = folder_digest(Path(settings.anatomies))
    return {"version": VERSION, "settings": knobs}


def _is_there(settings: PhantomSettings, out: Path) -> bool:
    record = out / RECORD
    if not record.is_file():
        return False
    found = json.loads(record.read_text(encoding="utf-8"))
    if found != json.loads(json.dumps(_record(settings))):
        raise UserError(
            f"{out}: holds a phantom of other settings or of version {found.get('version')} (this is {VERSION}); "
            "remove the folder or name another"
        )
    return all((out / name).is_file() for name in _scans(settings)["image"])


def _scans(settings: PhantomSettings) -> pd.DataFrame:
    scans = cohort(settings)
    stem = scans["subject_id"] + "_" + scans["session_id"]
    scans.insert(2, "image", "images/" + scans["site"] + "/" + stem + "_T1w.nii.gz")
    scans.insert(3, "mask", "images/" + scans["site"] + "/" + stem + "_mask.nii.gz")
    scans["scanner_manufacturer"] = "phantom"
    scans["scanner_model"] = [
        SITES[site].model + (str(scanner + 1) if settings.scanners > 1 else "")
        for site, scanner in zip(scans["site"], scans["scanner"], strict=True)
    ]
    scans["field_strength"] = [SITES[site].tesla for site in scans["site"]]
    scans["scan_key"] = scans["site"] + "/" + scans["subject_id"] + "/" + scans["session_id"]
    return scans


def _mapped(
    make: partial[list[dict[str, object]]], subjects: list[list[Scan]], processes: int
) -> Iterable[list[dict[str, object]]]:
    if processes == 1:
        yield from map(make, subjects)
        return
    with process_pool(processes) as pool:
        yield from pool.map(make, subjects, chunksize=8)


def _make_subject(
    settings: PhantomSettings, maker: BrainMaker, out: Path, scans: list[Scan]
) -> list[dict[str, object]]:
    """Write every scan of one subject; the anatomy of a session is computed once for all sites."""
    affine = grid_affine(settings)
    rows: list[dict[str, object]] = []
    brains: dict[float, Brain] = {}
    for scan in scans:
        subject, key, years, diagnosis = scan["subject_id"], scan["scan_key"], scan["years"], scan["diagnosis"]
        normals = _normals(settings, subject, diagnosis, scan["draw"])
        state = biology(diagnosis, scan["sex"], round(scan["age"] - years, 1), years, normals, settings.head_size)
        if years not in brains:
            brains[years] = maker(subject, scan["split"], state)
        how = acquisition(settings, scan["site"], key, scan["scanner"], state.severity)
        image, mask = acquire(settings, brains[years], how, key)
        _write(image, affine, out / scan["image"])
        _write(mask.astype(np.uint8), affine, out / scan["mask"])
        names = ("scan_key", "subject_id", "session_id", "site", "diagnosis", "sex", "scanner")
        made = {n if isinstance(value, str) else f"bio_{n}": value for n, value in brains[years].truth.items()}
        rows.append({**{name: scan[name] for name in names}, **state.truth(), **made, **how.truth()})
    return rows


def _brain_maker(settings: PhantomSettings) -> tuple[BrainMaker, pd.DataFrame | None]:
    """What makes the anatomies, and the table of the people that they are made from."""
    if settings.anatomies is None:
        return partial(template_brain, settings), None
    # The compiler of its loops takes a second to import.
    from benchmark.prepare.phantom.real_anatomies import RealAnatomies

    anatomies = RealAnatomies(Path(settings.anatomies), settings)
    return anatomies.brain, anatomies.table()


def _normals(settings: PhantomSettings, subject: str, diagnosis: str, draw: int) -> NDArray[np.float64]:
    if draw < 0:
        return generator(settings.seed, "biology", subject).standard_normal(DRAWS)
    return held_out_draws(settings, diagnosis)[draw, :DRAWS]


def _write(volume: NDArray[np.uint16] | NDArray[np.uint8], affine: NDArray[np.float64], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image: Any = _NIBABEL.Nifti1Image(volume, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code="mni")
    image.set_qform(affine, code="mni")
    with atomic_path(path) as temporary:
        # Neither name nor time in the gzip header: same volume, same bytes.
        temporary.write_bytes(gzip.compress(image.to_bytes(), compresslevel=3, mtime=0))
