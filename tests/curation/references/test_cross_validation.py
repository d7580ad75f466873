"""Agreement is counted over pairs of one site, on scans that were not fitted to."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from curation.references import cross_validation

RNG = np.random.default_rng(0)


def test_on_one_site_it_is_the_usual_auc_ties_counted_half() -> None:
    said = RNG.integers(0, 2, 200)
    scores = np.round(said + RNG.normal(size=200), 1)
    found = cross_validation.within_group_auc(scores, said, np.zeros(200))
    assert found == pytest.approx(roc_auc_score(said, scores))


def test_recognising_bad_sites_earns_nothing() -> None:
    site = np.repeat([0, 1], 100)
    said = np.concatenate([np.arange(100) < 10, np.arange(100) < 90]).astype(int)
    assert roc_auc_score(said, site) > 0.85
    assert cross_validation.within_group_auc(site.astype(float), said, site) == 0.5


def test_without_a_pair_there_is_no_auc() -> None:
    assert np.isnan(cross_validation.within_group_auc(np.ones(4), np.ones(4), np.zeros(4)))


def test_folds_share_no_site_or_with_few_sites_no_person() -> None:
    subjects = [f"p{i // 2}" for i in range(60)]
    folds, kind = cross_validation.folds_of(subjects, ["A", "B", "C"] * 20)
    assert kind == "site" and len(set(folds)) == 3
    folds, kind = cross_validation.folds_of(subjects, ["A"] * 60)
    assert kind == "person" and len(set(folds)) == 5
    assert (pd.Series(folds).groupby(subjects).nunique() == 1).all()


def test_chances_of_noise_do_not_beat_chance_on_held_out_people() -> None:
    inputs = RNG.normal(size=(120, 60))
    labels = pd.DataFrame(
        {
            "row": range(120),
            "excluded": RNG.integers(0, 2, 120),
            "weight": 1.0,
            "stratum": "R",
            "rater": "R",
        }
    )
    groups, subjects = pd.Series(["A"] * 120), pd.Series([f"p{i}" for i in range(120)])
    found = cross_validation.evidence(inputs, labels, groups, subjects)
    assert found["low"] < 0.5 < found["high"] or abs(found["auc"] - 0.5) < 0.1
    assert found["low"] <= found["auc"] <= found["high"]
    assert (found["held_out"], found["ratings"], found["scans"]) == ("person", 120, 120)
    assert found["raters"]["R"]["auc"] == found["auc"]


def test_the_interval_is_of_people_and_the_same_each_time() -> None:
    said, scores = RNG.integers(0, 2, 80), RNG.normal(size=80)
    once = cross_validation.interval(scores, said, np.zeros(80), np.arange(80))
    assert once == cross_validation.interval(scores, said, np.zeros(80), np.arange(80))
    doubled = cross_validation.interval(
        *(np.tile(a, 2) for a in (scores, said, np.zeros(80), np.arange(80)))
    )
    # the same scans twice are not twice the evidence
    assert doubled[1] - doubled[0] == pytest.approx(once[1] - once[0], rel=0.15)
