import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.prepare.phantom.label_maps import CSF, TISSUES
from benchmark.prepare.phantom.prepared_anatomy import MAPS, WARP_SPACING, box, prepare
from benchmark.prepare.phantom.sampled_grid import in_map_voxels, millilitres, sampled
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.prepare.phantom.volume_flow import grid_points

sys.path.insert(0, str(Path(__file__).parent))
from made_up_heads import head, oriented, write

pytestmark = pytest.mark.slow


def volumes(source):
    still = in_map_voxels(grid_points(box(WARP_SPACING)[0]))
    settings = PhantomSettings()
    return dict(zip(MAPS, millilitres(settings, sampled(settings, source, still)), strict=True))


@pytest.mark.parametrize(("axes", "spacing"), [("LIA", (1.0, 1.0, 1.0)), ("PSR", (2.0, 1.5, 1.2))])
def test_volumes_are_those_of_the_files_voxels(tmp_path, axes, spacing):
    source = prepare(write(tmp_path / "a.nii.gz", *oriented(*head(spacing), axes)))
    made = volumes(source)
    for name in TISSUES:
        if name not in ("csf", "head"):
            labelled = source.person.in_template[name]
            # Images are made from one point per 8 mm³: roughly 130 in the pallidum, which is no more than 1 ml.
            assert made[name] == pytest.approx(labelled, rel=0.03 if labelled > 5 else 0.08), name


def test_a_map_is_prepared_again_when_its_content_changed(tmp_path):
    path = write(tmp_path / "a.nii.gz", *head())
    first = prepare(path)
    assert prepare(path) is first
    write(path, *head(ventricles=2.0))
    assert prepare(path).person.labelled["lateral_ventricles"] > 1.8 * first.person.labelled["lateral_ventricles"]


def test_fluid_and_head_are_put_around_a_brain_that_has_none(tmp_path):
    labels, affine = head(fluid=False, skull=False)
    # A sulcus: a slit in the cortex of both hemispheres.
    slit = np.isin(labels, (3, 42, 2, 41)) & (np.abs(np.arange(labels.shape[1])[:, None] - 50) < 2)
    slit[:, :, :70] = False
    labels[slit] = 0
    source = prepare(write(tmp_path / "aseg.mgz", labels, affine))
    filled = volumes(source)["csf"] / source.person.alignment.volume
    assert filled > 0.6 * slit.sum() * 8 / 1000
    head_map, brain = source.surroundings == TISSUES.index("head"), source.surroundings < CSF
    # What lies 6 mm outside of the brain on a line through its middle, to the right.
    row = head_map[:, brain.shape[1] // 2, brain.shape[2] // 2]
    edge = np.flatnonzero(brain[:, brain.shape[1] // 2, brain.shape[2] // 2])[-1]
    assert row[edge + 6]
    assert not row[edge + 18 :].any()


def test_fluid_around_the_spinal_cord_is_no_brain(tmp_path):
    labels, affine = head()
    below = np.zeros(labels.shape, bool)
    below[40:48, 50:58, :18] = True
    labels[below & (labels != 16)] = 24
    source = prepare(write(tmp_path / "a.nii.gz", labels, affine))
    lowest = np.flatnonzero((source.surroundings == CSF).any(axis=(0, 1)))[0]
    brain = np.flatnonzero((source.surroundings < CSF).any(axis=(0, 1)))[0]
    assert lowest >= brain
    assert (source.surroundings == TISSUES.index("head")).any(axis=(0, 1))[:brain].any()


def test_layers_are_parts_of_the_cortex_and_of_the_fluid(tmp_path):
    made = volumes(prepare(write(tmp_path / "a.nii.gz", *head())))
    outer = made["outer_frontal"] + made["outer_other"]
    assert 0.3 * made["cortex"] < outer < made["cortex"]
    assert 0.15 < made["outer_frontal"] / outer < 0.6
    assert 0 < made["csf_at_cortex"] < made["csf"]
