import hashlib
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from benchmark.data.manifest import read_manifests
from benchmark.data.phantom import PhantomSettings, generate, write_manifests
from benchmark.data.phantom.anatomy import SEVERITY, SEVERITY_SD, Biology, biology, tissue
from benchmark.data.phantom.atlas import atlas
from benchmark.data.phantom.cohort import cohort
from benchmark.data.phantom.draws import stratified_normals
from benchmark.data.phantom.sites import SITES
from benchmark.errors import UserError

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
    generate(SMALL, out, progress=False)
    return out


def test_same_seed_same_bytes_with_any_number_of_processes(small, tmp_path):
    generate(SMALL, tmp_path / "again", processes=2, progress=False)
    assert digests(tmp_path / "again") == digests(small)


def test_another_seed_gives_another_phantom(small, tmp_path):
    other = PhantomSettings(seed=4, spacing=8.0, train_scans=64, test_subjects=12, travelling_subjects=3)
    assert not cohort(other).equals(cohort(SMALL))


def test_a_finished_phantom_is_kept_and_another_never_written_over_it(small):
    before = digests(small)
    assert len(generate(SMALL, small, progress=False)) == 8
    with pytest.raises(UserError, match="holds a phantom of other settings"):
        generate(PhantomSettings(seed=5), small, progress=False)
    assert digests(small) == before


def test_an_interrupted_phantom_is_completed(small, tmp_path):
    out = tmp_path / "torn"
    generate(SMALL, out, progress=False)
    (out / "phantom.json").unlink()
    next(out.glob("images/*/*_T1w.nii.gz")).unlink()
    generate(SMALL, out, progress=False)
    assert digests(out) == digests(small)


def test_the_manifests_are_valid_and_say_phantom(small):
    scans = read_manifests(sorted(small.glob("phantom-*.csv")))
    assert set(scans["site"]) == set(SITES)
    assert all(site.startswith("phantom-") for site in SITES)
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
    ages = test.groupby("site")["age"].apply(lambda column: tuple(sorted(column)))
    assert ages.nunique() == 1


def test_every_site_has_as_many_mild_and_grave_cases(small):
    truth = pd.read_csv(small / "truth.csv")
    of_site = truth[truth["subject_id"].str.contains(r"-t\d+$")]
    severity = (of_site["bio_severity"] - of_site["diagnosis"].map(SEVERITY)) / SEVERITY_SD
    quarters = pd.cut(severity, [-np.inf, *norm.ppf([0.25, 0.5, 0.75]), np.inf], labels=False)
    # Four subjects of each site and diagnosis: one in each quarter of what is likely.
    assert (quarters.groupby([of_site["site"], of_site["diagnosis"]]).nunique() == 4).all()


def test_draws_are_normal_independent_and_of_the_group_alone():
    settings = PhantomSettings(seed=4, test_subjects=1200, travelling_subjects=3)
    normals = stratified_normals(settings, "phantom-ADNI1", "CN")
    assert normals.shape == (400, 8)
    expected = norm.ppf((np.arange(400) + 0.5) / 400)
    assert np.abs(np.sort(normals, axis=0)[1:-1] - expected[1:-1, None]).max() < 0.35
    assert np.abs(np.corrcoef(normals.T) - np.eye(8)).max() < 0.2
    assert not np.array_equal(normals, stratified_normals(settings, "phantom-ADNI2", "CN"))
    assert not np.array_equal(normals, stratified_normals(settings, "phantom-ADNI1", "AD"))
    more = PhantomSettings(seed=4, test_subjects=1200, travelling_subjects=6, train_scans=640)
    assert np.array_equal(normals, stratified_normals(more, "phantom-ADNI1", "CN"))


