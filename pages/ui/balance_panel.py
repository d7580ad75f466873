"""On Tiers: what the cut-offs select, how far the tiers are apart, and whether raters agree with them."""

import math
from collections.abc import Sequence

import numpy as np

from curation.balance import CATEGORIES, Floats, Tally
from curation.coefficients import Figure
from curation.selection import NOTABLE, Selection
from curation.stability import RaterSpread, counts_near
from curation.tier_agreement import TierAgreement
from pages.ui import marks, text
from pages.ui.marks import Card, Cell

_TRAITS = ("age", *CATEGORIES)


# ---- what a cut-off selects ------------------------------------------------------------------------


def warnings(selections: Sequence[Selection]) -> list[str]:
    """Say in markdown which cut-offs select age or site beyond quality and chance, with the numbers."""
    return [_WORDS[one.trait](one) for one in selections if one.warns]


def _age(one: Selection) -> str:
    side = "younger" if one.years < 0 else "older"
    between = f"**The cut-off between {text.escape(one.better)} and {text.escape(one.worse)} selects age.**"
    return f"{between} " + text.escape(
        f"Scans on its worse side are of people who are {abs(one.years):.1f} years {side}: a standardised "
        f"difference of {text.number(abs(one.seen), 2)}, of which quality explains "
        f"{text.number(abs(one.seen) - one.unexplained, 2)}; random cuts of this size stay below "
        f"{text.number(one.chance, 2)}."
    )


def _site(one: Selection) -> str:
    between = f"**The cut-off between {text.escape(one.better)} and {text.escape(one.worse)} selects sites.**"
    said = (
        f"A standardised difference of {smd(one.seen)}, of which quality explains "
        f"{text.number(one.explained, 2)}; random cuts of this size stay below {text.number(one.chance, 2)}."
    )
    if one.most:
        name, share, of_all = one.most
        said = (
            f"On its worse side lie {100 * share:.0f} % of the scans of {name}, and {100 * of_all:.0f} % of "
            f"all. {said}"
        )
    if math.isfinite(one.share_by_trait) and math.isfinite(one.share_by_quality):
        said += (
            f" Sites account for {100 * one.share_by_trait:.0f} % of which side a scan is on, quality for "
            f"{100 * one.share_by_quality:.0f} %."
        )
    return f"{between} {text.escape(said)}"


_WORDS = {"age": _age, "site": _site}


def calm(selections: Sequence[Selection]) -> str:
    """Say that no cut-off selects what was looked at; empty where nothing could be."""
    looked_at = [
        trait for trait in ("age", "site") if any(one.trait == trait for one in selections)
    ]
    if not looked_at:
        return ""
    return f"No cut-off selects {' or '.join(looked_at)} beyond what quality and chance explain."


def not_told(selections: Sequence[Selection], tally: Tally) -> list[str]:
    """Say which of age and site cannot be held against the cut-offs, or only for some scans, and why."""
    scored = int(tally.scans[:-1].sum())
    sites = tally.counts("site")[:-1, :-1]
    told = {one.trait for one in selections}
    known = {"age": int(tally.age_counts[:-1].sum()), "site": int(sites.sum())}
    one_site = int((sites.sum(axis=0) > 0).sum()) == 1
    said = []
    for trait, count in known.items():
        of_all = f"of {count:,} of {text.plural(scored, 'scored scan')}"
        if scored and not count:
            said.append(f"Whether a cut-off selects {trait} cannot be told: no {trait} is known.")
        elif scored and trait == "site" and one_site and count == scored:
            said.append("All scored scans are of one site.")
        elif scored and trait not in told:
            why = "with it there are too few on one side, or all alike"
            said.append(
                f"Whether a cut-off selects {trait} cannot be told: {trait} is known {of_all}; {why}."
            )
        elif count < scored:
            said.append(f"{trait.capitalize()} is known {of_all}; the others are left out.")
    return said


def smd(value: float) -> str:
    """Return a standardised difference, with its sign if it has one."""
    if math.isinf(value):
        return "∞"
    return text.number(value, 2)


# ---- how far apart the tiers are -------------------------------------------------------------------


def differences(tally: Tally) -> str:
    """Return a table of the standardised differences of each tier from the rest, as HTML.

    Traits that say nothing, because all scans are alike in them or nothing is known, are left out; the empty
    text where that holds for all.
    """
    table = tally.differences().set_index(["trait", "tier"])
    rows = []
    for trait in _TRAITS:
        of_trait = table.loc[trait]
        if of_trait["smd"].isna().all():
            continue
        cells = [_difference(*of_trait.loc[tier, ["smd", "chance"]]) for tier in tally.names]
        rows.append((trait, *cells))
    if not rows:
        return ""
    head = ("Against the rest", *map(_label, tally.names))
    return marks.table(head, rows, numeric=range(1, len(head)), even=True)


def _label(tier: str) -> str:
    return f"Tier {tier}" if len(tier) == 1 else tier


