import re

import matplotlib
import pytest

from benchmarks.pictures import LEAKAGE_AND_RETRIEVAL, leakage_and_retrieval
from tests.conftest import ROOT

PINNED = re.search(r"^matplotlib==(.*)$", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)[1]


@pytest.mark.slow
@pytest.mark.skipif(matplotlib.__version__ != PINNED, reason="another matplotlib draws other bytes")
def test_the_picture_of_the_pages_is_of_the_committed_results():
    assert leakage_and_retrieval() == LEAKAGE_AND_RETRIEVAL.read_text(encoding="utf-8")
