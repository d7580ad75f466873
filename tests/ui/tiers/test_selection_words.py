"""Selection by a cut-off in words: differences between tiers come first, their explanation second."""

from dataclasses import replace

import numpy as np
import pandas as pd

from curation.tier_effects import selection_bias, tier_balance
from curation.tier_effects.selection_bias import Basis, Selection
from curation.tier_effects.standardised_differences import categorical_codes
from pages.ui.shell.formatting import escape
from pages.ui.tiers import selection_words
from tests.ui.tiers.test_balance_panel import tally

RATED, RANKED, BOTH = Basis(80, 0, 0), Basis(0, 80, 0), Basis(60, 20, 0)


def test_a_warning_says_what_is_selected_by_how_much_and_what_explains_it() -> None:
    age = Selection("A", "B", "age", -0.5, -0.1, 0.2, years=-4.25)
    site = Selection(
        "B",
        "<b>",
        "site",
        np.inf,
        0.1,
        0.3,
        share_by_trait=0.4,
        share_by_quality=0.2,
        most=("N*", 9, 10),
        above=25,
        counted=100,
        tiered=100,
    )
    calm = Selection("A", "B", "age", 0.1, 0.1, 0.2)
    said_age, said_site = selection_words.warnings([age, calm, site])
    for words in (
        "between A and B selects age",
        "4.2 years younger",
        "a medium difference (0.50 standard deviations",
        "explains 0.10",
        "below 0.20",
    ):
        assert words in said_age.replace("\\", "")
    for words in (
        "lie 9 of 10 scans of N* (90 %), and 25 of all 100 (25 %). ",
        "a large difference (∞",
        "40 %",
        "20 %",
    ):
        assert words in said_site.replace("\\", "")
    assert "<b>" not in said_site and escape("N*") in said_site


