"""Queries from image files: prepared as the model's training scans were, embedded, and seen by the quality gate."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmark.errors import UserError
from benchmark.search.archive import ldrs_of
from benchmark.search.first_stage import apply
from benchmark.search.gate import failures
from benchmark.search.index import Index
from benchmark.search.query import Query
from benchmark.search.scans import contents, scans_of_images
from benchmark.train.exported_model import ExportedModel


def query_images(
    model: ExportedModel,
    index: Index,
    images: Sequence[Path],
    masks: Sequence[Path] = (),
    sites: Sequence[str] = (),
    ages: Sequence[float] = (),
    sexes: Sequence[str] = (),
    subjects: Sequence[str] = (),
    raw: bool = False,
    processes: int = 1,
    force: bool = False,
    progress: bool = False,
) -> list[Query]:
    """Queries of images.

    Parameters
    ----------
    model
        That of the index.
    index
        What is searched in: a query whose files are in it is known by them, with its subject and site.
    images, masks, sites, ages, sexes
        As for :func:`benchmark.search.scans.scans_of_images`.
    subjects
        Whose scans are not to be found, one per image; none where they are not known.
    raw, processes, progress
        As for :func:`benchmark.search.embed.embed_scans`.
    force
        Whether a query that fails the gate is answered, with a warning.

    Raises
    ------
    UserError
        For files that cannot be used, and for queries that fail the gate, a line each.
    """
    if len(subjects) not in (0, len(images)):
        raise UserError(f"--subjects: {len(subjects)} are given for {len(images)} images; one each is needed")
    scans = scans_of_images(images, masks, sites, ages, sexes)
    known = _known(index, scans) if not raw else {}
    with tempfile.TemporaryDirectory(prefix="seada-bench-query-") as folder:
        prepared = _prepared(model, scans, Path(folder), processes, progress) if raw else scans
        for row, (_, known_site) in known.items():
            if not sites and known_site in model.sites:
                prepared.loc[row, "site"] = known_site
        queries, refused = [], []
        for row in range(len(prepared)):
            one = prepared[row : row + 1].reset_index(drop=True)
            ldr = ldrs_of(model, one)[0]
            unlike = failures(model, one, ldr)
            found = f"is not like the scans of the training: {'; '.join(unlike)}"
            if unlike and not force:
                refused.append(f"{images[row]}: {found}; --force answers all the same, with a warning")
            subject, site = known.get(row, ("", ""))
            subject = subjects[row] if subjects else subject
            site = str(scans["site"][row]) if sites else site
            marked = [f"the query {found}"] if unlike else []
            queries.append(Query(str(images[row]), ldr.astype(np.float32), subject, site, marked))
    if refused:
        raise UserError("\n".join(refused))
    return queries


def _prepared(model: ExportedModel, scans: pd.DataFrame, folder: Path, processes: int, progress: bool) -> pd.DataFrame:
    if model.description["raw"] is None:
        raise UserError(f"--raw: the model cannot prepare raw images; {model.description['prepared']}")
    # Of one image a bar would stand still for half a minute.
    one = progress and len(scans) == 1
    with _clock(f"prepare {Path(scans['image'][0]).name}, about half a minute", one):
        return apply(model.description["raw"], scans, folder, processes, progress and not one)


@contextmanager
def _clock(what: str, shown: bool) -> Iterator[None]:
    """Show on stderr, each second, for how long something has been done."""
    over = threading.Event()
    with tqdm(desc=what, bar_format="{desc}: {elapsed}", disable=not shown, file=sys.stderr) as bar:

        def tick() -> None:
            while not over.wait(1):
                bar.refresh()

        ticking = threading.Thread(target=tick, daemon=True)
        ticking.start()
        try:
            yield
        finally:
            over.set()
            ticking.join()


def _known(index: Index, scans: pd.DataFrame) -> dict[int, tuple[str, str]]:
    """Subject and site of the scans that are in an index, by their files, by row."""
    found: dict[int, tuple[str, str]] = {}
    for number, digest in enumerate(contents(scans)):
        rows = np.flatnonzero(index.having("content", [digest]))
        if len(rows):
            subject, site = (str(index.scans.column(name)[int(rows[0])].as_py()) for name in ("subject_id", "site"))
            found[number] = (subject, site)
    return found
