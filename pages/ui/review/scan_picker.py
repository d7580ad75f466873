"""Scan picker of Review: the bar that orders, filters and steps through the list of scans."""

from collections.abc import Callable, Sequence

import pandas as pd
import streamlit as st

from curation.storage.workspace import Workspace
from curation.tiers import overrides
from pages.ui.scan_table import tagging, tried_rule
from pages.ui.shell import cache, controls, flags, formatting, frame, scan_lists, state, summaries

_ADDRESS = "scan"


def usable_scans(workspace: Workspace) -> pd.DataFrame | None:
    """Return the usable scans with their tiers; with none, show the next step.

    ``tier_by_hand`` is the reason where ``tier`` is by hand, ``by_hand`` whether it is.
    """
    rule, _ = tried_rule.current()
    usable = summaries.usable(cache.scored_scans(workspace))
    if usable.empty:
        frame.nothing_yet(
            "There is no scan to look at yet.",
            "Add a source of scans on the page Cohort.",
            "cohort",
        )
        return None
    reasons = overrides.reasons(workspace, usable, rule)
    return usable.assign(
        tier=overrides.tiers_with_overrides(workspace, usable, rule),
        tier_by_hand=reasons,
        by_hand=reasons.notna(),
    )


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
    usable, selected = _worklist(usable)
    with st.container(horizontal=True, vertical_alignment="center", key="picker"):
        bar = st.container(horizontal=True, width="content", vertical_alignment="center")
        pick = st.container(width="stretch", key="pick")
        among = listed(workspace, usable, alike=walked_alike())
    hidden = _hidden_by_filters(usable, among)
    among = pd.concat([hidden, among])
    ids = among["scan_id"].tolist()
    if not ids:
        return None, None
    with pick:
        position = ids.index(_pick(among))
    with bar:
        _step_buttons(ids, selected, outside=len(hidden))
    if st.query_params.get(_ADDRESS) != ids[position]:
        st.query_params[_ADDRESS] = ids[position]
    following = ids[position + 1] if position + 1 < len(ids) else None
    return among.iloc[position], following


def _open_pending(usable: pd.DataFrame) -> None:
    pending = state.get(state.PENDING_SCAN)
    if pending is not None and pending in set(usable["scan_id"]):
        controls.move(state.SCAN, pending)
        state.put(state.ASKED_SCAN, pending)
    elif pending is not None:
        frame.report(f"There is no usable scan {pending} in this workspace; another one is shown.")
    state.put(state.PENDING_SCAN, None)


def _hidden_by_filters(usable: pd.DataFrame, among: pd.DataFrame) -> pd.DataFrame:
    """Return the scan that was asked for, while it is open and the filters hide it; else no row."""
    asked = state.get(state.ASKED_SCAN)
    if asked != state.get(state.SCAN):
        return usable.iloc[:0]
    return usable[(usable["scan_id"] == asked) & ~usable["scan_id"].isin(among["scan_id"])]


def take_from_address() -> None:
    """Open the scan that the address names, where this session has opened none: it outlives a reload so."""
    named = st.query_params.get(_ADDRESS)
    if named and state.get(state.SCAN) is None and state.get(state.PENDING_SCAN) is None:
        state.put(state.PENDING_SCAN, named)