def said_of(ages: list[float], site: list[str | None]) -> tuple[str, str]:
    made = tally(ages, site)
    levels = made.traits.with_quality(categorical_codes(pd.Series(["q", "r"] * (len(ages) // 2))))
    with_quality = levels.tally(np.arange(len(ages)) // 2 % 2, ("A", "B"))
    found = selection_bias.selections(with_quality)
    return selection_words.small_differences(found), " ".join(
        selection_words.not_assessable(found, with_quality)
    )


def test_what_is_not_known_is_never_said_to_be_well() -> None:
    ages, sites = [20.0, 30.0, 40.0, 50.0, 60.0] * 8, ["N", "S"] * 20
    calm, missing = said_of(ages, sites)
    assert calm.startswith(
        "No difference in age was found between the tiers (0.00 standard deviations at most)."
    )
    assert "difference in site was found between the tiers" in calm and missing == ""
    calm, missing = said_of([np.nan] * 40, sites)
    assert " age " not in calm and "difference in site was found" in calm
    assert missing == "Whether a cut-off selects age cannot be told: no age is known."
    calm, missing = said_of([np.nan] * 40, [None] * 40)
    assert calm == ""
    assert missing == (
        "Whether a cut-off selects age cannot be told: no age is known. "
        "Whether a cut-off selects site cannot be told: no site is known."
    )
    calm, missing = said_of([*ages[:30], *[np.nan] * 10], ["N"] * 40)
    assert "; age is known of 30 of 40 scans)." in calm
    assert missing == "All scored scans are of one site."
    calm, missing = said_of([7.0, *[np.nan] * 39], sites)
    assert "Ages" not in calm and "age is known of 1 of 40 scored scans" in missing


def test_tiers_of_other_ages_are_never_told_as_if_they_were_alike() -> None:
    """Two levels of quality with ages of their own; the cut-off follows quality to the letter."""
    rng = np.random.default_rng(0)
    bad = np.arange(80) % 2
    made = tally(list(np.where(bad, 57.3, 41.6) + rng.normal(0, 15, 80)), ["N"] * 80)
    quality = categorical_codes(pd.Series(np.where(bad, "poor", "fine")))
    cut = made.traits.with_quality(quality).tally(bad, ("A", "B"))
    found = selection_bias.selections(cut)
    assert not selection_words.warnings(found)
    (said,) = (words.replace("\\", "") for words in selection_words.differences(found, RATED))
    apart = abs(np.diff(cut.table()["age_mean_years"])[0])
    assert said.startswith(
        f"**People on the better side of a cut-off are, on average, {apart:.1f} years younger at A | B than "
        "those on its worse side.** At A | B "
    )
    assert "standard deviations" not in said, "one comparison in one unit"
    assert "about what image quality alone would give" in said
    assert said.endswith("; a study that predicts age needs an age-matched control.")
    assert selection_words.small_differences(found) == ""


def test_ages_are_told_at_each_cutoff_in_years_and_in_two_sentences() -> None:
    found = [
        Selection("A", "B", "age", 0.5, 0.5, 0.2, years=8.0),
        Selection("B", "C", "age", 0.84, 0.60, 0.9, years=15.8),
    ]
    (words,) = selection_words.differences(found, RANKED)
    assert words.replace("\\", "") == (
        "**People on the better side of a cut-off are, on average, 8.0 years younger at A | B and 15.8 years "
        "younger at B | C than those on its worse side.** At B | C it may be chance: 95 of 100 random cuts "
        "of this size differ by up to 16.9 years; a study that predicts age needs an age-matched control."
    )
    moved = [Selection("A", "B", "age", 0.3, 0.3, 0.2, years=4.0), found[1]]
    (words,) = selection_words.differences(moved, RANKED)
    assert "4.0 years younger at A" in words.replace("\\", "")


def test_where_no_site_is_known_the_source_is_held_against_the_cutoff_and_that_is_said() -> None:
    scans = pd.DataFrame(
        {
            "age_years": np.nan,
            "subject_id": [f"s{i}" for i in range(40)],
            "sex": None,
            "site": None,
            "source": ["one", "two"] * 20,
            "group": None,
            "modality": "T1w",
        }
    )
    traits = tier_balance.prepare(scans).with_quality(
        categorical_codes(pd.Series(["q", "r", "r", "q"] * 10))
    )
    cut = traits.tally(np.arange(40) % 2, ("A", "B"))
    found = selection_bias.selections(cut)
    (said,) = selection_words.warnings(found)
    assert "selects sources" in said and "scans of source one" in said.replace("\\", "")
    (_, missing) = selection_words.not_assessable(found, cut)
    assert missing == "No site is known: the source of a scan stands in for its site."
    alone = tier_balance.prepare(scans.assign(source="one")).tally(np.arange(40) % 2, ("A", "B"))
    assert "all scored scans are of one source" in selection_words.not_assessable([], alone)[1]


def few(ages: list[float], **of_scans: object) -> tuple[tier_balance.Tally, list[Selection]]:
    """Scans without a site, half of them in each tier, with levels of quality by their score."""
    count = len(ages)
    scans = pd.DataFrame({"age_years": ages, "subject_id": [f"s{i}" for i in range(count)]}).assign(
        **(
            {"sex": None, "site": None, "source": "one", "group": None, "modality": "T1w"}
            | of_scans
        )
    )
    traits = tier_balance.prepare(scans)
    levels, *_ = selection_bias.levels_of_quality(
        np.arange(count, dtype=float), traits.categories["site"], np.full(count, np.nan)
    )
    cut = traits.with_quality(levels).tally(np.repeat([0, 1], count // 2), ("A", "B"))
    return cut, selection_bias.selections(cut)


def test_a_difference_that_chance_gives_is_called_so_and_keeps_its_advice() -> None:
    ages = [45.0, 39.0, 33.0, 36.0, 30.0, 41.0, 28.0, 24.0, 33.0, 31.0, 36.0, 19.0, 37.0, 27.0]
    _, found = few(ages)
    (said,) = (words.replace("\\", "") for words in selection_words.differences(found, RANKED))
    assert found[0].seen and abs(found[0].seen) <= found[0].null_quantile
    assert "it may be chance: 95 of 100 random cuts of this size differ by up to" in said
    assert "quality" not in said
    assert said.endswith("; a study that predicts age needs an age-matched control.")


def test_the_score_is_not_said_to_explain_what_it_may_have_made_itself() -> None:
    _, found = few([20.0 + age for age in range(60)])
    (said,) = (words.replace("\\", "") for words in selection_words.differences(found, RANKED))
    assert "only ratings can tell" in said and "quality alone would give" not in said
    assert said.endswith("needs an age-matched control.")
    (rated,) = selection_words.differences(found, RATED)
    assert "about what image quality alone would give" in rated


def test_a_number_of_a_part_of_the_scans_says_so_beside_it() -> None:
    part = {"above": 12, "counted": 30, "tiered": 40}
    age = Selection("A", "B", "age", -0.9, 0.0, 0.2, years=-4.0, **part)
    group = Selection("A", "B", "group", 0.9, 0.0, 0.2, most=("SCHZ", 9, 10), **part)
    said = " ".join(selection_words.warnings([age, group])).replace("\\", "")
    assert "4.0 years younger (age is known of 30 of 40 scans), a large difference" in said
    assert (
        "9 of 10 scans of SCHZ (90 %), and 12 of the 30 of 40 whose group is known (40 %)" in said
    )
    explained = [replace(age, explained=-0.9), replace(group, explained=0.9)]
    years, groups = (one.replace("\\", "") for one in selection_words.differences(explained, RATED))
    assert "those on its worse side (age is known of 30 of 40 scans).**" in years
    assert "and 12 of the 30 of 40 whose group is known (40 %).**" in groups


def test_what_tells_quality_is_said_of_each_part_of_the_scans() -> None:
    told = selection_words.quality_told
    assert told(RANKED, "Because.") == "Because."
    assert "what people say of the 80 scans that are rated." in told(RATED, "")
    assert "nobody rated these scans" in told(RANKED, "")
    said = told(Basis(60, 20, 5), "")
    for words in (
        "of the 60 scans that are rated, and of the 20 others",
        "Of 5 scans it is not known",
    ):
        assert words in said
    age = Selection("A", "B", "age", 0.5, 0.5, 0.2, years=8.0, counted=85, tiered=85)
    (few_ones,) = selection_words.differences([replace(age, counted=11, tiered=11)], RANKED)
    assert "11 scans cannot tell how much goes with image quality" in few_ones
    (both,) = (words.replace("\\", "") for words in selection_words.differences([age], BOTH))
    assert (
        "quality as people rated it, or, of the 20 scans that nobody rated, with the score" in both
    )


def test_traits_that_cannot_be_told_for_one_reason_share_a_sentence() -> None:
    cut, found = few([20.0, 30.0, 40.0, 50.0] * 2, source=["one", "two"] * 4)
    assert selection_words.not_assessable(found, cut) == [
        "Whether a cut-off selects age or source cannot be told: fewer than 5 scans lie on one side.",
        "No site is known: the source of a scan stands in for its site.",
    ]
    cut, found = few([20.0, np.nan, 40.0, 50.0] * 2, site="N")
    assert selection_words.not_assessable(found, cut, selection_words.VALUED)[0] == (
        "Whether a cut-off selects age cannot be told: age is known of 6 of 8 scans with a value, and fewer "
        "than 5 scans lie on one side."
    )
    cut, found = few([30.0] * 20, site="N")
    assert (
        "age cannot be told: all of a side are alike"
        in selection_words.not_assessable(found, cut)[0]
    )
