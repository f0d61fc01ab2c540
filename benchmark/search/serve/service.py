"""What the page can ask for, apart from HTTP."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.errors import UserError
from benchmark.methods.representation import Batch
from benchmark.search.first_stage import apply
from benchmark.search.output import RESEARCH_USE, as_csv, as_json, as_values, told_of
from benchmark.search.query import Answer, Query, Wanted, query_of_scan
from benchmark.search.query_images import query_images
from benchmark.search.serve.images import Map, difference, drawn, nifti, occlusion, residual
from benchmark.search.serve.jobs import Job, Kept, Worker
from benchmark.search.serve.shown import Archives, Shown, ShownFilter, named
from benchmark.train.exported_model import ExportedModel

#: Hits of one search at most.
MOST_HITS = 200
#: Jobs that may wait, queries and maps whose volumes are kept, answers and jobs that are.
WAITING, VOLUMES, ANSWERS = 32, 64, 512
KINDS = ("difference", "occlusion", "residual")


@dataclass(frozen=True)
class Upload:
    """Files that were uploaded as a query, and what was said of them.

    Attributes
    ----------
    folder
        Of its own, removed when the query is embedded.
    image, mask
        Files in it.
    called
        What its sender calls the image.
    raw
        Whether it is as a scanner left it.
    site, age, sex
        Empty, or None, where unknown.
    subject
        Whose it is, as the archive shows its subjects; empty where it is of none of them, or unknown.
    """

    folder: Path
    image: Path
    mask: Path | None
    called: str
    raw: bool = False
    site: str = ""
    age: float | None = None
    sex: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Held:
    """A query, in memory.

    Attributes
    ----------
    query
        With its LDR.
    batch
        As the model was given it; None for a scan of the archive, which is read when it is needed.
    scan
        That scan; empty for an upload.
    """

    query: Query
    batch: Batch | None
    scan: str = ""


class Service:
    """An archive, its model, and what is being done with them.

    Parameters
    ----------
    archives
        The archive.
    model
        Its model.
    waiting
        Jobs that may wait in each of the two queues.
    """

    def __init__(self, archives: Archives, model: ExportedModel, waiting: int = WAITING) -> None:
        self.archives, self.model = archives, model
        # Whoever picks a scan of the archive does not wait for those whose scans are being embedded.
        self.embedding, self.searching = Worker("embedding", waiting), Worker("searching", waiting)
        self.jobs: Kept[Job] = Kept(ANSWERS, "work")
        self.queries: Kept[Held] = Kept(VOLUMES, "query")
        self.answers: Kept[Answer] = Kept(ANSWERS, "answer")
        self.maps: Kept[Map] = Kept(VOLUMES, "map")
        # The preprocessing sets the number of threads for the whole process.
        self._reading = threading.Lock()

    def stop(self) -> None:
        """End all work."""
        self.embedding.stop()
        self.searching.stop()

    def about(self) -> dict[str, Any]:
        """What is told of the archive and its model."""
        shown = self.archives.current()
        index, description = shown.index, self.model.description
        return {
            "scans": len(index),
            "subjects": shown.subjects,
            "sites": shown.sites,
            "columns": shown.table.column_names,
            "model": told_of(description),
            "synthetic": bool(description["synthetic"]),
            "masks": self.model.masks,
            "raw": description["raw"] is not None,
            "prepared": description["prepared"],
            "note": RESEARCH_USE,
            "most_hits": MOST_HITS,
            "graph": shown.graph,
        }

    def embed(self, upload: Upload) -> str:
        """Have a query embedded; the name of the job.

        Raises
        ------
        UserError
            For a subject that the archive does not have; the files are removed all the same.
        BusyError
            If the queue is full, likewise.
        """
        try:
            subject = self.archives.current().subject(upload.subject) if upload.subject else ""
        except UserError:
            shutil.rmtree(upload.folder, ignore_errors=True)
            raise
        return self.jobs.put(
            self.embedding.submit(
                lambda job: self._embed(job, upload, subject), lambda: shutil.rmtree(upload.folder, ignore_errors=True)
            )
        )

    def search(self, asked: Mapping[str, Any]) -> str:
        """Have a query answered; the name of the job.

        Parameters
        ----------
        asked
            ``query`` (its name) or ``scan``; ``k``, ``filter``, ``exclude_sites``, ``one_per_subject``,
            ``approximate``, ``force``.

        Raises
        ------
        UserError
            For what is not allowed.
        BusyError
            If the queue is full.
        """
        known = {"query": str, "scan": str, "k": int, "filter": str, "exclude_sites": list}
        for name, kind in (known | dict.fromkeys(("one_per_subject", "approximate", "force"), bool)).items():
            if name in asked and type(asked[name]) is not kind:
                raise UserError(f"{name}: must be of type {kind.__name__}")
        if ("query" in asked) == ("scan" in asked):
            raise UserError("search: give either query or scan")
        k = asked.get("k", 10)
        if not 1 <= k <= MOST_HITS:
            raise UserError(f"k: {k} is not allowed; 1 to {MOST_HITS} are")
        sites = asked.get("exclude_sites", [])
        if len(sites) > 1000 or not all(isinstance(site, str) for site in sites):
            raise UserError("exclude_sites: must be a list of sites")
        shown = self.archives.current()
        approximate = asked.get("approximate", False)
        if approximate and not shown.graph:
            raise UserError("approximate: the archive has no graph; 'index compact --approximate' builds one")
        text = asked.get("filter", "").strip()
        condition = ShownFilter(text, shown.table) if text else None
        wanted = Wanted(k, condition, sites, asked.get("one_per_subject", False), approximate)
        held, name = self._held(shown, asked)
        force = asked.get("force", False)
        return self.jobs.put(self.searching.submit(lambda job: self._search(job, shown, held, name, wanted, force)))

    def map(self, asked: Mapping[str, Any]) -> str:
        """Have a map made; the name of the job.

        Parameters
        ----------
        asked
            ``kind``, one of :data:`KINDS`, ``query``, and, but for the residual, ``scan``: a hit.

        Raises
        ------
        UserError, GoneError
            For what is not allowed or not there.
        BusyError
            If the queue is full.
        """
        kind, query, scan = (asked.get(name, "") for name in ("kind", "query", "scan"))
        if kind not in KINDS:
            raise UserError(f"kind: must be one of {', '.join(KINDS)}")
        if not isinstance(query, str) or not isinstance(scan, str):
            raise UserError("query, scan: must be texts")
        shown, held = self.archives.current(), self.queries.get(query)
        row = -1 if kind == "residual" else shown.row(scan)
        return self.jobs.put(self.embedding.submit(lambda job: self._map(job, kind, shown, held, row)))

    def query_volume(self, name: str) -> bytes:
        """A query on the model's grid, as a NIfTI file."""
        return self._drawn(self._batch(self.archives.current(), self.queries.get(name)))

    def scan_volume(self, scan: str) -> bytes:
        """A scan of the archive likewise."""
        shown = self.archives.current()
        return self._drawn(self._batch_of_row(shown, shown.row(scan)))

    def map_volume(self, name: str) -> bytes:
        """A map likewise."""
        return nifti(self.maps.get(name).values, self.model.preprocessing.spacing)

    def table(self, name: str, kind: str) -> str:
        """An answer as ``csv`` or ``json``."""
        answer = self.answers.get(name)
        return as_csv([answer]) if kind == "csv" else as_json([answer], self.model.description)

    def _embed(self, job: Job, upload: Upload, subject: str) -> dict[str, Any]:
        mask = str(upload.mask) if upload.mask else ""
        try:
            job.tell("preparing")
            row = {
                "image": str(upload.image), "mask": mask, "site": upload.site or "unknown",
                "age": np.nan if upload.age is None else upload.age, "sex": upload.sex,
            }  # fmt: skip
            one = pd.DataFrame([row])
            if upload.raw:
                if self.model.description["raw"] is None:
                    raise UserError(f"the model cannot prepare raw images; {self.model.description['prepared']}")
                one = apply(self.model.description["raw"], one, upload.folder / "prepared")
            job.tell("embedding")
            image, brain = Path(one["image"][0]), one["mask"][0]
            with self._reading:
                (query,) = query_images(
                    self.model, self.archives.current().index, [image], [Path(brain)] if brain else (),
                    [upload.site] if upload.site else (), [] if upload.age is None else [upload.age],
                    [upload.sex] if upload.sex else (), [subject] if subject else (), force=True,
                )  # fmt: skip
                batch = self.model.batch_of(one)
        except UserError as error:
            # Nobody knows the files by the names that they have here.
            raise UserError(_renamed(str(error), upload)) from None
        name = self.queries.put(Held(named(query, upload.called), batch))
        return {
            "query": name, "name": upload.called, "warnings": query.warnings, "known_subject": bool(query.subject),
        }  # fmt: skip

    def _held(self, shown: Shown, asked: Mapping[str, Any]) -> tuple[Held, str]:
        if "query" in asked:
            return self.queries.get(asked["query"]), asked["query"]
        row = shown.row(asked["scan"])
        query = query_of_scan(shown.index, shown.index.scans.column("scan_key")[row].as_py())
        held = Held(named(query, shown.name(row)), None, asked["scan"])
        return held, self.queries.put(held)

    def _search(self, job: Job, shown: Shown, held: Held, name: str, wanted: Wanted, force: bool) -> dict[str, Any]:
        query = held.query
        if query.warnings and not force:
            return {"query": name, "name": query.name, "refused": query.warnings}
        job.tell("searching")
        answer = shown.public(shown.searcher.answer(query, wanted))
        values = as_values(answer)
        for hit, row in zip(values["hits"], answer.rows, strict=True):
            hit["scan"] = shown.scan_id(int(row))
        return {
            **values, "answer": self.answers.put(answer), "name": query.name, "query": name,
            "known_subject": bool(query.subject), "approximate": wanted.approximate,
            "model": told_of(self.model.description), "note": RESEARCH_USE,
        }  # fmt: skip

    def _map(self, job: Job, kind: str, shown: Shown, held: Held, row: int) -> dict[str, Any]:
        job.tell("mapping", 0.0)
        query = self._batch(shown, held)
        if kind == "difference":
            made = difference(query, self._batch_of_row(shown, row))
        elif kind == "residual":
            made = residual(self.model, query)
        else:
            hit = shown.index.ldrs(np.array([row], np.int64))[0]
            made = occlusion(self.model, query, hit, lambda share: job.tell("mapping", share))
        return {"map": self.maps.put(made), "unit": made.unit, "high": made.high}

    def _batch(self, shown: Shown, held: Held) -> Batch:
        return held.batch if held.batch is not None else self._batch_of_row(shown, shown.row(held.scan))

    def _batch_of_row(self, shown: Shown, row: int) -> Batch:
        scan = shown.index.scans.slice(row, 1).to_pandas()
        try:
            with self._reading:
                return self.model.batch_of(scan)
        except UserError as error:
            told = str(error)
            for path in (scan["image"][0], scan["mask"][0]):
                told = told.replace(path, "its file") if path else told
            raise UserError(f"scan {shown.name(row)}: {told}") from None

    def _drawn(self, batch: Batch) -> bytes:
        return nifti(drawn(batch, self.model.masks == "all"), self.model.preprocessing.spacing)


def _renamed(told: str, upload: Upload) -> str:
    mask = [(str(upload.mask), f"the mask of {upload.called}")] if upload.mask else []
    for path, called in [(str(upload.image), upload.called), *mask, (f"{upload.folder}/", "")]:
        told = told.replace(path, called)
    return told
