"""Files of a results folder: the long score table, and wide views on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.data.atomic import atomic_path
from benchmark.metrics.rows import COLUMNS, parse_key_values
from benchmark.report.columns import KEPT, LEAKAGE, LEAKAGE_FURTHER, RETRIEVAL, Column, present
from benchmark.report.summary import Entry, Section, entry, known_first, ordered, places_of, sections
from benchmark.report.text import footnotes, markdown, narrow, statistics_note

#: Resampled values of overall scores.
REPLICATES = "replicates.parquet"

#: What a cell is.
CELL = ("method", "protocol", "held_out_site", "seed")

#: Columns of the long score table, in order.
SCORE_COLUMNS = CELL + COLUMNS

#: What identifies a row of it.
_ORDER = [*CELL, "table", "metric", "version", "params", "subgroup"]

_COMMON_FOOTER = (
    "±: standard deviation over seeds (sample SD); none for one seed. A dash is a mean with a missing cell. Where "
    "sites are held out, the mean over them is taken first, then mean and SD over seeds.",
    "Every number, with n, reason, chance and, for retrieval, the 95 % interval over resampled query subjects of its "
    "cell, is in scores.csv.",
)

_RETRIEVAL_FOOTER = (
    "Gallery: the held-out scans (all scans of a file without a `split` column), without those of the query's own "
    "subject. Other sites' scans only, unless a column says own site or all sites. Values are means over query sites.",
    "CN/AD: queries and gallery are CN and AD; all diagn.: every known diagnosis. Relevant: the query's diagnosis.",
    "travelling top-1: share of travelling subjects' scans whose nearest scan of another site is of the same person.",
    "Ties go to the first scan key. Chance: exact expectation under random ranking.",
)

_LEAKAGE_FOOTER = (
    "linear, kNN, MLP: balanced accuracy of classifiers that were not part of training, for the site of the held-out "
    "scans, cross-validated with subjects kept together; lower is better. std.: each dimension standardised; "
    "white.: whitened principal components; statistics from training scans.",
    "Chance: mean over refits with permuted labels, over all methods.",
    "An LDR that leaks nothing and finds nothing is worthless: read leakage beside mAP CN/AD (other sites), effective "
    "rank (exponential of the entropy of the covariance's eigenvalues), the first component's share of variance, and "
    "the CN/AD probe (balanced accuracy, linear, standardised).",
)


_FURTHER_FOOTER = (
    "boosting: as the probes of the leakage table, by gradient-boosted trees. given covariates: gain in balanced "
    "accuracy over a classifier that sees only age, sex and diagnosis; 0 is best. within strata: balanced accuracy "
    "within diagnosis and age. site pairs: mean balanced accuracy over pairs of sites, 0.5 by chance. All for the "
    "site; lower is better.",
    "p: permutation test of the site over subjects; p given: within strata of diagnosis and age. Means over cells of "
    "p-values are no p-values: read them as 'never seen' (about 0.5) to 'always seen' (the smallest possible).",
    "iLISI, kBET, BRAS: mixing of sites among neighbours and within diagnoses, in [0, 1]; higher is better. MMD²: "
    "squared maximum mean discrepancy between a site and the others; MI: mutual information with the site in bits; "
    "lower is better.",
    "same-site@10: share of the query's own site among its ten nearest scans; best at chance. style site, style CN/AD: "
    "linear probes of the style code, where a method has one; it is meant to know the site and not the disease.",
    "std.: each dimension standardised; white.: whitened principal components.",
)

_KEPT_FOOTER = (
    "CN/AD probe: linear, balanced accuracy, within all sites; across sites: trained on the other sites, tested on "
    "each. Age: mean absolute error in years. RMSE, PSNR, SSIM: reconstruction inside the mask; a dash for methods "
    "that do not reconstruct. R²: share of the variance of the phantom's true anatomy that ridge regression on the LDR "
    "explains, out of fold. top-1: identity of travelling subjects. collapsed: share of cells with an effective rank "
    "below 4 or a first component above 60 %.",
)


def write_scores(scores: pd.DataFrame, out: Path) -> None:
    """Write the long table as ``scores.parquet`` and ``scores.csv``; equal scores give equal bytes.

    Parameters
    ----------
    scores
        Long table with the columns :data:`SCORE_COLUMNS`, rows in any order.
    out
        Results folder; made where missing.
    """
    table = _sorted(scores)
    out.mkdir(parents=True, exist_ok=True)
    with atomic_path(out / "scores.parquet") as temporary:
        stored = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
        pq.write_table(stored, temporary, compression="zstd", compression_level=3, version="2.6")
    _write_csv(table, out / "scores.csv")


def write_replicates(replicates: pd.DataFrame, out: Path) -> None:
    """Write ``replicates.parquet``: resampled values of overall scores, from which methods are compared in pairs.

    Parameters
    ----------
    replicates
        Columns of :data:`CELL` and of :func:`benchmark.metrics.rows.to_replicates`, rows in any order.
    out
        Results folder; made where missing.
    """
    order = [*CELL, "table", "metric", "params"]
    names = [*order, "value", "reason", "n", "higher_is_better", "replicates"]
    table = replicates[names].sort_values(order, kind="stable", ignore_index=True)
    out.mkdir(parents=True, exist_ok=True)
    stored = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    with atomic_path(out / REPLICATES) as temporary:
        pq.write_table(stored, temporary, compression="zstd", compression_level=3, version="2.6")


def write_tables(
    scores: pd.DataFrame,
    out: Path,
    method_order: Sequence[str] | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Write the wide tables as Markdown and CSV, and ``retrieval_by_site.csv``.

    The wide tables are ``retrieval``, ``leakage``, ``leakage_further`` and ``kept``; the latter two leave out columns
    that no method has, and are left out themselves where there is none.

    Parameters
    ----------
    scores
        Long table with the columns :data:`SCORE_COLUMNS`, rows in any order.
    out
        Results folder; made where missing.
    method_order
        Methods in table order, floor and ceiling rows among them; others follow. A method without any score gets a
        row of dashes.
    notes
        Lines for the footer: the model-selection rule, what a reader must know of single methods.
    """
    table = _sorted(scores)
    out.mkdir(parents=True, exist_ok=True)
    for name, title, columns, footer in (
        ("retrieval", "Retrieval", RETRIEVAL, (*_RETRIEVAL_FOOTER, f"Distance: {_distance(table)}.")),
        ("leakage", "Leakage", LEAKAGE, _LEAKAGE_FOOTER),
        ("leakage_further", "Leakage, further measures", present(LEAKAGE_FURTHER, table), _FURTHER_FOOTER),
        ("kept", "What is kept", present(KEPT, table), _KEPT_FOOTER),
    ):
        if not columns:
            continue
        parts = sections(table, columns, method_order)
        lines = [*_COMMON_FOOTER, *footer, *statistics_note(table), *notes, _versions(table)]
        with atomic_path(out / f"{name}.md") as temporary:
            temporary.write_text(markdown(title, parts, columns, lines), encoding="utf-8", newline="\n")
        _write_csv(_wide(parts, columns), out / f"{name}.csv")
    _write_csv(_by_site(table, method_order), out / "retrieval_by_site.csv")


