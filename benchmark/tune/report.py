"""What a study shows: trials and their terms, what each rule chooses, what that took, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import cast

import pandas as pd

from benchmark.data.atomic import atomic_path
from benchmark.report.text import count
from benchmark.sweep.display import duration
from benchmark.tune.rules import (
    LOWER_IS_BETTER,
    ORACLE,
    RULES,
    Rule,
    agreement,
    chosen,
    mean_ranks,
    method_ranks,
    order_agreement,
)

#: Term to its heading.
HEADINGS = {
    "ssim": "SSIM",
    "site_probe": "site leakage, MLP",
    "own_view_found": "own view found",
    "map_cn_ad": "mAP CN/AD",
    "unseen_map_cn_ad": "mAP CN/AD, unseen site",
    "unseen_site_probe": "recall of the unseen site, MLP",
    "test_map_cn_ad": "test mAP CN/AD",
    "test_site_probe": "test site leakage, MLP",
}
#: Folder of what was measured of test subjects.
ORACLE_FOLDER = "oracle"

#: Method to the number of its trial.
Picks = Mapping[str, int]


def picks(measured: pd.DataFrame, rules: Sequence[str]) -> dict[str, dict[str, int]]:
    """Rule to method to the number of the trial that it chooses."""
    return {name: _chosen(measured, RULES[name]) for name in rules}


def _counts(trials: pd.Series) -> str:
    """How many trials the methods have: most have as many, and those without a search space one."""
    usual = trials.mode().iloc[-1]
    others = [f"{method} {n}" for method, n in trials.items() if n != usual]
    return f"{usual}, but {', '.join(others)}" if others else str(usual)


def _chosen(measured: pd.DataFrame, rule: Rule) -> dict[str, int]:
    failed = measured[measured["failed"] > 0]
    return chosen(mean_ranks(measured, rule.terms), set(zip(failed["method"], failed["trial"], strict=True)))


def to_markdown(
    measured: pd.DataFrame, rules: Sequence[str], sites: Sequence[str] = (), tested: str = "", machine: str = ""
) -> str:
    """Tables of a study.

    Parameters
    ----------
    measured
        :func:`benchmark.tune.study.measured`.
    rules
        Names of those that choose.
    sites
        Those that were held out, one a training.
    tested
        Who the oracle's test subjects are; empty without an oracle.
    machine
        What the trainings were timed on.
    """
    picked = picks(measured, rules)
    counts = measured.groupby("method", sort=False)["trial"].nunique()
    methods = [str(method) for method in counts.index]
    seeds = ", ".join(map(str, sorted(measured["seed"].unique())))
    lines = [
        "# Choice of settings",
        "",
        f"Held-out training subjects of seeds {seeds}; no label of a test subject. Trials per method: "
        f"{_counts(counts)}. Trial 1 is the method's own settings. A rule "
        "chooses the trial of the lowest mean rank over its terms and the seeds.",
        "",
        *(f"- **{name}**: {RULES[name].meaning}" for name in rules),
        *([f"- held out, one a training: {', '.join(sites)}"] if sites else []),
        "",
        _trials(measured, rules, picked),
        "",
        *_failed(measured),
        *_agreement(measured, rules, picked),
        "## Compute",
        "",
        "Seconds of training, summed over trials, seeds and held-out sites; with those of a method's base, also where "
        f"another trial trained it{f'. Timed on {machine}' if machine else ''}.",
        "",
        _compute(measured),
        "",
        "## Methods under each rule",
        "",
        "Rank of a method among all, with the trial that the rule chooses of it, by the rule's own terms: mean over "
        "terms and seeds. A term that one of the methods lacks counts for none.",
        "",
        *_orders({name: method_ranks(measured, of, RULES[name].terms) for name, of in picked.items()}, methods),
    ]
    if tested:
        lines += ["", *_oracle(measured, picked, methods, tested)]
    return "\n".join(lines) + "\n"


def _trials(measured: pd.DataFrame, rules: Sequence[str], picked: Mapping[str, Picks]) -> str:
    ranks = {name: dict(mean_ranks(measured, RULES[name].terms).items()) for name in rules}
    terms = dict.fromkeys(term for name in rules for term in RULES[name].terms)
    rows = []
    for (method, trial), of_trial in measured.groupby(["method", "trial"], sort=False):
        row = {
            "method": method,
            "trial": trial,
            "settings": str(of_trial["settings"].iloc[0]).strip("{}") or "its own",
        }
        for term in terms:
            row[f"{HEADINGS[term]} ({_better(term)})"] = " / ".join(_number(value) for value in of_trial[term])
        for name in rules:
            bold = "**" if picked[name].get(str(method)) == trial else ""
            row[f"rank, {name}"] = f"{bold}{ranks[name][str(method), int(str(trial))]:.2f}{bold}"
        rows.append(row)
    return _table(rows)


def _failed(measured: pd.DataFrame) -> list[str]:
    failed = measured[measured["failed"] > 0].groupby(["method", "trial"], sort=False, as_index=False)["failed"].sum()
    if failed.empty:
        return []
    rows = zip(failed["method"], failed["trial"], failed["failed"], strict=True)
    named = ", ".join(f"{method} {trial} ({count(n, 'training')})" for method, trial, n in rows)
    return [f"Failed, ranked last in what is missing and never chosen: {named}.", ""]


def _agreement(measured: pd.DataFrame, rules: Sequence[str], picked: Mapping[str, Picks]) -> list[str]:
    lines = []
    for first, other in combinations(rules, 2):
        taus = agreement(*(mean_ranks(measured, RULES[name].terms) for name in (first, other)))
        same = [method for method in taus.index if picked[first].get(method) == picked[other].get(method)]
        lines += [
            f"Agreement of {first} and {other} (Kendall's tau-b of a method's trials): "
            + ", ".join(f"{method} {_number(tau, 2)}" for method, tau in taus.items())
            + f". The same trial is chosen for {', '.join(same) or 'no method'}.",
            "",
        ]
    return lines


def _compute(measured: pd.DataFrame) -> str:
    rows = []
    for method, part in measured.groupby("method", sort=False):
        seconds = part["train_seconds"].sum(skipna=False)
        trainings = int(part["trainings"].sum())
        rows.append(
            {
                "method": method,
                "trials": part["trial"].nunique(),
                "trainings": trainings,
                "seconds": _number(seconds, 0),
                "a training": _number(seconds / trainings, 1),
                "time": duration(seconds) if math.isfinite(seconds) else "–",
            }
        )
    return _table(rows)


def _orders(ranks: Mapping[str, pd.Series], methods: Sequence[str]) -> list[str]:
    """A table of methods and their ranks, and how far the columns agree."""
    rows = [
        {"method": method} | {name: _number(of_rule.get(method, math.nan), 2) for name, of_rule in ranks.items()}
        for method in methods
    ]
    taus = [
        f"{first} and {other} {_number(order_agreement(ranks[first], ranks[other]), 2)}"
        for first, other in combinations(ranks, 2)
    ]
    said = ["", f"Kendall's tau-b of the methods' order: {', '.join(taus)}."] if taus else []
    return [_table(rows), *said]


def _oracle(measured: pd.DataFrame, picked: Mapping[str, Picks], methods: Sequence[str], tested: str) -> list[str]:
    best = _chosen(measured, ORACLE)
    by_trial = measured.groupby(["method", "trial"])[list(ORACLE.terms)].mean()
    means = cast(dict[tuple[str, int], dict[str, float]], by_trial.to_dict("index"))
    rows: list[dict[str, object]] = []
    lost: dict[str, list[dict[str, float]]] = {name: [] for name in ("own settings", *picked)}
    for method in methods:
        if method not in best:
            continue
        of_best = means[method, best[method]]
        for name, of_rule in {"own settings": {method: 1}, **picked, "oracle": best}.items():
            found = means[method, of_rule[method]]
            more = {term: found[term] - of_best[term] for term in ORACLE.terms}
            if name in lost:
                lost[name].append(more)
            rows.append(
                {"method": method, "chosen by": name, "trial": of_rule[method]}
                | {f"{HEADINGS[term]} ({_better(term)})": _number(found[term]) for term in ORACLE.terms}
                | {f"{HEADINGS[term]}, minus the oracle's": _signed(more[term]) for term in ORACLE.terms}
            )
    means_lost = []
    for name, of_methods in lost.items():
        mean = pd.DataFrame(of_methods, columns=list(ORACLE.terms)).mean()
        values = ", ".join(f"{HEADINGS[term]} {_signed(float(mean[term]))}" for term in ORACLE.terms)
        means_lost.append(f"{name} {values}")
    by_test = {name: method_ranks(measured, of, ORACLE.terms) for name, of in {**picked, "oracle": best}.items()}
    return [
        "## What choosing without test labels costs",
        "",
        f"**No choice to use**: the oracle looks at {tested}. It scores the same trained models, and takes the trial "
        "of the lowest mean rank by test mAP CN/AD and test site leakage, which need not be best by either.",
        "",
        _table(rows),
        "",
        f"Mean over methods, minus the oracle's: {'; '.join(means_lost)}.",
        "",
        "Rank of a method among all by test mAP and test leakage, with the trial that is chosen of it:",
        "",
        *_orders(by_test, methods),
    ]


def write(measured: pd.DataFrame, text: str, out: Path, *, oracle: bool) -> None:
    """Write ``trials.csv`` and ``tune.md``; test scores of the trials into a folder of their own."""
    contents = {"trials.csv": _csv(measured.drop(columns=list(ORACLE.terms))), "tune.md": text}
    if oracle:
        (out / ORACLE_FOLDER).mkdir(exist_ok=True)
        names = ["method", "trial", "settings", "seed", *ORACLE.terms]
        contents[f"{ORACLE_FOLDER}/trials.csv"] = _csv(measured[names])
    for name, content in contents.items():
        with atomic_path(out / name) as temporary:
            temporary.write_text(content, encoding="utf-8")


def _csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n", float_format="%.6g")


def _table(rows: Sequence[Mapping[str, object]]) -> str:
    return str(pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True))


def _better(term: str) -> str:
    return "lower" if term in LOWER_IS_BETTER else "higher"


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def _signed(value: float) -> str:
    return f"{value:+.3f}" if math.isfinite(value) else "–"
