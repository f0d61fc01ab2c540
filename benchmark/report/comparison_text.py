"""A comparison of two sets of results, for the terminal."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from benchmark.report.text import MISSING, count
from benchmark.results.compare import CLOSE, EXACT, LEVEL, RUN, SCORE, Comparison, score_name
from benchmark.results.schema import run_name


def comparison_text(comparison: Comparison, a: Path, b: Path, most: int = 12) -> str:
    """The comparison for a terminal: what is missing, undefined, beyond chance or differs most, and provenance.

    Parameters
    ----------
    comparison
        What was found.
    a, b
        The folders, for the heading.
    most
        Longest list that is printed whole.
    """
    values, claims = comparison.values, comparison.claims
    changed = values[values["beyond_tolerance"]]
    lines = [f"A: {a}", f"B: {b}", ""]
    for side, runs in (("A", comparison.only_a), ("B", comparison.only_b)):
        lines += _listed(f"{count(len(runs), 'run')} in {side} alone", runs, most)
    for side, alone in (("A", comparison.scores_only_a), ("B", comparison.scores_only_b)):
        lines += _listed(f"{count(len(alone), 'score')} in {side} alone, in runs that both have", alone, most)
    lines += _listed("metric versions differ, so these values are not comparable", comparison.versions, most)
    if values.empty:
        lines.append("no run is in both, so there is no score to compare value by value")
        # Nor a provenance: that of other runs differs in everything.
        return "\n".join(lines) + "\n"
    lines.append(f"{len(changed)} of {len(values)} scores differ by more than {comparison.tolerance:g}")
    lines += _beside(comparison)
    for side in "AB":
        alone = [_undefined(row) for row in values[values["undefined_in"] == side].to_dict("records")]
        lines += _listed(f"{count(len(alone), 'score')} undefined in {side} alone", alone, most)
    beyond = claims[claims["beyond_chance"]]
    untested = int(claims["p"].isna().sum())
    lines.append(
        f"{len(beyond)} of {len(claims)} claims (method, protocol, score) differ by more than chance at {LEVEL:g}, "
        f"Holm-corrected; {untested} could not be tested"
    )
    for title, name in (
        ("claims that differ by more than chance", "beyond_chance"),
        ("claims that differ and cannot be tested, so that chance does not excuse them", "untestable"),
    ):
        lines += _listed(title, [_claim(row).strip() for row in claims[claims[name]].to_dict("records")], most)
    differing = claims[claims["difference"].abs() > comparison.tolerance]
    order = differing["difference"].abs().sort_values(ascending=False, kind="stable").index
    top = differing.loc[order].head(most)
    if len(top):
        lines += [
            "",
            f"largest differences of means{f' ({len(top)} of {len(differing)})' if len(differing) > most else ''}:",
        ]
    lines += [_claim(row) for row in top.to_dict("records")]
    lines += [""] if comparison.provenance else []
    lines += _listed("provenance", [f"{name}: {old} → {new}" for name, old, new in comparison.provenance], most)
    return "\n".join(lines) + "\n"


def _beside(comparison: Comparison) -> list[str]:
    named = [text.split(", ") for text in comparison.values["beside"]]
    counts = {name: sum(name in found for found in named) for name in (*EXACT, *CLOSE)}
    told = ", ".join(f"{name} {number}" for name, number in counts.items() if number)
    return [f"beside the values differ (n at all, the others by more than {comparison.tolerance:g}): {told}"] * bool(
        told
    )


def _undefined(row: dict[Any, Any]) -> str:
    value, reason = (row["b"], row["note_a"]) if row["undefined_in"] == "A" else (row["a"], row["note_b"])
    here, there = (MISSING, f"{value:.4f}") if row["undefined_in"] == "A" else (f"{value:.4f}", MISSING)
    where = f"{run_name(*(row[name] for name in RUN))}: {score_name(*(row[name] for name in SCORE))}"
    return f"{where} {here} → {there} ({reason or 'no reason given'})"


def _claim(row: dict[Any, Any]) -> str:
    p = "" if math.isnan(row["p_holm"]) else f", p {row['p_holm']:.2g} ({row['test']}, {count(row['runs'], 'run')})"
    return (
        f"  {row['method']}, {row['protocol']}: {score_name(row['table'], row['metric'], row['parameters'])} "
        f"{row['a']:.4f} → {row['b']:.4f} ({row['difference']:+.4f}{p})"
    )


def _listed(title: str, items: list[str], most: int) -> list[str]:
    if not items:
        return []
    more = [f"  … and {len(items) - most} more"] if len(items) > most else []
    return [f"{title}:", *(f"  {item}" for item in items[:most]), *more]
