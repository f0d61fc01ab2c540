"""These tests need the cluster that tests/slurm/cluster.py runs: `make test-slurm`."""

from __future__ import annotations

import os

from tests.slurm.cluster import PRESENT

collect_ignore_glob = [] if os.environ.get(PRESENT) else ["test_*.py"]
