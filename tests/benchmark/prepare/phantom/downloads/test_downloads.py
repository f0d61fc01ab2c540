import hashlib

import numpy as np
import pytest

from benchmark.data.images import read_image
from benchmark.errors import UserError
from benchmark.prepare.phantom.downloads import bids, oasis1, oasis2, oasis3, oasis4
from benchmark.prepare.phantom.downloads.volumes import SHAPE

REPLICAS = {
    "OASIS1": (oasis1, oasis1.write_oasis1),
    "OASIS2": (oasis2, oasis2.write_oasis2),
    "OASIS3": (oasis3, oasis3.write_oasis3),
    "OASIS4": (oasis4, oasis4.write_oasis4),
    "BIDS": (bids, bids.write_bids),
}


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(params=REPLICAS)
def replica(request):
    return (request.param, *REPLICAS[request.param])


def test_a_seed_gives_the_same_bytes_and_another_gives_others(replica, tmp_path):
    _, _, write = replica
    first, again, other = (contents(write(tmp_path / name, seed=seed)) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert first == again
    assert first != other


def test_volumes_may_be_given(replica, tmp_path):
    dataset, module, write = replica
    calls = []

    def volume(index, diagnosis, name):
        calls.append((index, diagnosis, name))
        return np.full((8, 10, 12), index + 1.0), np.diag([4.0, 4.0, 4.0, 1.0])

    write(tmp_path, volume=volume)
    assert {name for _, _, name in calls} == {dataset}
    assert {diagnosis for _, diagnosis, _ in calls} >= {each.diagnosis for each in module.expected()}


def test_more_subjects_leave_the_first_as_they_are(replica):
    _, module, _ = replica
    few, many = module.expected(subjects=12), module.expected(subjects=40)
    assert many[: len(few)] == few
    assert len({each.subject_id for each in many}) > 30


def test_what_is_expected_is_there(replica, tmp_path):
    _, module, write = replica
    assert write(tmp_path, subjects=14) == tmp_path
    for each in module.expected(subjects=14):
        assert (tmp_path / each.image).is_file()


@pytest.mark.parametrize("name", ["OASIS3", "OASIS4", "BIDS"])
def test_nifti_images_can_be_read(tmp_path, name):
    module, write = REPLICAS[name]
    write(tmp_path)
    for each in module.expected():
        assert read_image(tmp_path / each.image).data.size == np.prod(SHAPE)


def test_too_few_subjects_are_refused(replica, tmp_path):
    _, module, write = replica
    with pytest.raises(UserError, match=f"at least {module.FEWEST}"):
        write(tmp_path, subjects=module.FEWEST - 1)
    assert not list(tmp_path.iterdir())


def test_no_number_of_a_real_participant_is_used(replica):
    _, module, _ = replica
    # The archives count from 1, and hand out fewer than 9000 numbers each.
    assert all("9" in each.subject_id[-4:-2] for each in module.expected(subjects=60))
