import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from benchmark.prepare.phantom.volume_flow import flow, grid_points, velocity
from benchmark.prepare.phantom.volume_search import TOLERANCE, responses, search, times

SHAPE = (40, 44, 40)


def ball(middle, radius):
    distance = np.linalg.norm(grid_points(SHAPE) - np.array(middle, np.float32), axis=-1)
    return np.clip(radius + 0.5 - distance, 0, 1).astype(np.float32)


STRUCTURE, NEIGHBOUR, BRAIN = ball((18, 22, 20), 4), ball((27, 22, 20), 3), ball((20, 22, 20), 16)
VELOCITY = velocity(STRUCTURE, np.clip(BRAIN - ball((20, 22, 20), 13), 0, 1), BRAIN > 0.5)


def warped(volume, time):
    points = grid_points(SHAPE) + flow(np.float32(-time) * VELOCITY)
    return map_coordinates(volume, np.moveaxis(points, -1, 0), order=1)


def jacobian(displacement):
    slopes = np.stack([np.stack(np.gradient(displacement[..., axis])) for axis in range(3)])
    return np.linalg.det(np.moveaxis(slopes, (0, 1), (-2, -1)) + np.eye(3))


@pytest.mark.parametrize("time", [-2.0, -0.5, 1.0, 5.0])
def test_nothing_folds(time):
    assert jacobian(flow(np.float32(time) * VELOCITY)).min() > 0


def test_the_structure_alone_changes_its_volume():
    volumes = [warped(STRUCTURE, time).sum() for time in (-1.0, 0.0, 1.0, 2.0)]
    assert volumes[0] < 0.75 * volumes[1]
    assert volumes[2] > 1.5 * volumes[1]
    assert volumes[3] > 2.1 * volumes[1]
    for time in (-1.0, 2.0):
        assert warped(NEIGHBOUR, time).sum() == pytest.approx(NEIGHBOUR.sum(), rel=0.06)


def test_the_neighbour_is_pushed_away_and_what_is_outside_stays():
    pushed = warped(NEIGHBOUR, 2.0)
    middle = (pushed[..., None] * grid_points(SHAPE)).sum(axis=(0, 1, 2)) / pushed.sum()
    assert middle[0] > 27.4
    far = gaussian_filter((BRAIN > 0).astype(np.float32), 4) < 1e-4
    assert np.abs(flow(np.float32(-2.0) * VELOCITY)[far]).max() < 0.05


def test_the_search_finds_times_for_volumes():
    def made(after):
        # Two volumes that follow their own time, and each other's a little.
        own = np.where(after > 0, 1 + 0.6 * after, np.exp(0.7 * after))
        return np.array([10.0, 3.0]) * own * np.exp(0.1 * after[::-1])

    slopes = responses(made, 2)
    for wanted in ((25.0, 1.5), (4.0, 4.0), (10.0, 3.0)):
        after = search(made, made(np.zeros(2)), np.array(wanted), slopes)
        assert made(after) == pytest.approx(wanted, rel=TOLERANCE)


def test_a_volume_that_cannot_be_reached_is_approached():
    def made(after):
        # Gone at once, and rough: slopes measured on the way are useless.
        return np.array([10.0, 3.0]) * np.exp(0.1 * np.tanh(after)) + 0.02 * np.sin(100 * after)

    slopes = np.array([[0.5, 0.0], [0.0, 0.5]])
    after = search(made, made(np.zeros(2)), np.array([30.0, 0.5]), slopes)
    assert after[0] > 1
    assert after[1] < -1


def test_time_grows_with_effort():
    efforts = np.array([-1.0, -0.1, 0.0, 0.1, 1.0])
    assert times(efforts) == pytest.approx([-1.0, -0.1, 0.0, np.expm1(0.06) / 0.6, np.expm1(0.6) / 0.6])
