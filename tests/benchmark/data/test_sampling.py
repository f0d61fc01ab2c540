from collections import Counter
from itertools import islice

import numpy as np
import pytest

from benchmark.data.sampling import EVALUATION, EveryScanOnce, SiteBalancedSampler
from benchmark.errors import UserError

ROWS = np.arange(100, 160)
SITES = np.array(["big"] * 40 + ["mid"] * 15 + ["small"] * 5)


def drawn(sampler, epoch=0):
    sampler.set_epoch(epoch)
    return [rows for _, rows in sampler]


def test_every_site_has_the_same_share_of_an_epoch():
    batches = drawn(SiteBalancedSampler(ROWS, SITES, 12, seed=1))
    assert len(batches) == 5
    site_of = dict(zip(ROWS.tolist(), SITES, strict=True))
    for batch in batches:
        assert Counter(site_of[row] for row in batch) == {"big": 4, "mid": 4, "small": 4}


def test_a_site_is_used_up_before_it_repeats():
    flat = [row for batch in drawn(SiteBalancedSampler(ROWS, SITES, 12, seed=1)) for row in batch]
    small = [row for row in flat if row >= 155]
    for start in range(0, 20, 5):
        assert sorted(small[start : start + 5]) == list(range(155, 160))


def test_epochs_differ_and_repeat_exactly():
    sampler = SiteBalancedSampler(ROWS, SITES, 12, seed=1)
    first, second = drawn(sampler, 0), drawn(sampler, 1)
    assert first != second
    assert drawn(SiteBalancedSampler(ROWS, SITES, 12, seed=1), 1) == second
    assert drawn(SiteBalancedSampler(ROWS, SITES, 12, seed=2), 1) != second


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_share_the_batches_of_one_process(ranks):
    whole = drawn(SiteBalancedSampler(ROWS, SITES, 12, seed=1), 4)
    parts = [drawn(SiteBalancedSampler(ROWS, SITES, 12, 1, rank, ranks), 4) for rank in range(ranks)]
    assert [[row for share in shares for row in share] for shares in zip(*parts, strict=True)] == whole


def test_the_epoch_travels_with_the_batch():
    sampler = SiteBalancedSampler(ROWS, SITES, 12, seed=1)
    sampler.set_epoch(3)
    assert {epoch for epoch, _ in islice(sampler, 2)} == {3}


@pytest.mark.parametrize(
    ("size", "ranks", "message"),
    [(10, 3, "10 is not allowed"), (0, 1, "0 is not allowed"), (61, 1, "only 60 training")],
)
def test_a_batch_size_that_cannot_be_shared_is_named(size, ranks, message):
    with pytest.raises(UserError, match=message):
        SiteBalancedSampler(ROWS, SITES, size, 1, 0, ranks)


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_evaluation_visits_every_scan_once(ranks):
    rows = np.arange(10)
    visited = [
        row
        for rank in range(ranks)
        for epoch, batch in EveryScanOnce(rows, 3, rank, ranks)
        for row in batch
        if epoch == EVALUATION
    ]
    assert sorted(visited) == list(range(10))
    assert len(EveryScanOnce(rows, 3)) == 4
