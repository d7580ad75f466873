"""Lists of scans: the choice of a role, saved lists as a filter, and the buttons Previous and Next.

Every press of a button counts, also one that comes while the page is still being drawn.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from curation.storage.workspace import Role, Workspace
from pages.ui.shell import cache, controls, page_scripts, state

#: Label, key, icon and direction of the two buttons.
_STEPS = (
    ("Previous", "P", ":material/chevron_left:", -1),
    ("Next", "N", ":material/chevron_right:", 1),
)


# ---- what is listed ------------------------------------------------------------------------------


def choose_role(roles: Sequence[Role]) -> Role:
    """Draw the choice between the pretraining pool and the target cohort, and return it."""
    return controls.choose_segment(
        "Scans",
        roles,
        key=state.ROLE,
        format_func=lambda role: "Pretraining pool" if role == "pool" else "Target cohort",
    )


def choose_lists(workspace: Workspace) -> frozenset[str] | None:
    """Draw the choice of saved lists, if any; return the ids on the chosen ones, ``None`` for all scans."""
    saved = {one.id: f"{one.name} ({one.scans:,})" for one in cache.scan_lists(workspace)}
    if not saved:
        state.put(state.LISTS, [])
        return None
    chosen = controls.choose_several(
        "On any of these lists",
        list(saved),
        key=state.LISTS,
        format_func=lambda number: saved.get(number, str(number)),
    )
    return cache.listed_scans(workspace, tuple(chosen)) if chosen else None


# ---- previous and next ---------------------------------------------------------------------------


def step_buttons(name: str, count: int, at: Callable[[], int], put: Callable[[int], None]) -> None:
    """Draw the buttons, with their keys.

    Parameters
    ----------
    name : str
        Of the list, for the page.
    count : int
        How many places there are.
    at : callable
        Returns where one is, counted from 0. It is asked again at each press: a run of the page that was
        cut short by one has not drawn where that press led.
    put : callable
        Called with the new place, before the page runs again.
    """

    def go(by: int) -> None:
        put(min(max(at() + by, 0), count - 1))

    steps, place = [], at()
    for label, key, icon, by in _STEPS:
        own = f"{name}-{label.lower()}"
        steps.append({"key": key, "name": own, "by": by})
        st.button(
            label,
            icon=icon,
            shortcut=key,
            key=own,
            disabled=not 0 <= place + by < count,
            on_click=go,
            args=(by,),
        )
    listener = f"listener-{name}"

    def heard() -> None:
        if by := _fresh(getattr(st.session_state.get(listener), "moved", None)):
            go(by)

    since, far = state.get(state.STEPS) or (None, 0)
    heard_of = {"since": since, "far": far}
    data = {"steps": steps, "heard": heard_of, "session": page_scripts.session()}
    page_scripts.component("steps")(key=listener, height=1, data=data, on_moved_change=heard)


def _fresh(report: Any) -> int:
    """Return the browser's steps since its last report."""
    if not isinstance(report, Mapping) or not isinstance(report.get("far"), int):
        return 0
    since, far = state.get(state.STEPS) or (None, 0)
    before = far if since == report.get("since") else 0
    state.put(state.STEPS, (report.get("since"), report["far"]))
    return int(report["far"]) - before
