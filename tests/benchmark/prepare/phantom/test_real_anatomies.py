import hashlib
import pickle
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import map_coordinates

from benchmark.errors import UserError
from benchmark.prepare.phantom.biology import Biology
from benchmark.prepare.phantom.brain import STRUCTURES
from benchmark.prepare.phantom.generate import generate
from benchmark.prepare.phantom.label_maps import AIR, TISSUES, read_label_map
from benchmark.prepare.phantom.prepared_anatomy import MAP_SPACING, WARP_SPACING, box, prepare
from benchmark.prepare.phantom.real_anatomies import RealAnatomies, RealBrain
from benchmark.prepare.phantom.settings import PhantomSettings

sys.path.insert(0, str(Path(__file__).parent))
from made_up_heads import head, oriented, write, write_people

pytestmark = pytest.mark.slow

SETTINGS = PhantomSettings(seed=5)
REAL = Path(__file__).parents[5] / "shared" / "anatomies"
HEALTHY = Biology(70.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
ILL = Biology(78.0, 2.0, 0.0, 0.0, 1.7, 0.7, 0.9, 1.0, 1.01, 0.99, 1.0)
LARGE = Biology(60.0, 0.0, 0.0, 0.0, 0.6, 1.2, 1.04, 1.08, 1.0, 1.0, 1.0)
OWN = dict.fromkeys(("lateral_ventricles", "medial_temporal", "deep_grey", "cortex"), 1.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    people = tmp_path_factory.mktemp("anatomies") / "people"
    write_people(people)
    return people


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write(tmp_path_factory.mktemp("anatomies") / "somebody.nii.gz", *oriented(*head((1.2, 1.2, 1.2)), "LIA"))


def brain(path, state, subject="somebody", mirrored=False, settings=SETTINGS):
    return RealBrain(settings, prepare(path), subject, mirrored, state, OWN)


def warped_labels_ml(path, made):
    """Count voxels of a nearest-neighbour warp of the file: the volumes, measured in another way."""
    labels = read_label_map(path)
    (_, affine), (_, warp_affine) = box(MAP_SPACING), box(WARP_SPACING)
    # Around all but the cortex, every three quarters of a millimetre.
    axes = [np.arange(start, end, 0.75) for start, end in ((-60, 60), (-100, 55), (-55, 60))]
    world = np.stack(np.meshgrid(*axes, indexing="ij"))
    at = (world - warp_affine[:3, 3][:, None, None, None]) / WARP_SPACING
    there = np.stack([map_coordinates(made.warp[..., k], at, order=1, output=float) for k in range(3)])
    to_voxel = np.linalg.inv(labels.affine) @ prepare(path).person.alignment.to_world @ affine
    voxel = np.tensordot(to_voxel[:3, :3], there, 1) + to_voxel[:3, 3][:, None, None, None]
    found = map_coordinates(labels.tissue, voxel, order=0, cval=AIR)
    return {name: np.count_nonzero(found == index) * 0.75**3 / 1000 for index, name in enumerate(TISSUES)}


def assert_volumes_are_true(path, state, subject, mirrored, settings=SETTINGS):
    made, source = brain(path, state, subject, mirrored, settings), prepare(path)
    size = state.width * state.length * state.height * source.person.alignment.volume
    counted = warped_labels_ml(path, made)
    for name, key, factor in (
        ("lateral_ventricles", "ventricle_ml", state.ventricles),
        ("medial_temporal", "hippocampus_ml", state.hippocampus),
        ("deep_grey", "deep_grey_ml", state.deep_grey),
    ):
        assert made.truth[key] == pytest.approx(source.person.labelled[name] * size * factor, rel=0.02), name
        assert counted[name] == pytest.approx(made.truth[key], rel=0.02), name
    assert made.truth["cortex_ml"] == pytest.approx(source.person.labelled["cortex"] * size * state.cortex, rel=0.02)
    # The images show what the truth says.
    ml = dict(zip(STRUCTURES, made.shares().sum(axis=(1, 2, 3), dtype=float) * settings.spacing**3 / 1000, strict=True))
    assert ml["medial_temporal"] == pytest.approx(made.truth["hippocampus_ml"], rel=0.02)
    assert sum(ml[name] for name in STRUCTURES if name != "head") == pytest.approx(made.truth["brain_ml"], rel=0.005)


@pytest.mark.parametrize("state", [HEALTHY, ILL, LARGE], ids=["healthy", "ill", "large"])
def test_volumes_are_those_of_the_label_map_times_the_factors(path, state):
    assert_volumes_are_true(path, state, "somebody", mirrored=state is ILL)


@pytest.mark.parametrize("spacing", [2.5, 8.0])
def test_volumes_do_not_depend_on_the_grid(path, spacing):
    assert_volumes_are_true(path, ILL, "somebody else", False, PhantomSettings(seed=5, spacing=spacing))


@pytest.mark.parametrize("state", [ILL, LARGE], ids=["ill", "large"])
@pytest.mark.parametrize("name", ["anatomy_03.nii.gz", "anatomy_05.nii.gz"])
def test_volumes_of_real_people_are_true(name, state):
    if not REAL.is_dir():
        pytest.skip(f"no real label maps in {REAL}")
    assert_volumes_are_true(REAL / name, state, "somebody", mirrored=False)


@pytest.mark.parametrize(("state", "subject"), [(HEALTHY, "a"), (ILL, "b"), (LARGE, "c")])
def test_nothing_folds(path, state, subject):
    slopes = [np.stack(np.gradient(brain(path, state, subject).warp[..., k])) for k in range(3)]
    jacobian = np.linalg.det(np.moveaxis(np.stack(slopes), (0, 1), (-2, -1)) / WARP_SPACING)
    assert jacobian.min() > 0.05


def test_mirroring_exchanges_the_sides(path):
    right = STRUCTURES.index("medial_temporal")
    # A label map with one amygdala more than the other: 54 becomes white matter.
    labels = head((1.2, 1.2, 1.2))[0]
    uneven = write(path.with_name("uneven.nii.gz"), np.where(labels == 54, 41, labels), head((1.2, 1.2, 1.2))[1])
    for mirrored in (False, True):
        shares = brain(uneven, HEALTHY, "a", mirrored).shares()[right]
        left_ml, right_ml = shares[:20].sum(), shares[20:].sum()
        assert (right_ml > 1.1 * left_ml) == mirrored
        assert (left_ml > 1.1 * right_ml) == (not mirrored)


def test_a_displacement_shows_what_lies_elsewhere(path):
    made = brain(path, HEALTHY)
    plain = made.shares()
    nothing = np.zeros((3, *SETTINGS.shape), np.float32)
    assert np.allclose(made.shares(nothing), plain, atol=1e-5)
    ahead = nothing + np.array([0, 8, 0], np.float32)[:, None, None, None]
    shown = made.shares(ahead)[:, :, :-2]
    # Other points of the same place are looked up.
    assert np.abs(shown - plain[:, :, 2:]).mean() < 0.2 * np.abs(shown - plain[:, :, :-2]).mean()
    assert shown.sum() == pytest.approx(plain[:, :, 2:].sum(), rel=0.005)


def test_shares_are_shares(path):
    shares = brain(path, ILL).shares()
    assert shares.shape == (len(STRUCTURES), *SETTINGS.shape)
    assert shares.dtype == np.float32
    assert shares.min() >= 0
    assert shares.sum(axis=0).max() < 1.01
    assert (shares.sum(axis=0)[15:25, 15:33, 15:25] > 0.99).all()


def test_the_cortex_is_lost_to_fluid_and_in_front_only_in_extended_disease(path):
    cortex, csf = STRUCTURES.index("cortex"), STRUCTURES.index("csf")
    before = brain(path, HEALTHY).shares()
    lost = {}
    for extent in (-2.0, 2.0):
        state = Biology(70.0, 2.0, 0.0, extent, 1.0, 1.0, 0.9, 1.0, 1.0, 1.0, 1.0)
        after = brain(path, state).shares()
        assert (before - after)[cortex].sum() == pytest.approx((after - before)[csf].sum(), rel=0.02)
        loss = (before - after)[cortex]
        lost[extent] = loss[:, 34:].sum() / loss.sum()
    assert lost[-2.0] < 0.2
    assert lost[2.0] > 1.4 * lost[-2.0]


def test_people_are_dealt_to_training_and_test(folder):
    anatomies = RealAnatomies(folder, SETTINGS)
    table = anatomies.table()
    assert table["split"].value_counts().to_dict() == {"train": 2, "test": 2}
    assert set(table["source"]) == {path.name for path in folder.iterdir()}
    splits = set()
    for seed in range(8):
        dealt = RealAnatomies(folder, PhantomSettings(seed=seed)).table().set_index("source")["split"]
        splits.add(tuple(sorted(dealt[dealt == "test"].index)))
    assert len(splits) > 2
    made = {
        split: [anatomies.brain(f"subject {number}", split, HEALTHY) for number in range(12)]
        for split in ("train", "test")
    }
    for split, brains in made.items():
        expected = set(table[table["split"] == split]["source"])
        assert {one.source.person.name for one in brains} == expected
        assert {one.mirrored for one in brains} == {False, True}


def test_people_of_unknown_health_are_taken_to_typical_volumes(folder):
    anatomies, volumes = RealAnatomies(folder, SETTINGS), {}
    for number in range(8):
        made = anatomies.brain(f"subject {number}", "train", HEALTHY)
        volumes[made.source.person.name] = made.truth["ventricle_ml"]
    assert np.ptp(np.log(list(volumes.values()))) < 0.04
    own = [person.in_template["lateral_ventricles"] for person in anatomies.people.values() if person.name in volumes]
    assert np.ptp(np.log(own)) > 0.1


def test_subjects_of_one_person_differ_within_one_outline_and_are_the_same_every_time(path):
    shares = [brain(path, HEALTHY, subject).shares() for subject in ("a", "b", "a")]
    assert np.array_equal(shares[0], shares[2])
    image = [np.tensordot(np.array([0.6, 0.9, 0.7, 0.6, 0.8, 0.2, 0.2, 0.0]), one, 1) for one in shares[:2]]
    inside = image[0] > 0.1
    assert np.corrcoef(image[0][inside], image[1][inside])[0, 1] < 0.92
    # A mask must not tell them apart: with outlines of their own 13 % of it differ.
    first, second = (one[:-1].sum(axis=0) for one in shares[:2])
    assert np.abs(first - second).sum() < 0.04 * first.sum()


def test_it_can_be_sent_to_another_process(folder):
    anatomies = RealAnatomies(folder, SETTINGS)
    again = pickle.loads(pickle.dumps(anatomies))  # noqa: S301
    ours, theirs = (one.brain("somebody", "test", ILL) for one in (anatomies, again))
    assert ours.truth == theirs.truth
    assert np.array_equal(ours.shares(), theirs.shares())


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_phantom_is_made_from_label_maps(folder, tmp_path):
    def settings(people):
        return PhantomSettings(
            seed=2, spacing=8.0, sites=2, train_scans=16, test_subjects=3, travelling_subjects=3, anatomies=str(people)
        )

    generate(settings(folder), tmp_path / "one")
    truth = pd.read_csv(tmp_path / "one" / "truth.csv")
    people = pd.read_csv(tmp_path / "one" / "anatomies.csv").set_index("source")["split"]
    tested = truth["subject_id"].isin(
        pd.concat(pd.read_csv(path) for path in (tmp_path / "one").glob("phantom-*.csv"))
        .query("split == 'test'")["subject_id"]
        .unique()
    )
    assert (people[truth["source"]].to_numpy() == np.where(tested, "test", "train")).all()
    assert {"bio_ventricle_ml", "bio_hippocampus_ml", "bio_cortex_ml", "mirrored"} <= set(truth)
    # The same people elsewhere, with another number of processes: the same bytes.
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in folder.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    generate(settings(moved), tmp_path / "two", processes=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    # Other people: not the same phantom.
    next(moved.iterdir()).rename(moved / "another.nii.gz")
    with pytest.raises(UserError, match="holds a phantom of other settings"):
        generate(settings(moved), tmp_path / "two")


def test_a_map_that_cannot_be_used_is_named_before_anything_is_written(folder, tmp_path):
    people = tmp_path / "people"
    people.mkdir()
    for path in folder.iterdir():
        (people / path.name).write_bytes(path.read_bytes())
    labels, affine = head()
    write(people / "bad.nii.gz", np.where(labels == 17, 4, labels), affine)
    with pytest.raises(UserError, match=r"bad\.nii\.gz: has no left hippocampus"):
        generate(PhantomSettings(anatomies=str(people)), tmp_path / "out")
    assert not (tmp_path / "out").exists()
