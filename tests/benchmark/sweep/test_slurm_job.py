import contextlib

import pytest

from benchmark.sweep import worker

pytestmark = pytest.mark.slow


class Run:
    def __init__(self, folder):
        self.folder = self.scores_folder = folder


def test_a_job_that_was_put_back_into_the_queue_has_not_failed(tmp_path, monkeypatch):
    def ends(status):
        def run(*_):
            raise SystemExit(status)

        return run

    monkeypatch.setattr(worker, "_tracked", lambda run: contextlib.nullcontext())
    monkeypatch.setattr(worker, "_train_and_score", ends(worker.REQUEUED))
    with pytest.raises(SystemExit):
        worker.execute_run(Run(tmp_path), None, None)
    assert not (tmp_path / "error.txt").exists()
    monkeypatch.setattr(worker, "_train_and_score", ends(2))
    assert worker.execute_run(Run(tmp_path), None, None) == "SystemExit: 2"
    assert "SystemExit: 2" in (tmp_path / "error.txt").read_text()


def test_the_first_process_to_fail_says_why(tmp_path, monkeypatch):
    def fails(reason):
        def run(*_):
            raise RuntimeError(reason)

        return run

    monkeypatch.setattr(worker, "_train", fails("the cause"))
    monkeypatch.setattr(worker, "_train_and_score", fails("a consequence"))
    assert worker.execute_run(Run(tmp_path), None, None, rank=1) == "RuntimeError: the cause"
    worker._record(Run(tmp_path))
    assert "the cause" in (tmp_path / "error.txt").read_text()
