from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.data import store as module
from benchmark.data.contents import RECORD
from benchmark.data.preprocessing import Preprocessing
from benchmark.data.store import VolumeStore, digest_of_store, image_digest
from benchmark.errors import UserError

SETTINGS = Preprocessing(shape=(12, 14, 13), spacing=8.0)


@pytest.fixture
def scans(tmp_path, head, write_image):
    """Three scans at 4 mm with masks, so that reading them resamples."""
    rows = []
    for n in range(3):
        data, mask, affine = head(seed=n)
        data = data * (1 + 0.2 * n * np.indices(data.shape)[0] / data.shape[0])
        image = write_image(tmp_path / f"images/{n}.nii.gz", data, affine)
        inside = write_image(tmp_path / f"images/{n}_mask.nii.gz", mask, affine, dtype=np.uint8)
        rows.append({"scan_key": f"A/{n}/1", "image": str(image), "mask": str(inside), "sha256": ""})
        rows[-1] |= {"manifest": "a.csv", "line": n + 2}
    return pd.DataFrame(rows)


@pytest.fixture
def build(tmp_path):
    """Function: open or build a store in the test's folder."""

    def make(scans, settings=SETTINGS, cache="cache", **options):
        return VolumeStore.open_or_build(scans, settings, tmp_path / cache, **options)

    return make


def store_digest(scans, preprocessing):
    return digest_of_store(image_digest(scans), preprocessing)


def content(store):
    return {path.name: path.read_bytes() for path in sorted(store.folder.iterdir())}


def stores(cache):
    """Names of what lies beside the record of files' digests."""
    return [path.name for path in cache.iterdir() if path.name != RECORD]


def test_volumes_are_those_of_the_preprocessing_row_for_row(scans, build):
    store = build(scans)
    assert store.volumes.shape == (3, 12, 14, 13)
    assert store.volumes.dtype == np.float16
    for volume, row in zip(store.volumes, scans.to_dict("records"), strict=True):
        np.testing.assert_array_equal(volume, SETTINGS.load(row).volume.astype(np.float16))
    assert len({volume.tobytes() for volume in store.volumes}) == 3


def test_the_mapping_is_shared_and_read_only(scans, build):
    store = build(scans)
    assert isinstance(store.volumes, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        store.volumes[0] = 0


def test_a_finished_store_is_opened_and_not_made_again(scans, build, monkeypatch):
    first = build(scans)
    monkeypatch.setattr(module, "_build", None)
    again = build(scans)
    assert again.digest == first.digest
    assert again.folder == first.folder
    assert stores(first.folder.parent) == [first.digest[:16]]


def test_the_bytes_do_not_depend_on_the_number_of_processes_or_threads(scans, build):
    one = content(build(scans, cache="one"))
    assert content(build(scans, cache="two", processes=2)) == one
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert content(build(scans, cache="three")) == one
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_building_leaves_the_random_generators_alone(scans, build):
    """A training must not depend on whether the store was already there."""
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    build(scans)
    assert torch.equal(torch.rand(3), expected)


def test_the_digest_names_settings_inputs_and_order(scans, tmp_path):
    digest = store_digest(scans, SETTINGS)
    assert store_digest(scans.copy(), Preprocessing([12, 14, 13], 8)) == digest
    others = [
        store_digest(scans, Preprocessing((12, 14, 12), 8.0)),
        store_digest(scans, Preprocessing((12, 14, 13), 8.0, mask_background=False)),
        store_digest(scans[::-1], SETTINGS),
        store_digest(scans[:2], SETTINGS),
        store_digest(scans.assign(mask=""), SETTINGS),
        store_digest(scans.assign(scan_key=["A/0/1", "A/1/1", "A/3/1"]), SETTINGS),
    ]
    for column in ("image", "mask"):
        with Path(scans[column][1]).open("ab") as stream:
            stream.write(b"more")
        others.append(store_digest(scans, SETTINGS))
    assert len({digest, *others}) == 1 + len(others)


def test_files_are_told_apart_by_content_wherever_they_lie_and_whenever_they_were_made(scans, tmp_path):
    digest = store_digest(scans, SETTINGS)
    os.utime(scans["image"][1], ns=(5, 5))
    assert store_digest(scans, SETTINGS) == digest
    shutil.copytree(tmp_path / "images", tmp_path / "elsewhere")
    moved = scans.assign(**{name: scans[name].str.replace("/images/", "/elsewhere/") for name in ("image", "mask")})
    assert store_digest(moved, SETTINGS) == digest
    sums = [hashlib.sha256(Path(path).read_bytes()).hexdigest().upper() for path in scans["image"]]
    assert store_digest(scans.assign(sha256=sums), SETTINGS) == digest


def test_a_stated_sha256_stands_for_the_file(scans):
    sums = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in scans["image"]]
    stated = scans.assign(sha256=sums, mask="")
    digest = store_digest(stated, SETTINGS)
    os.utime(stated["image"][1], ns=(5, 5))
    assert store_digest(stated, SETTINGS) == digest
    assert store_digest(stated.assign(sha256=sums[::-1]), SETTINGS) != digest


