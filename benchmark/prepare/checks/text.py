"""The result of a check, for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tabulate import tabulate

from benchmark.prepare.checks.design import CONFOUNDED, Design
from benchmark.prepare.checks.images import Finding

#: Findings that are listed; the rest are counted.
MOST = 50


def check_text(design: Design, findings: Sequence[Finding], scans: int) -> str:
    """Counts, confounding, what can be measured, and the findings, worst first."""
    header = ["subjects", *map(str, design.counts.columns), "all", "test"]
    tested = design.test.sum(axis=1)
    rows = [
        [str(site), *counts, sum(counts), int(tested[site])]
        for site, counts in zip(design.counts.index, design.counts.to_numpy().tolist(), strict=True)
    ]
    totals = design.counts.sum().tolist()
    rows.append(["all sites", *totals, sum(totals), int(tested.sum())])
    lines = [f"{scans} scans", "", tabulate(rows, headers=header), ""]
    lines.append(f"travelling subjects (scans at two sites or more): {design.travelling}")
    lines.append(f"site and diagnosis: Cramér's V {_number(design.confounding)}{_verdict(design)}")
    lines.append(
        f"site and age: {_number(design.age_explained)} of its variance is between sites (p {_number(design.age_p)})"
    )
    measures = [[name, "yes" if fine else "no", why] for name, (fine, why) in design.measurable.items()]
    lines += ["", tabulate(measures, headers=["what could be measured", "", ""])]
    ordered = sorted(findings, key=lambda one: not one.serious)
    errors = sum(one.serious for one in findings)
    lines += ["", f"{errors} scans cannot be used, {len(findings) - errors} remarks"]
    grouped = _grouped(ordered)
    lines += grouped[:MOST]
    if len(grouped) > MOST:
        lines.append(f"  ... and {len(grouped) - MOST} more; --out FILE lists all")
    return "\n".join(lines) + "\n"


def _grouped(findings: Sequence[Finding]) -> list[str]:
    """A line a finding; remarks that say the same of many images share one."""
    same: dict[tuple[bool, str], list[str]] = {}
    for one in findings:
        file, colon, words = one.message.partition(": ")
        key = one.message if one.serious or not colon else words
        same.setdefault((one.serious, key), []).append(file)
    lines = []
    for (serious, words), files in same.items():
        if serious or len(files) == 1:
            lines.append(f"  {'error' if serious else 'remark'}: {words if serious else f'{files[0]}: {words}'}")
        else:
            lines.append(f"  remark: {words}: {len(files)} images, the first of them {files[0]}")
    return lines


def _verdict(design: Design) -> str:
    if math.isnan(design.confounding):
        return ""
    if design.confounding > CONFOUNDED:
        return ": confounded; what removes the site removes disease with it, read conditional leakage"
    return ": little confounded" if design.confounding < CONFOUNDED / 3 else ""


def _number(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.2g}"
