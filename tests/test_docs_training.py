"""The Python blocks of the page on training run in one session, as it says."""

import os
import subprocess
import sys

import pandas as pd

from tests.conftest import ROOT
from tests.test_docs import blocks


def test_the_blocks_of_the_page_run_in_one_session(tmp_path, phantom):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "phantom-smoke").symlink_to(phantom)
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks("api_training.md", "python"))],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "['checkpoints', 'config.yaml', 'embeddings.parquet', 'logs', 'model.ckpt']" in done.stdout
    assert "masks: none is given for" in done.stdout
    assert "(3, 16)" in done.stdout
    written = pd.read_parquet(tmp_path / "results" / "fit" / "mine" / "embeddings.parquet")
    assert {"z0", "z15"} <= set(written)
