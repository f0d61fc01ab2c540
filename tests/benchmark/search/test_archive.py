"""From an archive's manifests to its index and to hits, by the commands."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pytest

from benchmark.data.manifest import read_manifests
from benchmark.embeddings.table import ldr_columns, read_embeddings
from benchmark.errors import UserError
from benchmark.metrics import retrieval_measures
from benchmark.search.archive import add_scans, indexed, model_of, new_index
from benchmark.search.index import Index
from benchmark.search.query import Searcher, Wanted, query_of_scan
from benchmark.search.query_images import query_images
from benchmark.search.scans import scans_of_manifests
from benchmark.train.exported_model import load_model


def refused(inside, *arguments):
    """The one line with which a command refuses its arguments."""
    done = inside(*arguments, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    return done.stderr


@pytest.fixture(scope="module")
def manifests(phantom):
    return sorted(phantom.glob("phantom-*.csv"))


@pytest.fixture(scope="module")
def model(exported):
    return exported("autoencoder")[0]


@pytest.fixture(scope="module")
def built(model, manifests, phantom, inside, tmp_path_factory):
    """An index of the smoke phantom, which nobody may change, and what was said when it was made."""
    out = tmp_path_factory.mktemp("archive") / "index"
    done = inside("index", "build", "--model", model, "--manifest", *manifests, "--data_root", phantom, "--out", out)
    return out, done.stdout


def test_build_embeds_every_scan_as_the_run_did(built, trained, manifests):
    folder, said = built
    index = Index(folder)
    assert f"{len(index)} scans added; {len(index)} in the index" in said
    run = read_embeddings(trained("autoencoder") / "embeddings.parquet").frame
    assert len(index) == len(run)
    keys = run["site"] + "/" + run["subject_id"] + "/" + run["session_id"]
    order = pd.Series(range(len(run)), index=keys)[index.scans["scan_key"].to_pylist()].to_numpy()
    np.testing.assert_array_equal(index.ldrs(np.arange(len(index))), run[ldr_columns(run)].to_numpy(np.float32)[order])


def test_search_ranks_as_the_retrieval_table_does(built, trained):
    """P@1, P@5 and mAP of the test scans, among test scans of other sites, are those of the benchmark."""
    index = Index(built[0])
    run = read_embeddings(trained("autoencoder") / "embeddings.parquet").frame
    test, train = run[run["split"] == "test"], run[run["split"] == "train"]
    test = test[test["diagnosis"] != ""]
    columns = ldr_columns(run)
    keys = test["site"] + "/" + test["subject_id"] + "/" + test["session_id"]
    table = retrieval_measures(
        test[columns].to_numpy(), test["diagnosis"], site=test["site"], subject=test["subject_id"], scan=keys,
        reference=train[columns].to_numpy(), bootstrap=0, gallery="other_sites",
    )  # fmt: skip
    searcher = Searcher(index)
    # The gallery of the table: the scored scans.
    searcher.index.kept = np.isin(index.scans["scan_key"].to_pylist(), keys)
    found = []
    for key, site, diagnosis in zip(keys, test["site"], test["diagnosis"], strict=True):
        answer = searcher.answer(query_of_scan(index, key), Wanted(len(test), exclude_sites=[site]))
        relevant = (answer.hits["diagnosis"] == diagnosis).to_numpy()
        assert len(relevant) == answer.could
        precision = np.cumsum(relevant) / np.arange(1, len(relevant) + 1)
        found.append({"P@1": precision[0], "P@5": precision[4], "mAP": precision[relevant].mean()})
    # A site counts as much as any other.
    means = pd.DataFrame(found).groupby(test["site"].to_numpy()).mean().mean().to_dict()
    assert means == pytest.approx({name: table[name].value for name in means}, abs=1e-12)


def test_a_file_of_the_archive_finds_others_and_is_known_by_its_content(built, inside, manifests, phantom, tmp_path):
    scan = read_manifests(manifests, phantom).iloc[5]
    copied = tmp_path / "patient.nii.gz"
    copied.write_bytes(Path(scan["image"]).read_bytes())
    out = tmp_path / "hits.json"
    done = inside(
        "search", "--index", built[0], copied, "--masks", scan["mask"], "--k", 3, "--out", out, "--one_per_subject"
    )
    assert f"{out}: 3 hits of 1 queries" in done.stdout
    (found,) = json.loads(out.read_text())["queries"]
    assert scan["subject_id"] not in {hit["subject_id"] for hit in found["hits"]}
    assert found["own_subject_left_out"] >= 1
    assert found["own_site"]["name"] == scan["site"]
    text = inside("search", "--index", built[0], "--scans", scan["scan_key"], "--k", 3, "--one_per_subject").stdout
    for hit in found["hits"]:
        assert hit["subject_id"] in text
    assert "For research." in text


def test_a_filter_and_sites_are_options(built, inside, tmp_path):
    index = Index(built[0])
    key, site = index.scans["scan_key"][0].as_py(), index.scans["site"][0].as_py()
    out = tmp_path / "hits.csv"
    inside(
        "search", "--index", built[0], "--scans", key, "--filter", 'age > 60 and sex == "F"', "--exclude_site", site,
        "--k", 500, "--out", out,
    )  # fmt: skip
    rows = list(csv.DictReader(out.open()))
    assert rows
    assert all(float(row["age"]) > 60 and row["sex"] == "F" and row["site"] != site for row in rows)


def test_what_is_there_is_not_embedded_again(model, manifests, phantom, inside, tmp_path):
    folder = tmp_path / "index"
    inside("index", "build", "--model", model, "--manifest", manifests[0], "--data_root", phantom, "--out", folder)
    before = len(Index(folder))
    said = inside("index", "add", "--index", folder, "--manifest", *manifests[:2], "--data_root", phantom).stdout
    assert f"{before} were there" in said
    assert len(Index(folder)) > before
    site = Index(folder).scans["site"][0].as_py()
    said = inside("index", "remove", "--index", folder, "--filter", f'site == "{site}"').stdout
    assert f"{before} scans removed" in said
    assert "removed scans are on the disk still" in inside("index", "info", "--index", folder).stdout
    said = inside("index", "compact", "--index", folder).stdout
    assert "are on the disk still" not in said
    assert site not in Index(folder).live("site")


def test_a_scan_that_cannot_be_used_keeps_no_other_out(model, manifests, phantom, tmp_path):
    scans = scans_of_manifests(manifests[:1], phantom)[:6].reset_index(drop=True)
    (tmp_path / "torn.nii.gz").write_bytes(b"\x1f\x8b torn")
    scans.loc[2, "image"] = str(tmp_path / "torn.nii.gz")
    flat = nibabel.Nifti1Image(np.ones((20, 24, 20), np.float32), nibabel.load(scans["image"][0]).affine)
    nibabel.save(flat, tmp_path / "flat.nii.gz")
    scans.loc[4, "image"] = str(tmp_path / "flat.nii.gz")
    new_index(tmp_path / "index", model)
    told = []
    report = add_scans(tmp_path / "index", load_model(model), scans, told.append)
    assert (report.added, report.there, told) == (4, 0, [4])
    assert [name in problem for name, problem in zip(("torn", "flat"), report.problems, strict=True)] == [True, True]


def test_an_index_knows_the_model_that_made_it(built, exported, model):
    folder = built[0]
    assert model_of(folder, Index(folder)).digest == load_model(model).digest
    other = load_model(exported("pca_voxels")[0])
    with pytest.raises(ValueError, match="cannot be compared with it"):
        Index(folder).model.check_same(indexed(other), folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("blank", "is constant"), ("negative", "correlation with the training's mean volume"),
        ("elsewhere", "lies elsewhere in space"), ("other grid", "is on a grid of"),
        ("four", "2 volumes; one is needed"),
        ("no mask", "masks: none is given"), ("torn", "is damaged or cut short"), ("missing", "No such file"),
        ("text", "is no image that can be read"),
    ],
)  # fmt: skip
def test_bad_queries_are_answered_in_one_line(built, inside, manifests, phantom, tmp_path, change, said):
    scan = read_manifests(manifests, phantom).iloc[0]
    image, path = nibabel.load(scan["image"]), tmp_path / "query.nii.gz"
    data, affine, masks = image.get_fdata(dtype=np.float32), image.affine.copy(), ["--masks", scan["mask"]]
    if change == "blank":
        data[:] = 1
    if change == "negative":
        data = data.max() - data
    if change == "elsewhere":
        affine[:3, 3] += 500
    if change == "other grid":
        data = data[:-3]
    if change == "four":
        data = np.stack([data, data], axis=-1)
    if change == "no mask":
        masks = []
    nibabel.save(nibabel.Nifti1Image(data, affine), path)
    if change == "torn":
        path.write_bytes(path.read_bytes()[:200])
    if change == "text":
        path.write_text("<script>alert(1)</script>")
    if change == "missing":
        path.unlink()
    assert said in refused(inside, "search", "--index", built[0], path, *masks)


def test_a_query_that_fails_the_gate_is_answered_by_force_and_marked(built, inside, manifests, phantom, tmp_path):
    scan = read_manifests(manifests, phantom).iloc[0]
    image = nibabel.load(scan["image"])
    data = image.get_fdata(dtype=np.float32)
    nibabel.save(nibabel.Nifti1Image(data.max() - data, image.affine), tmp_path / "negative.nii.gz")
    query = ("search", "--index", built[0], tmp_path / "negative.nii.gz", "--masks", scan["mask"])
    assert "--force answers all the same" in refused(inside, *query)
    assert "WARNING: the query is not like the scans of the training" in inside(*query, "--force").stdout
    inside(*query, "--force", "--out", tmp_path / "hits.csv")
    assert "not like the scans" in next(csv.DictReader((tmp_path / "hits.csv").open()))["warning"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search"], "index"),
        (["search", "--index", "nowhere", "--scans", "a"], "nowhere/index.json: there is no such file"),
        (["search", "--index", "INDEX"], "give either images or --scans"),
        (["search", "--index", "INDEX", "--scans", "nobody"], "no scan is called 'nobody'"),
        (["search", "--index", "INDEX", "--scans", "a", "--k", "0"], "k: 0 is not allowed"),
        (["search", "--index", "INDEX", "--scans", "a", "--filter", "__import__('os')"], "is no comparison"),
        (["search", "--index", "INDEX", "--scans", "a", "--out", "x.txt"], "must end in .csv or .json"),
        (["search", "--index", "INDEX", "--scans", "a", "--approximate"], "has no graph"),
        (["search", "--index", "INDEX", "--scans", "a", "--force"], "--force: is for images"),
        (["index", "grow"], "unknown action 'index grow'"),
        (["index", "remove", "--index", "INDEX"], "give one of --scans, --subjects and --filter"),
        (["index", "remove", "--index", "INDEX", "--subjects", "nobody"], "no scan has subject_id 'nobody'"),
        (["index", "build", "--model", "nowhere", "--manifest", "no.csv", "--out", "x"], "no.csv: cannot be read"),
    ],
)
def test_mistakes_are_refused_in_one_line(built, inside, arguments, said):
    assert said in refused(inside, *(str(built[0]) if each == "INDEX" else each for each in arguments))


def test_damaged_headers_are_answered_in_one_line_each(built, manifests, phantom, tmp_path):
    """Two hundred files whose header has a few random bytes: each is refused, or searched with, and nothing else."""
    index = Index(built[0])
    loaded = model_of(built[0], index)
    scan = read_manifests(manifests, phantom).iloc[0]
    whole = bytearray(gzip.decompress(Path(scan["image"]).read_bytes()))
    rng, said = np.random.default_rng(0), {}
    for number in range(200):
        damaged = bytearray(whole)
        for place in rng.integers(0, 352, rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        path = tmp_path / f"{number}.nii"
        path.write_bytes(damaged)
        try:
            query_images(loaded, index, [path], [Path(scan["mask"])])
        except UserError as error:
            said[path.name] = str(error)
    assert len(said) > 40
    assert not [text for name, text in said.items() if "\n" in text or not (name in text or "_mask" in text)]


def test_a_second_build_is_told_to_add(built, model, manifests, phantom, inside):
    more = ("--manifest", manifests[0], "--data_root", phantom, "--out", built[0])
    assert "holds an index; 'seada-bench index add' adds to it" in refused(
        inside, "index", "build", "--model", model, *more
    )
