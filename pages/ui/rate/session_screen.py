"""Screen of a rating session: the image, the form, and nothing else.

While a session is blinded nothing of what it hides may leave the server: not the scan's id, not its path,
person, site, scores or other ratings, and no error that names them. The browser gets the scan's place.
"""

import html
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from curation.errors import TierscopeError, VolumeError
from curation.ratings.scales import find_scale
from curation.sessions import session_log, unblinding
from curation.sessions.session_plan import Session
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from pages.ui.rate import rating_draft, rating_keys, session_end, session_form
from pages.ui.rate.rating_draft import RatingDraft
from pages.ui.review import image_panel, level_buttons, scan_judgement, scan_panel
from pages.ui.scan_table import tried_rule
from pages.ui.shell import background_tasks, cache, formatting, frame, person, state
from pages.ui.shell.state import Key
from pages.ui.viewer import face_view, niivue_viewer, place_marks, user_window
from pages.ui.viewer.browser_image import PreparedImage
from pages.ui.viewer.display_window import AIR_WINDOW, FIRST_WINDOW

#: Width of the form beside the image.
FORM_PX = 380
HIDDEN = ("name", "age", "sex", "group", "site", "path", "scores", "tier", "other ratings")


def show(workspace: Workspace, session: Session) -> None:
    """Draw the next scan of a session, or its end; where its rater may not be the one here, ask first.

    Of a session that is finished and was shown nothing can be changed any more: whoever looks at it is asked
    nothing.
    """
    doubted = person.may_be_another(session.plan.rater) or person.in_doubt()
    if doubted and not (session.finished and unblinding.is_unblinded(workspace, session)):
        rating_draft.draft_of(workspace, session).wants_save = False  # whoever asked for it
        _ask_who(workspace, session)
        return
    session = _undone(workspace, session)
    _bar(workspace, session)
    if session.finished:
        session_end.show(workspace, session)
        return
    rating_draft.seconds_on_screen(session)
    draft = rating_draft.draft_of(workspace, session)
    scan = _scan(workspace, session, session.position)
    following = _scan(workspace, session, _after(session))
    person.note_view(workspace, session.items[session.position].scan_id)
    # not scan by scan: a view that is offered of some alone would tell which they are
    solid = face_view.any_may(workspace)
    window = _window(session)
    with st.container(horizontal=True, key="split-rate", gap="medium"):
        with st.container(width="stretch"):
            seen = _image(session, scan, following, window, draft, solid=solid)
        if (recorded := user_window.recorded(seen)) not in draft.windows:
            draft.windows.append(recorded)
        with st.container(width=FORM_PX, key="rating"):
            session_form.show(workspace, session, draft, _shown(session, draft, solid=solid))
            if not session.plan.blinded and scan is not None:
                _unblinded_facts(workspace, scan)


def _ask_who(workspace: Workspace, session: Session) -> None:
    """Ask whether the rater is here, and say what the levels mean before the first scan is seen."""
    rater = formatting.escape(session.plan.rater)
    with st.container(border=True):
        st.markdown(f"**Are you {rater}?**")
        st.markdown(
            f"{_why_asked(session.plan.rater)}What is rated in this session is saved as {rater}'s."
        )
        if session.shortfall and not session.rated:
            st.caption(session.shortfall)
        with frame.in_words():
            if said := level_buttons.meanings(find_scale(workspace, session.plan.scale)):
                st.markdown(f"What the levels mean: {said}.")
        with st.container(horizontal=True):
            st.button(
                f"Yes, I am {rater}",
                key="go-on-as-rater",
                type="primary",
                shortcut="Y",
                on_click=person.be,
                args=(session.plan.rater,),
            )
            st.button(
                "No, close the session",
                key="not-the-rater",
                on_click=rating_draft.open_session,
                args=(None,),
            )


def _why_asked(rater: str) -> str:
    if person.in_doubt():
        return "Nothing was done here for a while. "
    here = person.name()
    return (
        f"The name that works here is {formatting.escape(here)}. "
        if here not in ("", rater)
        else ""
    )


def _undone(workspace: Workspace, session: Session) -> Session:
    """Take back the rating that the rater asked to undo."""
    asked = state.get(state.UNDO)
    state.put(state.UNDO, None)
    if asked is None or asked[0] != session.id:
        return session
    places = {number: position for position, number in session.rated.items()}
    rating_draft.draft_of(workspace, session).wants_save = False  # it is left, and not looked at
    with frame.in_words():
        session = session_log.undo(workspace, session.id, asked[1])
        if asked[1] in places:
            rating_draft.bring_back(workspace, session, places[asked[1]], asked[1])
    return session