def test_the_luck_of_the_draw_moves_the_separation_of_diagnoses_less():
    def separation(seed, stratified):
        settings = PhantomSettings(seed=seed, test_subjects=60)
        amounts = {}
        for diagnosis in ("CN", "AD"):
            drawn = stratified_normals(settings, "phantom-PPMI", diagnosis)
            independent = np.random.default_rng([seed, len(diagnosis), ord(diagnosis[0])]).standard_normal(drawn.shape)
            states = [
                biology(settings, "x", diagnosis, "F", 70, 0, row) for row in (drawn if stratified else independent)
            ]
            amounts[diagnosis] = np.array([state.ventricle_growth for state in states])
        return (amounts["AD"][:, None] > amounts["CN"]).mean()

    spread = {kind: np.std([separation(seed, kind) for seed in range(40)]) for kind in (True, False)}
    assert spread[True] < 0.7 * spread[False]


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
    assert {"bio_severity", "bio_ventricle_ml", "bio_hippocampal_loss", "acq_gamma", "acq_noise"} <= set(truth)
    by_diagnosis = truth.groupby("diagnosis")["bio_severity"].mean()
    assert by_diagnosis["CN"] < by_diagnosis["MCI"] < by_diagnosis["AD"]


def test_the_travelling_subjects_anatomy_is_the_same_everywhere(small):
    truth = pd.read_csv(small / "truth.csv")
    travelling = truth[truth["subject_id"].str.startswith("ph-trav")]
    biological = [name for name in travelling if name.startswith("bio_")]
    assert (travelling.groupby("subject_id")[biological].nunique() == 1).all().all()
    assert travelling["acq_gamma"].nunique() == len(travelling)


def test_ventricles_grow_with_severity_and_grey_matter_goes():
    settings = PhantomSettings(spacing=4.0)
    sizes = {}
    for growth in (-1.0, 1.0, 2.0):
        state = Biology(70, 0, growth, growth, growth, 0, 1, 1, 1)
        brain = tissue(settings, atlas(settings), "somebody", state)
        sizes[growth] = (brain.ventricle_ml, -brain.grey.sum())
    assert sizes[-1.0] < sizes[1.0] < sizes[2.0]
    assert sizes[-1.0][1] < sizes[1.0][1] < sizes[2.0][1]


def test_disease_progresses_and_health_does_not():
    ill = [biology(SMALL, "x", "AD", "F", 70, years) for years in (0, 2)]
    well = [biology(SMALL, "x", "CN", "F", 70, years) for years in (0, 2)]
    assert ill[1].severity == pytest.approx(ill[0].severity + 0.2)
    assert well[1].severity == well[0].severity
    assert ill[1].age == 72


def test_the_site_is_in_the_voxels_and_severity_too():
    from benchmark.data.phantom.acquisition import acquire, acquisition

    settings = PhantomSettings(seed=9, spacing=8.0, train_scans=240, test_subjects=3, travelling_subjects=0)
    scans = cohort(settings)
    maps = atlas(settings)
    rows, severity = [], []
    for scan in scans.itertuples():
        state = biology(settings, scan.subject_id, scan.diagnosis, scan.sex, scan.age, 0)
        brain = tissue(settings, maps, scan.subject_id, state)
        key = f"{scan.site}/{scan.subject_id}/{scan.session_id}"
        rows.append(acquire(settings, brain, acquisition(settings, scan.site, key), key).ravel())
        severity.append(state.severity)
    features = PCA(24, random_state=0).fit_transform(np.array(rows, float))
    features /= features.std(axis=0)
    site, subject = scans["site"].to_numpy(), scans["subject_id"].to_numpy()
    predicted = cross_val_predict(LogisticRegression(max_iter=500), features, site, groups=subject, cv=GroupKFold(5))
    assert balanced_accuracy_score(site, predicted) > 0.4
    ill = np.array(severity) > 1
    found = cross_val_predict(LogisticRegression(max_iter=500), features, ill, groups=subject, cv=GroupKFold(5))
    assert balanced_accuracy_score(ill, found) > 0.65


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spacing": 0.5}, "phantom spacing: 0.5 is not allowed; it must be between 2 and 12"),
        ({"confounding": 1.5}, "phantom confounding: 1.5 is not allowed"),
        ({"test_subjects": 10}, "phantom test_subjects: 10 is not allowed; it must be a multiple of 3"),
        ({"train_scans": 3}, "phantom train_scans: 3 is not allowed"),
    ],
)
def test_a_knob_out_of_range_is_named(change, message):
    with pytest.raises(UserError, match=message):
        PhantomSettings(**change)
