"""A warning comes where a cut-off selects age, site or group beyond quality and chance, nowhere else."""

import numpy as np
import pandas as pd
import pytest

from curation.ratings.scales import SCALES
from curation.tier_effects import selection_bias, tier_balance
from curation.tier_effects.selection_bias import Selection
from curation.tier_effects.standardised_differences import CategoricalCodes, between

N = 2000
RNG = np.random.default_rng(0)
SITE = RNG.integers(0, 4, N)
AGE = RNG.uniform(10, 70, N)
QUALITY = RNG.normal(size=N)


def told(
    score: np.ndarray, *, ages=AGE, site=SITE, group=None, said=None, cutoffs=(0.5,)
) -> dict[str, Selection]:
    """Return what one cut-off of a score selects, in age and in site."""
    scans = pd.DataFrame(
        {
            "subject_id": [f"s{i}" for i in range(len(score))],
            "age_years": ages,
            "sex": None,
            "group": group,
            "site": [f"site-{i}" for i in site],
            "modality": "T1w",
        }
    )
    prepared = tier_balance.prepare(scans)
    rated = np.full(len(score), np.nan) if said is None else said
    levels, _, _ = selection_bias.levels_of_quality(score, prepared.categories["site"], rated)
    names = tuple("ABCDEF"[: len(cutoffs) + 1])
    tally = prepared.with_quality(levels).tally(
        np.searchsorted(cutoffs, score, side="right"), names
    )
    found = selection_bias.selections(tally)
    assert len(found) <= 3 * len(cutoffs)
    return {one.trait: one for one in found if one.better == names[0]}


def test_a_score_that_has_nothing_to_do_with_age_or_site_gives_no_warning() -> None:
    found = told(QUALITY)
    assert set(found) == {"age", "site"} and not any(one.warns for one in found.values())


def test_a_side_of_few_scans_tells_nothing() -> None:
    sites = np.array(
        [0, 0, 0, 1, 1, 2, 3]
    )  # the one scan beyond the cut-off is its site's only one
    score = np.array([0.1, 0.2, 0.3, 0.1, 0.2, 0.3, 0.9])
    assert told(score, ages=np.arange(20.0, 27.0), site=sites) == {}
    many = np.repeat(sites, 5)
    found = told(np.repeat(score, 5), ages=np.arange(20.0, 55.0), site=many)
    assert set(found) == {"age", "site"}


def test_a_score_that_is_an_offset_of_the_site_warns_of_the_site_and_names_it() -> None:
    found = told(QUALITY + 2.0 * (SITE == 2))["site"]
    assert found.warns and found.seen > 1 and found.explained < 0.15
    assert found.most is not None and found.most[0] == "site-2"
    assert found.most[1] / found.most[2] > found.above / found.counted
    assert 0.2 < found.share_by_trait < found.share_by_quality < 0.6


def test_age_that_goes_with_quality_at_every_site_is_explained_by_it() -> None:
    found = told(QUALITY + 0.05 * (AGE - 40))["age"]
    assert found.seen > 0.5 and found.years > 10
    assert found.explained == pytest.approx(found.seen, abs=0.1) and not found.warns


def test_age_that_differs_between_sites_with_an_offset_warns_of_age_too() -> None:
    ages = np.where(SITE == 2, 15.0, 50.0) + RNG.normal(size=N)
    found = told(QUALITY + 2.0 * (SITE == 2), ages=ages)["age"]
    assert found.warns and found.seen < -0.5 and found.years < 0 and abs(found.explained) < 0.2


def test_where_people_say_that_a_site_is_worse_its_selection_is_explained() -> None:
    worse = QUALITY + 2.0 * (SITE == 2)
    said = np.clip(np.digitize(worse, [0, 0.7, 1.4, 2.5]) / 4, 0, 1)
    assert told(worse)["site"].warns
    found = told(worse, said=said)["site"]
    assert not found.warns and found.explained > 0.7 * found.seen


def test_a_cut_by_rank_within_each_site_selects_no_site() -> None:
    site = CategoricalCodes(SITE, ("a", "b", "c", "d"))
    ranks = selection_bias.ranks_within_site(QUALITY + 5.0 * SITE, site).codes
    assert told(ranks.astype(float), cutoffs=(6.5,))["site"].seen < 0.05


