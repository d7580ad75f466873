"""On Tiers: who is in each tier, how far the tiers are from each other, and how the sites fall into them."""

import numpy as np
import pandas as pd
import streamlit as st

from curation import tiers
from curation.balance import Floats, Tally
from curation.tiers import TierRule
from pages.ui import balance_panel, charts, frame, marks, selected_scans, text, tier_facts
from pages.ui.ground import Ground, Sorted
from pages.ui.marks import Cell

_SITES_DRAWN = 24
#: Levels of a group or modality that get a column of their own.
_LEVELS = 4


def show(ground: Ground, sorted_: Sorted) -> None:
    """Draw the tables of tiers and the shares of sites."""
    tally, rule = tier_facts.of(ground).tally(sorted_), sorted_.rule
    st.html(_table(tally, rule))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("See on Explore:", width="content")
        for place, name in enumerate(rule.tiers):
            if tally.scans[place]:
                chosen = sorted_.codes == place
                selected_scans.offer(
                    ground, text.escape(marks.tier_label(name)), chosen, key=f"see-{place}"
                )
    with st.container(horizontal=True, key="split-tiers", gap="medium"):
        with st.container(width="stretch"):
            _differences(tally)
        with st.container(width="stretch"):
            _sites(tally, rule)


def _table(tally: Tally, rule: TierRule) -> str:
    table, colours = tally.table(), tiers.colours(rule)
    levels = [(name, level) for name in ("group", "modality") for level in _largest(tally, name)]
    shares = [_share_of(tally, *level) for level in levels]
    rows = [
        (
            Cell(marks.tier_chip(row.tier, colours[row.tier])),
            f"{row.scans:,}",
            f"{100 * row.share:.0f} %",
            f"{row.people:,}",
            _age(row.age_mean_years, row.age_sd_years),
            _percent(row.female),
            *(_percent(of_tier[place]) for of_tier in shares),
        )
        for place, row in enumerate(table.itertuples())
    ]
    told = [name if kind == "modality" else f"{kind.capitalize()} {name}" for kind, name in levels]
    head = ("Tier", "Scans", "Share", "People", "Age, mean ± SD (years)", "Female", *told)
    return marks.table(head, rows, numeric=range(1, len(head)))


def _largest(tally: Tally, category: str) -> list[str]:
    """Return the levels of a category that most scans have; none where all scans have the same."""
    found = tally.counts(category).sum(axis=0)[:-1]
    if (found > 0).sum() < 2:
        return []
    order = np.argsort(-found, kind="stable")[:_LEVELS]
    return [tally.traits.categories[category].names[i] for i in sorted(order) if found[i]]


def _share_of(tally: Tally, category: str, level: str) -> Floats:
    counts = tally.counts(category)
    place = tally.traits.categories[category].names.index(level)
    with np.errstate(invalid="ignore"):
        return counts[:, place] / counts.sum(axis=1)


def _age(mean: float, spread: float) -> str:
    if pd.isna(mean):
        return text.DASH
    return f"{mean:.1f}" if pd.isna(spread) else f"{mean:.1f} ± {spread:.1f}"


def _percent(share: float) -> str:
    return text.DASH if pd.isna(share) else f"{100 * share:.0f} %"


def _differences(tally: Tally) -> None:
    st.markdown("**How far the tiers are apart**")
    if said := balance_panel.differences(tally):
        st.html(said)
        st.caption(balance_panel.DIFFERENCES_SAID)
        st.caption("A strict tier is often also a younger and a smaller one: look before you cut.")
    else:
        st.caption("Neither age, sex, site, group nor modality is known of these scans.")


def _sites(tally: Tally, rule: TierRule) -> None:
    by_site = tally.shares("site")
    if len(by_site) <= _SITES_DRAWN:
        frame.figure(
            charts.tier_shares(by_site, tiers.colours(rule)),
            key="sites",
            alt="For each site the share of its scans in each tier",
        )
    else:
        st.dataframe(by_site)
