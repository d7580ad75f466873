"""Page Explore (which scans belong together?): linked plots that share one selection."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from curation.storage.workspace import ROLES, Workspace
from curation.tiers import overrides, rule_columns, tier_rule
from curation.tiers.rule_columns import SCORE
from pages.ui.explore import explore_plots, linked_plots, selected_scans, two_groups
from pages.ui.explore.explore_plots import Colouring
from pages.ui.explore.linked_plots import LinkedPlots
from pages.ui.scan_table import rule_in_address, scan_arrays, tagging, tried_rule
from pages.ui.scan_table.scan_arrays import ScanTable, SortedScans
from pages.ui.shell import (
    background_tasks,
    controls,
    formatting,
    frame,
    html_marks,
    progress,
    scan_lists,
    state,
)

#: What the last plot is made of.
_METRICS, _ENCODER = "All metrics", "A pretrained encoder"


@dataclass(frozen=True)
class FilteredScans:
    """The scans that the filters leave.

    Parameters
    ----------
    scans : ScanTable
        All scans of the role.
    sorted_scans : SortedScans
        Their tiers.
    rows : numpy.ndarray of int, shape (N,)
        Positions of those that are shown.
    """

    scans: ScanTable
    sorted_scans: SortedScans
    rows: NDArray[np.intp]


def body(workspace: Workspace) -> None:
    """Draw the page."""
    progress.background_note(workspace, workspace.scores_path)
    rule_in_address.follow()
    roles = [role for role in ROLES if len(scan_arrays.read_scan_table(workspace, role).scans)]
    if not roles:
        frame.nothing_yet(
            "There is no scan to explore yet.",
            "Add a source of scans on the page Cohort.",
            "cohort",
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        scans = scan_arrays.read_scan_table(workspace, scan_lists.choose_role(roles))
        _find(scans)
        view = _filtered(workspace, scans)
    if found := state.get(state.FOUND):
        st.caption(formatting.escape(found))
    if not explore_plots.measured_columns(scans):
        frame.nothing_yet(
            "None of these scans is measured yet.",
            f"The plots show scores and metrics. {background_tasks.when_scored(workspace)}",
            "cohort",
        )
        return
    if not len(view.rows):
        st.info("No scan matches these filters. Widen them above.")
        return
    _plots(view)
    two_groups.show(view.scans, view.rows, view.sorted_scans)
    selected_scans.show(workspace, view.scans, view.rows, view.sorted_scans)


# ---- which scans -----------------------------------------------------------------------------------


def _find(scans: ScanTable) -> None:
    st.text_input(
        "Find",
        key=state.FIND,
        placeholder="Find by name and select",
        label_visibility="collapsed",
        icon=":material/search:",
        width="stretch",
        on_change=_search,
        args=(scans,),
    )


def _search(scans: ScanTable) -> None:
    """Select the scans with the searched words in their name, and empty the field."""
    words = (state.get(state.FIND) or "").strip()
    state.put(state.FIND, "")
    if words:
        ids = scans.scans["scan_id"]
        found = ids[ids.str.contains(words, case=False, regex=False)].tolist()
        selected_scans.select_found(linked_plots.current_mode(), words, found)


def _filtered(workspace: Workspace, scans: ScanTable) -> FilteredScans:
    rule, _ = tried_rule.current()
    sorted_scans = scan_arrays.sort(scans, rule, overrides.in_force(workspace))
    tiers = [rule.labels[code] for code in np.unique(sorted_scans.codes)]
    state.keep_among(state.EXPLORED_TIERS, tiers)
    state.keep_among(state.EXPLORED_SITES, scans.sites)
    filters = (state.EXPLORED_TIERS, state.EXPLORED_SITES, state.LISTS)
    on = any(state.get(key) for key in filters) or tagging.is_filtered()
    label = "Filter (on)" if on else "Filter"
    with st.popover(label, icon=":material/filter_list:", key="explore-filter"):
        names = controls.choose_several(
            "Tiers, by the rule on the page Tiers", tiers, key=state.EXPLORED_TIERS
        )
        sites = controls.choose_several("Sites", scans.sites, key=state.EXPLORED_SITES)
        tagging.choose_tags(workspace)
        listed = scan_lists.choose_lists(workspace)
    keep = tagging.keeps(workspace, scans.scans["scan_id"]).to_numpy(copy=True)
    if names:
        keep &= np.isin(sorted_scans.codes, [rule.labels.index(name) for name in names])
    if sites:
        keep &= np.isin(scans.site_codes, [scans.sites.index(site) for site in sites])
    if listed is not None:
        keep &= scans.scans["scan_id"].isin(listed).to_numpy()
    return FilteredScans(scans, sorted_scans, np.flatnonzero(keep))


# ---- the plots -------------------------------------------------------------------------------------


def _plots(view: FilteredScans) -> None:
    scans, rows = view.scans, view.rows
    axes = _axes(explore_plots.measured_columns(scans))
    dense = len(rows) > linked_plots.POINTS_DRAWN
    with st.container(horizontal=True, gap="large"):
        by = explore_plots.TIER if dense else _coloured_by(scans)
        by_encoder = _by_encoder(scans)
    panels = explore_plots.explore_panels(scans, rows, *axes, by_encoder=by_encoder)
    names = scans.scores.scan_ids[rows]
    colouring = (
        _by_tier(view) if by == explore_plots.TIER else explore_plots.coloured(scans, rows, by)
    )
    place = names.get_indexer([state.get(state.SCAN)])[0] if state.get(state.SCAN) else -1
    shown = LinkedPlots(
        panels,
        names,
        colouring.codes,
        colouring.colours,
        int(place) if place >= 0 else None,
        colouring.shapes,
    )
    if told := explore_plots.references_caption(scans, rows):
        st.caption(formatting.escape(told))
    linked_plots.show(
        shown,
        _DENSITY if shown.dense else colouring.legend,
        selected_scans.positions(names),
        lambda chosen: selected_scans.select(scans, rows, chosen),
    )
    if shown.dense:
        st.caption(
            f"{len(rows):,} scans are drawn as density, without colours. Select with a box or a lasso."
        )
    if by_encoder:
        st.caption(explore_plots.ENCODER_CAPTION)
    elif text := explore_plots.embedding_caption(explore_plots.all_metrics(scans)):
        st.caption(formatting.escape(text))


def _by_encoder(scans: ScanTable) -> bool:
    """Draw, where a model's features are known, the choice of what the last plot is made of."""
    if not explore_plots.has_encoder(scans):
        return False
    chosen = controls.choose_segment(
        "Last plot", [_METRICS, _ENCODER], key=state.LAST_PLOT, show_label=True
    )
    return chosen == _ENCODER


