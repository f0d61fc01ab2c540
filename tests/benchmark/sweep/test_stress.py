"""A stress sweep from its file to its tables, on a phantom of a few small scans."""

import pandas as pd
import pytest
import yaml

from tests.conftest import smoke_sweep

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stress(tmp_path_factory, no_workers):
    """File of a stress sweep in a folder of its own, as a function of its axes."""
    folder = tmp_path_factory.mktemp("stress")
    place = f"{folder}/made/{{setting}}"

    def write(**axes):
        content = smoke_sweep(folder / "made") | {"methods": ["equalised_pca_combat", "pca_voxels"], "axes": axes}
        small = {"sites": 3, "train_scans": 48, "test_subjects": 6, "travelling_subjects": 3}
        content["phantom"] = {"out": place, "settings": content["phantom"]["settings"] | small}
        content["overrides"] |= {
            "data.manifests": [f"{place}/phantom-*.csv"],
            "data.data_root": place,
            "data.truth": f"{place}/truth.csv",
        }
        path = folder / "stress.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


CONTRAST = {"0": {"phantom": {"contrast": 0}}, "1": {}}


def ldr_dim(*values):
    return {"32": {}, **{str(value): {"overrides": {"model.*.ldr_dim": value}} for value in values}}


def test_every_setting_is_run_once_and_a_finished_sweep_starts_nothing(stress, inside):
    config = stress(contrast=CONTRAST, ldr_dim=ldr_dim(4))
    out = config.parent / "out"
    planned = inside("sweep", "--config", config, "--out", out, "--plan").stdout
    assert [line.split()[:3] for line in planned.splitlines()[2:5]] == [
        ["base", "2", "2"],
        ["contrast-0", "2", "2"],
        ["ldr_dim-4", "2", "2"],
    ]
    assert "6 runs, about" in planned
    assert not out.exists()
    assert not (config.parent / "made").exists()

    done = inside("sweep", "--config", config, "--out", out, "--workers", 1)
    assert "setting 2 of 3: contrast-0" in done.stderr
    assert sorted(path.name for path in (config.parent / "made").iterdir()) == ["base", "contrast-0"]
    for name in ("base", "contrast-0", "ldr_dim-4"):
        assert (out / name / "retrieval.md").is_file()
        assert (out / name / "provenance.json").is_file()
    scores = pd.read_csv(out / "stress.csv", dtype={"value": str})
    mean = scores[scores["score"] == "map_cn_ad"].set_index(["axis", "value", "method"])["mean"]
    assert len(mean) == 8
    # The same runs, shown along both axes.
    assert mean["contrast", "1", "pca_voxels"] == mean["ldr_dim", "32", "pca_voxels"]
    assert mean["contrast", "0", "pca_voxels"] != mean["contrast", "1", "pca_voxels"]
    assert mean["ldr_dim", "4", "equalised_pca_combat"] != mean["ldr_dim", "32", "equalised_pca_combat"]

    written = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    again = inside("sweep", "--config", config, "--out", out)
    assert (again.stdout, again.stderr) == (done.stdout, "")
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == written

    # A table that is gone is written again, and no run is repeated.
    content = (out / "stress.md").read_bytes()
    (out / "stress.md").unlink()
    assert inside("sweep", "--config", config, "--out", out).stderr == ""
    assert (out / "stress.md").read_bytes() == content


def test_a_value_whose_runs_fail_is_missing_in_the_tables_and_the_status_says_so(stress, inside):
    config = stress(ldr_dim=ldr_dim(5000))
    out = config.parent / "failed"
    done = inside("sweep", "--config", config, "--out", out, check=False)
    assert done.returncode == 1
    assert (
        "2 runs failed, the first is 'pca_voxels, pooled, seed 7' (MethodError: PCAVoxels: ldr_dim 5000 is not allowed"
        in done.stderr
    )
    assert f"tracebacks are in {out}/ldr_dim-5000/runs/*/error.txt" in done.stderr
    assert list(out.glob("ldr_dim-5000/runs/*/error.txt"))
    scores = pd.read_csv(out / "stress.csv", dtype={"value": str})
    failed = scores[scores["value"] == "5000"]
    assert failed["mean"].isna().all()
    assert set(failed["note"]) == {"no result"}
    done = scores[scores["value"] == "32"]
    assert done.loc[done["mean"].isna(), ["method", "score"]].to_numpy().tolist() == [["equalised_pca_combat", "ssim"]]
    assert "| ldr_dim-5000 | – / – / – | – / – / – |" in (out / "stress.md").read_text()
    assert inside("sweep", "--config", config, "--out", out, check=False).returncode == 1
