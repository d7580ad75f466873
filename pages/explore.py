"""Explore: which scans belong together? Linked plots: what is selected in one is selected in all."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from curation.storage.workspace import ROLES, Role, Workspace
from curation.tiers import overrides, tier_rule
from curation.tiers.rule_checks import UNSCORED
from curation.tiers.rule_columns import RULE_COLUMNS, SCORE
from pages.ui.explore import explore_plots, linked_plots, selected_scans
from pages.ui.explore.linked_plots import Shown
from pages.ui.scan_table import scan_arrays
from pages.ui.scan_table.scan_arrays import ScanTable, SortedScans
from pages.ui.shell import formatting, frame, html_marks, progress, scan_lists, state


@dataclass(frozen=True)
class View:
    """The scans that the filters leave.

    Parameters
    ----------
    scans : Ground
        All scans of the role.
    sorted_ : Sorted
        Their tiers.
    rows : numpy.ndarray of int, shape (N,)
        Positions of those that are shown.
    """

    scans: ScanTable
    sorted_: SortedScans
    rows: NDArray[np.intp]


def body(workspace: Workspace) -> None:
    """Draw the page."""
    progress.background_note(workspace, workspace.scores_path)
    roles = [role for role in ROLES if len(scan_arrays.of(workspace, role).scans)]
    if not roles:
        frame.nothing_yet(
            "There is no scan to explore yet.",
            "Add a source of scans on the page Cohort.",
            "cohort",
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        scans = scan_arrays.of(workspace, _choose_role(roles))
        _find(scans)
        view = _filtered(workspace, scans)
    if found := state.get(state.FOUND):
        st.caption(formatting.escape(found))
    if not explore_plots.measured(scans):
        frame.nothing_yet(
            "None of these scans is measured yet.",
            "The plots show scores and metrics. Start the scoring on the page Cohort.",
            "cohort",
        )
        return
    if not len(view.rows):
        st.info("No scan matches these filters. Widen them above.")
        return
    _plots(view)
    selected_scans.show(workspace, view.scans, view.rows, view.sorted_)


def _choose_role(roles: list[Role]) -> Role:
    role: Role = state.keep_one_of(state.ROLE, roles)
    st.segmented_control(
        "Scans",
        roles,
        key=state.ROLE,
        required=True,
        label_visibility="collapsed",
        format_func=lambda r: "Pretraining pool" if r == "pool" else "Target cohort",
        persist_state="session",
    )
    return role


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
    """Search for scans whose name holds the words, and empty the field."""
    words = (state.get(state.FIND) or "").strip()
    state.put(state.FIND, "")
    if words:
        ids = scans.scans["scan_id"]
        found = ids[ids.str.contains(words, case=False, regex=False)].tolist()
        selected_scans.found(linked_plots.mode(), words, found)


def _filtered(workspace: Workspace, scans: ScanTable) -> View:
    rule, _ = state.rule()
    sorted_ = scan_arrays.sort(scans, rule, overrides.in_force(workspace))
    there = [rule.labels[code] for code in np.unique(sorted_.codes)]
    state.keep_among(state.EXPLORED_TIERS, there)
    state.keep_among(state.EXPLORED_SITES, list(scans.sites))
    on = any(map(state.get, (state.EXPLORED_TIERS, state.EXPLORED_SITES, state.LISTS)))
    label = "Filter (on)" if on else "Filter"
    with st.popover(label, icon=":material/filter_list:", key="explore-filter"):
        names = st.multiselect(
            "Tiers, by the rule on the page Tiers",
            there,
            key=state.EXPLORED_TIERS,
            placeholder="all",
            persist_state="session",
        )
        sites = st.multiselect(
            "Sites",
            scans.sites,
            key=state.EXPLORED_SITES,
            placeholder="all",
            persist_state="session",
        )
        listed = scan_lists.choose(workspace)
    keep = np.ones(len(scans.scans), dtype=bool)
    if names:
        keep &= np.isin(sorted_.codes, [rule.labels.index(name) for name in names])
    if sites:
        keep &= np.isin(scans.site_codes, [scans.sites.index(site) for site in sites])
    if listed is not None:
        keep &= scans.scans["scan_id"].isin(listed).to_numpy()
    return View(scans, sorted_, np.flatnonzero(keep))


# ---- the plots -------------------------------------------------------------------------------------


def _plots(view: View) -> None:
    scans, rows = view.scans, view.rows
    rule = view.sorted_.rule
    panels = explore_plots.panels(scans, rows, *_axes(explore_plots.measured(scans)))
    names = scans.scores.scan_ids[rows]
    colours = tier_rule.colours(rule)
    place = names.get_indexer([state.get(state.SCAN)])[0] if state.get(state.SCAN) else -1
    shown = Shown(
        panels,
        names,
        view.sorted_.codes[rows],
        tuple(colours[name] for name in rule.labels),
        int(place) if place >= 0 else None,
    )
    legend = _legend(view, shown.dense)
    linked_plots.show(
        shown,
        legend,
        selected_scans.positions(names),
        lambda chosen: selected_scans.put(scans, rows, chosen),
    )
    if shown.dense:
        st.caption(f"{len(rows):,} scans are drawn as density. Select with a box or a lasso.")
    if said := explore_plots.embedding_said(explore_plots.all_metrics(scans)):
        st.caption(formatting.escape(said))


def _axes(measured: list[str]) -> tuple[str, tuple[str, str], str]:
    """Draw what chooses the axes."""
    one, two = explore_plots.usual(measured)
    usual = {
        state.AGAINST: one,
        state.PAIR_ALONG: one,
        state.PAIR_UP: two,
        state.BY_SITE: SCORE if SCORE in measured else one,
    }
    labels = ("Score against", "Two metrics: across", "Two metrics: up", "By site")
    with st.container(key="axes"):
        columns = st.columns(4)
    for column, (key, first), label in zip(columns, usual.items(), labels, strict=True):
        if state.get(key) not in measured:
            state.put(key, first)
        column.selectbox(
            label,
            measured,
            key=key,
            format_func=lambda name: RULE_COLUMNS[name].label,
            persist_state="session",
        )
    against, along, up, by_site = (state.get(key) for key in usual)
    return against, (along, up), by_site


def _legend(view: View, dense: bool) -> list[tuple[str, str]]:
    """Return what the colours stand for: pairs of a colour and its words."""
    if dense:
        return [("#102A43", "many scans"), ("#9FB3C8", "few"), (linked_plots.CHOSEN, "selected")]
    rule, codes = view.sorted_.rule, view.sorted_.codes[view.rows]
    found = np.bincount(codes, minlength=len(rule.labels)).tolist()
    colours = tier_rule.colours(rule)
    return [
        (colours[name], f"{name if name == UNSCORED else html_marks.tier_label(name)}: {count:,}")
        for name, count in zip(rule.labels, found, strict=True)
        if count
    ]


frame.show("explore", body)