def test_libraries_that_change_voxels_are_in_the_digest(scans, monkeypatch):
    digest = store_digest(scans, SETTINGS)
    monkeypatch.setattr(module, "version", lambda name: "0.0")
    assert store_digest(scans, SETTINGS) != digest


@pytest.mark.parametrize("processes", [1, 2])
def test_every_bad_image_is_listed_with_its_line(scans, build, tmp_path, processes):
    Path(scans["image"][0]).write_bytes(b"no image")
    Path(scans["mask"][2]).write_bytes(Path(scans["image"][2]).read_bytes()[:500])
    with pytest.raises(UserError) as caught:
        build(scans, processes=processes)
    lines = str(caught.value).splitlines()
    assert lines[0] == "2 of 3 scans have an image that cannot be used:"
    assert lines[1].startswith(f"a.csv:2: {scans['image'][0]}: is no image that can be read: ")
    assert lines[2].startswith(f"a.csv:4: {scans['mask'][2]}: is damaged or cut short: ")
    assert stores(tmp_path / "cache") == []


def test_a_file_that_is_gone_or_not_what_the_manifest_states(scans, build):
    with pytest.raises(UserError, match=r"a.csv:3: .*1.nii.gz: its sha256 is [0-9a-f]{64}, the manifest states 0{64}"):
        build(scans.assign(sha256=["", "0" * 64, ""]))
    Path(scans["image"][1]).unlink()
    with pytest.raises(UserError, match=r"1 of 3 .*\na.csv:3: .*1.nii.gz: No such file or directory"):
        build(scans)


def test_a_long_list_is_cut_and_counted(scans, build):
    many = pd.concat([scans.assign(image=f"gone{n}.nii") for n in range(20)], ignore_index=True)
    with pytest.raises(UserError) as caught:
        build(many)
    assert len(str(caught.value).splitlines()) == 52
    assert str(caught.value).endswith("... and 10 more")


@pytest.mark.parametrize("damage", ["record", "volumes", "short", "voxel", "index", "empty"])
def test_a_torn_store_is_made_again_with_a_warning(scans, build, damage, caplog):
    store = build(scans)
    whole = content(store)
    folder = store.folder
    if damage == "record":
        (folder / "store.json").unlink()
    elif damage == "volumes":
        (folder / "volumes.npy").write_bytes(b"")
    elif damage == "short":
        (folder / "volumes.npy").write_bytes(whole["volumes.npy"][:-10])
    elif damage == "voxel":
        changed = bytearray(whole["volumes.npy"])
        changed[-7] ^= 1
        (folder / "volumes.npy").write_bytes(changed)
    elif damage == "index":
        (folder / "index.csv").write_text("scan_key,row\n")
    else:
        shutil.rmtree(folder)
        folder.mkdir()
    with caplog.at_level(logging.WARNING):
        again = build(scans)
    assert content(again) == whole
    assert stores(folder.parent) == [folder.name]
    if damage != "empty":
        assert f"{folder} is no whole store" in caplog.text


def test_another_process_that_is_faster_wins(scans, build, tmp_path, monkeypatch):
    ready = build(scans, cache="elsewhere")
    slow = module._build

    def build_while_another_finishes(*arguments):
        slow(*arguments)
        shutil.copytree(ready.folder, tmp_path / "cache" / ready.folder.name)
        (tmp_path / "cache" / ready.folder.name / "theirs").touch()

    monkeypatch.setattr(module, "_build", build_while_another_finishes)
    store = build(scans)
    assert (store.folder / "theirs").exists()
    assert stores(tmp_path / "cache") == [store.folder.name]


def test_an_interruption_leaves_nothing_behind(scans, build, tmp_path, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_build", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build(scans)
    assert stores(tmp_path / "cache") == []


def test_the_record_says_what_it_was_made_from(scans, build):
    record = json.loads((build(scans).folder / "store.json").read_text())
    assert record["preprocessing"]["shape"] == [12, 14, 13]
    assert set(record["libraries"]) == {"torchio", "nibabel", "SimpleITK"}
    assert record["scans"] == 3
    assert record["digest"] == store_digest(scans, SETTINGS)


def test_brains_that_the_grid_cuts_are_warned_of(scans, build, caplog):
    with caplog.at_level(logging.WARNING):
        build(scans, Preprocessing((12, 14, 13), 4.0))
    assert "3 of 3 scans lose more than 1 % of their brain mask to the grid, most of all " in caplog.text
    assert "set preprocessing.crop_to_mask or a larger preprocessing.shape" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        build(scans)
    assert caplog.text == ""


def test_wrong_arguments(scans, build, tmp_path):
    with pytest.raises(UserError, match="data.store_processes: 0 is not allowed"):
        build(scans, processes=0)
    with pytest.raises(UserError, match="no scan to preprocess"):
        build(scans[:0])
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="data.cache_dir: .*file cannot be a folder of volume stores: "):
        build(scans, cache="file")
