"""Queues with an end, and what becomes of work that fails or is never done."""

from __future__ import annotations

import threading
import time

import pytest

from benchmark.errors import UserError
from benchmark.search.serve.jobs import BusyError, GoneError, Kept, Worker, one_line


@pytest.fixture
def worker():
    made = Worker("test", 2)
    yield made
    made.stop()


def ended(job):
    end = time.monotonic() + 10
    while job.stage not in ("done", "failed"):
        assert time.monotonic() < end
        time.sleep(0.005)
    return job.state()


def test_jobs_are_done_in_order_and_say_how_many_are_before_them(worker):
    go, begun, order = threading.Event(), threading.Event(), []

    def long(job):
        job.tell("embedding")
        begun.set()
        return go.wait(10)

    first = worker.submit(long)
    begun.wait(10)
    second, third = (worker.submit(lambda job, name=name: order.append(name)) for name in "ab")
    assert [job.state()["ahead"] for job in (first, second, third)] == [0, 1, 2]
    cleaned = []
    with pytest.raises(BusyError):
        worker.check_has_room()
    with pytest.raises(BusyError):
        worker.submit(lambda job: None, lambda: cleaned.append(1))
    assert cleaned == [1]
    go.set()
    assert ended(third)["stage"] == "done"
    assert (order, ended(first)["result"]) == (["a", "b"], True)


def test_what_fails_is_told_on_one_line_and_ends_nothing_else(worker, caplog):
    def refused(job):
        raise UserError("--k: is wrong\nand more")

    def broken(job):
        raise KeyError("secret")

    def too_large(job):
        raise MemoryError

    said, cleaned = [], []
    for work in (refused, broken, too_large):
        said.append(ended(worker.submit(work, lambda: cleaned.append(1)))["error"])
    assert cleaned == [1, 1, 1]
    assert said[0] == "k: is wrong; and more"
    assert said[1] == "the server could not do this; its terminal says why"
    assert said[2] == "the server has too little memory for this"
    assert "KeyError: 'secret'" in caplog.text
    assert ended(worker.submit(lambda job: 7))["result"] == 7


def test_a_server_that_ends_cleans_what_waits_and_stops_what_tells():
    worker, cleaned, started = Worker("test", 4), [], threading.Event()

    def long(job):
        started.set()
        while True:
            job.tell("mapping", 0.5)
            time.sleep(0.005)

    running = worker.submit(long, lambda: cleaned.append("running"))
    started.wait(10)
    worker.submit(lambda job: cleaned.append("done"), lambda: cleaned.append("waiting"))
    worker.stop()
    assert sorted(cleaned) == ["running", "waiting"]
    assert running.state()["error"] == "the server ends"


def test_what_was_used_longest_ago_goes_first():
    kept = Kept(2, "query")
    one, two = kept.put(1), kept.put(2)
    assert kept.get(one) == 1
    kept.put(3)
    assert kept.get(one) == 1
    with pytest.raises(GoneError, match=r"^this query is not kept \(any more\); search again$"):
        kept.get(two)
    assert len({one, two}) == 2
    assert len(one) >= 22


def test_lines_become_sentences():
    assert one_line("--a: b\n\n  c ") == "a: b; c"
