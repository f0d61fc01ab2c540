"""Answers of a search as text for a terminal, as CSV and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from benchmark.search.context import Share
from benchmark.search.query import Answer

#: What of a model's own scores is told beside hits, by key of the column in the tables.
TOLD = ("map_cn_ad", "travelling_top1", "mlp_standardised")
RESEARCH_USE = (
    "For research. A hit is a scan whose LDR is near; it is no diagnosis, and the mix of hits is no probability."
)
#: What makes a spreadsheet take a cell for a formula, at its beginning (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: Columns that the terminal shows.
_SHOWN = ("rank", "similarity", "percentile", "site", "diagnosis", "age", "sex", "subject_id", "session_id")


def as_text(answers: Sequence[Answer], model: Mapping[str, Any]) -> str:
    """What a person reads: a table per query, what is beside it, and what the model was measured to do."""
    blocks = [_block(answer) for answer in answers]
    return "\n\n".join([*blocks, "\n".join([*told_of(model), RESEARCH_USE])]) + "\n"


def as_csv(answers: Sequence[Answer]) -> str:
    """One row per hit; a text that a spreadsheet would take for a formula begins with an apostrophe."""
    hits = pd.concat([answer.hits for answer in answers], ignore_index=True).assign(warning=_warnings(answers))
    texts = hits.select_dtypes(exclude="number")
    return hits.assign(**texts.map(_no_formula)).to_csv(index=False, lineterminator="\n")


def as_json(answers: Sequence[Answer], model: Mapping[str, Any]) -> str:
    """All that is known; a number that is not defined is null."""
    content = {
        "queries": [as_values(answer) for answer in answers],
        "model": told_of(model),
        "note": RESEARCH_USE,
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def as_values(answer: Answer) -> dict[str, Any]:
    """An answer in plain values for JSON."""
    rows = answer.hits.drop(columns="query").to_dict("records")
    own = answer.own_site
    return {
        "query": answer.query.name,
        "warnings": answer.query.warnings,
        "hits": [{name: _plain(value) for name, value in row.items()} for row in rows],
        "could_be_found": answer.could,
        "own_subject_left_out": answer.left_out,
        "diagnoses": [_share(share) for share in answer.diagnoses],
        "own_site": None if own is None else _share(own),
    }


def told_of(model: Mapping[str, Any]) -> list[str]:
    """What the tables have of a model, by its description: the scores of :data:`TOLD` beside chance, on one line."""
    rows = (model["scores"] or {}).get("rows", [])
    if not rows:
        return [f"Model {model['method']}: exported without scores; how well it finds is not known."]
    firsts = [next((row for row in rows if row["key"] == key), None) for key in TOLD]
    said = [f"{row['title']} {_number(row['value'])}, chance {_number(row['chance'])}" for row in firsts if row]
    data = ", synthetic data" if model["synthetic"] else ""
    return [f"Model {model['method']}, as measured on its test scans{data}: {'; '.join(said)}."]


def _block(answer: Answer) -> str:
    query, lines = answer.query, [visible(f"query {answer.query.name}")]
    lines += [f"WARNING: {visible(warning)}" for warning in query.warnings]
    if answer.hits.empty:
        lines.append("nothing is found: no scan of the index may be, by the options given")
    else:
        shown = answer.hits[list(_SHOWN)].copy()
        shown["similarity"] = shown["similarity"].map("{:.3f}".format)
        shown["percentile"] = shown["percentile"].map(lambda value: "" if math.isnan(value) else f"{value:.1f}")
        shown["age"] = shown["age"].map(lambda value: "" if math.isnan(value) else f"{value:.1f}")
        for name in ("site", "diagnosis", "sex", "subject_id", "session_id"):
            shown[name] = shown[name].map(visible)
        lines.append(shown.to_string(index=False))
    lines.append(_beside(answer))
    return "\n".join(lines)


def _beside(answer: Answer) -> str:
    said = [f"{answer.could} scans could have been found"]
    if answer.left_out:
        said.append(f"{answer.left_out} of the query's own subject {visible(answer.query.subject)} left out")
    elif not answer.query.subject:
        said.append("the query's subject is not known, so that its own scans may be among the hits")
    said += [
        f"{visible(share.name)} {_range(share)}, base rate {share.base:.2f}" for share in answer.diagnoses if share.hits
    ]
    own = answer.own_site
    if own is not None and own.hits:
        more = "; beyond chance: the site shows" if own.beyond_base and own.share > own.base else ""
        said.append(f"own site {visible(own.name)} {_range(own)}, blind to sites {own.base:.2f}{more}")
    return "; ".join(said)


def _range(share: Share) -> str:
    return f"{share.share:.2f} [{share.low:.2f}, {share.high:.2f}]"


def _share(share: Share) -> dict[str, Any]:
    return {name: _plain(value) for name, value in share.__dict__.items()} | {"beyond_base": share.beyond_base}


def _warnings(answers: Sequence[Answer]) -> list[str]:
    return [" | ".join(answer.query.warnings) for answer in answers for _ in range(len(answer.hits))]


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _number(value: Any) -> str:
    return "not known" if value is None or not math.isfinite(value) else f"{value:.3f}"


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def visible(text: object) -> str:
    """A text of the archive without what would steer a terminal, which is shown as an escape."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in str(text)
    )
