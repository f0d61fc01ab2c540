"""What methods add to the scans of each site beside what their LDRs hold, as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from benchmark.report.page.assets import data_uri
from benchmark.report.page.images import slices_of
from benchmark.report.svg import to_png
from benchmark.report.text import count

Floats = npt.NDArray[np.float64]

#: Percentile of the absolute values shown, of all sites, that the colours end at.
END = 99.5


@dataclass(frozen=True)
class AddedInput:
    """What one run adds to the scans of each site.

    Attributes
    ----------
    title
        The run: method, protocol and seed.
    name
        Of what is added, such as ``f_D(z_d)``.
    unit
        Of its values.
    volumes
        By site, the mean over its scans, shape (x, y, z) in RAS, finite.
    scans
        By site, of how many scans.
    same_subjects
        Whether these are scans of the same subjects at every site.
    problem
        Why there is nothing to show; empty where there is.
    """

    title: str
    name: str = ""
    unit: str = ""
    volumes: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    scans: Mapping[str, int] = field(default_factory=dict)
    same_subjects: bool = False
    problem: str = ""


@dataclass(frozen=True)
class SitePicture:
    """The picture of a site.

    Attributes
    ----------
    site
        Its name.
    png
        The file.
    alt, caption
        What it shows, for who does not see it; and what is in it, in numbers.
    """

    site: str
    png: bytes
    alt: str
    caption: str

    @property
    def uri(self) -> str:
        """The file as a data URI."""
        return data_uri("image/png", self.png)


@dataclass(frozen=True)
class AddedPart:
    """The pictures of one run, and what is to be known to read them; or why there are none."""

    title: str
    text: str
    pictures: Sequence[SitePicture] = ()


def added(given: Sequence[AddedInput]) -> list[AddedPart]:
    """Pictures of what runs add, a part a run; equal input gives equal bytes.

    Parameters
    ----------
    given
        One a run.
    """
    return [
        AddedPart(each.title, f"No pictures: {each.problem}.")
        if each.problem
        else AddedPart(each.title, _text(each), site_pictures(each))
        for each in given
    ]


def site_pictures(given: AddedInput) -> list[SitePicture]:
    """A picture a site: middle slices of what is added, and below of how that differs from the mean over sites.

    Colours diverge from white at 0 and end at the 99.5th percentile of the absolute values, which is the same for all
    sites. Of one site alone there is no difference to show.

    Parameters
    ----------
    given
        What a run adds.
    """
    volumes = {site: np.asarray(volume, np.float64) for site, volume in given.volumes.items()}
    differences = _differences(volumes)
    rows = [(given.name, volumes)]
    if len(volumes) > 1:
        rows.append((f"{given.name} minus its mean over sites", differences))
    slices = [(title, {site: slices_of(volume) for site, volume in row.items()}) for title, row in rows]
    found = []
    for site, volume in volumes.items():
        png = to_png(partial(_figure, site, slices, given.unit))
        alt = f"What {given.title} adds to scans of {site}: three slices of {given.name}"
        caption = (
            f"{site}, mean of {count(given.scans[site], 'scan')}: {given.name} from {volume.min():.2f} to "
            f"{volume.max():.2f}, mean {volume.mean():.2f}"
        )
        if len(volumes) > 1:
            alt += ", and below of how it differs from the mean over sites"
            caption += f"; {_rms(differences[site]):.3f} away from the mean over sites (root mean square)"
        found.append(SitePicture(site, png, f"{alt}.", f"{caption}."))
    return found


def _text(given: AddedInput) -> str:
    subjects = "the same subjects at every site" if given.same_subjects else "not the same subjects at every site"
    text = (
        f"{given.name}, mean over a few test scans of each site ({subjects}); all sites share the scales. Training "
        "fits the sum alone: a pattern that every site has can move from one part to the other at no cost."
    )
    volumes = {site: np.asarray(volume, np.float64) for site, volume in given.volumes.items()}
    total = sum(_rms(volume) ** 2 for volume in volumes.values())
    if len(volumes) < 2 or not total:
        return text
    between = sum(_rms(volume) ** 2 for volume in _differences(volumes).values())
    return f"{text} What tells the sites apart is the lower row; it holds {between / total:.1%} of the sum of squares."


def _differences(volumes: Mapping[str, Floats]) -> dict[str, Floats]:
    mean = np.mean(list(volumes.values()), axis=0)
    return {site: volume - mean for site, volume in volumes.items()}


def _rms(volume: Floats) -> float:
    return float(np.sqrt(np.mean(volume**2)))


def _figure(site: str, rows: Sequence[tuple[str, Mapping[str, Sequence[Floats]]]], unit: str) -> Figure:
    widths = [each.shape[1] for each in rows[0][1][site]]
    height = max(each.shape[0] for each in rows[0][1][site])
    size = (6.0, (0.4 + 4.6 * height / sum(widths)) * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(rows), len(widths), squeeze=False, width_ratios=widths)
    for places, (title, slices) in zip(grid, rows, strict=True):
        values = np.concatenate([np.abs(each).ravel() for of_site in slices.values() for each in of_site])
        end = max(float(np.percentile(values, END)), 1e-6)
        for axes, voxels in zip(places, slices[site], strict=True):
            image = axes.imshow(voxels, cmap="RdBu_r", vmin=-end, vmax=end, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_color("0.7")
        places[0].set_title(title, loc="left")
        figure.colorbar(image, ax=places, extend="both", label=unit)
    return figure
