"""On Tiers: what lies at the cut-offs. Scans that might as well be on the other side, and what raters say."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from curation import stability, tier_agreement
from curation.scales import all_scales
from pages.ui import (
    at_the_cut,
    balance_panel,
    cached,
    frame,
    selected_scans,
    text,
    tier_facts,
)
from pages.ui.ground import Ground, Sorted

Edges = list[float | NDArray[np.float64]]


def show_near_cutoffs(ground: Ground, sorted_: Sorted) -> None:
    """Draw stability, pictures on either side, and agreement with ratings."""
    rule, values, edges = sorted_.rule, ground.values(sorted_.rule.column), _edges(ground, sorted_)
    spread = tier_facts.spread(ground, rule.column)
    st.markdown("**How stable it is**: scans within one rater's standard deviation of a cut-off")
    st.html(balance_panel.near(values, edges, rule.names, spread))
    near = np.isfinite(stability.near(values, edges, spread.points))
    selected_scans.offer(
        ground, f"See these {text.plural(int(near.sum()), 'scan')} on Explore", near, key="see-near"
    )
    st.markdown("**On either side of each cut-off**: click a scan to look at it")
    at_the_cut.show(
        ground.workspace,
        ground.scans,
        values,
        edges,
        sorted_.codes,
        rule.labels,
        measure=rule.measure,
    )
    _agreement(ground, sorted_)


def _edges(ground: Ground, sorted_: Sorted) -> Edges:
    """Return each cut-off, as one number, or one a scan where sites have their own."""
    rule = sorted_.rule
    if not rule.by_site:
        return list(rule.cutoffs)
    table = np.array([rule.by_site.get(site, rule.cutoffs) for site in ground.sites])
    return [np.ascontiguousarray(column)[ground.site_codes] for column in table.T]


def _agreement(ground: Ground, sorted_: Sorted) -> None:
    workspace = ground.workspace
    given = cached.all_ratings(workspace)
    st.markdown("**Do raters agree with the tiers?**")
    told = tier_agreement.compare(
        sorted_.codes,
        sorted_.rule.tiers,
        ground.scores.scan_ids,
        given,
        list(all_scales(workspace).values()),
    )
    if not told.scans:
        st.caption(
            "No scan here is rated, or raters are split on each. Rate some on the page Rate."
        )
        frame.link("rate", "Go to Rate")
        return
    st.markdown(balance_panel.agreement_said(told))
    with st.container(horizontal=True, key="split-agreement", gap="medium"):
        with st.container(width="stretch"):
            st.html(balance_panel.agreement(told, tier_facts.ceiling(workspace)))
        with st.container(width="stretch"):
            st.html(balance_panel.confusion(told))
            st.caption(balance_panel.confusion_said(told))
