"""What a study shows: every trial with its terms, which each rule would choose, and how far rules agree."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from benchmark.data.atomic import atomic_path
from benchmark.tune.rules import LOWER_IS_BETTER, RULES, TERMS, agreement, chosen, mean_ranks

#: Term to its heading.
HEADINGS = {
    "ssim": "SSIM",
    "site_probe": "site leakage, MLP",
    "own_view_found": "own view found",
    "map_cn_ad": "mAP CN/AD",
}


def picks(measured: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Rule to method to the number of the trial that it chooses."""
    return {name: chosen(mean_ranks(measured, rule.terms)) for name, rule in RULES.items()}


def to_markdown(measured: pd.DataFrame) -> str:
    """Tables of a study.

    Parameters
    ----------
    measured
        :func:`benchmark.tune.study.measure`.
    """
    ranks = {name: mean_ranks(measured, rule.terms) for name, rule in RULES.items()}
    picked = {name: chosen(of_rule) for name, of_rule in ranks.items()}
    counts = measured.groupby("method", sort=False)["trial"].nunique()
    places = {name: dict(of_rule.items()) for name, of_rule in ranks.items()}
    rows = []
    for (method, trial), of_trial in measured.groupby(["method", "trial"], sort=False):
        row = {
            "method": method,
            "trial": trial,
            "settings": str(of_trial["settings"].iloc[0]).strip("{}") or "its own",
        }
        for term in TERMS:
            better = "lower" if term in LOWER_IS_BETTER else "higher"
            row[f"{HEADINGS[term]} ({better})"] = " / ".join(_number(value) for value in of_trial[term])
        for name in RULES:
            bold = "**" if picked[name][str(method)] == trial else ""
            row[f"rank, {name}"] = f"{bold}{places[name][str(method), int(str(trial))]:.2f}{bold}"
        rows.append(row)
    seeds = ", ".join(map(str, sorted(measured["seed"].unique())))
    lines = [
        "# Choice of settings",
        "",
        f"Held-out training subjects of seeds {seeds}; no label of a test subject. Trials per method: "
        f"{', '.join(f'{method} {n}' for method, n in counts.items())}. Trial 1 is the method's own settings. A rule "
        "chooses the trial of the lowest mean rank over its terms and the seeds.",
        "",
        *(f"- **{name}**: {rule.meaning}" for name, rule in RULES.items()),
        "",
        pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True),
    ]
    first, *others = RULES
    for other in others:
        taus = agreement(ranks[first], ranks[other])
        same = [method for method in taus.index if picked[first][method] == picked[other][method]]
        lines += [
            "",
            f"Agreement of {first} and {other} (Kendall's tau-b of a method's trials): "
            + ", ".join(f"{method} {_number(tau, 2)}" for method, tau in taus.items())
            + f". The same trial is chosen for {', '.join(same) or 'no method'}.",
        ]
    return "\n".join(lines) + "\n"


def write(measured: pd.DataFrame, out: Path) -> str:
    """Write ``trials.csv`` and ``tune.md``; the text of the latter."""
    text = to_markdown(measured)
    contents = {"trials.csv": measured.to_csv(index=False, lineterminator="\n", float_format="%.6g"), "tune.md": text}
    for name, content in contents.items():
        with atomic_path(out / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
    return text


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"
