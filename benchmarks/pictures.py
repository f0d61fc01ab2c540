"""The picture of README and docs/results.md, from the committed results; run as ``python -m benchmarks.pictures``.

The pictures in results/conditions are written by the sweep itself (:mod:`benchmark.report.stress`).
"""

from __future__ import annotations

from pathlib import Path

from benchmark import load_results
from benchmark.report.svg import to_svg

ROOT = Path(__file__).parents[1]
LEAKAGE_AND_RETRIEVAL = ROOT / "docs" / "leakage_and_retrieval.svg"


def leakage_and_retrieval() -> str:
    """SVG of the site leakage of each method of the reference sweep against its retrieval by disease."""
    results = load_results(ROOT / "results" / "reference")
    return to_svg(results.plot, salt=LEAKAGE_AND_RETRIEVAL.stem) + "\n"


if __name__ == "__main__":
    LEAKAGE_AND_RETRIEVAL.write_text(leakage_and_retrieval(), encoding="utf-8")
