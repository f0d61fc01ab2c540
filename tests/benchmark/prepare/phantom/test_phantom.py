import hashlib
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from benchmark.data.manifest import read_manifests
from benchmark.errors import UserError
from benchmark.prepare.phantom.acquisition import acquire, acquisition
from benchmark.prepare.phantom.biology import biology
from benchmark.prepare.phantom.cohort import cohort
from benchmark.prepare.phantom.generate import _normals, generate, write_manifests
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.prepare.phantom.sites import first_sites
from benchmark.prepare.phantom.template import template_brain

pytestmark = pytest.mark.slow

SMALL = PhantomSettings(seed=3, spacing=8.0, train_scans=64, test_subjects=12, travelling_subjects=3)
DEFAULT = Path(__file__).parents[4] / "data_manifests" / "phantom"


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    out = tmp_path_factory.mktemp("phantom") / "small"
    generate(SMALL, out)
    return out


def test_same_seed_same_bytes_with_any_number_of_processes(small, tmp_path):
    generate(SMALL, tmp_path / "again", processes=2)
    assert digests(tmp_path / "again") == digests(small)


def test_another_seed_gives_another_phantom(small, tmp_path):
    other = PhantomSettings(seed=4, spacing=8.0, train_scans=64, test_subjects=12, travelling_subjects=3)
    assert not cohort(other).equals(cohort(SMALL))


def test_a_finished_phantom_is_kept_and_another_never_written_over_it(small):
    before = digests(small)
    assert len(generate(SMALL, small)) == 8
    with pytest.raises(UserError, match="holds a phantom of other settings"):
        generate(PhantomSettings(seed=5), small)
    assert digests(small) == before


def test_an_interrupted_phantom_is_completed(small, tmp_path):
    out = tmp_path / "torn"
    shutil.copytree(small, out)
    (out / "phantom.json").unlink()
    next(out.glob("images/*/*_T1w.nii.gz")).unlink()
    generate(SMALL, out)
    assert digests(out) == digests(small)


def test_the_manifests_are_valid_and_say_phantom(small):
    scans = read_manifests(sorted(small.glob("phantom-*.csv")))
    assert set(scans["site"]) == set(first_sites(8))
    assert all(site.startswith("phantom-") for site in set(scans["site"]))
    assert len(scans) == 64 + 8 * 12 + 8 * 3


def test_the_committed_manifests_are_those_of_the_default_phantom(tmp_path):
    write_manifests(PhantomSettings(), tmp_path)
    for path in tmp_path.iterdir():
        assert (DEFAULT / path.name).read_bytes() == path.read_bytes()


def test_the_test_set_is_balanced_at_every_site():
    test = cohort(PhantomSettings()).query("split == 'test'")
    counts = test.groupby(["site", "travelling", "diagnosis"]).size().unstack()
    assert (counts.loc[(slice(None), 0), :] == 10).all().all()
    assert (counts.loc[(slice(None), 1), :] == 4).all().all()


def test_travelling_subjects_are_seen_at_every_site_and_nobody_else_is():
    scans = cohort(PhantomSettings())
    sites = scans.groupby("subject_id")["site"].nunique()
    travelling = scans[scans["travelling"] == 1]["subject_id"].unique()
    assert len(travelling) == 12
    assert (sites[travelling] == 8).all()
    assert (sites.drop(travelling) == 1).all()


def test_parkinson_is_at_one_site_only_and_sizes_follow_the_datasets():
    training = cohort(PhantomSettings()).query("split == 'train'")
    assert set(training[training["diagnosis"] == "PD"]["site"]) == {"phantom-PPMI"}
    sizes = training["site"].value_counts()
    assert sizes.idxmax() == "phantom-OASIS3"
    assert sizes.idxmin() == "phantom-OASIS2"


def shares_of_cn(confounding):
    scans = cohort(PhantomSettings(confounding=confounding, train_scans=8000)).query("split == 'train'")
    return scans.groupby("site")["diagnosis"].apply(lambda column: (column == "CN").mean())


def test_confounding_is_a_knob():
    assert np.ptp(shares_of_cn(0.0)) < 0.15
    assert np.ptp(shares_of_cn(1.0)) > 0.4


def test_images_are_ras_in_world_millimetres_with_a_mask(small):
    path = next(small.glob("images/*/*_T1w.nii.gz"))
    image = nibabel.load(path)
    mask = nibabel.load(str(path).replace("T1w", "mask"))
    assert nibabel.aff2axcodes(image.affine) == ("R", "A", "S")
    assert image.header.get_zooms() == (8, 8, 8)
    assert (image.affine == mask.affine).all()
    inside = np.asarray(mask.dataobj) > 0
    middle = nibabel.affines.apply_affine(image.affine, np.argwhere(inside).mean(axis=0))
    assert np.abs(middle - [0, -18, 8]).max() < 12
    assert (np.asarray(image.dataobj)[~inside] == 0).all()


def test_truth_names_every_scan_and_every_parameter(small):
    truth = pd.read_csv(small / "truth.csv")
    assert truth["scan_key"].is_unique
    assert set(truth["scan_key"]) == set(read_manifests(sorted(small.glob("phantom-*.csv")))["scan_key"])
    assert {"bio_severity", "bio_ventricle_ml", "bio_hippocampus_ml", "acq_cortex", "acq_noise"} <= set(truth)
    by_diagnosis = truth.groupby("diagnosis")["bio_severity"].mean()
    assert by_diagnosis["CN"] < by_diagnosis["MCI"] < by_diagnosis["AD"]


