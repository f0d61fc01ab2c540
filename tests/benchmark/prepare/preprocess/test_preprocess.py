"""`seada-bench preprocess` from the command line: volumes, manifests, report, resumption, quarantine."""

from __future__ import annotations

import gzip

import nibabel
import numpy as np
import pandas as pd
import pytest

from benchmark.cli import main
from benchmark.data.manifest import read_manifests
from benchmark.data.preprocessing import Preprocessing

pytestmark = pytest.mark.slow

FAST = ["--bias_correction", "false", "--registration", "none", "--processes", "1", "--brain", "none"]


@pytest.fixture
def manifest(save, tmp_path):
    """Rows for the given images; the manifest's path."""

    def write(images, **columns):
        rows = [
            {"subject_id": f"s{i}", "session_id": "1", "image": str(image), "site": "A", "diagnosis": "CN", "age": 70.5}
            | {"sex": "F", "visit_code": f"v{i}"}
            | {name: values[i] for name, values in columns.items()}
            for i, image in enumerate(images)
        ]
        pd.DataFrame(rows).to_csv(tmp_path / "A-raw.csv", index=False)
        return tmp_path / "A-raw.csv"

    return write


def run(capsys, manifest, out, *options):
    status = main(["preprocess", "--manifests", str(manifest), "--out", str(out), *options])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_every_step_from_a_turned_head_to_a_manifest_that_trains(capsys, save, head, manifest, tmp_path):
    turned = head[1].copy()
    turned[:3, 3] += (12, -9, 20)
    paths = [save("LIA", name="a.nii.gz"), save("PSR", name="b.mgz", dtype=np.float32, affine=turned)]
    out = tmp_path / "out"
    status, said, _ = run(capsys, manifest(paths), out, "--processes", "1", "--brain", "template")
    assert status == 0, said
    assert said.startswith("2 scans preprocessed, 0 to look at, 0 quarantined\n")
    scans = read_manifests([out / "A.csv"])
    assert scans[["subject_id", "age", "visit_code"]].to_numpy().tolist() == [["s0", 70.5, "v0"], ["s1", 70.5, "v1"]]
    one, two = (np.asarray(nibabel.load(path).dataobj) for path in scans["image"])
    mask = np.asarray(nibabel.load(scans["mask"][0]).dataobj) > 0
    assert one.shape == (40, 48, 40)
    assert (one[mask].mean(), one[mask].std()) == (pytest.approx(0, abs=1e-4), pytest.approx(1, abs=1e-4))
    # The same head from two scanners' worlds: the same place, and left is left.
    assert np.corrcoef(one[mask], two[mask])[0, 1] > 0.98
    assert np.corrcoef(one[::-1][mask], two[mask])[0, 1] < 0.97
    report = pd.read_csv(out / "quality.csv")
    assert (report["overlap"] > 0.9).all()
    assert report["flags"].isna().all()
    assert (out / "A.png").read_bytes().startswith(b"\x89PNG")
    for row in scans.to_dict("records"):
        assert Preprocessing().load(row).volume.shape == (40, 48, 40)


def test_what_is_done_is_not_done_again_and_originals_stay(capsys, save, manifest, tmp_path, monkeypatch):
    paths = [save(name="a.nii.gz"), save(name="b.nii.gz")]
    before = [path.read_bytes() for path in paths]
    listed = manifest(paths)
    run(capsys, listed, tmp_path / "out", *FAST)
    files = sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file())
    bytes_of = {path: path.read_bytes() for path in files}
    stamps = {path: path.stat().st_mtime_ns for path in files if path.parent.parent.name == "A"}
    # A scan whose volume was lost is made again, the other is not.
    lost = tmp_path / "out" / "work" / "A" / "s1" / "1_T1w.nii.gz"
    lost.unlink()
    made = []
    from benchmark.prepare.preprocess import run as module

    real = module.prepare
    monkeypatch.setattr(module, "prepare", lambda path, *rest: made.append(path.name) or real(path, *rest))
    assert run(capsys, listed, tmp_path / "out", *FAST)[0] == 0
    assert made == ["b.nii.gz"]
    assert {path: path.read_bytes() for path in files} == bytes_of
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items() if "s0" in str(path))
    assert [path.read_bytes() for path in paths] == before


def test_what_a_manifest_must_have_stays_where_it_is_empty_everywhere(capsys, save, manifest, tmp_path):
    run(capsys, manifest([save()], diagnosis=[""], sex=[""], visit_code=[""]), tmp_path / "out", *FAST)
    (scan,) = read_manifests([tmp_path / "out" / "A.csv"]).to_dict("records")
    assert (scan["diagnosis"], scan["sex"], scan["age"]) == ("", "", 70.5)
    assert "visit_code" not in pd.read_csv(tmp_path / "out" / "A.csv")


def test_a_folder_of_other_settings_is_left_alone(capsys, save, manifest, tmp_path):
    listed = manifest([save()])
    run(capsys, listed, tmp_path / "out", *FAST)
    status, _, error = run(capsys, listed, tmp_path / "out", *FAST, "--spacing", "5", "--intensity", "percentile")
    assert status == 2
    assert "made with other settings (intensity, spacing); name another --out" in error


