"""Selection by a cut-off in words: differences between tiers come first, their explanation second."""

import numpy as np
import pandas as pd

from curation.tier_effects import selection_bias, tier_balance
from curation.tier_effects.selection_bias import Selection
from curation.tier_effects.standardised_differences import categorical_codes
from pages.ui.shell.formatting import escape
from pages.ui.tiers import selection_words
from tests.ui.tiers.test_balance_panel import tally


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
        most=("N*", 0.9, 0.25),
    )
    calm = Selection("A", "B", "age", 0.1, 0.1, 0.2)
    said_age, said_site = selection_words.warnings([age, calm, site])
    for words in (
        "between A and B selects age",
        "4.2 years younger",
        "0.50",
        "explains 0.10",
        "below 0.20",
    ):
        assert words in said_age.replace("\\", "")
    for words in ("90 % of the scans of N*", "25 % of all", "difference of ∞", "40 %", "20 %"):
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
        "Ages hardly differ between the tiers (standardised difference at most 0.00)"
    )
    assert "Sites hardly differ between the tiers" in calm and missing == ""
    calm, missing = said_of([np.nan] * 40, sites)
    assert "Ages" not in calm and "Sites hardly differ" in calm
    assert missing == "Whether a cut-off selects age cannot be told: no age is known."
    calm, missing = said_of([np.nan] * 40, [None] * 40)
    assert calm == "" and "no age is known" in missing and "no site is known" in missing
    _, missing = said_of([*ages[:30], *[np.nan] * 10], ["N"] * 40)
    assert missing == (
        "Age is known of 30 of 40 scored scans; the others are left out. All scored scans are of one site."
    )
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
    (said,) = (words.replace("\\", "") for words in selection_words.differences(found, cut))
    apart = abs(np.diff(cut.table()["age_mean_years"])[0])
    assert said.startswith(f"**Tier A is {apart:.1f} years younger than tier B (mean ")
    assert "about what image quality alone would give" in said
    assert said.endswith("Age still differs between tiers: use an age-matched control.")
    assert selection_words.small_differences(found) == ""


def test_a_tier_of_a_single_scan_is_not_said_to_be_younger() -> None:
    rng = np.random.default_rng(0)
    tier = np.where(np.arange(81) == 80, 1, 2 * (np.arange(81) % 2))
    ages = np.choose(tier, [41.6, 10.0, 57.3]) + rng.normal(0, 15, 81)
    made = tally(list(ages), ["N"] * 81)
    quality = categorical_codes(pd.Series(np.where(tier == 2, "poor", "fine")))
    cut = made.traits.with_quality(quality).tally(tier, ("A", "B", "C"))
    (words,) = selection_words.differences(selection_bias.selections(cut), cut)
    said = words.replace("\\", "")
    mean = cut.table()["age_mean_years"]
    assert said.startswith(f"**Tier A is {mean[2] - mean[0]:.1f} years younger than tier C (mean ")
    assert "Tier B" not in said


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