def test_each_cutoff_is_told_and_random_cuts_rarely_warn() -> None:
    rng, warned = np.random.default_rng(3), 0
    for _ in range(100):
        rows = rng.choice(N, 120, replace=False)
        found = told(rng.normal(size=120), ages=AGE[rows], site=SITE[rows])
        warned += sum(one.warns for one in found.values())
    assert warned <= 2 * 100 * 0.12
    assert {one.better for one in told(QUALITY, cutoffs=(-0.5, 0.5)).values()} == {"A"}


def test_tenths_of_a_site_hold_as_many_scans_and_equal_scores_share_one() -> None:
    site = CategoricalCodes(np.repeat([0, 1], 100), ("a", "b"))
    values = np.r_[RNG.normal(size=100), 50 + RNG.normal(size=100)]
    levels = selection_bias.ranks_within_site(values, site).codes
    assert np.bincount(levels[:100]).tolist() == np.bincount(levels[100:]).tolist() == [10] * 10
    assert (np.diff(levels[:100][np.argsort(values[:100])]) >= 0).all()
    assert np.unique(selection_bias.ranks_within_site(np.ones(200), site).codes).tolist() == [5]
    holes = selection_bias.ranks_within_site(
        np.array([1.0, np.nan, 2.0]), CategoricalCodes(np.zeros(3, int), ("a",))
    )
    assert holes.codes.tolist() == [2, selection_bias.RANK_LEVELS, 7]
    assert (
        selection_bias.ranks_within_site(
            np.full(3, np.nan), CategoricalCodes(np.zeros(3, int), ())
        ).codes.tolist()
        == [10] * 3
    )


def test_ratings_tell_quality_only_where_there_are_enough() -> None:
    site, scores = CategoricalCodes(np.zeros(200, int), ("a",)), np.linspace(0, 100, 200)

    def source(rated: int, bad: int) -> str:
        said = np.full(200, np.nan)
        said[:rated], said[:bad] = 0.0, 1.0
        return selection_bias.levels_of_quality(scores, site, said)[1]

    assert source(150, 20) == source(100, 5) == selection_bias.RATINGS
    assert source(99, 20) == source(150, 4) == source(150, 147) == selection_bias.RANKS


def test_what_people_say_is_the_mean_place_on_their_scales() -> None:
    given = pd.DataFrame(
        {
            "id": range(4),
            "rater": ["Ada", "Bob", "Ada", "Ada"],
            "scan_id": ["x", "x", "y", "x"],
            "scale": ["three-level"] * 3 + ["pass-fail"],
            "level": [0.0, -1.0, 1.0, 0.0],
            "role": "rater",
            "session_id": 1,
            "repeat": False,
            "withdrawn": None,
        }
    )
    said = selection_bias.rated_quality(given, list(SCALES.values()))
    assert said.to_dict() == {"x": pytest.approx((0.5 + 1 + 1) / 3), "y": 0.0}
    assert selection_bias.rated_quality(given.head(0), list(SCALES.values())).empty


def test_shares_of_variance_equal_their_closed_forms() -> None:
    # V squared = 1/9 for 2:1 against 1:2, with n = 300 and two levels
    found = between(np.array([100, 50]), np.array([50, 100]))
    assert found == pytest.approx(1 - (1 - 1 / 9) * 299 / 298)
    assert between(np.array([10, 0]), np.array([0, 10])) == 1
    assert np.isnan(between(np.array([5, 5]), np.array([0, 0])))


def test_one_site_unknown_ages_or_one_scan_tell_nothing() -> None:
    assert "site" not in told(QUALITY, site=np.zeros(N, int))
    assert "age" not in told(QUALITY, ages=np.full(N, np.nan))
    assert told(np.array([1.0]), ages=np.array([30.0]), site=np.array([0])) == {}


def test_a_score_that_is_worse_of_a_diagnosis_warns_of_groups_and_names_it() -> None:
    group = np.where(RNG.random(N) < 0.3, "stroke", "control")
    said = np.clip(0.5 + 0.3 * QUALITY, 0, 1)  # raters see no difference between the groups
    found = told(QUALITY + 2.0 * (group == "stroke"), group=group, said=said)["group"]
    assert found.warns
    assert found.most is not None and found.most[0] in {"stroke", "control"}
    assert not told(QUALITY, group=group, said=said)["group"].warns


