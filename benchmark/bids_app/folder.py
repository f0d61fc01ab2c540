"""The folder of a BIDS App's derivatives: what it says of itself, and by which model it was made."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmark.data.atomic import atomic_path
from benchmark.errors import UserError
from benchmark.folders import make_writable
from benchmark.prepare.importers.sidecar import read_json
from benchmark.prepare.preprocess.places import record_at, write_record

DESCRIPTION = "dataset_description.json"
#: Version of BIDS that the derivatives follow.
BIDS_VERSION = "1.10.0"
#: Of the program, and of the model, in ``GeneratedBy``.
PROGRAM, MODEL = "seada-bench", "seada-bench model"
#: What BIDS has no names for.
_IGNORED = "*.html\n*_embedding.json\n*_embedding.tsv\ngroup_*\nembeddings.parquet\nresults\nresults/**\n.results*\n"
_README = """\
Derivatives by seada-bench: for each T1w image the prepared volume, its brain mask, its embedding by the model that
dataset_description.json names, and a report (sub-*.html). The group level adds group_T1w.html, group_T1w.tsv,
embeddings.parquet and results/. Embeddings are personal data, as the images are.
"""


def claim(out: Path, dataset: Path, method: str, digest: str) -> None:
    """Say in ``dataset_description.json`` whose folder it is.

    Parameters
    ----------
    out
        The folder, made where missing. Several processes may do so at a time.
    dataset
        Root of the raw dataset.
    method, digest
        Of the model.

    Raises
    ------
    UserError
        If the folder cannot be written, lies among the raw data, or belongs to other software or another model.
    """
    raw = dataset.resolve()
    if out.resolve().is_relative_to(raw) and not out.resolve().is_relative_to(raw / "derivatives"):
        raise UserError(
            f"{out}: lies among the raw data; name a folder elsewhere, such as {dataset / 'derivatives' / PROGRAM}"
        )
    make_writable(out, "output_dir")
    path = out / DESCRIPTION
    if path.exists():
        made_by = model_of(out)
        if made_by != digest:
            raise UserError(
                f"{path}: the folder holds derivatives of another model ({made_by[:16]}, not {digest[:16]}); name "
                "another output folder"
            )
        return
    for name, text in ((".bidsignore", _IGNORED), ("README", _README)):
        if not (out / name).exists():
            write_text(text, out / name)
    about = read_json(dataset / DESCRIPTION) if (dataset / DESCRIPTION).is_file() else {}
    name = str(about.get("Name") or dataset.resolve().name)
    write_record(
        {
            "Name": f"{name}: prepared T1w images and embeddings",
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "derivative",
            "GeneratedBy": [
                {
                    "Name": PROGRAM,
                    "Version": version("seada-bench"),
                    "Description": "T1w images in the space of a model, their embeddings, and how they compare with "
                    "the scans that the model was trained on.",
                },
                {"Name": f"{MODEL} {method}", "Version": digest},
            ],
            "SourceDatasets": [_source(dataset, about)],
            "DatasetLinks": {"raw": Path(os.path.relpath(dataset.resolve(), out.resolve())).as_posix()},
        },
        path,
    )


def model_of(out: Path) -> str:
    """Digest of the model by which a folder's derivatives were made.

    Raises
    ------
    UserError
        For a folder that this program did not make.
    """
    path = out / DESCRIPTION
    made_by = record_at(path).get("GeneratedBy")
    for one in made_by if isinstance(made_by, list) else ():
        if isinstance(one, dict) and str(one.get("Name", "")).startswith(MODEL):
            return str(one.get("Version", ""))
    raise UserError(
        f"{path}: does not say that 'seada-bench bids' made the folder; name the output folder of its participant level"
    )


def write_table(columns: Mapping[str, Any], path: Path) -> None:
    """Write one row as TSV, as BIDS has it."""
    with atomic_path(path) as temporary:
        lines = ["\t".join(columns), "\t".join(map(str, columns.values()))]
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_text(text: str, path: Path) -> None:
    """Write a text; the file is whole or not there."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def plain(value: Any) -> Any:
    """A value for JSON, which has no NaN: None in its place."""
    return json.loads(json.dumps(value), parse_constant=lambda _: None)


def _source(dataset: Path, about: Mapping[str, Any]) -> dict[str, str]:
    doi = str(about.get("DatasetDOI") or "")
    return {"DOI": doi} if doi else {"URL": dataset.resolve().as_uri()}
