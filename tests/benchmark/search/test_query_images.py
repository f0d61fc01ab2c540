"""A real T1, as scanners might leave it, finds the same neighbours as its prepared form."""

from __future__ import annotations

import datetime
from dataclasses import asdict, replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel.processing import resample_from_to
from nibabel.spaces import vox2out_vox

from benchmark.prepare.phantom.downloads.dicom import write_series
from benchmark.prepare.preprocess.run import VERSION
from benchmark.prepare.preprocess.settings import RawSettings
from benchmark.search.archive import add_scans, indexed
from benchmark.search.first_stage import apply, template_digest
from benchmark.search.index import Index, create
from benchmark.search.query import Searcher, Wanted
from benchmark.search.query_images import query_images
from benchmark.search.scans import scans_of_images, scans_of_manifests
from benchmark.train.exported_model import load_model

pytestmark = [pytest.mark.slow, pytest.mark.needs("import")]

SETTINGS = RawSettings(bias_correction=False, registration="rigid", brain="template", shape=(16, 20, 16), spacing=10.0)


@pytest.fixture(scope="module")
def model(exported):
    """A model that says its scans were brought to template space; it does not know where, as the phantom was not."""
    found = load_model(exported("autoencoder")[0])
    raw = {
        "version": VERSION, "settings": asdict(SETTINGS), "brains": ["template"], "template": template_digest(),
        "standard": None,
    }  # fmt: skip
    return replace(found, description={**found.description, "raw": raw, "space": None})


@pytest.fixture(scope="module")
def searcher(model, phantom, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "index"
    create(folder, indexed(model))
    assert add_scans(folder, model, scans_of_manifests(sorted(phantom.glob("phantom-*.csv")), phantom)).problems == []
    return Searcher(Index(folder))


@pytest.fixture(scope="module")
def real():
    """The mean head of 152 people (Fonov et al., NeuroImage 2009), whose file comes with nilearn; RAS, 2 mm."""
    from nilearn.datasets import load_mni152_template

    found = load_mni152_template(resolution=2)
    return nibabel.Nifti1Image(np.round(1000 * np.asarray(found.dataobj)).astype(np.int16), found.affine)


def turned(image, codes):
    """The same voxels in another order."""
    wanted = nibabel.orientations.axcodes2ornt(codes)
    return image.as_reoriented(nibabel.orientations.ornt_transform(nibabel.io_orientation(image.affine), wanted))


def resampled(image, steps):
    return resample_from_to(image, vox2out_vox(image, steps), order=1)


def test_a_real_head_in_any_form_finds_what_its_prepared_form_finds(model, searcher, real, tmp_path):
    nibabel.save(real, tmp_path / "ras.nii.gz")
    nibabel.save(turned(resampled(real, (1.5, 1.2, 2.0)), "LPI"), tmp_path / "lpi.nii")
    nibabel.save(turned(real, "PSR"), tmp_path / "psr.nii.gz")
    thick = resampled(real, (2.0, 2.0, 3.0))
    (tmp_path / "dicom").mkdir()
    slices = [tmp_path / "dicom" / f"{number}.dcm" for number in range(thick.shape[2])]
    voxels = np.asarray(thick.dataobj).clip(0)
    write_series(slices, voxels, thick.affine, "s1", datetime.date(2020, 1, 2), ("SIEMENS", "Trio", 3.0), "MPRAGE")
    prepared = apply(model.description["raw"], scans_of_images([tmp_path / "ras.nii.gz"]), tmp_path / "prepared")

    def hits(images, **options):
        queries = query_images(model, searcher.index, images, force=True, **options)
        return [searcher.answer(query, Wanted(5)).hits for query in queries]

    (expected,) = hits([Path(prepared["image"][0])], masks=[Path(prepared["mask"][0])])
    forms = [tmp_path / name for name in ("ras.nii.gz", "lpi.nii", "psr.nii.gz", "dicom")]
    for form, found in zip(forms, hits(forms, raw=True), strict=True):
        names = ["site", "subject_id", "session_id"]
        assert found[names].to_numpy().tolist() == expected[names].to_numpy().tolist(), form
        np.testing.assert_allclose(found["similarity"], expected["similarity"], atol=0.02)
