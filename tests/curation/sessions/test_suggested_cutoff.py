"""The cut-off suggested is the cheapest one, with an honest interval, and says when it cannot be had."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score, roc_curve

from curation.decisions import audit_trail
from curation.errors import RatingError
from curation.ratings import agreement, rating_log, scales
from curation.ratings.rating_record import Rating
from curation.references import reference_library
from curation.sessions import passed_on_cutoff, suggested_cutoff
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_full

RNG = np.random.default_rng(3)
BAD = RNG.random(120) < 0.3
SCORES = np.clip(np.where(BAD, 60, 30) + 15 * RNG.normal(size=120), 0, 100).round(1)


def test_the_curve_is_that_of_scikit_learn_and_ends_at_both_corners() -> None:
    curve = suggested_cutoff.roc(SCORES, BAD)
    wrong, found, _ = roc_curve(BAD, SCORES, drop_intermediate=False)
    assert curve["sensitivity"].to_numpy() == pytest.approx(found)
    assert (1 - curve["specificity"]).to_numpy() == pytest.approx(wrong)
    assert curve["cutoff"].is_monotonic_decreasing and curve["cutoff"].between(0, 100).all()
    for row in curve.itertuples():
        assert row.missed == (BAD & (row.cutoff > SCORES)).sum()
        assert row.wrongly_excluded == (~BAD & (row.cutoff <= SCORES)).sum()


@pytest.mark.parametrize("ratio", [0.2, 1.0, 3.0, 10.0])
def test_no_other_cutoff_is_cheaper(ratio: float) -> None:
    found = suggested_cutoff.suggest(SCORES, BAD, ratio)

    def cost(cut: float) -> float:
        return ratio * (BAD & (cut > SCORES)).sum() + (~BAD & (cut <= SCORES)).sum()

    assert cost(found.cutoff) == min(cost(cut) for cut in np.linspace(0, 100, 4001))
    assert found.sensitivity == pytest.approx((SCORES[BAD] >= found.cutoff).mean())
    assert found.specificity == pytest.approx((SCORES[~BAD] < found.cutoff).mean())
    assert found.auc == pytest.approx(roc_auc_score(BAD, SCORES))
    assert found.kappa == pytest.approx(cohen_kappa_score(BAD, found.cutoff <= SCORES))
    assert found.auc_low < found.auc < found.auc_high
    assert found.low <= found.cutoff <= found.high


def test_dearer_misses_lower_the_cutoff() -> None:
    cuts = [suggested_cutoff.suggest(SCORES, BAD, ratio).cutoff for ratio in (0.2, 1, 5, 25)]
    assert cuts == sorted(cuts, reverse=True) and cuts[0] > cuts[-1]


def test_of_scans_told_apart_cleanly_the_cutoff_lies_in_the_gap() -> None:
    scores = np.r_[np.linspace(5, 30, 30), np.linspace(60, 90, 30)]
    found = suggested_cutoff.suggest(scores, scores > 45)
    assert found.cutoff == 45 and 30 < found.low <= found.high < 62
    assert (found.auc, found.sensitivity, found.specificity, found.kappa) == (1, 1, 1, 1)


def test_the_interval_holds_the_best_cutoff_about_as_often_as_it_says() -> None:
    # two normal distributions of equal spread: the best cut-off is half-way between their means
    held = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        bad = np.arange(100) < 50
        scores = np.clip(np.where(bad, 60, 35) + 10 * rng.normal(size=100), 0, 100)
        found = suggested_cutoff.suggest(scores, bad, seed=seed)
        held += found.low <= 47.5 <= found.high
    assert held >= 33


def test_the_same_seed_gives_the_same_interval() -> None:
    assert suggested_cutoff.suggest(SCORES, BAD, seed=1) == suggested_cutoff.suggest(
        SCORES, BAD, seed=1
    )
    assert suggested_cutoff.suggest(SCORES, BAD, seed=1).low != pytest.approx(np.nan)


@pytest.mark.parametrize(
    ("scores", "bad", "ratio", "words"),
    [
        (SCORES[:13], BAD[:13], 1.0, "Rate 7 more"),
        (SCORES[:30], np.zeros(30), 1.0, "at least 5 more say exclude"),
        (SCORES[:30], np.ones(30), 1.0, "at least 5 more say keep"),
        (SCORES, BAD, 0.0, "costs 0.01 to 100"),
        (SCORES, BAD, float("nan"), "costs 0.01 to 100"),
    ],
)
def test_what_cannot_be_suggested_is_refused_with_what_to_do(scores, bad, ratio, words) -> None:
    with pytest.raises(RatingError, match=words):
        suggested_cutoff.suggest(scores, bad, ratio)


@pytest.mark.parametrize(("ratio", "done"), [(1.0, "keeping every"), (100.0, "excluding every")])
def test_a_cutoff_that_parts_nothing_is_not_suggested(ratio: float, done: str) -> None:
    bad = np.arange(30) < 3  # the raters' bad scans have the lowest scores of all
    with pytest.raises(RatingError, match=rf"{done} scan: .* in 0 of 100 pairs"):
        suggested_cutoff.suggest(np.linspace(5.0, 16.0, 30), bad, ratio)


def test_few_scans_and_few_of_a_kind_are_warned_of() -> None:
    assert suggested_cutoff.suggest(SCORES, BAD).warnings == ()
    few = suggested_cutoff.suggest(SCORES[:40], np.arange(40) < 3)
    *_, scans, excluded = few.warnings
    assert "rate 10 more" in scans
    assert "On only 3 rated scans most raters say exclude" in excluded


def test_a_score_that_may_tell_no_more_than_chance_is_warned_of_wherever_the_cutoff_goes() -> None:
    rng = np.random.default_rng(3)
    found = suggested_cutoff.suggest(rng.uniform(0, 100, 60), np.arange(60) % 3 == 0, 1.0)
    assert found.auc_low <= 0.5 and "no better than chance" in found.warnings[0]


@pytest.fixture
def rated(tmp_path: Path) -> Workspace:
    """Two raters on all scans: Ada excludes from 40 on, Bob from 50 on."""
    made = workspace_full.make(tmp_path / "workspace")
    scored = tables.read_scored_scans(made).dropna(subset="distortion_score")
    rating_log.add_ratings(
        made,
        [
            Rating(
                scan_id=row.scan_id,
                rater=rater,
                scale="pass-fail",
                value=float(row.distortion_score < cut),
            )
            for row in scored.itertuples()
            for rater, cut in (("Ada", 40), ("Bob", 50))
        ],
    )
    return made


def test_ratings_become_a_suggestion_with_its_evidence(rated: Workspace) -> None:
    scores = tables.read_scores(rated)["distortion_score"]
    torn = int(scores.between(40, 49.9999).sum())
    found = suggested_cutoff.from_ratings(rated)
    assert 40 - 3 < found.cutoff < 50 + 3 and found.auc == 1.0
    assert found.evidence["undecided_scans"] == torn > 0
    assert found.n == len(scores) - torn
    assert found.evidence["raters"] == ["Ada", "Bob"]
    assert found.evidence["ratings"] == 2 * found.n and found.evidence["blinded_ratings"] == 0
    assert found.ceiling_kappa == pytest.approx(
        cohen_kappa_score(scores >= 40, scores >= 50), abs=1e-9
    )


def test_a_score_learned_from_ratings_is_warned_of(rated: Workspace, monkeypatch) -> None:
    assert suggested_cutoff.from_ratings(rated).warnings == (
        "Only 33 scans are rated: rate 17 more before you rely on it.",
    )
    monkeypatch.setattr(
        suggested_cutoff.reference_library, "active", lambda _: reference_library.experts()
    )
    assert "learned from ratings" in suggested_cutoff.from_ratings(rated).warnings[-1]


def test_an_adjudicators_verdict_outweighs_all_raters(rated: Workspace) -> None:
    scored = tables.read_scored_scans(rated).sort_values("distortion_score")
    best = scored["scan_id"].iloc[0]
    rating_log.adjudicate(
        rated, scan_id=best, author="Chief", scale="pass-fail", value=0.0, reason="lesion cut off"
    )
    said = suggested_cutoff.exclusion_labels(rating_log.list_ratings(rated)).set_index("scan_id")
    assert said.loc[best, ["raters", "excluded", "decided"]].tolist() == [2, True, True]
    assert said["decided"].sum() < len(said)


def test_the_suggestion_saved_last_is_offered_and_is_history(rated: Workspace) -> None:
    assert passed_on_cutoff.latest_suggestion(rated) is None
    first = suggested_cutoff.from_ratings(rated)
    passed_on_cutoff.save_suggestion(rated, first, "Ada")
    dear = suggested_cutoff.from_ratings(rated, 5.0)
    passed_on_cutoff.save_suggestion(rated, dear, "Bob")
    assert passed_on_cutoff.latest_suggestion(rated) == dear
    told = audit_trail.history(rated).iloc[0]
    assert (told["who"], told["what"]) == ("Bob", "cut-off suggested")


def test_raters_of_few_common_scans_have_no_ceiling(rated: Workspace) -> None:
    given = rating_log.list_ratings(rated)
    scans, known = given["scan_id"].unique(), scales.all_scales(rated)
    assert agreement.ceiling(given[given["scan_id"].isin(scans[:9])], known) is None
    assert agreement.ceiling(given[given["scan_id"].isin(scans[:20])], known) is not None


def test_one_rater_alone_has_no_ceiling() -> None:
    assert suggested_cutoff.suggest(SCORES, BAD).ceiling_kappa is None
    assert replace(suggested_cutoff.suggest(SCORES, BAD, ceiling_kappa=0.4)).ceiling_kappa == 0.4
