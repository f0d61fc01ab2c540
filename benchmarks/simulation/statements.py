"""How often the words of reports are wrong: tied for best, site found, disease found; over whole new studies.

Run as ``python -m benchmarks.simulation.statements --what ties --studies 200``. Every study is drawn anew, scored by
the suite's metrics, and handed to the functions that write the words: :func:`benchmark.report.ties.with_ties`,
:func:`benchmark.report.verdict.verdicts` and :func:`benchmark.report.findings.findings`. Shares stand beside their
Monte-Carlo standard errors. Resamples of intervals are 500 in place of 1,000; permutations are the default.
"""

from __future__ import annotations

import math
import re
import sys
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from benchmark.metrics import leakage, permutation_test
from benchmark.metrics.bootstrap import mean_of_site_means
from benchmark.metrics.galleries import Codes, gallery_lists
from benchmark.metrics.query_quality import METRICS
from benchmark.metrics.ranking import list_quality
from benchmark.metrics.retrieval import ranked, retrieval_measures
from benchmark.metrics.rows import Estimate, Score, to_frame, to_replicates
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings, Probe
from benchmark.report.about import ABOUT, About
from benchmark.report.columns import RETRIEVAL
from benchmark.report.findings import findings
from benchmark.report.statistics.settings import StatisticsSettings
from benchmark.report.statistics.summary import statistics
from benchmark.report.summary import sections
from benchmark.report.ties import with_ties
from benchmark.report.verdict import verdicts
from benchmark.report.wide_tables import WideTable
from benchmark.report.write_statistics import with_reference, write_statistics
from benchmark.results.read import StoredResults
from benchmark.results.schema import joined
from benchmark.seeds import derive_seed
from benchmarks.simulation.studies import Method, Study, Subjects, runs

SETTINGS = replace(EvaluationSettings(), bootstrap=500)

#: Scores of a run and its replicates, as a sweep stores them.
Tables = tuple[pd.DataFrame, pd.DataFrame]

#: Metrics that are scored: searches without intervals, with them, and leakage with its test.
RANKS, SEARCH, LEAKAGE = "ranks", "search", "leakage"

#: A share for each study and for each thing that is counted, by design.
Counts = dict[tuple[str, ...], list[dict[str, float]]]

#: What is counted: the words of tables' marks, of `evaluate`, and of the findings at the top of a page.
What = Literal["ties", "verdict", "findings"]

#: Designs of :func:`count_verdicts`. Where one site scans its subjects thrice, scans are not exchangeable over sites.
STUDIES = (
    Study("4 sites of 20", (20,) * 4),
    Study("2 sites of 30", (30, 30)),
    Study("12 sites of 6", (6,) * 12),
    Study("60, 20, 10 and 5", (60, 20, 10, 5)),
    Study("4 of 15, one scans thrice", (15,) * 4, (3, 1, 1, 1)),
    Study("4 of 15, 10 travel", (15,) * 4, travelling=10),
    Study("4 of 20, 100 dimensions", (20,) * 4, dimensions=100),
)

#: Columns whose marks are counted: one of the statistics, and one that a t-test over seeds decides.
MARKED = ("map_cn_ad", "p10_cn_ad")

#: Small effects, for the power of what is counted.
SITE, DISEASE = 0.35, 0.6

#: Of the methods of :func:`count_ties`: how well the equally good and the worse ones see the disease.
EQUAL, WORSE = 1.5, (1.3, 1.0, 0.5)


def main(
    what: What,
    studies: int = 100,
    seed: int = 0,
    probes: tuple[Probe, ...] = get_args(Probe),
    keep: Path | None = None,
) -> None:
    """Print how often the words are wrong, and how often they see what is there.

    Parameters
    ----------
    what
        ``ties``, ``verdict`` or ``findings``.
    studies, seed
        How many of each design, and their seed.
    probes
        Of the site, in ``findings``; the MLP costs most.
    keep
        Folder that scores are kept in and taken from, so that words can be counted anew when their rule was changed;
        another one is due where a metric was.
    """
    scorer = Scorer(replace(SETTINGS, probes=probes), keep)
    if what == "ties":
        found = count_ties(STUDIES[0], range(studies), seed, scorer)
    elif what == "verdict":
        found = count_verdicts(STUDIES, range(studies), seed, scorer)
    else:
        found = count_findings(STUDIES[0], range(studies), seed, scorer)
    sys.stdout.write(f"{what}, {studies} studies of seed {seed}\n{shares(found).to_string(index=False)}\n")


def shares(counted: Counts) -> pd.DataFrame:
    """Mean of each count over studies with its standard error, a row per design.

    Parameters
    ----------
    counted
        One share a study, by design and then by what was counted.
    """
    rows = []
    for design, studies in counted.items():
        table = pd.DataFrame(list(studies))
        errors = table.std(ddof=1) / np.sqrt(len(table))
        texts = {name: f"{table[name].mean():.3f} ({errors[name]:.3f})" for name in table}
        rows.append({"design": ", ".join(design), "n": len(table), **texts})
    return pd.DataFrame(rows)


