"""Results folders that become one."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from benchmark.cli import main
from benchmark.errors import UserError
from benchmark.results.merge import merge
from benchmark.results.read import read_results
from benchmark.results.schema import REPLICATE_COLUMNS
from benchmark.results.write import write_provenance, write_replicates, write_scores
from tests.tables import long_table

PARAMETERS = ("distance", "gallery", "label", "probe", "coordinates")
RUNS = {("a", 1): 0.5, ("a", 2): 0.6, ("b", 1): 0.3, ("b", 2): 0.4}


def name_of(method, seed):
    return f"{method}, pooled, seed {seed}"


@pytest.fixture
def folder(tmp_path):
    """Write a results folder of a sweep with some of the runs, whose values and provenance can be changed."""

    def write(name, *runs, values=None, replicates=True, **provenance):
        draw = np.random.default_rng(0)
        rows = [
            dict(
                method=method, protocol="pooled", held_out_site="", seed=seed, table="retrieval", metric="mAP",
                version=2, params="distance=cosine;gallery=other_sites;label=CN/AD;probe=;coordinates=", subgroup="",
                value=value, n=10, note="", ci_low=value - 0.1,
                ci_high=value + 0.1, chance=0.2, higher_is_better=True, replicates=value + draw.normal(size=20) / 20,
            )
            for method, seed in runs
            for value in [(values or {}).get((method, seed), RUNS[method, seed])]
        ]  # fmt: skip
        table, out = long_table(rows), tmp_path / name
        write_scores(table.drop(columns="replicates"), out)
        if replicates:
            write_replicates(table[[*REPLICATE_COLUMNS, *PARAMETERS]], out)
        methods, seeds = (list(dict.fromkeys(of)) for of in zip(*runs, strict=True))
        seconds = {"pooled": {method: {"training": 1.0, "scoring": 2.0} for method in methods}}
        about = {"methods": methods, "notes": ["for all", f"of {methods}"], "machine": "m", "seconds": seconds}
        about |= {"synthetic": False, "cards": {}}
        primary = {"method": "", "scores": ["map_cn_ad"]}
        task = {"evaluation": {"bootstrap": 20}, "overrides": {}, "primary": primary}
        content = {
            "sweep": {"methods": methods, "seeds": {"pooled": seeds}, **task},
            "about": about,
            "run_keys": {name_of(*run): f"key of {run}" for run in runs},
            "run_key_parts": {name_of(*run): {"data": f"data of seed {run[1]}"} for run in runs},
            "environment": {"made in": name},
        }
        write_provenance({**content, **provenance}, out)
        for method, seed in runs:
            (out / "runs" / f"{method}{seed}").mkdir(parents=True)
            (out / "runs" / f"{method}{seed}" / "embeddings.parquet").write_text(f"{method} {seed} of {name}")
        return out

    return write


def test_what_is_merged_is_as_if_one_sweep_had_made_it(folder, tmp_path):
    whole = read_results(folder("whole", *RUNS))
    one, two = folder("one", ("a", 1), ("b", 1)), folder("two", ("a", 2), ("b", 2), ("a", 1))
    merged = merge([one, str(two)], str(tmp_path / "both"))
    pd.testing.assert_frame_equal(merged.scores, whole.scores)
    assert (tmp_path / "both" / "scores.csv").read_bytes() == (tmp_path / "whole" / "scores.csv").read_bytes()
    replicates = merged.replicates()
    assert len(replicates) == len(RUNS)
    assert replicates["value"].tolist() == whole.scores["value"].tolist()
    for entry in ("run_keys", "run_key_parts"):
        assert merged.provenance[entry] == whole.provenance[entry]
    assert merged.provenance["sweep"]["methods"] == ["a", "b"]
    assert sorted(merged.provenance["sweep"]["seeds"]["pooled"]) == [1, 2]
    assert merged.provenance["runs"] == 4
    assert list(merged.provenance["merged"]) == [f"1 {one.name}", f"2 {two.name}"]
    assert merged.provenance["about"]["notes"] == ["for all", "of ['a', 'b']"]
    assert merged.provenance["about"]["seconds"] == whole.provenance["about"]["seconds"]
    assert [told["environment"]["made in"] for told in merged.provenance["merged"].values()] == ["one", "two"]
    kept = {path.parent.name: path.read_text() for path in (tmp_path / "both").glob("runs/*/embeddings.parquet")}
    assert kept == {"a1": "a 1 of one", "b1": "b 1 of one", "a2": "a 2 of two", "b2": "b 2 of two"}


@pytest.mark.parametrize(
    ("told", "share"), [(({"pooled": 0.2}, {"pooled": 0.3}), 0.3), (({"pooled": 0.2}, {}), 0.2), (({}, {}), 1.0)]
)
def test_seeds_of_one_data_set_share_subjects_whichever_folder_they_come_from(folder, tmp_path, told, share):
    parts, folders = {str(seed): {"images": "the same", "splits": f"of {seed}"} for seed in (1, 2)}, []
    for seed, own in enumerate(told, 1):
        written = folder(f"of-{seed}", ("a", seed), ("b", seed), data_parts={str(seed): parts[str(seed)]})
        content = json.loads((written / "provenance.json").read_text())
        content["about"]["shared_subjects"] = own
        (written / "provenance.json").write_text(json.dumps(content))
        folders.append(written)
    assert merge(folders, tmp_path / "both").provenance["about"]["shared_subjects"] == {"pooled": share}


def test_the_command_writes_tables_and_statistics(folder, tmp_path, capsys):
    one, two = folder("one", ("a", 1), ("b", 1)), folder("two", ("a", 2), ("b", 2))
    assert main(["merge", str(one), str(two), "--out", str(tmp_path / "both")]) == 0
    assert "4 runs" in capsys.readouterr().out
    assert "0.550" in (tmp_path / "both" / "retrieval.md").read_text()
    assert (tmp_path / "both" / "statistics.md").is_file()
    assert main(["merge", str(one), str(two), "--out", str(tmp_path / "both")]) == 2
    assert "is already there; name a new folder" in capsys.readouterr().err


def test_without_replicates_everywhere_there_are_none(folder, tmp_path):
    merged = merge([folder("one", ("a", 1)), folder("two", ("b", 1), replicates=False)], tmp_path / "both")
    assert merged.replicates() is None
    assert len(merged.scores) == 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"values": {("a", 1): 0.51}}, "run 'a, pooled, seed 1' has different values of retrieval mAP [distance="),
        ({"run_keys": {name_of("a", 1): "x"}}, "run 'a, pooled, seed 1' has different keys"),
        ({"run_key_parts": {name_of("a", 1): {"data": "x"}}}, "different tasks: the data of seed 1 differ"),
        ({"sweep": {"evaluation": {"bootstrap": 9}, "overrides": {}}}, "the sweeps differ in 'evaluation'"),
        ({"run_keys": {}}, "records no run keys, as only sweeps and submissions do"),
        ({"run_key_parts": {}}, "records no digests of its data, as sweeps of early versions did not; run"),
    ],
)  # fmt: skip
def test_what_cannot_be_merged_is_named_and_nothing_written(folder, tmp_path, changed, message):
    one, two = folder("one", ("a", 1), ("b", 1)), folder("two", ("a", 1), **changed)
    with pytest.raises(UserError, match=re.escape(message)) as error:
        merge([one, two], tmp_path / "both")
    assert str(two) in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "both").exists()


def test_where_data_lie_does_not_matter_and_what_they_are_does(folder, tmp_path):
    sweep = {"methods": ["a"], "seeds": {"pooled": [1]}}
    sweeps = [
        sweep | {"overrides": {"data.data_root": root, "trainer.max_epochs": epochs}}
        for root, epochs in (("x", 1), ("y", 1), ("y", 2))
    ]
    one, two, three = (folder(str(number), ("a", 1), sweep=sweep) for number, sweep in enumerate(sweeps))
    assert json.dumps(merge([one, two], tmp_path / "both").provenance["merged"]).count('"data.data_root": "y"') == 1
    with pytest.raises(UserError, match="the sweeps differ in 'overrides'"):
        merge([one, three], tmp_path / "all")
