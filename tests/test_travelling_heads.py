"""From the layout of ON-Harmony to reliability over scanners, by the commands that its page names."""

from __future__ import annotations

import hashlib
import re
import shlex
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from torch import nn

from benchmark.cli import main
from benchmark.configs import METHODS, SWEEPS
from benchmark.prepare.phantom.downloads.replica import Replica, Table
from benchmark.prepare.phantom.downloads.volumes import write_nifti
from benchmark.prepare.phantom.replica_heads import phantom_heads
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.tasks.open import open_task
from tests.conftest import ROOT

pytestmark = [pytest.mark.needs("train", "import"), pytest.mark.slow]

README = ROOT / "data_manifests" / "on_harmony" / "README.md"
PARTICIPANTS = Table("participants.tsv", "participant_id,sex,age,cohort")
PEOPLE = 10
#: Gamma and noise of each scanner; a scanner of one cohort is the last of its line.
SCANNERS = {"NOT1ACH": (0.7, 0.02), "OXF1PRI": (1.0, 0.01), "OXF2PRI": (1.4, 0.02), "OXF3TRI": (1.2, 0.05)}
#: The first half of the people was at all but the last scanner, the second half at all of them.
COHORT_B = range(5, 10)


class Tiny(nn.Module):
    """A frozen encoder that keeps a coarse picture."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool3d(2)

    def forward(self, volume):
        return self.pool(volume).flatten(1)


def scanned(path, array, affine, scanner, key):
    """Write a head as a scanner sees it."""
    gamma, noise = SCANNERS[scanner]
    drawn = np.random.default_rng(key).normal(size=array.shape)
    write_nifti(path, np.clip(array**gamma + noise * drawn * (array > 0), 0, 1).astype(np.float32), affine)


def replica(folder):
    """The layout of ON-Harmony: sessions are called after scanners, and the first person was twice at one of them."""
    made = Replica("ON-Harmony", (PARTICIPANTS,), PEOPLE)
    made.json("dataset_description.json", {"Name": "ON-Harmony: A resource for development", "BIDSVersion": "1.8.0"})
    for person in range(PEOPLE):
        label = f"1{person:04d}"
        made.row(PARTICIPANTS, f"sub-{label}", "MF"[person % 2], 20 + person, "AB"[person in COHORT_B])
        here = list(SCANNERS) if person in COHORT_B else list(SCANNERS)[:-1]
        for scanner in here:
            for visit in (1, 2) if (person, scanner) == (0, "OXF1PRI") else (1,):
                start = f"sub-{label}/ses-{scanner}{visit:03d}/anat/sub-{label}_ses-{scanner}{visit:03d}"
                write = partial(scanned, scanner=scanner, key=[person, list(SCANNERS).index(scanner), visit])
                made.image(f"{start}_T1w.nii.gz", person, "", write)
                made.image(f"{start}_mod-T1w_defacemask.nii.gz", person, "")
    return made.write(folder, phantom_heads(PhantomSettings(spacing=10.0)))


def encoder(folder, name):
    """Write a TorchScript encoder and the YAML file that names it."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.ts"
    torch.jit.trace(Tiny().eval(), torch.zeros(2, 1, 16, 24, 16)).save(str(path))
    settings = {"file": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    content = {"model": {"class_path": "baselines.frozen_encoder.FrozenEncoder", "init_args": settings}}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))


def phantom_of_eight_centres(folder):
    """The layout of the Traveling Human Phantom: no table of people, sessions called after person, centre and visit."""
    made = Replica("THP", (), 3)
    made.json("dataset_description.json", {"Name": "ds000206", "BIDSVersion": "1.0.0"})
    for person in range(3):
        label = f"THP900{person}"
        for place, scanner in enumerate(("OXF1PRI", "OXF2PRI", "OXF3TRI")):
            for visit in (1, 2) if place == 0 else (1,):
                session = f"{label}{('EAST', 'WEST', 'NORTH')[place]}{visit}"
                start = f"sub-{label}/ses-{session}/anat/sub-{label}_ses-{session}"
                write = partial(scanned, scanner=scanner, key=[PEOPLE + person, place, visit])
                for run in (1, 2):
                    made.image(f"{start}_run-0{run}_T1w.nii.gz", PEOPLE + person, "", write)
    return made.write(folder, phantom_heads(PhantomSettings(spacing=10.0)))