def _axes(measured: list[str]) -> tuple[str, tuple[str, str], str]:
    """Draw the choice of the axes."""
    one, two = explore_plots.default_metrics(measured)
    usual = {
        state.AGAINST: one,
        state.PAIR_ALONG: one,
        state.PAIR_UP: two,
        state.BY_SITE: SCORE if SCORE in measured else one,
    }
    labels = ("Score against", "Two metrics: across", "Two metrics: up", "By site")
    with st.container(key="axes"):
        columns = st.columns(4)
    against, along, up, by_site = (
        controls.choose(
            column.selectbox,
            label,
            measured,
            key=key,
            first=first,
            format_func=lambda name: rule_columns.find(name).label,
        )
        for column, (key, first), label in zip(columns, usual.items(), labels, strict=True)
    )
    return against, (along, up), by_site


def _coloured_by(scans: ScanTable) -> str:
    """Draw the choice of what points are coloured by, where there is more than the tiers."""
    offered = explore_plots.coloured_by(scans)
    if len(offered) == 1:
        return offered[0]
    return controls.choose_segment(
        "Colour by",
        offered,
        key=state.COLOURED_BY,
        show_label=True,
        format_func=lambda name: explore_plots.COLOURED_BY[name],
    )


#: The legend of scans that are drawn as density.
_DENSITY: list[tuple[str, ...]] = [
    ("#102A43", "many scans"),
    ("#9FB3C8", "few"),
    (linked_plots.CHOSEN, "selected"),
]


def _by_tier(view: FilteredScans) -> Colouring:
    """Return the colours of the scans by their tiers."""
    rule, codes = view.sorted_scans.rule, view.sorted_scans.codes[view.rows]
    found = np.bincount(codes, minlength=len(rule.labels)).tolist()
    colours, shapes = tier_rule.colours(rule), tier_rule.shapes(rule)
    return Colouring(
        codes,
        tuple(colours[name] for name in rule.labels),
        tuple(shapes[name][0] for name in rule.labels),
        [
            (
                colours[name],
                f"{html_marks.tier_label(rule.called(name))}: {count:,}",
                shapes[name][1],
            )
            for name, count in zip(rule.labels, found, strict=True)
            if count
        ],
    )


rule_in_address.take_from_address()
frame.show("explore", body)