def test_unusable_scans_are_quarantined_by_name_and_the_others_go_on(capsys, save, head, manifest, tmp_path):
    (tmp_path / "cut.nii.gz").write_bytes(save(name="whole.nii.gz").read_bytes()[:-200])
    nibabel.save(nibabel.Nifti1Image(np.ones((9, 9, 9), np.float32), np.eye(4)), tmp_path / "flat.nii.gz")
    (tmp_path / "text.nii").write_text("no image")
    (tmp_path / "empty folder").mkdir()
    images = [save(), tmp_path / "cut.nii.gz", tmp_path / "flat.nii.gz", tmp_path / "text.nii"]
    images += [tmp_path / "empty folder", tmp_path / "absent.nii"]
    status, said, error = run(capsys, manifest(images), tmp_path / "out", *FAST)
    assert (status, "Traceback" in said + error) == (1, False)
    assert "1 scans preprocessed, 0 to look at, 5 quarantined" in said
    table = pd.read_csv(tmp_path / "out" / "quarantine.csv").set_index("scan")["reason"]
    for scan, reason in {
        "A/s1/1": "cut.nii.gz: is damaged or cut short",
        "A/s2/1": "flat.nii.gz: is constant, every voxel is 1",
        "A/s3/1": "text.nii: is no image that can be read",
        "A/s4/1": "empty folder: holds no DICOM file",
        "A/s5/1": "absent.nii: there is no such file",
    }.items():
        assert reason in table[scan]
        assert "\n" not in table[scan]
    assert len(read_manifests([tmp_path / "out" / "A.csv"])) == 1


def test_nyul_learns_its_scale_from_training_scans_alone(capsys, save, head, manifest, tmp_path):
    paths = [save(name=f"{i}.nii.gz", array=np.power(head[0] / 1000, g) * 1000) for i, g in enumerate((1.0, 0.8, 3.0))]
    results = {}
    for name, split in (("two", ["train", "train", "test"]), ("three", ["train", "train", "train"])):
        listed = manifest(paths, split=split)
        assert run(capsys, listed, tmp_path / name, *FAST, "--intensity", "nyul")[0] == 0
        results[name] = np.asarray(nibabel.load(tmp_path / name / "images" / "A" / "s0" / "1_T1w.nii.gz").dataobj)
    assert np.abs(results["two"] - results["three"]).max() > 1


def test_manifest_masks_are_used_and_must_fit(capsys, save, head, manifest, tmp_path):
    mask = (head[0] > 300).astype(np.uint8)
    fits = save("LIA", name="mask.nii.gz", array=mask, dtype=np.int16)
    nibabel.save(nibabel.Nifti1Image(mask[:-4], head[1]), tmp_path / "small.nii.gz")
    listed = manifest([save(name="a.nii.gz"), save(name="b.nii.gz")], mask=[str(fits), str(tmp_path / "small.nii.gz")])
    status, said, _ = run(capsys, listed, tmp_path / "out", *FAST[:-2])
    assert status == 1
    assert "small.nii.gz: the mask isn't on the grid of" in said
    report = pd.read_csv(tmp_path / "out" / "quality.csv")
    assert report["brain"].tolist() == ["mask"]
    found = np.asarray(nibabel.load(tmp_path / "out" / "images" / "A" / "s0" / "1_mask.nii.gz").dataobj)
    assert found.sum() == pytest.approx(mask.sum(), rel=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--spacing", "0.1"], "spacing: 0.1 is not allowed"),
        (["--shape", "[4, 48, 40]"], "shape: (4, 48, 40) is not allowed"),
        (["--registration", "none", "--brain", "template"], "brain: 'template' needs a registration"),
    ],
)
def test_bad_settings_are_one_line(capsys, save, manifest, tmp_path, options, message):
    status, _, error = run(capsys, manifest([save()]), tmp_path / "out", *options)
    assert (status, error.count("\n")) == (2, 1)
    assert message in error


def test_equal_input_gives_equal_bytes(capsys, save, manifest, tmp_path):
    listed = manifest([save(name="a.nii.gz")])
    for name in ("one", "two"):
        run(capsys, listed, tmp_path / name, *FAST)
    one, two = (tmp_path / name / "images" / "A" / "s0" / "1_T1w.nii.gz" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert gzip.decompress(one.read_bytes())[:4] == (348).to_bytes(4, "little")


def test_pseudonyms_in_everything_that_is_made(capsys, save, manifest, tmp_path):
    listed = manifest([save(name="a.nii.gz"), save(name="b.nii.gz")], image_id=["I1", "I2"])
    salt = tmp_path / "private" / "salt"
    assert run(capsys, listed, tmp_path / "out", *FAST, "--pseudonymize", str(salt))[0] == 0
    assert salt.stat().st_mode & 0o077 == 0
    scans = read_manifests([tmp_path / "out" / "A.csv"])
    assert scans["subject_id"].str.fullmatch("sub-[0-9a-f]{16}").all()
    assert scans["subject_id"].nunique() == 2
    assert "image_id" not in scans
    for path in (tmp_path / "out").rglob("*"):
        assert "s0" not in path.name
        if path.suffix in (".csv", ".json"):
            assert not {"s0", "s1", "I1"} & set(path.read_text().replace("/", ",").replace('"', ",").split(","))
    # The same salt, the same pseudonym; another salt, another one.
    run(capsys, listed, tmp_path / "again", *FAST, "--pseudonymize", str(salt))
    assert read_manifests([tmp_path / "again" / "A.csv"])["subject_id"].tolist() == scans["subject_id"].tolist()
    run(capsys, listed, tmp_path / "other", *FAST, "--pseudonymize", str(tmp_path / "salt2"))
    assert not set(read_manifests([tmp_path / "other" / "A.csv"])["subject_id"]) & set(scans["subject_id"])
    (tmp_path / "short").write_text("abc")
    status, _, error = run(capsys, listed, tmp_path / "o", *FAST, "--pseudonymize", str(tmp_path / "short"))
    assert (status, "at least 16 are needed" in error) == (2, True)