def run_commands(folder, commands):
    """Run commands in a folder as a shell does, on heads of the phantom; what they said."""
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("sys.stdout.write", said.append)
        for command in commands:
            given = shlex.split(command)
            # As a shell does.
            words = [str(one) for word in given for one in (sorted(folder.glob(word)) if "*" in word else [word])]
            if words[0] == "preprocess":
                # Heads of the phantom lie in template space already, without a skull.
                words[words.index("--shape") + 1], words[words.index("--spacing") + 1] = "[16, 24, 16]", "10"
                words += ["--bias_correction", "false", "--registration", "none", "--brain", "none"]
                words += ["--processes", "1"]
            assert main(words) == 0, said
    return "".join(said)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Folder in which all commands of the page but the sweep were run, and what they said."""
    folder = tmp_path_factory.mktemp("heads")
    replica(folder / "ON-Harmony")
    commands = re.findall("^seada-bench (.*)$", README.read_text(encoding="utf-8"), re.M)
    assert commands[-1] == "sweep --config travelling_heads"
    assert [f"seada-bench {command}" for command in commands[:-1]] == open_task("on_harmony").prepare
    return folder, run_commands(folder, commands[:-1])


def small(folder, name, without):
    """A sweep file as it is shipped, but for grid, LDR and seeds, and without some of its methods."""
    content = yaml.safe_load((SWEEPS / f"{name}.yaml").read_text())
    content["methods"] = [method for method in content["methods"] if method not in without]
    content["seeds"] = {"pooled": [1]}
    content["overrides"] |= {
        "data.preprocessing.shape": [16, 24, 16], "data.preprocessing.spacing": 10.0,
    }  # fmt: skip
    content["evaluation"] = {"probes": ["linear"], "permutations": 0, "inner_folds": 0, "bootstrap": 20}
    # Eighteen training scans have no 32 principal components.
    for name in {"pca_voxels", "pca_combat"} & set(content["methods"]):
        method = yaml.safe_load((METHODS / f"{name}.yaml").read_text())
        model = method["model"] if name == "pca_voxels" else method["model"]["init_args"]["base"]
        model.setdefault("init_args", {})["ldr_dim"] = 8
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(method))
        content["methods"][content["methods"].index(name)] = f"{name}.yaml"
    path = folder / "heads.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def sweep(prepared):
    """The sweep without masks and what trains by epochs."""
    return small(prepared[0], "travelling_heads", ("autoencoder", "combat", "mask_pca"))


def test_a_session_is_of_the_scanner_that_it_is_called_after(prepared):
    folder, said = prepared
    scans = pd.concat(pd.read_csv(path, dtype=str) for path in sorted((folder / "prepared/on_harmony").glob("*.csv")))
    assert set(scans["site"]) == {f"ON-Harmony-{scanner}" for scanner in SCANNERS}
    assert scans.groupby("subject_id")["site"].nunique().tolist() == [3] * 5 + [4] * 5
    twice = scans[(scans["subject_id"] == "ON-Harmony_10000") & (scans["site"] == "ON-Harmony-OXF1PRI")]
    assert sorted(twice["session_id"]) == ["OXF1PRI001", "OXF1PRI002"]
    assert scans["diagnosis"].isna().all()
    assert "0 scans cannot be used" in said


def test_one_command_makes_the_reliability_table_of_every_encoder_in_the_folder(prepared, sweep, monkeypatch, capsys):
    folder, _ = prepared
    monkeypatch.chdir(folder)
    given = ["sweep", "--config", "heads.yaml", "--out", "out"]
    encoder(folder / "encoders", "tiny")
    assert main(given) == 0, capsys.readouterr()
    table = pd.read_csv("out/reliability.csv").set_index("method")
    assert list(table.index) == ["tiny", "pca_voxels", "pca_combat", "random_vectors"]
    shares = table[[f"{name}_share" for name in ("subject", "site", "session", "residual")]].drop("random_vectors")
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-6)
    # Gamma moves every voxel of a head, and ComBat takes a shift of all heads out again.
    assert table.loc["pca_combat", "site_share"] < table.loc["pca_voxels", "site_share"]
    assert table["map_cn_ad"].isna().all()
    # Nothing has changed, so nothing is done; a further file in the folder is a further row.
    written = Path("out/scores.parquet").stat().st_mtime_ns
    assert main(given) == 0
    assert Path("out/scores.parquet").stat().st_mtime_ns == written
    encoder(folder / "encoders", "other")
    assert main(given) == 0
    assert list(pd.read_csv("out/reliability.csv")["method"])[:2] == ["other", "tiny"]


def test_people_at_centres_that_training_has_not_seen_are_all_scored(prepared, monkeypatch, capsys):
    folder, _ = prepared
    phantom_of_eight_centres(folder / "THP")
    said = run_commands(folder, [command.removeprefix("seada-bench ") for command in open_task("thp").prepare])
    assert "0 scans cannot be used" in said
    small(folder, "open_thp", ("autoencoder", "equalised_pca", "mask_pca"))
    content = yaml.safe_load((folder / "heads.yaml").read_text())
    content["overrides"] |= {"trainer.max_epochs": 1}
    (folder / "heads.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.chdir(folder)
    assert main(["sweep", "--config", "heads.yaml", "--out", "thp"]) == 0, capsys.readouterr()
    embedded = pd.read_parquet(next(Path("thp").glob("runs/*/embeddings.parquet")))
    splits = embedded.groupby("site")["split"].agg(set)
    assert {site: splits[site] for site in splits.index if site.startswith("THP")} == {
        f"THP-{centre}": {"test"} for centre in ("EAST", "WEST", "NORTH")
    }
    assert all(splits[site] == {"train"} for site in splits.index if site.startswith("ON-Harmony"))
    table = pd.read_csv("thp/reliability.csv").set_index("method")
    assert {"seada_balanced", "pca_voxels", "random_vectors"} <= set(table.index)
    assert table["icc_between_sites"].notna().all()
    assert table.loc["pca_voxels", "travelling_top1"] > table.loc["random_vectors", "travelling_top1"]
    assert table["map_cn_ad"].isna().all()
