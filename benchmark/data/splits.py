"""Splits by subject, derived from hashes, so that nobody moves when a site is added."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence

import pandas as pd

from benchmark.errors import UserError
from benchmark.seeds import derive_seed

#: Subjects that an error message lists; the rest are counted.
MOST_SHOWN = 50


def assign_splits(scans: pd.DataFrame, seed: int, val_fraction: float = 0.0, test_fraction: float = 0.25) -> pd.Series:
    """Split of every scan.

    What the ``split`` column states for a subject holds for all of its scans. Every other subject is ranked by the
    hash of (seed, subject) among those of its home site and diagnosis, and the ranks are cut by the fractions. Home
    is the first of a subject's sites in the order of the manifests, diagnosis that of its first session there: a
    site that is added behind the others moves nobody.

    Parameters
    ----------
    scans
        The scans table; of ``manifest_order``, the order of rows stands in where it is missing.
    seed
        Of the hashes.
    val_fraction, test_fraction
        Shares of the subjects of each stratum, at least 0 and together below 1. A share that is no whole number of
        subjects is rounded up or down by the hash of the stratum, so that many small strata keep it on average.

    Returns
    -------
    pandas.Series
        ``train``, ``val`` or ``test``, with the index of ``scans``.

    Raises
    ------
    UserError
        For fractions out of range, or a subject that is stated to be in two splits.
    """
    _check_fractions(val_fraction, test_fraction)
    stated = scans[scans["split"] != ""]
    check_no_overlap(stated)
    splits: dict[str, str] = dict(zip(stated["subject_id"], stated["split"], strict=True))
    strata: dict[tuple[str, str], list[str]] = {}
    for subject, site, diagnosis in _homes(scans[~scans["subject_id"].isin(list(splits))]):
        strata.setdefault((site, diagnosis), []).append(subject)
    for (site, diagnosis), subjects in strata.items():
        rounding = derive_seed(seed, "split", site, diagnosis) / 2**63
        splits |= _cut(subjects, seed, rounding, test_fraction, val_fraction)
    return scans["subject_id"].map(splits).rename("split")


def check_no_overlap(scans: pd.DataFrame) -> None:
    """Check that no subject is in two splits.

    Parameters
    ----------
    scans
        With the columns ``subject_id`` and ``split``.

    Raises
    ------
    UserError
        Listing the subjects and their splits.
    """
    pairs = scans[["subject_id", "split"]].drop_duplicates().sort_values(["subject_id", "split"])
    overlap = pairs[pairs["subject_id"].duplicated(keep=False)]
    if overlap.empty:
        return
    subjects = [(str(name), " and ".join(group["split"])) for name, group in overlap.groupby("subject_id", sort=True)]
    listed = "; ".join(f"'{name}' in {splits}" for name, splits in subjects[:MOST_SHOWN])
    more = f"; and {len(subjects) - MOST_SHOWN} more" if len(subjects) > MOST_SHOWN else ""
    count = "1 subject is" if len(subjects) == 1 else f"{len(subjects)} subjects are"
    raise UserError(f"split overlap: {count} in more than one split: {listed}{more}")


def split_digest(scans: pd.DataFrame) -> str:
    """SHA-256 of the sorted pairs of scan key and split; the order of rows doesn't matter."""
    pairs = sorted(zip(scans["scan_key"].tolist(), scans["split"].tolist(), strict=True))
    return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()


def _check_fractions(val_fraction: float, test_fraction: float) -> None:
    for name, fraction in (("val_fraction", val_fraction), ("test_fraction", test_fraction)):
        if not (math.isfinite(fraction) and 0 <= fraction < 1):
            raise UserError(f"data.{name}: {fraction} is not allowed; it must be a number in [0, 1)")
    if val_fraction + test_fraction >= 1:
        raise UserError(
            f"data.val_fraction {val_fraction} and data.test_fraction {test_fraction} leave nothing for training; "
            "together they must be below 1"
        )


def _homes(scans: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Subject, home site and diagnosis there, a row for each subject."""
    order = ["manifest_order", "scan_key"] if "manifest_order" in scans else []
    ordered = scans.sort_values(order) if order else scans
    first = ordered.drop_duplicates("subject_id")
    return list(zip(first["subject_id"], first["site"], first["diagnosis"], strict=True))


def _cut(subjects: Sequence[str], seed: int, rounding: float, test: float, val: float) -> dict[str, str]:
    ranked = sorted(subjects, key=lambda subject: (derive_seed(seed, "split", subject), subject))
    # 1e-9: a quarter of eight must not become three by a rounding error.
    ends = [math.floor(share * len(ranked) + min(rounding, 1 - 1e-9)) for share in (test, test + val)]
    return {
        subject: "test" if rank < ends[0] else "val" if rank < ends[1] else "train"
        for rank, subject in enumerate(ranked)
    }