def _worklist(usable: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """Return the scans that are selected, while one of them is open from there; else all."""
    selected = usable["scan_id"].isin(state.get(state.SELECTED) or ())
    opened = state.get(state.SCAN)
    if state.get(state.WORKLIST) and opened in set(usable.loc[selected, "scan_id"]):
        return usable[selected], True
    state.put(state.WORKLIST, False)
    return usable, False


def walked_alike() -> tuple[str, ...]:
    """Return the scan and those most like it, nearest first, that are walked through; none elsewhere."""
    alike = state.get(state.ALIKE, ())
    return alike if state.get(state.WORKLIST) and alike == state.get(state.SELECTED) else ()


def _pick(listed: pd.DataFrame) -> str:
    ids = listed["scan_id"].tolist()
    listed = listed.reindex(columns=["scan_id", "distortion_score", "score_high", "tier"])
    words = {
        row.scan_id: f"{row.scan_id}  ·  score {formatting.score(row.distortion_score, row.score_high)}  ·  "
        f"{row.tier}"
        for row in listed.itertuples()
    }
    return controls.choose_movable(
        st.selectbox,
        "Scan",
        ids,
        key=state.SCAN,
        format_func=lambda i: words.get(i, i),
        label_visibility="collapsed",
    )


def listed(
    workspace: Workspace,
    usable: pd.DataFrame,
    first: Callable[[], None] | None = None,
    alike: Sequence[str] = (),
) -> pd.DataFrame:
    """Draw order and filters of the list, and return the scans that they leave, in order.

    Parameters
    ----------
    workspace : Workspace
        For the ratings that narrow the list.
    usable : pandas.DataFrame
        The scans to choose from, with ``tier``.
    first : callable, optional
        Draws what stands before it.
    alike : sequence of str
        Ids in the order of their likeness, which is offered as the first order then.
    """
    if first:
        first()
    sort = controls.choose(
        st.selectbox,
        "Order",
        [*([summaries.BY_LIKENESS] if alike else []), *summaries.SORTS],
        key=state.ALIKE_SORT if alike else state.SORT,
        width=140,
        label_visibility="collapsed",
    )
    recognised = flags.flags_of_workspace(workspace)
    sources, names, chosen, unrated, on_lists = _filters(workspace, usable, recognised)
    usable = usable[tagging.keeps(workspace, usable["scan_id"])]
    if on_lists is not None:
        usable = usable[usable["scan_id"].isin(on_lists)]
    return summaries.review_list(
        usable,
        sort=sort,
        sources=sources,
        tier_names=names,
        leave_out=cache.rated(workspace) if unrated else (),
        only=flags.scans_with(recognised, chosen) if chosen else None,
        alike=alike,
    )


def _filters(
    workspace: Workspace, usable: pd.DataFrame, recognised: dict[str, dict[str, str]]
) -> tuple[list[str], list[str], list[str], bool, frozenset[str] | None]:
    """Draw the filters; return sources, tiers, flags, whether to leave out rated scans, and listed ids."""
    counts = flags.counts(recognised, set(usable["scan_id"]))
    source_names, tier_names = sorted(usable["source"].unique()), sorted(usable["tier"].unique())
    state.keep_among(state.SOURCES, source_names)
    state.keep_among(state.TIERS, tier_names)
    state.keep_among(state.FLAGS, list(counts))
    on = any(state.get(key) for key in state.REVIEW_FILTERS)
    with st.popover("Filter (on)" if on else "Filter", icon=":material/filter_list:", key="filter"):
        sources = controls.choose_several("Sources", source_names, key=state.SOURCES)
        tiers = controls.choose_several(
            "Tiers, by the cut-offs on the page Tiers", tier_names, key=state.TIERS
        )
        chosen = controls.choose_several(
            "With any of these flags",
            list(counts),
            key=state.FLAGS,
            format_func=lambda key: f"{flags.label(key)} {counts.get(key, 0):,}",
            disabled=not counts,
        )
        unrated = st.toggle(
            "Only scans without a rating", key=state.UNRATED_ONLY, persist_state="session"
        )
        tagging.choose_tags(workspace)
        on_lists = scan_lists.choose_lists(workspace)
    return sources, tiers, chosen, unrated, on_lists


def _step_buttons(ids: list[str], selected: bool, outside: int) -> None:
    def at() -> int:
        scan_id = state.get(state.SCAN)
        return ids.index(scan_id) if scan_id in ids else 0

    scan_lists.step_buttons(
        "scan", len(ids), at, lambda place: controls.move(state.SCAN, ids[place])
    )
    if outside:
        st.markdown(f"filtered out; {len(ids) - outside:,} listed", width="content")
    else:
        place = f"{at() + 1:,} of {len(ids):,}"
        st.markdown(f"{place} selected" if selected else place, width="content")
    if selected:
        st.button(
            "All scans",
            icon=":material/close:",
            key="leave-worklist",
            on_click=state.put,
            args=(state.WORKLIST, False),
            help="You walk through the scans that are selected; this leads back to all.",
        )
