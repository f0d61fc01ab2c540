"""Scores of a handful of scans on a line, with the arithmetic in comments."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from benchmark.metrics import (
    age_and_anatomy,
    conditional_leakage,
    disease,
    graded,
    pairwise_leakage,
    same_site,
    site_matrix,
    structure,
    travelling,
)
from benchmark.metrics.rows import parse_key_values
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(distances=("euclidean",), bootstrap=0)

#: Training scans at -1 and 1: mean 0 and standard deviation 1, so that standardised coordinates are the vectors.
UNIT = [("r0", "R", "CN", -1.0), ("r1", "R", "AD", 1.0)]


def line(*scans, train=UNIT, **columns):
    """Scored scans (subject, site, diagnosis, place on a line), and training scans."""
    rows = [(*scan, "test") for scan in scans] + [(*scan, "train") for scan in train]
    table = pd.DataFrame(rows, columns=["subject_id", "site", "diagnosis", "z0", "split"])
    table = table.assign(session_id="1", sex="F", age=70.0)
    for name, values in columns.items():
        table[name] = [*values, *[70.0] * len(train)]
    return scored_scans(table)


def by_subgroup(found):
    return {tuple(sorted(parse_key_values(score.subgroup).values())): score for score in found}


def test_age_and_anatomy():
    # Ten subjects, five at -1 aged 65 and five at 1 aged 75; each is predicted from the nine others. With one at 1 left
    # out, their mean place is -1/9, Sxx = 9 - 9/81 = 80/9, Sxy = 5 Sxx, and the smallest penalty, 0.01, is the best:
    # there is no noise. The slope is 5 Sxx / (Sxx + 0.01), the prediction for 1 is 70 - 5/9 + slope (1 + 1/9), so the
    # error is 10/9 (5 - slope) = 50/9 * 0.01 / (Sxx + 0.01), and by symmetry the same for the others. The mean of the
    # nine is wrong by 5 + 5/9 = 50/9: chance. R² = 1 - (error / chance)².
    years = [65.0] * 5 + [75.0] * 5
    scans = line(*[(f"p{i}", "A", "CN", -1.0 if i < 5 else 1.0) for i in range(10)], age=years, anatomy_width=years)
    settings = EvaluationSettings(folds=10, bootstrap=0)
    missed = 0.01 / (80 / 9 + 0.01)
    found, r2 = age_and_anatomy.scores(scans, settings)
    assert (found.value, found.chance) == (pytest.approx(50 / 9 * missed), pytest.approx(50 / 9))
    assert r2.value == pytest.approx(1 - missed**2)


def test_anatomy_below_zero_is_worse_than_the_mean():
    # A place that says nothing of the anatomy (each of two places has both values) leaves a large penalty, and R² near
    # 0, but out of fold not above it.
    scans = line(*[(f"p{i}", "A", "CN", (-1.0) ** i) for i in range(12)], anatomy_width=[i // 2 % 2 for i in range(12)])
    _, found = age_and_anatomy.scores(scans, EvaluationSettings(folds=12))
    assert -0.1 < found.value < 0


def test_disease_across_sites():
    # Trained at A, CN at -1 and AD at 1, the border is 0: at B both CN are right and one of two AD, so 3/4. Trained at
    # B, one AD is at 1 and three scans at -1: logistic regression's mean probability of AD is its share, 1/2, and it
    # rises with the place, so it is below 1/2 at -1 and above at 1: all of A is right, 1. The mean is 7/8.
    scans = line(
        ("a0", "A", "CN", -1.0), ("a1", "A", "CN", -1.0), ("a2", "A", "AD", 1.0), ("a3", "A", "AD", 1.0),
        ("b0", "B", "CN", -1.0), ("b1", "B", "CN", -1.0), ("b2", "B", "AD", -1.0), ("b3", "B", "AD", 1.0),
    )  # fmt: skip
    overall, at_a, at_b, _ = disease.scores(scans, SETTINGS)
    assert (at_a.value, at_b.value, overall.value) == (1.0, 0.75, 0.875)


def test_retrieval_from_site_to_site():
    # A: CN 0, AD 10. B: CN 3, AD 2, AD 11.
    # A in B: from 0 come AD, CN, AD, relevant at rank 2: AP 1/2; from 10 come AD 11, CN 3, AD 2, relevant at 1 and 3:
    # (1 + 2/3) / 2 = 5/6. Mean 2/3. Chance: one of three (1 + 1/2 + 1/3) / 3 = 11/18; two of three, at 1 and 2, 1 and 3
    # or 2 and 3, (1 + 5/6 + 7/12) / 3 = 29/36; mean 17/24.
    # B in A: from 3 comes CN first, AP 1; from 2 CN, AD: 1/2; from 11 AD: 1. Mean 5/6; one of two: (1 + 1/2) / 2.
    # B in B: from 2 come CN 3, AD 11: 1/2; from 11 CN 3, AD 2: 1/2; from the CN 3 nothing is relevant.
    # A in A: nobody has another of its diagnosis.
    scans = line(
        ("a0", "A", "CN", 0.0), ("a1", "A", "AD", 10.0),
        ("b0", "B", "CN", 3.0), ("b1", "B", "AD", 2.0), ("b2", "B", "AD", 11.0),
    )  # fmt: skip
    found = {score.subgroup: score for score in site_matrix.scores(scans, SETTINGS)}
    one = found["gallery_site=B;query_site=A"]
    assert (one.value, one.chance, one.n) == (pytest.approx(2 / 3), pytest.approx(17 / 24), 2)
    one = found["gallery_site=A;query_site=B"]
    assert (one.value, one.chance, one.n) == (pytest.approx(5 / 6), pytest.approx(3 / 4), 3)
    one = found["gallery_site=B;query_site=B"]
    assert (one.value, one.n, one.note) == (0.5, 2, "1 of 3 queries have no relevant scan there")
    one = found["gallery_site=A;query_site=A"]
    assert (math.isnan(one.value), one.n, one.note) == (True, 0, "2 of 2 queries have no relevant scan there")


def test_travelling_subjects():
    # A: t at 0, u at 5. B: t at 1, u at 9, s at 6, who stayed. In B, t finds t (1 away), u finds s (1 away, u is 4);
    # in A, both find themselves. 3 of 4; by chance one of three twice and one of two twice: 5/12.
    scans = line(
        ("t", "A", "CN", 0.0), ("u", "A", "AD", 5.0),
        ("t", "B", "CN", 1.0), ("u", "B", "AD", 9.0), ("s", "B", "CN", 6.0),
    )  # fmt: skip
    (found,) = travelling.scores(scans, SETTINGS)
    assert (found.value, found.n, found.chance) == (0.75, 4, pytest.approx(5 / 12))


def test_graded_relevance():
    # The query, an AD at 0, sees ten scans of B in the order AD, CN, MCI, CN...: gains 3, 0, 1, 0..., so DCG is
    # 3 + 1 / log2(4) = 3.5 and the ideal 3 + 1 / log2(3). By chance each place has the mean gain, 4/10.
    order = ["AD", "CN", "MCI", *["CN"] * 7]
    scans = line(("a", "A", "AD", 0.0), *[(f"b{i}", "B", one, 1.0 + i) for i, one in enumerate(order)])
    (found,) = graded.scores(scans, SETTINGS, ["A"])
    ideal = 3 + 1 / math.log2(3)
    assert (found.value, found.n) == (pytest.approx(3.5 / ideal), 1)
    assert found.chance == pytest.approx(0.4 * sum(1 / math.log2(rank + 1) for rank in range(1, 11)) / ideal)


def test_share_of_the_own_site():
    # Six scans of A at 0 to 5, six of B at 100 to 105. The ten nearest others of a scan of A are the five of A and five
    # of the six of B: 5/10. By chance 5 of 11 others are of the own site.
    places = [*range(6), *range(100, 106)]
    scans = line(*[(f"p{i:02}", "AB"[i // 6], "CN", float(place)) for i, place in enumerate(places)])
    overall, *by_site = same_site.scores(scans, SETTINGS)
    assert [score.value for score in (overall, *by_site)] == [0.5, 0.5, 0.5]
    assert overall.chance == pytest.approx(5 / 11)


def test_variance_shares():
    # Scans at (2, 0), (-2, 0), (0, 1), (0, -1): sums of squares 8 and 2, so 4/5 of the variance is in one direction,
    # the effective rank is exp(-(0.8 ln 0.8 + 0.2 ln 0.2)) = 1.65. Both make a collapsed LDR.
    scans = line(*[(f"p{i}", "A", "CN", z) for i, z in enumerate([2.0, -2, 0, 0])], z1=[0.0, 0, 1, -1])
    rank, share, collapsed = structure.scores(scans, SETTINGS)
    assert rank.value == pytest.approx(math.exp(-(0.8 * math.log(0.8) + 0.2 * math.log(0.2))))
    assert (share.value, collapsed.value) == (pytest.approx(0.8), 1.0)


def test_gain_where_covariates_say_nothing_and_where_they_say_all():
    # All covariates equal: a constant answer has the balanced accuracy 1/2. The LDR tells the sites apart, 1: gain 1/2.
    sites = [("A", -1.0), ("B", 1.0)]
    plain = [(f"p{i}{site}", site, "CN", place) for i in range(10) for site, place in sites]
    # A has CN alone and B AD alone: the diagnosis has named every site right before the LDR is seen, gain 0.
    told = [(subject, site, {"A": "CN", "B": "AD"}[site], place) for subject, site, _, place in plain]
    for scans, gain in ((plain, 0.5), (told, 0.0)):
        found = [s for s in conditional_leakage.scores(line(*scans), SETTINGS) if s.metric.name.startswith("gain")]
        assert [score.value for score in found] == [gain, gain]


def test_leakage_within_strata():
    # Among eight CN the sites are at -1 and 1, all right; four AD are all at 0, where the classifier names one site for
    # all, 1/2. Weighted by scans: (8 * 1 + 4 * 1/2) / 12 = 5/6. The one PD has no other site to be told from.
    scans = line(
        *[(f"c{i}", "AB"[i % 2], "CN", (-1.0, 1.0)[i % 2]) for i in range(8)],
        *[(f"d{i}", "AB"[i % 2], "AD", 0.0) for i in range(4)],
        ("e", "A", "PD", 1.0),
    )
    found = [s for s in conditional_leakage.scores(scans, SETTINGS) if s.metric.name == "within_strata"]
    for score in found:
        assert (score.value, score.n, score.chance) == (pytest.approx(5 / 6), 12, 0.5)
        assert score.note == "1 scans are in strata with fewer than two sites of two subjects"


def test_leakage_of_pairs():
    # A is at 2, B and C are at 0: A is told from either, B and C, named alike, are not. (1 + 1 + 1/2) / 3 = 5/6.
    scans = line(*[(f"p{i}{site}", site, "CN", 2.0 if site == "A" else 0.0) for i in range(6) for site in "ABC"])
    overall, *pairs = pairwise_leakage.scores(scans, SETTINGS)
    found = {two: score.value for two, score in by_subgroup(pairs).items()}
    assert found == {("A", "B"): 1.0, ("A", "C"): 1.0, ("B", "C"): 0.5}
    assert overall.value == pytest.approx(np.mean([1, 1, 0.5]))
