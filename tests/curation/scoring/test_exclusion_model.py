"""A learned model is the same for the same ranks in a site, and a pure function of a row."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from curation.errors import RatingError
from curation.scoring import exclusion_model
from curation.scoring.exclusion_model import CLIP, QUANTILES, ExclusionModel

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(400, 3))
NAMES = ["cjv", "cnr", "efc"]


def _labels(excluded: np.ndarray, rater: str = "R") -> pd.DataFrame:
    rows = np.arange(len(excluded))
    return pd.DataFrame(
        {"row": rows, "excluded": excluded.astype(int), "weight": 1.0, "stratum": rater}
    )


def test_robust_scores_of_normal_values_are_their_z_scores() -> None:
    exact = stats.norm.ppf(np.clip(QUANTILES, 1e-6, 1 - 1e-6))[None] * 2 + 5
    scaled, ranked = exclusion_model.scale(np.array([[5.0], [7.0], [3.0], [1e9], [np.nan]]), exact)
    assert scaled[:4, 0] == pytest.approx([0, 1, -1, CLIP], abs=1e-3)
    assert ranked[:3, 0] == pytest.approx([0, 1, -1], abs=0.02)
    assert np.isnan(scaled[4, 0]) and np.isnan(ranked[4, 0])


def test_a_metric_without_spread_or_distribution_adds_nothing() -> None:
    tables = np.array([np.full(41, 2.0), np.full(41, np.nan)])
    scaled, ranked = exclusion_model.scale(np.array([[2.0, 7.0], [3.0, -7.0]]), tables)
    assert (scaled == 0).all() and (ranked == 0).all()


def test_any_rescaling_of_a_site_leaves_its_inputs_as_they_were() -> None:
    sites = pd.Series(["A"] * 200 + ["B"] * 200)
    other = VALUES.copy()
    other[200:] = other[200:] * 37 + 1000
    before = exclusion_model.inputs_of(pd.DataFrame(VALUES, columns=NAMES), sites)
    after = exclusion_model.inputs_of(pd.DataFrame(other, columns=NAMES), sites)
    assert after == pytest.approx(before, abs=1e-9)


def test_a_small_site_borrows_the_distribution_of_all() -> None:
    frame = pd.DataFrame(VALUES, columns=NAMES)
    small = pd.Series(["A"] * 390 + ["B"] * 10)
    alone = exclusion_model.scale(VALUES[390:], exclusion_model.quantiles_of(VALUES))
    assert exclusion_model.inputs_of(frame, small)[390:] == pytest.approx(np.hstack(alone))


def test_a_fitted_model_ranks_by_what_the_raters_saw_and_ignores_the_rest() -> None:
    frame = pd.DataFrame(VALUES, columns=NAMES)
    model = exclusion_model.fit(frame, pd.Series(["A"] * 400), _labels(VALUES[:, 0] > 0.8))
    added = model.contributions(frame, "A")
    assert np.corrcoef(added["cjv"], VALUES[:, 0])[0, 1] > 0.9
    assert added["cnr"].abs().mean() < added["cjv"].abs().mean() / 5
    assert model.intercept < 0


def test_raters_of_different_strictness_do_not_blur_each_other() -> None:
    frame, group = pd.DataFrame(VALUES, columns=NAMES), pd.Series(["A"] * 400)
    lax, strict = _labels(VALUES[:, 0] > 1.5), _labels(VALUES[:, 0] > -1.5, "strict")
    apart = pd.concat([lax, strict], ignore_index=True)
    known, mixed = (
        exclusion_model.fit(frame, group, labels) for labels in (apart, apart.assign(stratum="R"))
    )
    assert known.scaled[0] > 1.2 * mixed.scaled[0]
    assert known.intercept == pytest.approx(mixed.intercept, abs=0.2)


def test_a_score_is_of_the_row_and_the_file_alone() -> None:
    frame, sites = pd.DataFrame(VALUES, columns=NAMES), pd.Series(["A"] * 200 + ["B"] * 200)
    model = exclusion_model.fit(frame, sites, _labels(VALUES[:, 0] > 0.8)).frozen_to(frame, sites)
    read = ExclusionModel.from_dict(json.loads(json.dumps(asdict(model), allow_nan=False)))
    assert read == model
    together = read.contributions(frame.iloc[:200], "A")
    single = read.contributions(frame.iloc[[7]], "A")
    assert single.equals(together.iloc[[7]])
    assert set(model.groups) == {"A", "B", "*"}
    assert read.contributions(frame, "C").equals(read.contributions(frame, "*"))


def test_absent_and_unmeasured_metrics_are_unknown_not_zero() -> None:
    model = exclusion_model.fit(
        pd.DataFrame(VALUES, columns=NAMES), pd.Series(["A"] * 400), _labels(VALUES[:, 0] > 0.8)
    )
    added = model.contributions(pd.DataFrame({"cjv": [1.0, np.nan]}), "A")
    assert added.isna().to_numpy().tolist() == [[False, True, True], [True, True, True]]


def test_one_verdict_alone_teaches_nothing() -> None:
    with pytest.raises(RatingError, match="both kinds"):
        exclusion_model.fit(
            pd.DataFrame(VALUES, columns=NAMES), pd.Series(["A"] * 400), _labels(np.zeros(400))
        )