# ---- a pool of which only a part is rated ----------------------------------------------------------


def mixed(
    score: np.ndarray, *, own: np.ndarray, ages: np.ndarray, site=SITE
) -> dict[str, Selection]:
    """A pool of rated scans, whose raters see quality as it is, and of ``own`` ones that nobody rated."""
    seen = np.clip(np.digitize(QUALITY, [0, 0.7, 1.4, 2.5]) / 4, 0, 1)
    said = np.where(own, np.nan, seen)
    return told(score, ages=ages, said=said)


def test_scans_that_nobody_rated_count_on_both_sides_of_a_cutoff() -> None:
    own = RNG.random(N) < 0.3
    found = mixed(QUALITY, own=own, ages=np.where(RNG.random(N) < 0.1, np.nan, AGE))
    site, age, beyond = found["site"], found["age"], int((QUALITY >= 0.5).sum())
    assert (site.above, site.counted, site.tiered) == (beyond, N, N)
    assert age.counted < age.tiered == N
    assert site.most is not None
    of_site = np.isin(SITE, int(site.most[0].removeprefix("site-")))
    assert site.most[1:] == (int((of_site & (QUALITY >= 0.5)).sum()), int(of_site.sum()))


def test_that_another_source_was_rated_explains_no_difference() -> None:
    """The own scans are of old people and all score well; quality says nothing of age in either part."""
    own = SITE == 2
    ages = np.where(own, 70.0, 30.0) + RNG.normal(size=N)
    found = mixed(QUALITY - 3.0 * own, own=own, ages=ages)
    for trait in ("age", "site"):
        assert found[trait].warns and abs(found[trait].explained) < 0.15
    assert found["site"].share_by_quality < 0.7


def test_a_cutoff_among_scans_that_nobody_rated_is_told_by_their_ranks() -> None:
    """Cut on a column that only the own scans have: none of the rated ones lies in a tier."""
    own = SITE == 2
    scans = pd.DataFrame(
        {"subject_id": [f"s{i}" for i in range(N)], "age_years": AGE}
        | {
            "sex": None,
            "group": None,
            "site": [f"site-{i % 2}" for i in range(N)],
            "modality": "T1w",
        }
    )
    prepared = tier_balance.prepare(scans)
    said = np.where(own, np.nan, (QUALITY > 1) * 1.0)
    levels, source, why = selection_bias.levels_of_quality(
        QUALITY, prepared.categories["site"], said
    )
    assert (source, why) == (selection_bias.RATINGS, "")
    tally = prepared.with_quality(levels).tally(
        np.where(own, (AGE > 40).astype(int), 2), ("A", "B")
    )
    assert selection_bias.basis(tally) == selection_bias.Basis(0, int(own.sum()), 0)
    found = {one.trait: one for one in selection_bias.selections(tally)}
    assert set(found) == {"age", "site"} and found["age"].counted == own.sum()
    assert found["age"].years > 25 and found["age"].warns


def test_scans_of_unknown_quality_count_and_explain_nothing() -> None:
    levels = CategoricalCodes(
        np.where(SITE == 2, 2, (QUALITY > 0).astype(int)), ("rated 0", "rated 1")
    )
    scans = pd.DataFrame(
        {"subject_id": [f"s{i}" for i in range(N)], "age_years": AGE}
        | {"sex": None, "group": None, "site": [f"site-{i}" for i in SITE], "modality": "T1w"}
    )
    tally = (
        tier_balance.prepare(scans).with_quality(levels).tally((AGE > 40).astype(int), ("A", "B"))
    )
    found = {one.trait: one for one in selection_bias.selections(tally)}
    assert found["age"].counted == found["site"].counted == N
    assert selection_bias.basis(tally).unknown == int((SITE == 2).sum())
    assert abs(found["age"].explained) < 0.1 * found["age"].seen


def test_shares_of_variance_leave_out_what_lies_between_kinds_of_levels() -> None:
    inside, outside = np.array([50, 50, 0, 0]), np.array([0, 0, 50, 50])
    assert between(inside, outside) == 1
    assert between(inside, outside, np.array([0, 0, 1, 1])) == 0
    alone = between(np.array([100, 50]), np.array([50, 100]), np.array([0, 0]))
    assert alone == pytest.approx(1 - (1 - 1 / 9) * 299 / 298)
