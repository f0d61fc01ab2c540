import os

import pytest
from threadpoolctl import threadpool_info

from benchmark.sweep.local import WorkerPool

pytestmark = pytest.mark.slow


def test_workers_share_the_cores_and_the_environment_is_left_as_it_was(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "17")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    cores = os.cpu_count() or 1
    pool = WorkerPool(cores)
    try:
        found = pool.pools[0].submit(threadpool_info).result()
    finally:
        pool.close(kill=True)
    assert found
    assert {library["num_threads"] for library in found} == {1}
    assert os.environ["OMP_NUM_THREADS"] == "17"
    assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_can_be_given(workers):
    pool = WorkerPool(workers)
    pool.close(kill=True)
    assert len(pool.pools) == workers
