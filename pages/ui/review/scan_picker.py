"""Which scan Review shows: the bar that orders, narrows and steps through the list."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from curation.storage.workspace import Workspace
from pages.ui.shell import cache, controls, flags, formatting, scan_lists, state, summaries


def choose(workspace: Workspace, usable: pd.DataFrame) -> tuple[pd.Series | None, str | None]:
    """Draw the bar that chooses a scan.

    Parameters
    ----------
    workspace : Workspace
        For the ratings that narrow the list.
    usable : pandas.DataFrame
        The scans to choose from, with ``tier``.

    Returns
    -------
    scan : pandas.Series or None
        The row that was chosen; ``None`` where the filters leave none.
    following : str or None
        Id of the scan after it.
    """
    _open_pending(usable)
    with st.container(horizontal=True, vertical_alignment="center"):
        bar = st.container(horizontal=True, width="content", vertical_alignment="center")
        pick = st.container(width="stretch", key="pick")
        among = listed(workspace, usable)
    ids = among["scan_id"].tolist()
    if not ids:
        return None, None
    with pick:
        position = ids.index(_pick(among))
    with bar:
        _step_buttons(ids)
    following = ids[position + 1] if position + 1 < len(ids) else None
    return among.iloc[position], following


def _open_pending(usable: pd.DataFrame) -> None:
    pending = state.get(state.PENDING_SCAN)
    if pending in set(usable["scan_id"]):
        controls.put(state.SCAN, pending)
    state.put(state.PENDING_SCAN, None)


def _pick(listed: pd.DataFrame) -> str:
    ids = listed["scan_id"].tolist()
    columns = (listed[name] for name in ("scan_id", "distortion_score", "tier"))
    words = {
        scan_id: f"{scan_id}  ·  score {formatting.score(score)}  ·  {tier}"
        for scan_id, score, tier in zip(*columns, strict=True)
    }
    return controls.draw(
        st.selectbox,
        "Scan",
        ids,
        key=state.SCAN,
        format_func=lambda i: words.get(i, i),
        label_visibility="collapsed",
    )


def listed(
    workspace: Workspace, usable: pd.DataFrame, first: Callable[[], None] | None = None
) -> pd.DataFrame:
    """Draw what orders and narrows the list, and return the scans that it leaves, in order.

    Parameters
    ----------
    workspace : Workspace
        For the ratings that narrow the list.
    usable : pandas.DataFrame
        The scans to choose from, with ``tier``.
    first : callable, optional
        Draws what stands before it.
    """
    if first:
        first()
    sort = state.keep_one_of(state.SORT, list(summaries.SORTS))
    st.selectbox(
        "Order",
        list(summaries.SORTS),
        key=state.SORT,
        width=140,
        label_visibility="collapsed",
        persist_state="session",
    )
    recognised = flags.of_workspace(workspace)
    sources, names, chosen, unrated, on_lists = _filters(workspace, usable, recognised)
    if on_lists is not None:
        usable = usable[usable["scan_id"].isin(on_lists)]
    return summaries.review_list(
        usable,
        sort=sort,
        sources=sources,
        tier_names=names,
        leave_out=cache.rated(workspace) if unrated else (),
        only=flags.scans_with(recognised, chosen) if chosen else None,
    )


def _filters(
    workspace: Workspace, usable: pd.DataFrame, recognised: dict[str, dict[str, str]]
) -> tuple[list[str], list[str], list[str], bool, frozenset[str] | None]:
    """Draw what narrows the list; return sources, tiers, flags, whether to leave out the rated, and ids."""
    counts = flags.counts(recognised, set(usable["scan_id"]))
    options = {
        state.SOURCES: sorted(usable["source"].unique()),
        state.TIERS: sorted(usable["tier"].unique()),
        state.FLAGS: list(counts),
    }
    for key, values in options.items():
        state.keep_among(key, values)
    on = any(map(state.get, (*options, state.LISTS, state.UNRATED_ONLY)))
    with st.popover("Filter (on)" if on else "Filter", icon=":material/filter_list:", key="filter"):
        sources = st.multiselect(
            "Sources",
            options[state.SOURCES],
            key=state.SOURCES,
            placeholder="all",
            persist_state="session",
        )
        names = st.multiselect(
            "Tiers, by the cut-offs on the page Tiers",
            options[state.TIERS],
            key=state.TIERS,
            placeholder="all",
            persist_state="session",
        )
        chosen = st.multiselect(
            "Recognised as any of",
            options[state.FLAGS],
            key=state.FLAGS,
            placeholder="all",
            format_func=lambda key: f"{flags.label(key)} {counts.get(key, 0):,}",
            persist_state="session",
            disabled=not counts,
        )
        unrated = st.toggle(
            "Only scans without a rating", key=state.UNRATED_ONLY, persist_state="session"
        )
        on_lists = scan_lists.choose(workspace)
    return sources, names, chosen, unrated, on_lists


def _step_buttons(ids: list[str]) -> None:
    def at() -> int:
        return ids.index(state.get(state.SCAN)) if state.get(state.SCAN) in ids else 0

    scan_lists.buttons("scan", len(ids), at, lambda place: controls.put(state.SCAN, ids[place]))
    st.markdown(f"{at() + 1:,} of {len(ids):,}", width="content")
