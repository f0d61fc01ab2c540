from pathlib import Path

import numpy as np
import pytest

from benchmark.data.manifest import read_manifests
from benchmark.data.preprocessing import Preprocessing, load_volume
from benchmark.data.store import VolumeStore
from benchmark.errors import UserError

SETTINGS = Preprocessing(shape=(20, 24, 20), spacing=4.0)


@pytest.fixture
def scans(manifest):
    return read_manifests([manifest({}, {}, {})])


def build(scans, tmp_path, **options):
    return VolumeStore.open_or_build(scans, SETTINGS, tmp_path / "cache", progress=False, **options)


def test_the_store_holds_the_volumes_row_for_row_and_read_only(scans, tmp_path):
    store = build(scans, tmp_path)
    expected = load_volume(Path(scans["image"][1]), None, SETTINGS)
    np.testing.assert_array_equal(store.volumes[1], expected.astype(np.float16))
    assert isinstance(store.volumes, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        store.volumes[0] = 0


def test_the_bytes_do_not_depend_on_the_number_of_processes(scans, tmp_path):
    one, two = build(scans, tmp_path / "1"), build(scans, tmp_path / "2", processes=2)
    assert (one.folder / "volumes.npy").read_bytes() == (two.folder / "volumes.npy").read_bytes()


def test_a_store_is_built_once_and_again_for_other_settings_or_images(scans, tmp_path, image):
    first = build(scans, tmp_path)
    stamp = (first.folder / "volumes.npy").stat().st_mtime_ns
    assert (build(scans, tmp_path).folder / "volumes.npy").stat().st_mtime_ns == stamp
    other = VolumeStore.open_or_build(scans, Preprocessing((16, 16, 16), 5.0), tmp_path / "cache", progress=False)
    assert other.digest != first.digest
    image(scans["image"][0].rsplit("/", 1)[1], np.random.default_rng(0).random((20, 24, 20)).astype(np.float32))
    assert build(scans, tmp_path).digest != first.digest


def test_a_torn_store_is_built_again(scans, tmp_path):
    store = build(scans, tmp_path)
    (store.folder / "store.json").unlink()
    (store.folder / "volumes.npy").write_bytes(b"torn")
    assert build(scans, tmp_path).volumes.shape == (3, 20, 24, 20)


def test_every_image_that_cannot_be_used_is_listed_with_its_line(scans, tmp_path):
    for row in (0, 2):
        path = Path(scans["image"][row])
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError) as caught:
        build(scans, tmp_path)
    lines = str(caught.value).split("\n")
    assert len(lines) == 2
    assert lines[1].startswith(f"{scans['manifest'][2]}:4: {scans['image'][2]}: not a readable image, or truncated")
    assert not list((tmp_path / "cache").iterdir())
