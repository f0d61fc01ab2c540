import hashlib

import numpy as np
import pytest

from benchmark.data.images import read_image
from benchmark.errors import UserError
from benchmark.prepare.phantom.downloads import bids, ixi, oasis1, oasis2, oasis3, oasis4
from benchmark.prepare.phantom.downloads.registry import replicas

NAMES = {"oasis1": "OASIS1", "oasis2": "OASIS2", "oasis3": "OASIS3", "oasis4": "OASIS4", "bids": "BIDS", "ixi": "IXI"}


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(params=NAMES)
def layout(request):
    return replicas()[request.param]


@pytest.mark.parametrize("name", list(replicas()))
def test_a_seed_gives_the_same_bytes_and_another_gives_others(name, tmp_path, tiny_volume):
    first, again, other = (
        contents(replicas()[name].describe(seed).write(tmp_path / folder, tiny_volume))
        for folder, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", NAMES)
def test_volumes_may_be_given(name, tmp_path):
    calls = []

    def volume(index, diagnosis, dataset):
        calls.append((index, diagnosis, dataset))
        return np.full((8, 10, 12), index + 1.0), np.diag([4.0, 4.0, 4.0, 1.0])

    replicas()[name].describe().write(tmp_path, volume)
    assert {dataset for _, _, dataset in calls} == {NAMES[name]}
    assert {diagnosis for _, diagnosis, _ in calls} >= {each.diagnosis for each in replicas()[name].describe().expected}


def test_more_subjects_leave_the_first_as_they_are(layout):
    few, many = layout.describe(subjects=12).expected, layout.describe(subjects=40).expected
    assert many[: len(few)] == few
    assert len({each.subject_id for each in many}) > 30


def test_what_is_expected_is_there(layout, tmp_path, tiny_volume):
    replica = layout.describe(subjects=14)
    assert replica.write(tmp_path, tiny_volume) == tmp_path
    for each in replica.expected:
        assert (tmp_path / each.image).is_file()


@pytest.mark.parametrize("name", ["oasis3", "oasis4", "bids", "ixi"])
def test_nifti_images_can_be_read(tmp_path, name, tiny_volume):
    replica = replicas()[name].describe()
    replica.write(tmp_path, tiny_volume)
    for each in replica.expected:
        assert read_image(tmp_path / each.image).data.size == 8 * 10 * 12


@pytest.mark.parametrize("module", [oasis1, oasis2, oasis3, oasis4, bids, ixi])
def test_too_few_subjects_are_refused(module):
    with pytest.raises(UserError, match=f"at least {module.FEWEST}"):
        module.describe(subjects=module.FEWEST - 1)


@pytest.mark.parametrize("name", ["adni", "ppmi"])
def test_more_subjects_than_there_are_identifiers_are_refused(name):
    with pytest.raises(UserError, match="subjects is 901; must be from 0 to 900"):
        replicas()[name].describe(subjects=901)


def test_no_number_of_a_real_participant_is_used(layout):
    # The archives count from 1, and hand out fewer than 9000 numbers each.
    assert all("9" in each.subject_id[-4:-2] for each in layout.describe(subjects=60).expected)
