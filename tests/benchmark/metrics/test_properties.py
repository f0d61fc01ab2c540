"""What holds of every search, on data that Hypothesis makes up."""

from __future__ import annotations

import math
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark import metrics
from benchmark.metrics import retrieval
from benchmark.metrics.galleries import Codes, gallery_lists, nearest_members
from benchmark.metrics.similarity import similarities

QUICK = settings(max_examples=40, deadline=None)


@st.composite
def scans(draw):
    """Vectors, labels, sites and subjects of 4 to 24 scans; a subject has one label, and may be at several sites."""
    number = draw(st.integers(4, 24))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    subject = rng.integers(draw(st.integers(2, number)), size=number)
    label = np.array(["CN", "AD", "MCI", ""])[rng.integers(4, size=number)][subject]
    site = np.array(["x", "y", "z"])[rng.integers(draw(st.integers(1, 3)), size=number)]
    # Whole numbers, so that many similarities are equal, and sums of them exact.
    return rng.integers(-3, 4, size=(number, 3)).astype(float), label, site, subject


def searches(ldr, label, site, subject, scan=None):
    how = {"site": site, "subject": subject, "distance": "euclidean", "bootstrap": 5, "scan": scan}
    galleries = ("other_sites", "own_site", "all_sites")
    found = [one for g in galleries for one in metrics.retrieval_measures(ldr, label, gallery=g, **how).values()]
    return [*found, metrics.travelling_top1(ldr, **how), metrics.same_site_share(ldr, **how)]


def numbers(estimates):
    return [(one.value, one.n, one.chance, one.ci_low, one.ci_high) for one in estimates]


@pytest.mark.slow
@QUICK
@given(scans(), st.integers(-1000, 1000))
def test_a_constant_added_to_all_similarities_changes_nothing(data, constant):
    before = searches(*data)
    with mock.patch.object(retrieval, "similarities", lambda *a: similarities(*a) + constant):
        np.testing.assert_array_equal(numbers(searches(*data)), numbers(before))


@pytest.mark.slow
@QUICK
@given(scans(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(data, random):
    order = random.sample(range(len(data[0])), len(data[0]))
    moved = [values[order] for values in data]
    np.testing.assert_array_equal(numbers(searches(*moved)), numbers(searches(*data)))
    # Equal LDRs of one subject at one site are told apart by the names of scans alone.
    names = np.arange(len(data[0])).astype(str)
    np.testing.assert_array_equal(numbers(searches(*moved, scan=names[order])), numbers(searches(*data, scan=names)))


@QUICK
@given(scans())
def test_a_query_never_finds_its_own_subject(data):
    ldr, label, site, subject = data
    codes = Codes(*(np.unique(one, return_inverse=True)[1].astype(np.int32) for one in (site, subject, label)))
    queries = np.arange(len(ldr))
    similarity = similarities(ldr, ldr, "euclidean")
    order = np.argsort(-similarity, axis=1, kind="stable").astype(np.int32)
    for gallery in retrieval.GALLERIES:
        found = nearest_members(similarity, queries, codes, gallery, len(ldr))
        assert not ((subject[found] == subject[queries, None]) & (found >= 0)).any()
        lists = gallery_lists(order, queries, codes, np.ones(len(ldr), bool), gallery)
        assert lists.size.tolist() == (found >= 0).sum(axis=1).tolist()


@QUICK
@given(scans())
def test_a_subject_with_all_relevant_scans_leaves_its_queries_undefined(data):
    ldr, _, site, subject = data
    # Each subject has a label of its own, so that a query could find its own subject alone.
    for gallery in retrieval.GALLERIES:
        found = metrics.retrieval_measures(ldr, subject, site=site, subject=subject, gallery=gallery, bootstrap=0)
        assert all(math.isnan(one.value) and one.n == 0 and one.note for one in found.values())