def count_ties(study: Study, studies: Iterable[int], seed: int, scorer: Scorer) -> Counts:
    """How often the marks of the retrieval table miss the best, and keep the worse.

    Six methods are equally good, or three are and three worse. Each has five trainings, by which the tests are paired,
    scored on new subjects or on those of one collection. Size and coverage of the tests over subjects, which decide
    where there is one seed, are counted by :mod:`benchmarks.simulation.coverage`.

    Returns
    -------
    dict
        By tables and column: ``best_unmarked``, the share of the equally good methods that have no mark,
        ``any_unmarked``, whether one of them has none, and ``worse_marked``, the share of worse ones that have one. A
        column without any mark, where the tests tell nobody apart, counts as one where all have it.
    """
    equal = [f"a{number}" for number in range(6)]
    worse = {f"w{number}": Method(disease=disease) for number, disease in enumerate(WORSE)}
    methods = {name: Method(disease=EQUAL) for name in equal} | worse
    found: Counts = defaultdict(list)
    for index, subjects in product(studies, get_args(Subjects)):
        scored = scorer.runs(study, methods, 5, subjects, [RANKS], "ties", seed, index)
        for candidates in (equal, [*equal[:3], *worse]):
            best = marked(_of(scored, candidates, range(5)), candidates)
            for key in MARKED:
                # A column without a mark tells nobody from the best.
                tied = best[key] or candidates
                missed = [name not in tied for name in candidates if name in equal]
                bad = [name in tied for name in candidates if name in worse]
                found[f"{subjects} subjects", f"{len(missed)} of 6 best", key].append(
                    {
                        "best_unmarked": float(np.mean(missed)),
                        "any_unmarked": float(any(missed)),
                        "worse_marked": float(np.mean(bad)) if bad else math.nan,
                    }
                )
    return found


def _seeds(number: int) -> str:
    return f"{number} seed{'s' * (number > 1)}"


