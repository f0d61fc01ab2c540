import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from benchmark.prepare.phantom.biology import DRAWS
from benchmark.prepare.phantom.draws import DIAGNOSES, TRAVELLING, dealt, held_out_draws
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.prepare.phantom.sites import first_sites

SETTINGS = PhantomSettings(seed=4, test_subjects=60, travelling_subjects=12)


def test_every_number_takes_one_value_from_each_of_equally_likely_ranges():
    draws = held_out_draws(SETTINGS, "AD")
    assert draws.shape == (8 * 20 + 4, DRAWS + 2)
    shares = np.hstack([norm.cdf(draws[:, :DRAWS]), draws[:, DRAWS:]])
    ranges = np.sort(np.floor(shares * len(shares)).astype(int), axis=0)
    assert (ranges == np.arange(len(shares))[:, None]).all()


def test_every_subject_is_dealt_once_and_every_site_gets_as_many():
    for diagnosis in DIAGNOSES:
        hands = dealt(SETTINGS, diagnosis)
        rows = [row for hand in hands.values() for row in hand]
        assert sorted(rows) == list(range(len(held_out_draws(SETTINGS, diagnosis))))
        assert {group: len(hand) for group, hand in hands.items()} == {
            **dict.fromkeys(first_sites(8), 20),
            TRAVELLING: 4,
        }


def test_the_anatomy_of_held_out_subjects_tells_the_site_as_often_as_chance():
    # Drawn by stratum at every site, as before version 4, it was told in 0.07 to 0.10, below the chance of 0.125.
    found = []
    for seed in range(20):
        settings = PhantomSettings(seed=seed, test_subjects=30)
        draws, site = [], []
        for diagnosis in DIAGNOSES:
            for group, rows in dealt(settings, diagnosis).items():
                if group != TRAVELLING:
                    draws.append(held_out_draws(settings, diagnosis)[rows])
                    site += [group] * len(rows)
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        predicted = cross_val_predict(LogisticRegression(), np.vstack(draws), np.array(site), cv=folds)
        found.append(balanced_accuracy_score(site, predicted))
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(1 / 8, abs=3 * error)


def test_demographics_can_differ_between_sites():
    def ages(share):
        settings = PhantomSettings(seed=5, test_subjects=60, test_confounding=share)
        return {
            site: np.mean(
                [
                    held_out_draws(settings, diagnosis)[row, DRAWS]
                    for diagnosis in DIAGNOSES
                    for row in dealt(settings, diagnosis)[site]
                ]
            )
            for site in first_sites(8)
        }

    assert ages(1.0)["phantom-OASIS2"] - ages(1.0)["phantom-PPMI"] > 0.5
    assert abs(ages(0.0)["phantom-OASIS2"] - ages(0.0)["phantom-PPMI"]) < 0.2
    mixed = PhantomSettings(seed=5, test_subjects=60, test_confounding=1.0)
    assert len(dealt(mixed, "CN")["phantom-PPMI"]) > 40
    assert len(dealt(mixed, "AD")["phantom-PPMI"]) < 10
