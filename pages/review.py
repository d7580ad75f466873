"""Review: is this scan good? The image, what was measured on it, and what people say of it."""

from pathlib import Path

import pandas as pd
import streamlit as st

from curation import ratings, tiers
from curation.errors import VolumeError
from curation.workspace import Workspace
from pages.ui import (
    cached,
    frame,
    metrics_panel,
    rating_panel,
    scan_panel,
    state,
    summaries,
    text,
    viewer,
)


def body(workspace: Workspace) -> None:
    """Draw the page."""
    rule, _ = state.rule()
    scored = cached.scored_scans(workspace)
    usable = scored[scored["status"] == "ok"]
    if usable.empty:
        frame.nothing_yet(
            "There is no scan to look at yet.",
            "Add a source of scans on the page Cohort.",
            "cohort",
        )
        return
    usable = usable.assign(tier=tiers.assign(usable["distortion_score"], rule))
    _open_pending(usable)
    scan, following = _choose(workspace, usable)
    if scan is None:
        st.info("No scan matches this choice. Widen it above.")
        return
    with st.container(horizontal=True, key="split-review", gap="medium"):
        with st.container(width="stretch"):
            _viewer(scan)
        with st.container(width=470):
            scan_panel.scores(scan)
            rating_panel.rate(workspace, scan["scan_id"], following)
    metrics_panel.show(workspace, scan)


# ---- which scan ------------------------------------------------------------------------------------


def _open_pending(usable: pd.DataFrame) -> None:
    pending = state.get(state.PENDING_SCAN)
    if pending in set(usable["scan_id"]):
        state.put(state.SCAN, pending)
    state.put(state.PENDING_SCAN, None)


def _choose(workspace: Workspace, usable: pd.DataFrame) -> tuple[pd.Series | None, str | None]:
    """Draw the bar that chooses a scan; return it, and the id of the one after it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        steps = st.container(horizontal=True, width="content", vertical_alignment="center")
        pick = st.container(width="stretch")
        listed = _listed(workspace, usable)
    ids = listed["scan_id"].tolist()
    if not ids:
        return None, None
    with pick:
        position = ids.index(_pick(listed))
    with steps:
        _step_buttons(ids, position)
    following = ids[position + 1] if position + 1 < len(ids) else None
    return listed.iloc[position], following


def _pick(listed: pd.DataFrame) -> str:
    ids = listed["scan_id"].tolist()
    words = dict(zip(ids, map(_option, listed.itertuples()), strict=True))
    state.keep_one_of(state.SCAN, ids)
    st.selectbox(
        "Scan", ids, key=state.SCAN, format_func=lambda i: words.get(i, i),
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    return state.get(state.SCAN)


def _option(row) -> str:  # type: ignore[no-untyped-def]
    return f"{row.scan_id}  ·  score {text.number(row.distortion_score, 0)}  ·  {row.tier}"


def _listed(workspace: Workspace, usable: pd.DataFrame) -> pd.DataFrame:
    sort = state.keep_one_of(state.SORT, list(summaries.SORTS))
    st.selectbox(
        "Order", list(summaries.SORTS), key=state.SORT, width=140,
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    with st.popover("Filter", icon=":material/filter_list:"):
        sources = st.multiselect(
            "Sources", sorted(usable["source"].unique()), key=state.SOURCES,
            placeholder="all", persist_state="session",
        )  # fmt: skip
        names = st.multiselect(
            "Tiers, by the cut-offs on the page Tiers", sorted(usable["tier"].unique()),
            key=state.TIERS, placeholder="all", persist_state="session",
        )  # fmt: skip
        unrated = st.toggle(
            "Only scans without a rating", key=state.UNRATED_ONLY, persist_state="session"
        )
    rated = set(ratings.list_ratings(workspace)["scan_id"]) if unrated else set()
    return summaries.review_list(
        usable, sort=sort, sources=sources, tier_names=names, leave_out=rated
    )


def _step_buttons(ids: list[str], position: int) -> None:
    for label, step, icon, key in (
        ("Previous", -1, ":material/chevron_left:", "P"),
        ("Next", 1, ":material/chevron_right:", "N"),
    ):
        there = 0 <= position + step < len(ids)
        st.button(
            label, icon=icon, shortcut=key, disabled=not there,
            on_click=state.put, args=(state.SCAN, ids[position + step] if there else ids[position]),
        )  # fmt: skip
    st.markdown(f"{position + 1:,} of {len(ids):,}", width="content")


# ---- the image -------------------------------------------------------------------------------------


def _viewer(scan: pd.Series) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        view = state.keep_one_of(state.VIEW, list(viewer.VIEWS))
        st.segmented_control(
            "View", list(viewer.VIEWS), key=state.VIEW, required=True,
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        window = state.keep_one_of(state.WINDOW, list(viewer.WINDOWS))
        st.segmented_control(
            "Window", list(viewer.WINDOWS), key=state.WINDOW, required=True,
            label_visibility="collapsed", persist_state="session",
            help=" · ".join(f"{w.label}: {w.meaning}" for w in viewer.WINDOWS.values()),
        )  # fmt: skip
    with st.container(key="viewer"):
        try:
            image = viewer.prepared(Path(scan["path"]), window)
        except VolumeError as error:
            st.error(f"This scan cannot be shown: {text.escape(str(error))}")
            return
        st.html(scan_panel.caption(scan))
        viewer.show(image, scan_id=scan["scan_id"], view=view)
        st.html(scan_panel.foot(image, window))
    for warning in image.warnings:
        st.warning(text.escape(warning))


frame.show("review", body)
