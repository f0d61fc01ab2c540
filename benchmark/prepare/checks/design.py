"""What a collection of scans can measure: balance, confounding, and the counts that each measure needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import f_oneway

from benchmark.data.splits import assign_splits

#: Subjects of a diagnosis at a site, in the test part, below which its retrieval scores say little.
FEW = 10
#: Cramer's V above which site and diagnosis can hardly be told apart.
CONFOUNDED = 0.3


@dataclass(frozen=True)
class Design:
    """Counts of a collection, and what follows from them.

    Attributes
    ----------
    counts
        Subjects by site and diagnosis; one row per site.
    confounding
        Bias-corrected Cramer's V of site and diagnosis over subjects, in [0, 1]; NaN for one site or diagnosis.
    age_explained
        Share of the variance of age between sites (eta squared), in [0, 1]; NaN where unknown.
    age_p
        p-value of its F test.
    travelling
        Subjects with scans at two or more sites.
    test
        Test subjects by site and diagnosis, for the default split.
    measurable
        By measure: whether it is defined, and why not or what limits it.
    """

    counts: pd.DataFrame
    confounding: float
    age_explained: float
    age_p: float
    travelling: int
    test: pd.DataFrame
    measurable: dict[str, tuple[bool, str]]


def design_of(scans: pd.DataFrame, seed: int = 0, test_fraction: float = 0.25) -> Design:
    """Describe a scans table; see :class:`Design`.

    Parameters
    ----------
    scans
        As :func:`benchmark.data.manifest.read_manifests` gives it.
    seed, test_fraction
        Of the split that a training run would make; stated splits stay.
    """
    scans = scans.assign(split=assign_splits(scans, seed, 0.0, test_fraction))
    scans["diagnosis"] = scans["diagnosis"].replace("", "unknown")
    sites = scans.groupby("subject_id")["site"].nunique()
    travelling = set(sites.index[sites > 1])
    subjects = scans.drop_duplicates(["site", "subject_id"])
    counts = pd.crosstab(subjects["site"], subjects["diagnosis"])
    test_scans = scans[scans["split"] == "test"].drop_duplicates(["site", "subject_id"])
    test = pd.crosstab(test_scans["site"], test_scans["diagnosis"]).reindex(sorted(set(scans["site"])), fill_value=0)
    known = subjects[subjects["diagnosis"] != "unknown"]
    explained, p = _age(subjects)
    test_travelling = len(travelling & set(test_scans["subject_id"]))
    return Design(
        counts,
        _cramers_v(pd.crosstab(known["site"], known["diagnosis"]).to_numpy(float)),
        explained,
        p,
        len(travelling),
        test,
        _measurable(scans, test, test_travelling),
    )


def _measurable(scans: pd.DataFrame, test: pd.DataFrame, travelling: int) -> dict[str, tuple[bool, str]]:
    sites = sorted(set(scans["site"]))
    training = {site: int(((scans["site"] == site) & (scans["split"] == "train")).sum()) for site in sites}
    found: dict[str, tuple[bool, str]] = {}
    lacking = [site for site in sites if training[site] == 0]
    found["pooled protocol"] = (not lacking, f"no training scan at {', '.join(lacking)}" if lacking else "")
    enough = len(sites) >= 3
    found["leave-one-site-out protocol"] = (enough, "" if enough else f"{len(sites)} sites; three are needed")
    pair = [test[one].to_numpy() if one in test else np.zeros(len(test)) for one in ("CN", "AD")]
    without = [name for name, label in zip(("CN", "AD"), pair, strict=True) if (label > 0).sum() < 2]
    few = [str(site) for site, *subjects in zip(test.index, *pair, strict=True) if 0 < min(subjects) < FEW]
    none = [str(site) for site, *subjects in zip(test.index, *pair, strict=True) if min(subjects) == 0]
    limits = [f"no test subject with CN or none with AD at {', '.join(none)}"] if none else []
    limits += [f"fewer than {FEW} of either at {', '.join(few)}"] if few else []
    found["retrieval CN/AD across sites"] = (
        not without,
        f"{' and '.join(without)} in the test part of fewer than two sites" if without else "; ".join(limits),
    )
    alone = [str(site) for site, total in test.sum(axis=1).items() if total < 2]
    found["leakage probes"] = (
        len(sites) > 1 and not alone,
        "one site" if len(sites) < 2 else f"fewer than two test subjects at {', '.join(alone)}" if alone else "",
    )
    found["identity of travelling subjects"] = (
        travelling > 0,
        f"{travelling} travelling test subjects" if travelling else "no test subject has scans at two sites",
    )
    aged = bool(scans["age"].notna().any())
    found["age regression"] = (aged, "" if aged else "no age is known")
    return found


def _cramers_v(table: np.ndarray) -> float:  # type: ignore[type-arg]
    """Bias-corrected Cramer's V (Bergsma, J. Korean Stat. Soc. 2013)."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0] if table.size else table
    total = table.sum()
    if min(table.shape, default=0) < 2 or total < 2:
        return float("nan")
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / total
    rows, columns = table.shape
    phi = max(0.0, float(((table - expected) ** 2 / expected).sum() / total - (rows - 1) * (columns - 1) / (total - 1)))
    fewer = min(rows - (rows - 1) ** 2 / (total - 1), columns - (columns - 1) ** 2 / (total - 1))
    return float(np.sqrt(phi / (fewer - 1))) if fewer > 1 else float("nan")


def _age(subjects: pd.DataFrame) -> tuple[float, float]:
    known = subjects[subjects["age"].notna()]
    groups = [group.to_numpy(float) for _, group in known.groupby("site")["age"] if len(group) > 1]
    if len(groups) < 2:
        return float("nan"), float("nan")
    everything = np.concatenate(groups)
    total = float(np.square(everything - everything.mean()).sum())
    if total == 0:
        return 0.0, 1.0
    between = sum(len(group) * (group.mean() - everything.mean()) ** 2 for group in groups)
    p = float(f_oneway(*groups).pvalue)
    return float(between / total), p
