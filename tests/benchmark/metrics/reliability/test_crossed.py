"""Which travelling subjects make a crossed design."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.metrics.arrays import scans_of
from benchmark.metrics.reliability.crossed import crossed


def design(**sites):
    """The crossed design of subjects who were at sites, each given by a text of letters, and its note."""
    subject, site = zip(*[(name, letter) for name, letters in sites.items() for letter in letters], strict=True)
    scans, _ = scans_of(np.random.default_rng(0).normal(size=(len(site), 2)), site=site, subject=subject)
    part, note = crossed(scans)
    return sorted({*part.subject}), sorted({*part.site}), len(part), note


def test_who_was_at_all_sites_is_in_and_the_note_counts_the_others():
    found = design(p="abc", q="abc", r="abc", s="ab", t="c")
    assert found == (
        ["p", "q", "r"],
        ["a", "b", "c"],
        9,
        "1 of 4 travelling subjects left out, who were not at all of 3 sites",
    )
    assert design(p="ab", q="ab", r="ab")[3] == ""


def test_repeats_are_in():
    assert design(p="aab", q="ab", r="ab")[:3] == (["p", "q", "r"], ["a", "b"], 7)


@pytest.mark.parametrize("letters", ["abcd", "dcba"])
def test_the_largest_design_is_taken_whatever_sites_are_called(letters):
    a, b, c, d = letters
    # Four subjects at two sites are more than two subjects at three, and as many as those at the other two.
    two, other = a + b, c + d
    found = design(p=a + b + c, q=a + b + c, r=two, s=two, t=other, u=other, v=other, w=other)
    assert found[:3] == (["p", "q", "r", "s"], sorted(two), 8)


def test_a_larger_design_of_too_few_subjects_is_passed_over():
    found = design(p="abcdef", q="abcdef", r="gh", s="gh", t="gh")
    assert found[:3] == (["r", "s", "t"], ["g", "h"], 6)


def test_too_few():
    assert design(p="a", q="b", r="aa")[2:] == (0, "no subject has scored scans at two sites")
    assert design(p="ab", q="ab")[2:] == (
        0, "subjects with scored scans at the same 2 sites: 2; at least 3 are needed",
    )  # fmt: skip
