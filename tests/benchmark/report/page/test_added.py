"""Pictures of what a method adds to the scans of each site."""

from __future__ import annotations

import base64
from dataclasses import replace

import numpy as np
import pytest

from benchmark.report.page import added as module
from benchmark.report.page.added import AddedInput, added, site_pictures
from benchmark.report.write_all import write_all


@pytest.fixture
def given():
    """Site A: 3 in its left half; site B: -1 there; both 2 in the right half, which no site has for itself."""
    volumes = {site: np.full((8, 10, 8), 2.0, np.float32) for site in "AB"}
    volumes["A"][:4], volumes["B"][:4] = 3.0, -1.0
    return AddedInput("sum, pooled, seed 1", "f(z)", "normalised intensity [SD]", volumes, {"A": 4, "B": 1}, True)


def test_red_is_more_blue_is_less_white_is_nothing(given, monkeypatch):
    figures = []
    monkeypatch.setattr(module, "to_png", lambda make: figures.append(make()) or b"")
    site_pictures(given)
    for figure, sign in zip(figures, (1, -1), strict=True):
        images = [image for axes in figure.axes for image in axes.images]
        assert len(images) == 6
        for above, ends in zip(images, [3.0] * 3 + [2.0] * 3, strict=True):
            assert (above.norm.vmin, above.norm.vmax) == pytest.approx((-ends, ends))
        # The axial slices, whose left half is the volume's: 3 or -1, and 2 or -2 away from the mean over both sites.
        colours = [image.to_rgba(image.get_array())[..., :3] for image in (images[0], images[3])]
        for rgb in colours:
            assert rgb.shape == (10, 8, 3)
            assert np.all(sign * (rgb[:, :4, 0] - rgb[:, :4, 2]) > 0)
        assert np.all(colours[0][:, 4:, 0] > colours[0][:, 4:, 2])
        assert colours[1][:, 4:].min() > 0.95
        bars = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
        assert bars == ["normalised intensity [SD]"] * 2


def test_captions_say_what_is_seen(given):
    one, two = site_pictures(given)
    # Half of the voxels are 2 away from the mean over both sites, which is 1.
    rest = "1.414 away from the mean over sites (root mean square)."
    assert one.caption == f"A, mean of 4 scans: f(z) from 2.00 to 3.00, mean 2.50; {rest}"
    assert two.caption == f"B, mean of 1 scan: f(z) from -1.00 to 2.00, mean 0.50; {rest}"
    assert one.alt.startswith("What sum, pooled, seed 1 adds to scans of A: three slices of f(z), and below")
    (part,) = added([given])
    # Of each pair of voxels: differences 4 + 4 + 0 + 0 of 9 + 1 + 4 + 4.
    assert "the same subjects at every site" in part.text
    assert part.text.endswith("it holds 44.4% of the sum of squares.")


def test_one_site_has_no_difference(given):
    (picture,) = site_pictures(replace(given, volumes={"A": given.volumes["A"]}))
    assert picture.caption == "A, mean of 4 scans: f(z) from 2.00 to 3.00, mean 2.50."
    assert "below" not in picture.alt
    (part,) = added([replace(given, volumes={"A": given.volumes["A"]}, same_subjects=False)])
    assert "lower row" not in part.text
    assert "not the same subjects at every site" in part.text


def test_on_the_page(given, write_results, hostile, tmp_path):
    site = hostile["site"]
    shown = replace(given, volumes={site: given.volumes["A"]}, scans={site: 4})
    gone = AddedInput("gone, pooled, seed 1", problem="they need the run's model.ckpt, which is no longer there")
    for name in ("one", "two"):
        write_all(write_results(), tmp_path / name, added=[shown, gone])
    page = (tmp_path / "one" / "report.html").read_text(encoding="utf-8")
    assert page == (tmp_path / "two" / "report.html").read_text(encoding="utf-8")
    assert '<a href="#added">' in page
    assert "No pictures: they need the run&#39;s model.ckpt, which is no longer there." in page
    assert site not in page
    uri = page.split('<img src="data:image/png;base64,')[1].split('"')[0]
    assert base64.b64decode(uri) == site_pictures(shown)[0].png
    write_all(write_results(), tmp_path / "none")
    assert 'id="added"' not in (tmp_path / "none" / "report.html").read_text(encoding="utf-8")