def marked(tables: Tables, methods: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """Methods that the retrieval table marks as tied for best, by column; the first one is the declared one."""
    scores, replicates = tables
    how = with_reference(StatisticsSettings(resamples=500), replicates, methods)
    columns = [column for column in RETRIEVAL if column.key in MARKED]
    wide = WideTable("", "", columns, (), sections(scores, columns, methods), dict.fromkeys(MARKED, True))
    (table,) = with_ties([wide], statistics(replicates, settings=how).comparisons)
    return table.sections[0].best


def count_verdicts(designs: Sequence[Study], studies: Iterable[int], seed: int, scorer: Scorer) -> Counts:
    """How often `evaluate` finds a site by its permutation test: where there is none, in the first design a small one.

    The only probe has no chance level to be above; words that rest on all probes are counted by :func:`count_findings`.
    """
    quick = replace(scorer, settings=replace(scorer.settings, probes=("knn",), inner_folds=0, permutations=0))
    found: Counts = defaultdict(list)
    for study, site, index in product(designs, (0.0, SITE), studies):
        if site == 0 or study is designs[0]:
            methods = {"ldr": Method(site=site)}
            scores, _ = quick.runs(study, methods, 1, "new", [LEAKAGE], study.name, seed, index)
            found[study.name, f"site {site:g}"].append({"found": said(scores)["found"]})
    return found


def said(scores: pd.DataFrame) -> dict[str, float]:
    """What :func:`benchmark.report.verdict.verdicts` says of one method, with and without the permutation test."""
    (line,), (without,) = verdicts(scores), verdicts(scores[scores["metric"] != "p_value"])
    return {
        "found": float(line.startswith("site found")),
        "by_test": float(line.startswith("site found:")),
        "not_settled": float(line.startswith("site not settled")),
        "found_without_test": float(without.startswith("site found")),
    }


def count_findings(study: Study, studies: Iterable[int], seed: int, scorer: Scorer) -> Counts:
    """How often the findings of a page call site and disease found, and `evaluate` the site, in tables of two methods.

    LDRs hold neither or, in every third study, a little of both. Tables are of one seed or of three, with new subjects.
    """
    found: Counts = defaultdict(list)
    for index, name in product(studies, ("neither", "both")):
        if name == "both" and index % 3:
            continue
        methods = dict.fromkeys("ab", Method() if name == "neither" else Method(DISEASE, SITE))
        scored = scorer.runs(study, methods, 3, "new", [SEARCH, LEAKAGE], "findings", name, seed, index)
        for seeds in ([0], [1], [2], [0, 1, 2]):
            tables = _of(scored, list(methods), seeds)
            found[name, _seeds(len(seeds)), "findings"].append(told(tables, list(methods)))
            for one in methods if len(seeds) == 1 else ():
                found[name, "1 seed", "evaluate"].append(said(_of(scored, [one], seeds)[0]))
    return found


def told(tables: Tables, methods: Sequence[str]) -> dict[str, float]:
    """What :func:`benchmark.report.findings.findings` tells of the methods of one table."""
    scores, replicates = tables
    about = About(methods=list(methods))
    with tempfile.TemporaryDirectory() as folder:
        write_statistics(replicates, Path(folder), about, StatisticsSettings(resamples=500))
        (found,) = findings(StoredResults(Path(folder), scores, {ABOUT: about.to_json()}))
    # "removed by 1 of 3 methods: a; not settled for 1", "found above chance by 1 of 3 methods".
    (removed, tested), (seen, searched) = (
        map(int, re.findall(r"by (\d+) of (\d+) method", line)[0]) for line in found.lines[:2]
    )
    unsettled = int((re.findall(r"not settled for (\d+)", found.lines[0]) or [0])[0])
    return {
        "site_found": (tested - removed - unsettled) / tested,
        "site_not_settled": unsettled / tested,
        "site_in_any": float(removed + unsettled < tested),
        "disease_found": seen / searched,
        "disease_in_any": float(seen > 0),
    }


@dataclass(frozen=True)
class Scorer:
    """Scores runs.

    Attributes
    ----------
    settings
        How.
    keep
        Folder that scores are kept in and taken from; None for none.
    """

    settings: EvaluationSettings
    keep: Path | None = None

    def runs(
        self,
        study: Study,
        methods: Mapping[str, Method],
        seeds: int,
        subjects: Subjects,
        metrics: Sequence[str],
        *axes: str | int,
    ) -> Tables:
        """Scores of a study's runs by some of :data:`RANKS`, :data:`SEARCH`, :data:`LEAKAGE`; the axes name it."""
        named = derive_seed(str((study, methods, seeds, subjects, metrics, self.settings)), *axes)
        kept = [] if self.keep is None else [self.keep / f"{named}-{kind}.parquet" for kind in ("scores", "replicates")]
        if kept and all(path.is_file() for path in kept):
            return pd.read_parquet(kept[0]), pd.read_parquet(kept[1])
        scores, replicates = [], []
        for method, seed, table in runs(study, methods, seeds, subjects, *axes):
            run: dict[str, str | int] = {"method": method, "protocol": "pooled", "held_out_site": "", "seed": seed}
            found = [
                score
                for name, scored in ((RANKS, _ranked), (SEARCH, self._searched), (LEAKAGE, self._site))
                if name in metrics
                for score in scored(table)
            ]
            scores.append(to_frame(found).assign(**run))
            replicates.append(to_replicates(found).assign(**run))
        tables = joined(scores), joined(replicates)
        for path, kind in zip(kept, tables, strict=False):
            path.parent.mkdir(parents=True, exist_ok=True)
            kind.to_parquet(path)
        return tables

    def _searched(self, table: pd.DataFrame) -> list[Score]:
        """The headline's measures: CN and AD at other sites, as :func:`benchmark.metrics.retrieval.scores` has them."""
        ldr = table.filter(regex=r"^z\d+$").to_numpy()
        given: dict[str, Any] = {name: table[column].to_numpy(str) for name, column in _ARRAYS.items()}
        with threadpool_limits(1):
            found = retrieval_measures(ldr, bootstrap=self.settings.bootstrap, seed=self.settings.seed, **given)
        return [estimate.score(METRICS[name], _HEADLINE) for name, estimate in found.items()]

    def _site(self, table: pd.DataFrame) -> list[Score]:
        scans = scored_scans(table)
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return [*leakage.scores(scans, self.settings), *permutation_test.scores(scans, self.settings)]


def _ranked(table: pd.DataFrame) -> list[Score]:
    """The values of :meth:`Scorer._searched` without intervals, which cost most."""
    scans = scored_scans(table)
    # Cosines after the mean of all scans was taken out.
    vectors = scans.ldr - scans.ldr.mean(axis=0)
    every, allowed = np.arange(len(scans)), np.ones(len(scans), bool)
    order = ranked(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), every, "cosine_centred")
    quality = list_quality(gallery_lists(order, every, Codes.of(scans), allowed, "other_sites"))
    return [
        Estimate(mean_of_site_means(quality[name], scans.site), len(scans), replicates=np.zeros(0)).score(
            metric, _HEADLINE
        )
        for name, metric in METRICS.items()
    ]


_HEADLINE = {"distance": "cosine_centred", "gallery": "other_sites", "label": "CN/AD", "centre": "all"}
_ARRAYS = {"labels": "diagnosis", "site": "site", "subject": "subject_id"}


def _of(tables: Tables, methods: Sequence[str], seeds: Iterable[int]) -> Tables:
    """The runs of some methods and seeds."""
    wanted, chosen = list(seeds), list(methods)
    scores, replicates = (
        table[table["method"].isin(chosen) & table["seed"].isin(wanted)].reset_index(drop=True) for table in tables
    )
    return scores, replicates


if __name__ == "__main__":
    auto_cli(main, as_positional=False)
