"""Two groups side by side on Explore: tiers, tags or the selection, by one measure, with what is missing."""

import html
from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from curation.decisions import scan_tags
from curation.tier_effects import group_distributions, standardised_differences
from curation.tier_effects.group_distributions import GroupDistribution, TwoGroups
from curation.tiers import rule_columns
from curation.tiers.rule_checks import UNSCORED
from curation.tiers.rule_columns import SCORE
from curation.wording import plural
from pages.ui.explore import explore_plots
from pages.ui.scan_table.scan_arrays import ScanTable, SortedScans
from pages.ui.shell import cache, controls, formatting, frame, html_marks, state
from training.theme import TEMPLATE

Bools = NDArray[np.bool_]
OTHERS = "All other scans"
_COLOURS = ("#0072B2", "#E69F00")


def show(scans: ScanTable, rows: NDArray[np.intp], sorted_scans: SortedScans) -> None:
    """Draw the choice of measure and groups among the scans that are shown, and their distributions."""
    if not st.toggle("Two groups side by side", key=state.TWO_GROUPS, persist_state="session"):
        return
    groups = groups_of(scans, rows, sorted_scans)
    measured = explore_plots.measured_columns(scans)
    with st.container(key="two-groups-choice"):
        columns = st.columns(3)
    usual = SCORE if SCORE in measured else measured[0]
    measure = controls.choose(
        columns[0].selectbox,
        "Measure",
        measured,
        key=state.GROUPS_MEASURE,
        first=usual,
        format_func=lambda name: rule_columns.find(name).label,
    )
    names = list(groups)
    one = controls.choose(columns[1].selectbox, "One group", names, key=state.GROUP_ONE)
    other = controls.choose(
        columns[2].selectbox,
        "The other group",
        [OTHERS, *(name for name in names if name != one)],
        key=state.GROUP_OTHER,
    )
    first = groups[one]
    second = ~first if other == OTHERS else groups[other]
    if not second.any():
        st.info(f"{formatting.escape(one)} holds all scans that are shown: there is no other.")
        return
    found = group_distributions.compare(scans.values(measure)[rows], first, second)
    frame.figure(
        draw(found, (one, other), explore_plots.title(measure)),
        key="two-groups",
        alt=f"Distributions of {explore_plots.title(measure)} of two groups of scans: {one}, and {other}",
    )
    st.caption(
        formatting.escape(sentence(found, (one, other), rule_columns.find(measure).is_score))
    )


def groups_of(
    scans: ScanTable, rows: NDArray[np.intp], sorted_scans: SortedScans
) -> Mapping[str, Bools]:
    """Return who of the scans that are shown is in each group, shape (N,): tiers, tags, the selection."""
    codes, ids = sorted_scans.codes[rows], scans.scores.scan_ids[rows]
    found = {
        name if name == UNSCORED else html_marks.tier_label(name): codes == code
        for code, name in enumerate(sorted_scans.rule.labels)
    }
    tags = cache.tags(scans.workspace)
    found |= {f"Tag {tag}": scan_tags.values(tags, tag, ids) > 0 for tag in tags}
    found["Selected scans"] = ids.isin(list(state.get(state.SELECTED) or ()))
    return {name: who for name, who in found.items() if who.any()}


def draw(found: TwoGroups, names: tuple[str, str], title: str) -> go.Figure:
    """Draw the shares of each group on the same bins, with a bar for what is missing."""
    figure = make_subplots(
        1, 2, shared_yaxes=True, column_widths=[0.86, 0.14], horizontal_spacing=0.02
    )
    middles = (found.edges[1:] + found.edges[:-1]) / 2
    for name, group, colour in zip(names, (found.first, found.second), _COLOURS, strict=True):
        common = {
            "name": html.escape(f"{name} ({plural(group.scans, 'scan')})"),
            "marker": {"color": colour},
            "legendgroup": name,
        }
        figure.add_bar(
            x=middles,
            y=100 * group.shares,
            hovertemplate="about %{x:.3g}: %{y:.1f} %<extra></extra>",
            row=1,
            col=1,
            **common,
        )
        figure.add_bar(
            x=["missing"],
            y=[100 * group.missing_share],
            hovertemplate=f"{group.missing:,} missing, %{{y:.1f}} %<extra></extra>",
            showlegend=False,
            row=1,
            col=2,
            **common,
        )
    figure.update_layout(template=TEMPLATE, height=320, barmode="group", bargap=0.05)
    figure.update_xaxes(title=html.escape(title), row=1, col=1)
    figure.update_yaxes(title="Share of the group (%)", rangemode="tozero", row=1, col=1)
    return figure


def sentence(found: TwoGroups, names: tuple[str, str], of_score: bool) -> str:
    """Return both groups in words: sizes, medians with quartiles, what is missing, their difference."""
    parts = [
        _in_words(name, group, of_score)
        for name, group in zip(names, (found.first, found.second), strict=True)
    ]
    if np.isfinite(found.smd):
        size = standardised_differences.size_in_words(found.smd)
        parts.append(
            f"{size.capitalize()} between their means was found: {abs(found.smd):.2f} standard deviations."
        )
    if found.in_both:
        parts.append(f"{plural(found.in_both, 'scan is', 'scans are')} in both groups.")
    return " ".join(parts)


def _in_words(name: str, group: GroupDistribution, of_score: bool) -> str:
    if group.missing == group.scans:
        return f"{name}: no value on any of {plural(group.scans, 'scan')}."
    words = formatting.score if of_score else formatting.significant
    low, middle, high = map(words, group.quartiles)
    missing = f", {plural(group.missing, 'scan')} without a value" if group.missing else ""
    return f"{name}: median {middle} (middle half {low} to {high}){missing}."
