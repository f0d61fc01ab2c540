"""Scans of a dataset in BIDS, and where their derivatives lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.prepare.importers.bids import Options, collect_some
from benchmark.prepare.importers.files import relative, stem
from benchmark.prepare.importers.write import SiteFrom, site_of

_T1W = "_T1w"


@dataclass(frozen=True)
class BidsScan:
    """A scan that is worked on.

    Attributes
    ----------
    image
        Its file.
    source
        Path of the file within the dataset.
    name
        The file's name up to its suffix, such as ``sub-01_ses-1_run-1``.
    facts
        ``subject_id``, ``session_id``, ``site``, ``diagnosis``, ``age`` (years, None where unknown) and ``sex``, as a
        manifest has them.
    """

    image: Path
    source: str
    name: str
    facts: dict[str, Any]

    @property
    def bids_name(self) -> str:
        """Name of the image without ending."""
        return f"{self.name}{_T1W}"


@dataclass(frozen=True)
class Found:
    """Scans of a dataset, what is wrong with others, and how many images and rows are none, by reason."""

    scans: list[BidsScan]
    problems: list[str]
    left_out: Counter[str]
    ambiguous: list[str]


def scans_of(
    options: Options, site_from: SiteFrom, participants: Sequence[str] = (), sessions: Sequence[str] = ()
) -> Found:
    """Find the scans of a dataset.

    Parameters
    ----------
    options, site_from
        As for ``seada-bench manifest build bids``.
    participants, sessions
        Labels without ``sub-`` and ``ses-``; all where none is given.

    Raises
    ------
    UserError
        For a folder that is no dataset, a label that it does not have, and if there is no scan at all.
    """
    root = options.images
    for label in participants:
        if not (root / f"sub-{label}").is_dir():
            raise UserError(f"--participant_label: {root} has no folder sub-{label}")
    found, problems = collect_some(
        options,
        lambda image: _among(image.subject, participants) and _among(image.session, sessions),
    )
    scans = []
    for one in found.scans:
        site = site_of(one, site_from)
        source = relative(one.image, root)
        if site is None:
            found.leave_out(source, f"site from {site_from}: not known of this scan")
            continue
        age = None if one.age != one.age else round(one.age, 2)
        facts = {
            "subject_id": one.subject_id, "session_id": one.session_id, "site": site, "diagnosis": one.diagnosis,
            "age": age, "sex": one.sex,
        }  # fmt: skip
        scans.append(BidsScan(one.image, source, stem(one.image).removesuffix(_T1W), facts))
    told = [f"{relative(path, root)}: {text}" for path, text in problems.items()]
    left_out = Counter(
        one.reason
        for one in found.left_out
        if not (participants or sessions) or any(_is_of(one.what, label) for label in participants)
    )
    if not scans and not told:
        reasons = "; ".join(sorted(left_out)[:5])
        raise UserError(f"{root}: no T1w image was found to work on" + (f"; left out: {reasons}" if reasons else ""))
    return Found(sorted(scans, key=lambda scan: scan.source), sorted(told), left_out, found.ambiguous)


@dataclass(frozen=True)
class Derivatives:
    """Files of a scan: prepared volume and brain mask, the embedding, each with its JSON file, and the report."""

    volume: Path
    volume_json: Path
    mask: Path
    mask_json: Path
    embedding: Path
    #: Written last: a scan without it is not finished.
    embedding_json: Path
    report: Path

    def are_there(self, masked: bool) -> bool:
        """Whether every file is."""
        paths = asdict(self)
        optional = () if masked else ("mask", "mask_json")
        return all(path.is_file() for name, path in paths.items() if name not in optional)


def derivatives_of(out: Path, scan: BidsScan, space: str) -> Derivatives:
    """Where a scan's derivatives lie.

    Parameters
    ----------
    out
        Folder of the derivatives.
    scan
        The scan.
    space
        Label of the space of the prepared volume.
    """
    folder = out / Path(scan.source).parent
    start = f"{scan.name}_space-{space}"
    return Derivatives(
        volume=folder / f"{start}_desc-preproc_T1w.nii.gz",
        volume_json=folder / f"{start}_desc-preproc_T1w.json",
        mask=folder / f"{start}_desc-brain_mask.nii.gz",
        mask_json=folder / f"{start}_desc-brain_mask.json",
        embedding=folder / f"{start}_desc-seada_embedding.tsv",
        embedding_json=folder / f"{start}_desc-seada_embedding.json",
        report=out / f"{scan.bids_name}.html",
    )


def _among(label: str, wanted: Collection[str]) -> bool:
    return not wanted or label in wanted


def _is_of(what: str, label: str) -> bool:
    return f"sub-{label}/" in what or f"sub-{label})" in what
