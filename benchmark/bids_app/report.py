"""The report on a scan: one HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from benchmark.bids_app.pictures import mosaic, picture_uri
from benchmark.bids_app.scans import BidsScan
from benchmark.prepare.preprocess.quality import LEAST_OVERLAP
from benchmark.report.page.assets import environment
from benchmark.search.gate import MEASURES, problems
from benchmark.train.exported_model import ExportedModel

#: What the pages may load: pictures in data URIs and their own styles.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
#: Numbers of the prepared volume before normalisation, with what they are.
MEASURED: Mapping[str, str] = {
    "overlap": f"overlap (Dice) of the foreground with the template's brain; below {LEAST_OVERLAP} registration failed",
    "template_correlation": "correlation with the template within its brain",
    "foreground_share": "share of the grid in the brain mask",
    "noise": "standard deviation of the noise over the median intensity",
    "mutual_information": "mutual information with the template that registration reached",
}


@dataclass(frozen=True)
class Report:
    """What a report tells.

    Attributes
    ----------
    scan, model, space
        The scan, the model that embedded it, and the label of the space of the prepared volume.
    prepared
        Content of the prepared volume's JSON file.
    quality
        Numbers of :data:`MEASURED`, NaN or None where unknown.
    numbers, limits
        As :func:`benchmark.search.gate.measured` gives them.
    warnings, notes
        Of this scan, and of every scan of the model.
    """

    scan: BidsScan
    model: ExportedModel
    space: str
    prepared: Mapping[str, Any]
    quality: Mapping[str, float | None]
    numbers: Mapping[str, float]
    limits: Mapping[str, Sequence[float]]
    warnings: Sequence[str]
    notes: Sequence[str]


def render(report: Report, volume: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_] | None) -> str:
    """The page as text; equal input gives equal text.

    Parameters
    ----------
    report
        What it tells.
    volume, mask
        Of the prepared scan, shape (x, y, z) in RAS; no mask where the model's scans have none.
    """
    gate = [
        {
            "said": MEASURES[name].said,
            "value": f"{value:.3g}",
            "training": [f"{each:.3g}" for each in report.limits[name]],
            "unlike": bool(problems({name: value}, {name: list(report.limits[name])})),
        }
        for name, value in report.numbers.items()
        if name in report.limits
    ]
    quality = [
        (said, "–" if report.quality[name] is None else f"{report.quality[name]:.3g}")
        for name, said in MEASURED.items()
    ]
    return page(
        "scan.html.j2",
        report=report,
        facts={name.replace("_", " "): value for name, value in report.scan.facts.items() if value not in ("", None)},
        picture=picture_uri(mosaic(volume, mask)),
        outlined=mask is not None,
        gate=gate,
        quality=quality,
        settings={name.replace("_", " "): _shown(value) for name, value in report.prepared["Settings"].items()},
    )


def page(template: str, **values: Any) -> str:
    """A page of this package."""
    style = files("benchmark.bids_app").joinpath("templates/app.css").read_text(encoding="utf-8")
    return (
        environment("benchmark.bids_app")
        .get_template(template)
        .render(
            policy=POLICY,
            style=Markup(style),  # noqa: S704 (a file of this package)
            version=version("seada-bench"),
            **values,
        )
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " × ".join(map(str, value)) if isinstance(value, list) else str(value)