def _bar(workspace: Workspace, session: Session) -> None:
    """Draw where one is in the list, and the ways back."""
    final = session.finished and unblinding.is_unblinded(workspace, session)
    blinded = (", unblinded" if final else " · blinded") if session.plan.blinded else ""
    place = min(session.position + 1, session.total)
    with st.container(horizontal=True, vertical_alignment="center", key="session-bar"):
        words = f"Scan {place:,} of {session.total:,}"
        if session.finished:
            early = session.done < session.total
            words = f"Ended after {session.done:,} of {session.total:,}" if early else "Finished"
        st.html(
            f'<div class="ts-place"><h1>{words}</h1>'
            f'<span class="ts-muted"><span>{html.escape(session.plan.name)}</span><span> · '
            f"{html.escape(session.plan.rater)}{blinded}</span></span>"
            f"{_progress(session)}</div>",
            width="stretch",
        )
        st.button(
            "Undo",
            icon=":material/undo:",
            shortcut=rating_keys.UNDO,
            key=f"undo-{session.last}",
            disabled=session.last is None or final,
            on_click=state.put,
            args=(state.UNDO, (session.id, session.last)),
            help="Takes back the last rating. It stays in the records, marked as taken back.",
        )
        if session.rated and not final:
            session_form.offer_any_back(session)
        st.button(
            "Close" if session.finished else "Pause",
            icon=":material/close:",
            key="leave-session",
            on_click=rating_draft.leave,
            args=(session.plan.rater,),
            help="Everything saved is kept; go on at the same scan whenever you like.",
        )
        if session.plan.blinded and (session.rated or session.attempts) and not session.finished:
            session_end.offer_early(workspace, session)
        if not session.rated and not session.attempts:
            session_end.offer_take_back(workspace, session.id)


def _progress(session: Session) -> str:
    """Return the bar of what is rated; before anything is, what a session lacks in its place."""
    if session.shortfall and not (session.rated or session.attempts):
        return f'<span class="ts-lacks">{html.escape(session.shortfall)}</span>'
    done = session.done / session.total
    return f'<div class="ts-done"><span style="width:{100 * done:.1f}%"></span></div>'


def _scan(workspace: Workspace, session: Session, position: int) -> pd.Series | None:
    """Return the row of the scan at a position of the list; ``None`` behind its end."""
    if position >= session.total:
        return None
    scans = cache.scored_scans(workspace)
    found = scans[scans["scan_id"] == session.items[position].scan_id]
    return None if found.empty else found.iloc[0]


def _after(session: Session) -> int:
    """Return the next position without a rating."""
    places = range(session.position + 1, session.total)
    return next((place for place in places if place not in session.rated), session.total)


# ---- the image -------------------------------------------------------------------------------------


def scan_label(session: Session) -> str:
    """Return the name of a scan on the screen: its id, or its position while blinded."""
    if session.plan.blinded:
        return f"Scan {session.position + 1} of {session.total}"
    return session.items[session.position].scan_id


def _window_key(session: Session) -> Key[str]:
    """Return the key of the window: one for all scans, unless each begins with the air."""
    return state.SESSION_WINDOW if session.plan.air_first else state.WINDOW


def _window(session: Session) -> str:
    """Return the window of the present scan: the rater's own choice, unless it begins with the air."""
    key, place = _window_key(session), _place(session)
    if session.plan.air_first and state.get(state.SESSION_WINDOW_OF) != place:
        state.put(state.SESSION_WINDOW_OF, place)
        user_window.choose_window(AIR_WINDOW, key)
    return user_window.current_window(key)


def _place(session: Session) -> tuple[int, int, int]:
    return session.id, session.position, session.attempt


def _tools(session: Session, window: str, *, solid: bool) -> tuple[DeltaGenerator, DeltaGenerator]:
    """Draw view and window.

    Returns where level and width of the window belong, and what is said of the first window.
    """
    key = _window_key(session)
    with st.container(horizontal=True, vertical_alignment="center", key="toolbar"):
        in_3d = niivue_viewer.choose_view(solid=solid) == niivue_viewer.SOLID
        user_window.toggle_button(window, key, disabled=in_3d)
        with (of_window := st.popover("Window", key="of-window")):
            user_window.choose_named(key, disabled=in_3d)
        of_first = st.empty()
    if not session.plan.air_first:
        user_window.keep_in_address(user_window.home_window(window))
    return of_window, of_first