def test_the_travelling_subjects_anatomy_is_the_same_everywhere(small):
    truth = pd.read_csv(small / "truth.csv")
    travelling = truth[truth["subject_id"].str.startswith("ph-trav")]
    biological = [name for name in travelling if name.startswith("bio_")]
    assert (travelling.groupby("subject_id")[biological].nunique() == 1).all().all()
    assert travelling["acq_cortex"].nunique() == len(travelling)


def test_some_training_subjects_are_scanned_twice_a_day_and_look_the_same_but_for_the_scanner(small):
    scans = read_manifests(sorted(small.glob("phantom-*.csv")))
    truth = pd.read_csv(small / "truth.csv").set_index("scan_key")
    again = scans[scans["session_id"] == "ses-1b"]
    assert 0 < len(again) < 0.3 * (scans["split"] == "train").sum()
    assert set(again["split"]) == {"train"}
    biological = [name for name in truth if name.startswith("bio_")]
    for key in again["scan_key"]:
        first = key.replace("ses-1b", "ses-1")
        assert (truth.loc[key, biological] == truth.loc[first, biological]).all()
        assert truth.loc[key, "acq_white"] != truth.loc[first, "acq_white"]


@pytest.mark.parametrize("sites", [2, 20])
def test_the_number_of_sites_and_of_their_scanners_is_a_knob(sites):
    settings = PhantomSettings(sites=sites, scanners=2, train_scans=400)
    scans = cohort(settings)
    assert scans["site"].nunique() == sites
    assert (scans["split"] == "train").sum() == 400
    assert set(scans["scanner"]) == {0, 1}
    # All scans that a subject has at a site come from one scanner.
    assert (scans.groupby(["subject_id", "site"])["scanner"].nunique() == 1).all()


def test_a_phantom_of_three_sites_has_three_manifests(tmp_path):
    settings = PhantomSettings(seed=3, spacing=12, sites=3, train_scans=24, test_subjects=3, travelling_subjects=0)
    assert [path.name for path in generate(settings, tmp_path)] == [
        "phantom-ADNI1.csv",
        "phantom-ADNI2.csv",
        "phantom-ADNI3.csv",
    ]
    assert len(generate(settings, tmp_path)) == 3


def features(settings, what):
    """What a scan shows, one row per scan of the cohort, and the cohort."""
    scans = cohort(settings)
    rows = []
    for scan in scans.itertuples():
        normals = _normals(settings, scan.subject_id, scan.diagnosis, scan.draw)
        state = biology(scan.diagnosis, scan.sex, scan.age, 0, normals, settings.head_size)
        key = f"{scan.site}/{scan.subject_id}/{scan.session_id}"
        brain = template_brain(settings, scan.subject_id, scan.split, state)
        rows.append(what(*acquire(settings, brain, acquisition(settings, scan.site, key), key), state))
    return np.array(rows), scans


def test_the_site_is_in_the_voxels_and_severity_too():
    settings = PhantomSettings(seed=9, spacing=8.0, train_scans=240, test_subjects=3, travelling_subjects=0)
    rows, scans = features(settings, lambda image, mask, state: np.append(image.ravel(), state.severity))
    voxels = PCA(24, random_state=0).fit_transform(rows[:, :-1].astype(float))
    voxels /= voxels.std(axis=0)
    site, subject = scans["site"].to_numpy(), scans["subject_id"].to_numpy()
    predicted = cross_val_predict(LogisticRegression(max_iter=500), voxels, site, groups=subject, cv=GroupKFold(5))
    assert balanced_accuracy_score(site, predicted) > 0.6
    ill = rows[:, -1] > 1
    found = cross_val_predict(LogisticRegression(max_iter=500), voxels, ill, groups=subject, cv=GroupKFold(5))
    assert balanced_accuracy_score(ill, found) > 0.55


def test_the_outline_alone_finds_nobody():
    # On the phantom before version 4, whose masks were without error, this was 1.0.
    settings = PhantomSettings(
        seed=106, spacing=6.0, sites=4, train_scans=100, test_subjects=30, travelling_subjects=12, same_day_share=0
    )
    rows, scans = features(settings, lambda image, mask, state: mask.ravel())
    train = (scans["split"] == "train").to_numpy()
    components = PCA(32, random_state=0).fit(rows[train].astype(float)).transform(rows.astype(float))
    components -= components[train].mean(axis=0)
    components /= np.linalg.norm(components, axis=1, keepdims=True)
    test = scans[~train].reset_index(drop=True)
    site, subject = test["site"].to_numpy(), test["subject_id"].to_numpy()
    similarity = np.where(site[:, None] != site, components[~train] @ components[~train].T, -2)
    right = subject[similarity.argmax(axis=1)] == subject
    assert right[(test["travelling"] == 1).to_numpy()].mean() <= 0.3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spacing": 0.5}, "phantom spacing: 0.5 is not allowed; it must be between 2 and 12"),
        ({"confounding": 1.5}, "phantom confounding: 1.5 is not allowed"),
        ({"test_subjects": 10}, "phantom test_subjects: 10 is not allowed; it must be a multiple of 3"),
        ({"train_scans": 63}, "phantom train_scans: 63 is not allowed with 8 sites; it must be at least 64"),
        ({"sites": 21}, "phantom sites: 21 is not allowed; it must be between 2 and 20"),
        ({"mask": -1}, "phantom mask: -1 is not allowed; it must be between 0 and 5"),
    ],
)
def test_a_knob_out_of_range_is_named(change, message):
    with pytest.raises(UserError, match=message):
        PhantomSettings(**change)