def format_terminal(scores: pd.DataFrame, method_order: Sequence[str] | None = None) -> str:
    """The two wide tables, narrow enough for a terminal of 120 columns."""
    table = _sorted(scores)
    return "\n".join(
        narrow(title, sections(table, columns, method_order), columns)
        for title, columns in (("Retrieval", RETRIEVAL), ("Leakage", LEAKAGE))
    )


def _sorted(scores: pd.DataFrame) -> pd.DataFrame:
    return scores[list(SCORE_COLUMNS)].sort_values(_ORDER, kind="stable", ignore_index=True)


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")


def _wide(parts: Sequence[Section], columns: Sequence[Column]) -> pd.DataFrame:
    rows = []
    for part in parts:
        for method, entries in part.entries.items():
            one = replace(part, entries={method: entries})
            row: dict[str, object] = {"protocol": part.protocol, "method": method, "seeds": part.complete[method]}
            for column in columns:
                row |= _numbers(column.key, entries[column.key])
            rows.append(row | {"notes": "; ".join(footnotes(one, columns))})
    return pd.DataFrame(rows)


def _numbers(key: str, value: Entry) -> dict[str, float]:
    return {key: value.mean, f"{key}_sd": value.sd, f"{key}_chance": value.chance}


def _by_site(scores: pd.DataFrame, method_order: Sequence[str] | None) -> pd.DataFrame:
    columns = [column for column in RETRIEVAL if column.table == "retrieval"]
    of_site = scores[scores["subgroup"].str.startswith("query_site=")]
    selected = {column.key: column.rows(of_site) for column in columns}
    methods = ordered(scores["method"].unique(), method_order)
    rows = []
    for protocol in known_first(of_site["protocol"].unique()):
        part = of_site[of_site["protocol"] == protocol]
        for subgroup in sorted(part["subgroup"].unique()):
            places = places_of(part[part["subgroup"] == subgroup])
            site = parse_key_values(subgroup)["query_site"]
            for method in methods:
                row: dict[str, object] = {"protocol": protocol, "query_site": site, "method": method}
                for key, found in selected.items():
                    here = (found["protocol"] == protocol) & (found["subgroup"] == subgroup)
                    row |= _numbers(key, entry(found[here & (found["method"] == method)], places))
                rows.append(row)
    names = [name for column in columns for name in _numbers(column.key, _NOTHING)]
    return pd.DataFrame(rows, columns=["protocol", "query_site", "method", *names])


_NOTHING = Entry(math.nan, math.nan, 0, 0, math.nan)


def _distance(scores: pd.DataFrame) -> str:
    rows = RETRIEVAL[0].rows(scores)[["method", "params"]].drop_duplicates()
    given = rows.assign(distance=[parse_key_values(text)["distance"] for text in rows["params"]])
    words = {"cosine_centred": "cosine after subtracting the training scans' mean (`cosine_centred`)"}
    parts = {str(distance): ", ".join(sorted(part["method"].unique())) for distance, part in given.groupby("distance")}
    if len(parts) < 2:
        return "".join(words.get(distance, distance) for distance in parts) or "none"
    return "; ".join(f"{words.get(distance, distance)} for {methods}" for distance, methods in parts.items())


def _versions(scores: pd.DataFrame) -> str:
    found = scores.groupby("table")["version"].unique()
    return "Metric versions: " + ", ".join(
        f"{table} {'/'.join(str(version) for version in sorted(versions))}" for table, versions in found.items()
    )