def _level_and_width(
    session: Session, image: PreparedImage, on_change: Callable[[float, float], None], in_3d: bool
) -> None:
    """Draw the fields of level and width; their keys tell the scan's place, not the scan."""
    if in_3d:
        st.caption(image_panel.IN_3D)
        return
    with st.container(horizontal=True, vertical_alignment="center", key="level-width"):
        of = "-".join(map(str, (*_place(session), user_window.home_window(image.window))))
        user_window.level_and_width(image, of, on_change)


def _image(
    session: Session,
    scan: pd.Series | None,
    following: pd.Series | None,
    window: str,
    draft: RatingDraft,
    *,
    solid: bool,
) -> str:
    """Draw the scan, and return the window that it is seen in: without air another than was asked for."""
    of_window, of_first = _tools(session, window, solid=solid)
    prepare = partial(_prepared, session, scan)
    try:
        image = user_window.apply_window(window, prepare)
        home = prepare(user_window.home_window(window))
        set_window, set_on_image = user_window.setters(
            home, prepare(FIRST_WINDOW), _window_key(session)
        )
    except TierscopeError as error:
        why = "Why is hidden while you rate blind; the end of the session says it."
        st.error(
            "This scan cannot be drawn. "
            f"{why if session.plan.blinded else formatting.escape(str(error))} Rate it as what it "
            "is worth to you without an image, or pause."
        )
        return window
    if session.plan.air_first and image.window != FIRST_WINDOW:
        of_first.caption(f"Air first, as planned; {user_window.KEY} shows the tissue.")
    ahead, then = _file_of(following), _showing(session, _after(session))
    name, seen = scan_label(session), f"{image.window} window"
    in_3d = niivue_viewer.current_view(solid=solid) == niivue_viewer.SOLID
    with of_window:
        _level_and_width(session, image, set_window, in_3d)
    if in_3d:
        seen = image_panel.IN_3D
    with st.container(key="viewer"):
        if not session.plan.blinded:  # else the bar above says which place it has
            named = html.escape(name)
            st.html(f'<div class="ts-caption"><b title="{named}">{named}</b></div>')
        scan_panel.notes(image)
        image_panel.draw_image(
            image,
            name,
            place_marks.overlay(draft.places),
            key="niivue-session",
            solid=solid,
            home=(home.black, home.white),
            on_window=set_on_image,
            on_mark=draft.mark,
            following=None if ahead is None else niivue_viewer.address_of(ahead, then),
        )
        # in the line that is there: another one would move all that is pressed below it
        st.html(scan_panel.foot_line(image.oriented, f"{place_marks.counted(draft.places)}{seen}"))
    if ahead is not None:
        niivue_viewer.prefetch(ahead, then)
    return image.window if window == AIR_WINDOW else window


def _file_of(scan: pd.Series | None) -> Path | None:
    return None if scan is None or not isinstance(scan["path"], str) else Path(scan["path"])


def _showing(session: Session, position: int) -> tuple[int, int]:
    """Return the cache key of a position's image: a hidden repeat has an address of its own."""
    return session.id, position


def _prepared(session: Session, scan: pd.Series | None, window: str) -> PreparedImage:
    path = _file_of(scan)
    if path is None:
        raise VolumeError("It is not in the list of scans any more.")
    return niivue_viewer.prepare_scan(path, window, _showing(session, session.position))


# ---- what is known besides -------------------------------------------------------------------------


def _shown(session: Session, draft: RatingDraft, *, solid: bool) -> dict:
    """Return the display conditions that are stored with a rating."""
    return {
        "blinded": session.plan.blinded,
        "hidden": list(HIDDEN) if session.plan.blinded else [],
        "first_window": draft.windows[0],
        "view": niivue_viewer.current_view(solid=solid),
    }


def _unblinded_facts(workspace: Workspace, scan: pd.Series) -> None:
    rule, _ = tried_rule.current()
    with st.expander("What is known of this scan"), frame.in_words():
        tier = overrides.tiers_with_overrides(workspace, scan.to_frame().T, rule).iloc[0]
        with_tier = pd.concat([scan, pd.Series({"tier": tier})])
        judgement = scan_judgement.judgement_of(workspace, scan)
        scan_panel.scores(with_tier, judgement, waiting=background_tasks.when_scored(workspace))