def _difference(value: float, chance: float) -> Cell:
    if math.isnan(value):
        return Cell(f'<span class="ts-muted">{text.DASH}</span>')
    shown = smd(value)
    if abs(value) >= NOTABLE and not abs(value) <= chance:
        shown = f"<b>{shown}</b>"
    beside = f'<br><small class="ts-muted">chance {text.number(chance, 2)}</small>'
    return Cell(shown + (beside if math.isfinite(chance) else ""))


DIFFERENCES_SAID = (
    "Standardised mean differences of each tier from the other scored scans: 0.2 is small, 0.5 medium, 0.8 "
    "large. Bold: 0.2 or more, and more than 95 of 100 random tiers of that size have. Age has "
    "a sign: − is younger."
)


# ---- who is near a cut-off -------------------------------------------------------------------------


def near(
    values: Floats, edges: Sequence[float | Floats], names: Sequence[str], spread: RaterSpread
) -> str:
    """Return cards that count the scans within one rater's standard deviation of each cut-off, as HTML.

    Parameters
    ----------
    values, edges
        See :func:`curation.stability.near`.
    names : sequence of str
        Tiers, best first, one more than edges.
    spread : RaterSpread
        In the unit of the values.
    """
    scored = max(int(np.isfinite(values).sum()), 1)
    *each, any_of = counts_near(values, edges, spread.points)
    cards = [
        Card("one rater's standard deviation", f"± {text.significant(spread.points, digits=3)}",
             spread.reason),
        Card("near any cut-off", f"{any_of:,}", f"{100 * any_of / scored:.0f} % of the scored scans"),
    ]  # fmt: skip
    if len(each) > 1:
        cards += [
            Card(f"near {names[place]} | {names[place + 1]}", f"{count:,}", f"{100 * count / scored:.0f} %")
            for place, count in enumerate(each)
        ]  # fmt: skip
    return marks.cards(cards)


# ---- do raters agree -------------------------------------------------------------------------------


def agreement(told: TierAgreement, ceiling: float | None) -> str:
    """Return a table of how the cut-offs agree with raters, as HTML; empty where none are decided."""
    if not told.scans:
        return ""
    rows = [
        (
            f"{one.better} | {one.worse}", _share(one.found), _share(one.kept), figure(one.kappa),
        )
        for one in told.cutoffs
    ]  # fmt: skip
    head = ("Exclude from", "Bad scans found", "Good scans kept", "κ with people (95 %)")
    if ceiling is not None:
        rows.append(("people among each other", text.DASH, text.DASH, f"{ceiling:.2f}"))
    return marks.table(head, rows, numeric=(1, 2, 3))


def agreement_said(told: TierAgreement) -> str:
    """Say in markdown how the tiers agree with ratings; empty where none are decided."""
    if not told.scans:
        return ""
    split, rated = told.rated - told.scans, text.plural(told.rated, "rated scan")
    said = f"From {rated}."
    if split:
        on = "one" if split == 1 else f"{split:,}"
        said = (
            f"From {told.scans:,} of {rated}: on {on} as many raters keep as exclude, so that it counts "
            "for neither."
        )
    if math.isfinite(told.auc.value):
        said += (
            f" A scan that people exclude is in a worse tier than one that they keep in "
            f"{100 * told.auc.value:.0f} of 100 pairs (area under the curve "
            f"{figure(told.auc)}; 0.50 is chance)."
        )
    if math.isfinite(told.weighted_kappa.value):
        said += f" Tiers against levels of the scale: weighted κ {figure(told.weighted_kappa)}."
    return text.escape(said)


def confusion(told: TierAgreement) -> str:
    """Return the scans of each tier by what raters say of them, as HTML; empty without ratings."""
    table = told.counts if told.levels is None else told.levels
    if not told.scans:
        return ""
    rows = [
        (Cell(marks.tier_chip(str(tier))), *(f"{count:,}" for count in row))
        for tier, row in zip(table.index, table.to_numpy(), strict=True)
    ]
    return marks.table(
        ("Tier", *map(str, table.columns)), rows, numeric=range(1, table.shape[1] + 1)
    )


def confusion_said(told: TierAgreement) -> str:
    """Say in markdown which scans :func:`confusion` counts; empty without ratings."""
    if not told.scans:
        return ""
    if told.levels is None:
        return text.escape(f"{text.plural(told.scans, 'scan')}, by what most raters say.")
    count = text.plural(int(told.levels.to_numpy().sum()), "rated scan")
    return text.escape(f"All {count} on this scale, by their middle rating (of two, the worse).")


def figure(value: Figure) -> str:
    """Return a figure with its interval."""
    if not math.isfinite(value.low):
        return text.number(value.value, 2)
    return f"{text.number(value.value, 2)} ({text.number(value.low, 2)} to {text.number(value.high, 2)})"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %" if math.isfinite(value) else text.DASH
