"""Functions on arrays: equal to the rows of the suite, indifferent to the order of rows, and clear about bad arrays."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from benchmark import metrics
from benchmark.errors import UserError
from benchmark.metrics.evaluate import score_all, scorers
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(
    distances=("cosine_centred", "euclidean", "within_subject"), permutations=2, mlp_permutations=1, inner_folds=2,
    test_permutations=19, bootstrap=50, folds=3, neighbours=4, seed=3,
)  # fmt: skip
MEASURES = ("mAP", "P@1", "P@5", "P@10", "R-precision", "nDCG@10", "recall@10", "MRR")


def shuffled_table(make_table):
    """Every column that a metric reads, some values unknown, repeat scans in training, rows in random order."""
    table = make_table(subjects=20, travelling=4, train=14, site_strength=0.5)
    rng = np.random.default_rng(0)
    names = [name for name in table if name.startswith("z")]
    again = table[(table["split"] == "train") & (table.index % 2 == 0)].assign(session_id="ses-2")
    again[names] += 0.3 * rng.normal(size=again[names].shape)
    table = pd.concat([table, again], ignore_index=True).astype(dict.fromkeys(names, float))
    table["age"] = table["subject_id"].map({name: rng.uniform(55, 90) for name in table["subject_id"].unique()})
    table.loc[rng.random(len(table)) < 0.1, "age"] = np.nan
    table.loc[rng.random(len(table)) < 0.1, "diagnosis"] = ""
    table["sex"] = np.where(rng.random(len(table)) < 0.5, "F", "M")
    table["anatomy_width"] = table["z0"] + rng.normal(size=len(table))
    for name in ("s0", "s1", "rec_ssim"):
        table[name] = rng.uniform(size=len(table))
    for index in range(3):
        table[f"m{index}"] = table[f"z{index}"] + rng.normal(size=len(table))
    return table.sample(frac=1, random_state=1).reset_index(drop=True)


class Arrays:
    """The test rows of a table as arrays, and what comes from the training rows."""

    def __init__(self, table):
        test, train = table[table["split"] == "test"], table[table["split"] == "train"]
        vectors = [name for name in table if name.startswith("z")]
        self.ldr, self.reference = test[vectors].to_numpy(), train[vectors].to_numpy()
        # The suite takes its reference in the order of the scans' names.
        order = np.argsort([f"{a}/{b}/{c}" for a, b, c in zip(train.site, train.subject_id, train.session_id)])  # noqa: B905
        self.reference, train = self.reference[order], train.iloc[order]
        self.site, self.subject = test["site"].to_numpy(), test["subject_id"].to_numpy()
        self.scan = (test["site"] + "/" + test["subject_id"] + "/" + test["session_id"]).to_numpy()
        self.diagnosis, self.sex, self.age = (test[name].to_numpy() for name in ("diagnosis", "sex", "age"))
        self.other, self.train = test, train
        self.scans = {"subject": self.subject, "scan": self.scan, "reference": self.reference}
        self.search = {
            **self.scans, "site": self.site, "reference_subject": train["subject_id"], "reference_age": train["age"],
            "bootstrap": 50, "seed": 3,
        }  # fmt: skip

    def columns(self, *names):
        return self.other[list(names)].to_numpy(), self.train[list(names)].to_numpy()


@pytest.fixture(scope="module")
def made():
    from tests.benchmark.metrics.conftest import embeddings_table

    table = shuffled_table(embeddings_table)
    return Arrays(table), score_all(table, SETTINGS)


def row(scores, metric, subgroup="", **params):
    fitting = [
        score
        for score in scores
        if score.metric.name == metric and score.subgroup == subgroup and params.items() <= score.params.items()
    ]
    assert len(fitting) == 1, (metric, params, [score.params for score in fitting])
    return fitting[0]


def assert_same(estimate, score):
    names = ("value", "n", "chance", "ci_low", "ci_high")
    of_function, of_suite = ([getattr(one, name) for name in names] for one in (estimate, score))
    assert np.array_equal(of_function, of_suite, equal_nan=True), (of_function, of_suite)
    # The suite adds what concerns every row in whitened coordinates.
    assert score.note.removesuffix(estimate.note).strip("; ") == "" or "whitened with fewer" in score.note
    if score.replicates is not None:
        np.testing.assert_array_equal(estimate.replicates, score.replicates)


@pytest.mark.parametrize("distance", SETTINGS.distances)
def test_searches(made, distance):
    a, scores = made
    for gallery in ("other_sites", "own_site", "all_sites"):
        for label, among in (("CN/AD", ("CN", "AD")), ("all", None)):
            how = {"gallery": gallery, "among": among, "distance": distance, **a.search}
            every = metrics.retrieval_measures(a.ldr, a.diagnosis, **how)
            assert tuple(sorted(every)) == tuple(sorted(MEASURES))
            for name, estimate in every.items():
                told = {"gallery": gallery, "label": label, "distance": distance}
                assert_same(estimate, row(scores, name, **told))
                assert list(estimate.parts) == ["site0", "site1", "site2"]
                for site, part in estimate.parts.items():
                    assert_same(part, row(scores, name, f"query_site={site}", **told))
            assert metrics.mean_average_precision(a.ldr, a.diagnosis, **how) == every["mAP"]
            assert metrics.precision_at_k(a.ldr, a.diagnosis, k=5, **how) == every["P@5"]
    how = {"distance": distance, **a.search}
    assert_same(metrics.travelling_top1(a.ldr, **how), row(scores, "top1", distance=distance))
    assert_same(metrics.graded_ndcg(a.ldr, a.diagnosis, **how), row(scores, "graded_nDCG@10", distance=distance))
    share = metrics.same_site_share(a.ldr, **how)
    assert_same(share, row(scores, "same_site@10", distance=distance))
    assert_same(share.parts["site1"], row(scores, "same_site@10", "query_site=site1", distance=distance))
    worst, spread = metrics.worst_site_precision(a.ldr, a.diagnosis, among=("CN", "AD"), **how)
    assert_same(worst, row(scores, "mAP_worst_site", distance=distance))
    assert_same(spread, row(scores, "mAP_site_range", distance=distance))


def test_the_matrix_of_sites(made):
    a, scores = made
    matrix = metrics.site_to_site_precision(a.ldr, a.diagnosis, among=("CN", "AD"), **a.search)
    assert len(matrix) == 9
    for (of_site, in_site), estimate in matrix.items():
        assert_same(estimate, row(scores, "mAP_site_to_site", f"gallery_site={in_site};query_site={of_site}"))


@pytest.mark.parametrize("probe", SETTINGS.probes)
@pytest.mark.parametrize("coordinates", ["standardised", "whitened"])
def test_site_probes(made, probe, coordinates):
    a, scores = made
    how = {"folds": 3, "inner_folds": 2, "neighbours": 4, "bootstrap": 50, "seed": 3, **a.scans}
    permutations = 2 if probe in ("linear", "knn") else 1
    estimate = metrics.site_probe(a.ldr, a.site, probe=probe, coordinates=coordinates, permutations=permutations, **how)
    leakage = [score for score in scores if score.metric.table == "leakage"]
    assert_same(estimate, row(leakage, "balanced_accuracy", probe=probe, coordinates=coordinates))
    recall = row(leakage, "recall", "site=site2", probe=probe, coordinates=coordinates)
    assert (estimate.parts["site2"].value, estimate.parts["site2"].n) == (recall.value, recall.n)


def test_style_codes_are_probed_by_the_same_functions(made):
    a, scores = made
    code, _ = a.columns("s0", "s1")
    how = {"folds": 3, "inner_folds": 0, "permutations": 2, "bootstrap": 50, "seed": 3}
    how |= {"subject": a.subject, "scan": a.scan}
    assert_same(metrics.site_probe(code, a.site, **how), row(scores, "site_balanced_accuracy"))
    both = np.isin(a.diagnosis, ("CN", "AD"))
    how |= {"subject": a.subject[both], "scan": a.scan[both], "site": a.site[both]}
    # Its scale comes from all scored scans.
    order = np.argsort(a.scan)
    found = metrics.disease_probe(code[both], a.diagnosis[both], reference=code[order], **how)
    assert_same(found, row(scores, "disease_balanced_accuracy"))


@pytest.mark.parametrize("coordinates", ["standardised", "whitened"])
def test_mixing_and_conditional_leakage(made, coordinates):
    a, scores = made
    leakage = [score for score in scores if score.metric.table == "leakage"]
    how = {"coordinates": coordinates, **a.scans}
    assert_same(metrics.ilisi(a.ldr, a.site, seed=3, **how), row(leakage, "ilisi", coordinates=coordinates))
    assert_same(metrics.kbet(a.ldr, a.site, seed=3, **how), row(leakage, "kbet", coordinates=coordinates))
    assert_same(metrics.bras(a.ldr, a.site, a.diagnosis, seed=3, **how), row(leakage, "bras", coordinates=coordinates))
    bits = metrics.mutual_information(a.ldr, a.site, seed=3, **how)
    assert_same(bits, row(leakage, "mutual_information", coordinates=coordinates))
    distance = metrics.mmd(a.ldr, a.site, diagnosis=a.diagnosis, permutations=19, seed=3, **how)
    assert_same(distance, row(leakage, "mmd2", coordinates=coordinates))
    assert distance.p == row(leakage, "mmd_p_value", coordinates=coordinates).value
    how |= {"age": a.age, "diagnosis": a.diagnosis, "folds": 3}
    gain = metrics.gain_over_covariates(a.ldr, a.site, sex=a.sex, **how)
    assert_same(gain, row(leakage, "gain_over_covariates", coordinates=coordinates))
    within = metrics.leakage_within_strata(a.ldr, a.site, **how)
    assert_same(within, row(leakage, "within_strata", coordinates=coordinates))
    for given in ("nothing", "age+diagnosis"):
        p = metrics.site_permutation_test(a.ldr, a.site, given=given, permutations=19, seed=3, **how)
        assert_same(p, row(leakage, "p_value", coordinates=coordinates, given=given))


def test_everything_else(made):
    a, scores = made
    pairs = metrics.pairwise_site_probe(a.ldr, a.site, folds=3, **a.scans)
    assert_same(pairs, row(scores, "pair_balanced_accuracy"))
    assert_same(pairs.parts["site0/site2"], row(scores, "pair_balanced_accuracy", "site_a=site2;site_b=site0"))
    how = {"bootstrap": 50, "seed": 3, "site": a.site, **a.scans}
    across = metrics.disease_across_sites(a.ldr, a.diagnosis, **how)
    assert_same(across, row(scores, "cross_site_balanced_accuracy"))
    assert_same(across.parts["site1"], row(scores, "cross_site_balanced_accuracy", "test_site=site1"))
    assert_same(metrics.age_error(a.ldr, a.age, folds=3, **how), row(scores, "mae_years"))
    labels = np.where(a.diagnosis == "MCI", "", a.diagnosis)
    disease = metrics.disease_probe(a.ldr, labels, folds=3, inner_folds=2, permutations=2, **how)
    assert_same(disease, row([one for one in scores if one.metric.table == "disease"], "balanced_accuracy"))
    target = a.other["anatomy_width"]
    assert_same(metrics.explained_variance(a.ldr, target, folds=3, **a.scans), row(scores, "r2"))
    (mask, train_mask), names = a.columns("m0", "m1", "m2"), a.train["subject_id"]
    outline = metrics.outline_share(a.ldr, mask, folds=3, reference_mask=train_mask, reference_subject=names, **a.scans)
    assert_same(outline, row(scores, "mask_share"))
    ssim = metrics.mean_over_sites(
        a.other["rec_ssim"], site=a.site, subject=a.subject, scan=a.scan, lowest=-1, highest=1, bootstrap=50, seed=3
    )
    assert_same(ssim, row(scores, "ssim"))


def test_structure(made):
    a, scores = made
    found = (metrics.effective_rank(a.ldr), metrics.first_component_share(a.ldr), metrics.collapsed(a.ldr))
    for estimate, name in zip(found, ("effective_rank", "pc1_share", "collapsed"), strict=True):
        # Without names of scans the rows are in another order than the suite's, and sums are rounded otherwise.
        assert estimate.value == pytest.approx(row(scores, name).value, rel=1e-12)
        assert (estimate.n, estimate.note) == (len(a.ldr), "")


def test_without_names_of_scans_the_order_of_rows_changes_nothing(made):
    a, _ = made
    order = np.random.default_rng(5).permutation(len(a.ldr))

    def all_of(i):
        ldr, site, diagnosis = a.ldr[i], a.site[i], a.diagnosis[i]
        how = {"subject": a.subject[i], "reference": a.reference}
        return [
            metrics.mean_average_precision(ldr, diagnosis, site=site, bootstrap=20, **how),
            metrics.travelling_top1(ldr, site=site, bootstrap=20, **how),
            metrics.graded_ndcg(ldr, diagnosis, site=site, bootstrap=20, **how),
            metrics.same_site_share(ldr, site=site, bootstrap=20, **how),
            metrics.site_probe(ldr, site, probe="mlp", permutations=1, bootstrap=20, **how),
            metrics.ilisi(ldr, site, **how),
            metrics.mutual_information(ldr, site, **how),
            metrics.mmd(ldr, site, permutations=9, **how),
            metrics.leakage_within_strata(ldr, site, diagnosis=diagnosis, age=a.age[i], **how),
            metrics.age_error(ldr, a.age[i], site=site, bootstrap=20, **how),
            metrics.disease_across_sites(ldr, diagnosis, site=site, bootstrap=20, **how),
            metrics.effective_rank(ldr),
            metrics.ilisi(ldr, site),
        ]

    assert repr(all_of(order)) == repr(all_of(np.arange(len(a.ldr))))


LDR, SITE, SUBJECT = np.random.default_rng(0).normal(size=(6, 2)), list("aabbcc"), np.arange(6)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: metrics.ilisi(LDR[:, 0], SITE), "ldr: shape (6,) is not allowed; it must be (n_scans, n_dims)"),
        (lambda: metrics.ilisi([["x"]], ["a"]), "ldr: not an array of numbers"),
        (
            lambda: metrics.effective_rank(np.where(np.arange(12).reshape(6, 2) == 9, np.nan, LDR)),
            "ldr: nan at scan 4, dimension 1 is not allowed; it must be a finite number",
        ),
        (lambda: metrics.kbet(LDR, SITE[:5]), "site: shape (5,) is not allowed; it must be (6,), one value per scan"),
        (lambda: metrics.bras(LDR, SITE, [SITE]), "diagnosis: shape (1, 6) is not allowed; it must be (6,)"),
        (
            lambda: metrics.mean_average_precision(LDR, SITE[:5], site=SITE, subject=range(6)),
            "labels: shape (5,) is not allowed; it must be (6,)",
        ),
        (lambda: metrics.site_probe(LDR, [*SITE[:5], None]), "site: scan 5 has none; every scan must have one"),
        (lambda: metrics.site_probe(LDR, [*SITE[:5], math.nan]), "site: scan 5 has none; every scan must have one"),
        (lambda: metrics.ilisi(LDR, SITE, reference=LDR[:, :1]), "reference: shape (6, 1) is not allowed; it must be"),
        (lambda: metrics.age_error(LDR, SUBJECT[:2]), "age: shape (2,) is not allowed; it must be (6,)"),
        (lambda: metrics.age_error(LDR, list("abcdef")), "age: not an array of numbers"),
        (lambda: metrics.outline_share(LDR, LDR[:3]), "mask: shape (3, 2) is not allowed; it must be (6, columns)"),
        (lambda: metrics.outline_share(LDR, LDR, reference=LDR), "reference_mask: none given"),
        (
            lambda: metrics.mean_average_precision(LDR, SITE, site=SITE, subject=SUBJECT, gallery="here"),
            "gallery: 'here' is not allowed; allowed: other_sites, own_site, all_sites",
        ),
        (
            lambda: metrics.mean_average_precision(LDR, SITE, site=SITE, subject=SUBJECT, distance="L1"),
            "distances: 'L1' is not allowed; allowed: cosine_centred",
        ),
        (
            lambda: metrics.precision_at_k(LDR, SITE, site=SITE, subject=SUBJECT, k=3),
            "k: 3 is not allowed; allowed: 1, 5, 10",
        ),
        (
            lambda: metrics.travelling_top1(LDR, site=SITE, subject=SUBJECT, query_sites=["d"]),
            "query site 'd' has no scored scan; sites with scored scans: a, b, c",
        ),
        (
            lambda: metrics.ilisi(LDR, SITE, coordinates="white"),
            "coordinates: 'white' is not allowed; allowed: raw, standardised, whitened",
        ),
        (lambda: metrics.site_probe(LDR, SITE, probe="tree"), "probes: 'tree' is not allowed; allowed: linear, knn"),
        (lambda: metrics.mmd(LDR, SITE, permutations=-1), "test_permutations: -1 is not allowed"),
        (lambda: metrics.site_permutation_test(LDR, SITE, given="age"), "given: 'age' is not allowed; allowed: no"),
        (lambda: metrics.pairwise_site_probe(LDR, SITE, folds=1), "folds: 1 is not allowed"),
        (lambda: metrics.gain_over_covariates(LDR, SITE, folds=0), "folds: 0 is not allowed"),
        (lambda: metrics.site_probe(LDR, SITE, folds=1), "folds: 1 is not allowed; it must be an integer >= 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_in_one_line(call, text):
    with pytest.raises(UserError) as error:
        call()
    assert isinstance(error.value, ValueError)
    assert str(error.value).startswith(text)
    assert "\n" not in str(error.value)


def test_lists_numbers_and_unknown_values_are_understood():
    labels = ["CN", "AD", None, math.nan, "CN", "AD"]
    of_lists = metrics.mean_average_precision(LDR.tolist(), labels, site=[1, 1, 2, 2, 3, 3], subject=list(range(6)))
    text = np.array(["CN", "AD", "", "", "CN", "AD"])
    named = metrics.mean_average_precision(LDR, text, site=np.array(SITE), subject=SUBJECT.astype(str))
    assert of_lists.n == 4
    assert (of_lists.value, of_lists.chance) == (named.value, named.chance)


@pytest.mark.parametrize("name", ["mean_average_precision", "ilisi", "age_error", "site_probe", "effective_rank"])
def test_undefined_is_nan_with_a_note(name):
    ldr, site = np.ones((8, 3)), np.repeat(["a", "b"], 4)
    estimate = {
        "mean_average_precision": lambda: metrics.mean_average_precision(ldr, site, site=site, subject=range(8)),
        "ilisi": lambda: metrics.ilisi(ldr, site),
        "age_error": lambda: metrics.age_error(ldr, range(8)),
        "site_probe": lambda: metrics.site_probe(ldr, site),
        "effective_rank": lambda: metrics.effective_rank(ldr),
    }[name]()
    assert math.isnan(estimate.value)
    assert estimate.note


def test_every_metric_has_a_function_and_every_name_is_there():
    homes = {getattr(metrics, name).__module__ for name in metrics.__all__}
    # The common mask's is travelling top-1 of other vectors, and a style code is probed as an LDR is.
    without = {"benchmark.metrics.common_mask", "benchmark.metrics.style"}
    assert {scorer.__module__ for scorer in scorers()} - homes == without
    assert set(metrics.__all__) <= set(dir(metrics))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = metrics.nothing


def test_importing_the_package_imports_no_heavy_library():
    code = (
        "import sys, benchmark.metrics; print([m for m in ('torch', 'sklearn', 'numba', 'pandas') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    code = "import sys; from benchmark.metrics import site_probe; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
