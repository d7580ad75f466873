"""Page Rate (what do raters say?): rating sessions, agreement, cut-off suggested by ratings, history."""

from curation.storage.workspace import Workspace
from pages.ui.rate import (
    agreement_panel,
    cutoff_panel,
    history_panel,
    rating_draft,
    session_screen,
    session_start,
)
from pages.ui.shell import cache, controls, frame, state, summaries
from pages.ui.viewer import user_window

_PARTS = {
    "Rate": session_start.show,
    "Agreement": agreement_panel.show,
    "Cut-off": cutoff_panel.show,
    "History": history_panel.show,
}


def body(workspace: Workspace) -> None:
    """Draw the page: the open session and nothing else, or one of the parts."""
    session = rating_draft.load_session(workspace)
    if session is not None:
        session_screen.show(workspace, session)
        return
    if summaries.usable(cache.scored_scans(workspace)).empty:
        frame.nothing_yet(
            "There is no scan to rate yet.", "Add a source of scans on the page Cohort.", "cohort"
        )
        return
    part = controls.choose_segment("Part", list(_PARTS), key=state.RATE_PART)
    _PARTS[part](workspace)


rating_draft.take_from_address()
user_window.take_from_address()
_rating = rating_draft.open_session_id() is not None
frame.show("rate", body, quiet=_rating, compact=_rating)
