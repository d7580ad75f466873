"""Tables in *Who is in each tier* of Tiers: balance, stability near cut-offs, agreement with raters."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curation.ratings.agreement_coefficients import Figure
from curation.references import reference_library
from curation.scoring.score_reference import Reference
from curation.tier_effects.cutoff_stability import counts_near
from curation.tier_effects.selection_bias import FEWEST
from curation.tier_effects.standardised_differences import NOTABLE
from curation.tier_effects.tier_agreement import TierAgreement
from curation.tier_effects.tier_balance import CATEGORIES, Floats, Tally
from curation.wording import number, percentages, plural
from pages.ui.scan_table import tried_rule
from pages.ui.shell import formatting, html_marks
from pages.ui.shell.html_marks import Card, Cell

_TRAITS = ("age", *CATEGORIES)
#: Levels of a group or modality that get a column of their own; one more does rather than be the only other.
_LEVELS = 5
_SEVERAL = {"group": "groups", "modality": "modalities"}


# ---- what the tiers are made of --------------------------------------------------------------------


def composition(tally: Tally, category: str) -> list[tuple[str, list[str]]]:
    """Return the share of each level of a category in each tier, in per cent that add up to 100.

    Parameters
    ----------
    tally : Tally
        Scans of each tier.
    category : {'group', 'modality'}
        What they are made of.

    Returns
    -------
    list of tuple of str and list of str
        Head of a column and its shares, of the tiers and of the scans without one; small levels share a
        column, and so do scans of which the level is not known. Empty where all known scans are of one level.
    """
    counts, names = tally.counts(category), tally.traits.categories[category].names
    of_level = counts[:, :-1].sum(axis=0)
    there = np.flatnonzero(of_level)
    if len(there) < 2:
        return []
    largest = there[np.argsort(-of_level[there], kind="stable")]
    shown = sorted((largest if len(there) <= _LEVELS + 1 else largest[:_LEVELS]).tolist())
    before = "Group " if category == "group" else ""
    columns = {f"{before}{names[place]}": counts[:, place] for place in shown}
    if rest := len(there) - len(shown):
        columns[f"{rest} other {_SEVERAL[category]}"] = counts[:, :-1].sum(axis=1) - counts[
            :, shown
        ].sum(axis=1)
    if counts[:, -1].any():
        columns[f"{category.capitalize()} not known"] = counts[:, -1]
    table = np.array([percentages(row) for row in np.array([*columns.values()]).T.tolist()])
    held = counts.sum(axis=1) > 0
    shares = [
        [
            f"{share} %" if some else formatting.DASH
            for share, some in zip(column, held, strict=True)
        ]
        for column in table.T.tolist()
    ]
    return list(zip(columns, shares, strict=True))


# ---- how far apart the tiers are -------------------------------------------------------------------


def smd(value: float) -> str:
    """Return a standardised difference, with its sign if it has one."""
    if math.isinf(value):
        return "∞"
    return number(value, 2)


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
        known = {name: of_trait.loc[name, ["smd", "null_quantile"]] for name in tally.names}
        cells = [
            _difference(*known[name], few=bool(few))
            for name, few in zip(tally.names, _too_few(tally, trait), strict=True)
        ]
        rows.append((trait, *cells))
    if not rows:
        return ""
    head = ("Against the rest", *map(html_marks.tier_label, tally.names))
    return html_marks.table(head, rows, numeric=range(1, len(head)), even=True)


def _too_few(tally: Tally, trait: str) -> NDArray[np.bool_]:
    """Return of which tiers too few scans of known trait lie in or outside of it, shape (K,)."""
    counts = tally.age_counts if trait == "age" else tally.counts(trait)[:, :-1]
    held = counts[:-1].sum(axis=1)
    return np.minimum(held, held.sum() - held) < FEWEST


def _difference(value: float, chance: float, *, few: bool) -> Cell:
    if few or math.isnan(value):
        return Cell(f'<span class="ts-muted">{formatting.DASH}</span>')
    shown = smd(value)
    if abs(value) >= NOTABLE and not abs(value) <= chance:
        shown = f"<b>{shown}</b>"
    beside = f'<br><small class="ts-muted">chance {number(chance, 2)}</small>'
    return Cell(shown + (beside if math.isfinite(chance) else ""))


DIFFERENCES_CAPTION = (
    "Standardised mean differences of each tier from the other scored scans: 0.2 is small, 0.5 medium, 0.8 "
    "large. Bold: 0.2 or more, and more than 95 of 100 random tiers of that size have. Age has "
    f"a sign: − is younger. {formatting.DASH}: fewer than {FEWEST} scans of which it is known in the tier or "
    "outside."
)


# ---- who is near a cut-off -------------------------------------------------------------------------


def near(
    values: Floats,
    edges: Sequence[float | Floats],
    names: Sequence[str],
    points: float,
    *,
    label: str,
    reason: str,
) -> str:
    """Return cards that count the scans within so many points of each cut-off, as HTML.

    Parameters
    ----------
    values, edges
        See :func:`curation.tier_effects.cutoff_stability.near`.
    names : sequence of str
        Tiers, best first, one more than edges.
    points : float
        In the unit of the values; NaN where it is not known.
    label, reason : str
        What the points are, and where they come from.
    """
    scored = max(int(np.isfinite(values).sum()), 1)
    *each, any_of = counts_near(values, edges, points)
    cards = [
        Card(label, f"± {formatting.significant(points, digits=3)}", reason),
        Card(
            "near any cut-off", f"{any_of:,}", f"{100 * any_of / scored:.0f} % of the scored scans"
        ),
    ]
    if len(each) > 1:
        cards += [
            Card(
                f"near {names[place]} | {names[place + 1]}",
                f"{count:,}",
                f"{100 * count / scored:.0f} %",
            )
            for place, count in enumerate(each)
        ]
    return html_marks.cards(cards)


# ---- do raters agree -------------------------------------------------------------------------------


def agreement(result: TierAgreement, ceiling: float | None) -> str:
    """Return a table of how the cut-offs agree with raters, as HTML; empty where none are decided."""
    if not result.scans:
        return ""
    rows = [
        (
            f"{one.better} | {one.worse}",
            _share(one.found),
            _share(one.kept),
            figure(one.kappa) if math.isfinite(one.found + one.kept) else formatting.DASH,
        )
        for one in result.cutoffs
    ]
    head = ("Exclude from", "Bad scans found", "Good scans kept", "κ with people (95 %)")
    if ceiling is not None:
        rows.append(("people among each other", formatting.DASH, formatting.DASH, f"{ceiling:.2f}"))
    return html_marks.table(head, rows, numeric=(1, 2, 3))


def agreement_text(result: TierAgreement) -> str:
    """Say in markdown how the tiers agree with ratings; empty where none are decided."""
    if not result.scans:
        return ""
    split, rated = result.rated - result.scans, plural(result.rated, "rated scan")
    text = f"From {rated}."
    if split:
        on = "one" if split == 1 else f"{split:,}"
        text = (
            f"From {result.scans:,} of {rated}: on {on} as many raters keep as exclude, so that it counts "
            "for neither."
        )
    text += " Bad is what most raters exclude, good every other scan, also where they doubt."
    if math.isfinite(result.auc.value):
        text += (
            f" A scan that people exclude is in a worse tier than one that they keep in "
            f"{100 * result.auc.value:.0f} of 100 pairs, pairs in the same tier counted half (area under "
            f"the curve {figure(result.auc)}; 0.50 is chance)."
        )
    if math.isfinite(result.weighted_kappa.value):
        text += f" Tiers against levels of the scale: weighted κ {figure(result.weighted_kappa)}."
    return formatting.escape(text)


def learned_from_these(reference: Reference, *, examples: bool) -> str:
    """Say that a score was learned from the ratings that it is set against; empty where it was not.

    ``examples`` tells whether the workspace holds the scans that the experts' model was learned from.
    """
    of_experts = reference.name == reference_library.experts().name
    if (
        reference.kind != "learned"
        or "auc" not in reference.evidence
        or (of_experts and not examples)
    ):
        return ""
    found = reference.evidence
    out = {"person": "people"}.get(found["held_out"], f"{found['held_out']}s")
    return (
        f"The score ({reference.label}) was learned from ratings such as these, of such scans, so it agrees "
        f"better here than on others: on held-out {out} its area under the curve is "
        f"{found['auc']:.2f} ({found['low']:.2f} to {found['high']:.2f})."
    )


def confusion(result: TierAgreement) -> str:
    """Return the confusion table of tiers and raters, as HTML; empty without ratings."""
    table = result.counts if result.levels is None else result.levels
    if not result.scans:
        return ""
    rows = [
        (
            Cell(html_marks.tier_chip(str(tier), tried_rule.tier_colour(str(tier)))),
            *(f"{count:,}" for count in row),
        )
        for tier, row in zip(table.index, table.to_numpy(), strict=True)
    ]
    return html_marks.table(
        ("Tier", *map(str, table.columns)), rows, numeric=range(1, table.shape[1] + 1)
    )


def confusion_caption(result: TierAgreement) -> str:
    """Say in markdown which scans :func:`confusion` counts; empty without ratings."""
    if not result.scans:
        return ""
    if result.levels is None:
        return formatting.escape(f"{plural(result.scans, 'scan')}, by what most raters say.")
    count = plural(int(result.levels.to_numpy().sum()), "rated scan")
    return formatting.escape(
        f"All {count} on this scale, by their middle rating (of two, the worse)."
    )


def figure(value: Figure) -> str:
    """Return a figure with its interval."""
    if not math.isfinite(value.low):
        return number(value.value, 2)
    return f"{number(value.value, 2)} ({number(value.low, 2)} to {number(value.high, 2)})"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %" if math.isfinite(value) else formatting.DASH
