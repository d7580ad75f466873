"""On Tiers, below the plot: what a cut-off selects besides quality, and what is doubtful about the rule."""

import math

import streamlit as st

from curation import rule_advice, selection
from curation.selection import Selection
from pages.ui import balance_panel, marks, selection_words, text, tier_facts
from pages.ui.ground import Ground, Sorted


def show(ground: Ground, sorted_: Sorted) -> None:
    """Draw what tiers differ in, and the warnings, with their numbers; one quiet line where there is none."""
    facts = tier_facts.of(ground)
    tally = facts.tally(sorted_)
    found = selection.selections(tally)
    said = [*selection_words.warnings(found), *selection_words.differences(found, tally)]
    if said:
        st.warning("\n\n".join(said), icon=":material/balance:")
    doubts = rule_advice.problems(sorted_.rule, ground.arrays(sorted_.rule.columns), sorted_.codes)
    if doubts:
        told = [text.escape(doubt.message) for doubt in doubts]
        st.warning("\n\n".join(told), icon=":material/warning:")
    if found:
        summary = selection_words.calm(found) or "What cut-offs select, against quality and chance:"
        with st.container(horizontal=True, vertical_alignment="center", key="selection"):
            st.markdown(f":material/balance: {summary}", width="content")
            with st.popover("The numbers"):
                _numbers(found, facts.quality_reason)
    if missing := selection_words.not_told(found, tally):
        st.caption(text.escape(" ".join(missing)))


def _numbers(found: list[Selection], reason: str) -> None:
    rows = [
        (
            f"{one.better} | {one.worse}",
            one.trait,
            balance_panel.smd(one.seen),
            balance_panel.smd(one.explained),
            text.number(one.chance, 2),
            _percent(one.share_by_trait),
            _percent(one.share_by_quality),
        )
        for one in found
    ]
    head = (
        "Cut-off",
        "In",
        "Difference",
        "By quality alone",
        "By chance",
        "Between sites",
        "Between qualities",
    )
    st.html(marks.table(head, rows, numeric=range(2, 7)))
    st.caption(
        f"{text.escape(reason)} Differences are standardised; by chance: what 95 of 100 random cuts stay "
        "below. The last two columns are shares of the variance of lying beyond the cut-off."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else text.DASH
