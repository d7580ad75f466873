"""Consequences of a cut-off on Tiers: numbers with their words, nothing where nothing is known."""

from dataclasses import replace

import numpy as np
import pandas as pd

from curation.ratings.agreement_coefficients import Figure
from curation.references import reference_library
from curation.tier_effects import tier_agreement, tier_balance
from pages.ui.tiers import balance_panel

NOWHERE = Figure(np.nan, np.nan, np.nan)


def tally(ages: list[float], site: list[str | None]) -> tier_balance.Tally:
    scans = pd.DataFrame(
        {
            "age_years": ages,
            "subject_id": [f"s{i}" for i in range(len(ages))],
            "sex": None,
            "site": site,
            "group": None,
            "modality": "T1w",
        }
    )
    prepared = tier_balance.prepare(scans)
    return prepared.tally(np.arange(len(ages)) % 2, ("A", "very <bad>"))


def test_the_shares_of_groups_add_up_in_each_tier_whoever_has_no_column_of_their_own() -> None:
    groups = [*"abcdefgh" * 4, *"abc" * 8, None, None]
    scans = pd.DataFrame({"group": groups, "subject_id": range(len(groups)), "age_years": np.nan})
    scans = scans.assign(sex=None, site=None, source="x", modality="T1w")
    made = tier_balance.prepare(scans)
    codes = np.minimum(np.arange(len(groups)) % 3, 1)
    found = balance_panel.composition(made.tally(codes, ("A", "B", "C")), "group")
    heads = [f"Group {name}" for name in "abcdef"]
    assert [name for name, _ in found] == [*heads[:5], "3 other groups", "Group not known"]
    for place in (0, 1):
        assert sum(int(shares[place].removesuffix(" %")) for _, shares in found) == 100
    assert {shares[2] for _, shares in found} == {"–"}, "nobody is in tier C"
    few = tier_balance.prepare(scans.assign(group=[*"abcdef"] * 9 + ["a"] * 4)).tally(
        codes, ("A", "B")
    )
    assert [name for name, _ in balance_panel.composition(few, "group")] == heads
    assert balance_panel.composition(few, "modality") == []


def test_nothing_is_told_of_a_tier_of_too_few_scans() -> None:
    few = balance_panel.differences(tally([10.0, 60.0, 12.0, 58.0], ["N", "S"] * 2))
    assert "<b>" not in few and few.count("–") == 4
    ages = [30.0, 50.0, 31.0, 51.0, 32.0, 52.0, 33.0, 53.0, np.nan, 54.0]  # of five, four are known
    part = balance_panel.differences(tally(ages, ["N", "S"] * 5))
    row = part[part.index("<td>age</td>") :].partition("</tr>")[0]
    assert row.count("–") == 2


def test_differences_are_told_for_what_differs_and_large_ones_stand_out() -> None:
    made = balance_panel.differences(tally([10.0, 60.0, 12.0, 58.0] * 10, ["N", "S"] * 20))
    assert "<td>age</td>" in made and "<td>site</td>" in made and "<b>∞</b>" in made
    assert "modality" not in made and "Tier A" in made and "very &lt;bad&gt;" in made
    calm = balance_panel.differences(tally([10.0, 10.0, 60.0, 60.0] * 10, ["N"] * 40))
    assert "<b>" not in calm and "0.00" in calm and "chance" in calm
    assert balance_panel.differences(tally([np.nan] * 4, [None] * 4)) == ""


def test_scans_near_a_cutoff_are_counted_with_their_reason() -> None:
    values = np.array([10.0, 20, 30, 40, np.nan])
    made = balance_panel.near(
        values, (25.0, 41.0), ("A", "B", "C"), 6.0, label="a <b>", reason="From <40>."
    )
    assert (
        "a &lt;b&gt;" in made
        and "± 6" in made
        and "From &lt;40&gt;." in made
        and "75 % of the scored" in made
    )
    assert "near A | B" in made and "near B | C" in made
    one = balance_panel.near(values, (25.0,), ("A", "B"), np.nan, label="a", reason="None.")
    assert "± –" in one and "near A" not in one


def test_agreement_is_told_with_intervals_and_the_ceiling() -> None:
    counts = pd.DataFrame([[40, 5], [10, 30]], index=["A", "B"], columns=["keep", "exclude"])
    cut = tier_agreement.AtCutoff("A", "B", Figure(0.6, 0.5, 0.7), 0.857, 0.5)
    told = tier_agreement.TierAgreement(
        85, counts, Figure(0.8, 0.7, 0.9), (cut,), None, NOWHERE, "", 85
    )
    made = balance_panel.agreement(told, 0.44)
    assert "0.60 (0.50 to 0.70)" in made and "86 %" in made and "0.44" in made and "–" in made
    assert "80 of 100 pairs, pairs in the same tier counted half" in balance_panel.agreement_text(
        told
    )
    assert "exclude" in balance_panel.confusion(told) and "30" in balance_panel.confusion(told)
    one_sided = replace(told, cutoffs=(replace(cut, kappa=Figure(0.0, 0.0, 0.0), found=np.nan),))
    assert "0.00" not in balance_panel.agreement(one_sided, None)  # nobody said exclude
    none = tier_agreement.TierAgreement(0, counts * 0, NOWHERE, (), None, NOWHERE, "", 0)
    assert balance_panel.agreement(none, None) == balance_panel.confusion(none) == ""
    assert balance_panel.agreement_text(none) == ""


def test_agreement_with_a_score_that_learned_from_these_ratings_is_said_to_be_in_sample() -> None:
    found = {"auc": 0.743, "low": 0.71, "high": 0.78, "held_out": "person"}
    own = replace(reference_library.builtin(), name="ratings", kind="learned", evidence=found)
    said = balance_panel.learned_from_these(own, examples=False)
    assert "on held-out people its area under the curve is 0.74 (0.71 to 0.78)." in said
    assert "better here than on others" in said
    experts = reference_library.experts()
    assert balance_panel.learned_from_these(experts, examples=False) == ""
    assert "on held-out sites" in balance_panel.learned_from_these(experts, examples=True)
    assert balance_panel.learned_from_these(reference_library.builtin(), examples=True) == ""
