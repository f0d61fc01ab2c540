"""Manifests of what an importer found, one a site, and a record of every image that it saw."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from benchmark.data.atomic import atomic_path
from benchmark.errors import UserError
from benchmark.folders import make_writable
from benchmark.prepare.importers.normalise import tesla
from benchmark.prepare.importers.record import Import, LeftOut, Scan
from benchmark.pseudonyms import pseudonym

SiteFrom = Literal["dataset", "scanner", "field_strength", "vendor"]

#: Further columns that lead back to a person in the archive.
IDENTIFYING = frozenset({"image_id", "series_id", "ptid", "rid"})


@dataclass(frozen=True)
class Written:
    """What came of an import: manifest and scans by site, a file that says what became of every image, the rest."""

    manifests: dict[str, Path]
    record: Path
    scans: dict[str, list[Scan]]
    left_out: list[LeftOut]


def write_manifests(found: Import, out: Path, name: str, site_from: SiteFrom, overwrite: bool = False) -> Written:
    """Write a manifest a site, and ``NAME-import.csv``, into a folder, which is made where missing.

    Parameters
    ----------
    found, name
        What the importer found, and its name.
    out, overwrite
        Folder, and whether manifests that are there and differ are replaced.
    site_from
        ``dataset``: the collection. The others add to it what tells scanners apart: manufacturer and model, field
        strength, or manufacturer. A scan of which that is unknown is left out.

    Raises
    ------
    UserError
        If there is no scan to write, two scans have one subject, session and site, or another file is in the way.
    """
    by_site: dict[str, list[Scan]] = {}
    left_out = list(found.left_out)
    for scan in found.scans:
        site = site_of(scan, site_from)
        if site is None:
            left_out.append(LeftOut(str(scan.image), f"site from {site_from}: not known of this scan"))
        else:
            by_site.setdefault(site, []).append(scan)
    by_site = dict(sorted(by_site.items()))
    if not by_site:
        reasons = sorted({one.reason for one in left_out})
        raise UserError("no scan was found" + (f"; left out: {'; '.join(reasons[:5])}" if reasons else ""))
    manifests = {site: out / f"{site}.csv" for site in by_site}
    record = out / f"{name}-import.csv"
    texts = {manifests[site]: _manifest(site, scans) for site, scans in by_site.items()}
    texts[record] = _record(by_site, left_out)
    for path, text in texts.items():
        if path.exists() and path.read_bytes() != text.encode() and not overwrite:
            raise UserError(f"{path}: is there already and differs; name another --out, or give --overwrite true")
    make_writable(out, "out")
    for path, text in texts.items():
        with atomic_path(path) as temporary:
            temporary.write_bytes(text.encode())
    return Written(manifests, record, by_site, left_out)


def pseudonymous(scans: Sequence[Scan], salt: bytes) -> list[Scan]:
    """Scans whose subjects have pseudonyms, without the columns of :data:`IDENTIFYING`."""
    return [
        replace(
            scan,
            subject_id=pseudonym(scan.subject_id, salt),
            extra={name: value for name, value in scan.extra.items() if name not in IDENTIFYING},
        )
        for scan in scans
    ]


def site_of(scan: Scan, site_from: SiteFrom) -> str | None:
    """Site label of a scan; None where what it is made from is unknown."""
    strength = tesla(scan.field_strength)
    parts = {
        "dataset": (),
        "scanner": (scan.manufacturer, scan.model),
        "field_strength": (f"{strength}T" if strength else "",),
        "vendor": (scan.manufacturer,),
    }[site_from]
    if not all(parts):
        return None
    # Site names become file names.
    return "-".join(re.sub(r"[^A-Za-z0-9._]+", "-", part).strip("-") for part in (scan.dataset, *parts))


def summary(written: Written, found: Import) -> str:
    """What was found, used and left out and why, diagnoses by site, and what was ambiguous, for the terminal."""
    from tabulate import tabulate

    used = sum(map(len, written.scans.values()))
    lines = [f"{used + len(written.left_out)} images and rows found, {used} scans used"]
    counts = Counter(one.reason for one in written.left_out)
    if counts:
        lines.append(f"{len(written.left_out)} left out:")
        lines += [f"  {count:6d}  {reason}" for reason, count in sorted(counts.items(), key=lambda one: (-one[1], one))]
    diagnoses = sorted({scan.diagnosis for scans in written.scans.values() for scan in scans})
    rows = [
        [site, len({scan.subject_id for scan in scans}), len(scans)]
        + [sum(scan.diagnosis == diagnosis for scan in scans) for diagnosis in diagnoses]
        for site, scans in written.scans.items()
    ]
    header = ["site", "subjects", "scans", *(diagnosis or "unknown" for diagnosis in diagnoses)]
    lines += ["", tabulate(rows, headers=header)]
    if found.ambiguous:
        lines += ["", "read one way, though another is possible:", *(f"  {line}" for line in found.ambiguous[:20])]
        if len(found.ambiguous) > 20:
            lines.append(f"  ... and {len(found.ambiguous) - 20} more")
    places = ", ".join(str(path) for path in written.manifests.values())
    lines += ["", f"manifests: {places}", f"every image and what became of it: {written.record}"]
    return "\n".join(lines) + "\n"


def _manifest(site: str, scans: Sequence[Scan]) -> str:
    # Here, as commands that only say what they do must not wait for it.
    import pandas as pd

    table = pd.DataFrame([scan.extra | _row(site, scan) for scan in scans]).fillna("")
    for _, row in table[table.duplicated(["subject_id", "session_id"])].iterrows():
        where = f"subject '{row['subject_id']}', session '{row['session_id']}' is at site '{site}' twice"
        raise UserError(f"{row['image']}: {where}")
    columns = list(_row(site, scans[0]))
    table = table[[*columns, *sorted({name for scan in scans for name in scan.extra} - set(columns))]]
    return str(table.sort_values(["subject_id", "session_id"]).to_csv(index=False, lineterminator="\n"))


def _row(site: str, scan: Scan) -> dict[str, str]:
    return {
        "subject_id": scan.subject_id,
        "session_id": scan.session_id,
        "image": str(scan.image),
        "site": site,
        "diagnosis": scan.diagnosis,
        "age": "" if math.isnan(scan.age) else f"{scan.age:.2f}",
        "sex": scan.sex,
        "scanner_manufacturer": scan.manufacturer,
        "scanner_model": scan.model,
        "field_strength": tesla(scan.field_strength),
        "dataset": scan.dataset,
        "orientation": scan.orientation,
    }


def _record(by_site: dict[str, list[Scan]], left_out: Iterable[LeftOut]) -> str:
    import pandas as pd

    rows = [(str(scan.image), "used", site) for site, scans in by_site.items() for scan in scans]
    rows += [(one.what, "left out", one.reason) for one in left_out]
    table = pd.DataFrame(sorted(rows), columns=["what", "outcome", "site or reason"])
    return str(table.to_csv(index=False, lineterminator="\n"))
