"""On Tiers: two rules on the same scans, who moves where, and the scans of a move."""

import pandas as pd
import streamlit as st

from curation import overrides, rule_moves, rule_versions, tiers
from curation.rule_moves import Moves
from curation.tiers import TierRule
from curation.workspace import Workspace
from pages.ui import flow_plot, frame, marks, selected_scans, state, text
from pages.ui.ground import Ground, Sorted

_NOW, _DEFAULT = "The rule in force", "The rule that Tierscope starts with"
_MOVED_LISTED = 500


def show_rule_comparison(workspace: Workspace, ground: Ground, sorted_: Sorted) -> None:
    """Draw the comparison of two rules that are chosen here."""
    saved = {one.label: one for one in rule_versions.list_rules(workspace)}
    options = [*saved, _DEFAULT, _NOW]
    with st.container(border=True):
        st.markdown("**Compare two rules** – who would move where")
        state.keep_one_of(state.BEFORE, options)
        if state.get(state.AFTER) not in options:
            state.put(state.AFTER, _NOW)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen = [
                st.selectbox(label, options, key=key, width=330, persist_state="session")
                for label, key in (("From", state.BEFORE), ("To", state.AFTER))
            ]
        known = {_NOW: sorted_.rule, _DEFAULT: tiers.DEFAULT_RULE}
        with frame.in_words():
            before, after = (known.get(one) or saved[one].rule for one in chosen)
            _moves(ground, before, after)


def _moves(ground: Ground, before: TierRule, after: TierRule) -> None:
    decisions = overrides.standing(ground.workspace)
    arrays = ground.arrays([*before.columns, *after.columns])
    moves = rule_moves.compare(before, after, arrays, decisions)
    if not len(moves.moved):
        st.caption(f"Nobody moves: all {text.plural(moves.stayed, 'scan')} stay in their tier.")
        return
    st.caption(
        f"{text.plural(len(moves.moved), 'scan moves', 'scans move')} to another tier, "
        f"{moves.stayed:,} stay. Click a flow to see its scans."
    )
    colours = tiers.colours(before), tiers.colours(after)
    flow_plot.show(moves.table, *colours, lambda *flow: state.put(state.MOVE, list(flow)))
    _scans(ground, moves, colours[0] | colours[1])


def _scans(ground: Ground, moves: Moves, colours: dict[str, str]) -> None:
    """List the scans of one move."""
    flows = moves.moved.groupby(["before", "after"], sort=False).size().sort_values(ascending=False)
    options = [list(flow) for flow in flows.index]
    chosen = state.keep_one_of(state.MOVE, options)
    st.selectbox(
        "Scans that move",
        options,
        key=state.MOVE,
        width=330,
        format_func=lambda flow: f"{flow[0]} → {flow[1]}: {flows[tuple(flow)]:,}",
    )
    ids = moves.scan_ids(*chosen)
    table = pd.DataFrame({"scan_id": ids[:_MOVED_LISTED]}).merge(ground.scans, on="scan_id")
    st.html(
        f"{marks.tier_chip(chosen[0], colours[chosen[0]])} → {marks.tier_chip(chosen[1], colours[chosen[1]])}"
    )
    event = st.dataframe(
        table[["scan_id", "distortion_score", "site", "age_years"]],
        hide_index=True,
        height=240,
        on_select="rerun",
        selection_mode="single-row",
        key="moved-scans",
        column_config={
            "scan_id": "Scan",
            "distortion_score": st.column_config.NumberColumn(
                "Distortion score", format=text.SCORE_COLUMN
            ),
            "site": "Site",
            "age_years": st.column_config.NumberColumn("Age (years)", format="%.1f"),
        },
    )
    if len(ids) > _MOVED_LISTED:
        st.caption(f"The first {_MOVED_LISTED} of {len(ids):,}.")
    moving = ground.scores.scan_ids.isin(ids)
    label = f"See {'these' if len(ids) > 1 else 'this'} {text.plural(len(ids), 'scan')} on Explore"
    selected_scans.offer(ground, label, moving, key="see-moves")
    if rows := event.selection.rows:
        scan = table["scan_id"].iloc[rows[0]]
        if st.button(text.escape(f"Look at {scan} on Review"), icon=":material/visibility:"):
            state.put(state.PENDING_SCAN, scan)
            frame.open_page("review")
