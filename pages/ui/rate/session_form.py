"""Form of a rating session, and the list of what was rated in it so far.

The form is a fragment of its own, so that a key press does not redraw the image.
"""

import html
import time

import streamlit as st

from curation.errors import TierscopeError
from curation.ratings import artefact_places
from curation.ratings.rating_record import ARTEFACTS, Opinion
from curation.ratings.scales import SCALES, Scale, find_scale
from curation.sessions import session_log
from curation.sessions.session_plan import Session
from curation.storage.workspace import Workspace
from pages.ui.rate import rating_draft, rating_keys
from pages.ui.rate.rating_draft import RatingDraft
from pages.ui.review import level_buttons
from pages.ui.shell import controls, formatting, frame, page_scripts, person, state

#: A press on an untouched form that follows the last save so soon, in s, belongs to it.
DOUBLED_S = 1.0
_FORM = "session"
#: From more places than these on the list of those rated is so high, and scrolls.
_LISTED, _LIST_PX = 8, 340


def show(workspace: Workspace, session: Session, draft: RatingDraft, shown: dict) -> None:
    """Draw the form for the session's present scan; nothing is preselected.

    Parameters
    ----------
    workspace, session
        What is rated.
    draft : RatingDraft
        What is chosen already.
    shown : dict
        What the rater saw, stored with the rating.
    """
    note = state.get(state.SESSION_NOTE)
    state.put(state.SESSION_NOTE, None)
    if note:
        st.info(formatting.escape(note))
    _form(workspace, session, draft, shown)


@st.fragment
def _form(workspace: Workspace, session: Session, draft: RatingDraft, shown: dict) -> None:
    person.notice_pause()
    if person.in_doubt():
        st.rerun()
    if draft.given_back:  # marks are on the image, which is no part of this
        draft.given_back = False
        st.rerun()
    with frame.in_words():
        scale = find_scale(workspace, session.plan.scale)
        unrated = draft.wants_save and draft.value is None and not _doubled(session, draft)
        if draft.wants_save:
            _save(workspace, session, draft, shown)
        place = f"{session.id}-{session.position}-{session.attempt}"
        with st.container(horizontal=True, gap="small", key="judging"):
            with st.container():
                _levels(scale, draft, place, unrated)
            with st.container():
                _sureness(scale, draft, place)
        _artefacts(draft, place)
        _comment(draft, place)
        st.button(
            "Save and next" if session.done + 1 < session.total else "Save and finish",
            type="primary",
            shortcut=rating_keys.NEXT,
            key=f"save-{place}",
            on_click=draft.save,
            width="stretch",
        )
        with st.container(key="out-of-sight"):
            st.button(
                f"Save ({rating_keys.EARLIER_NEXT})",
                shortcut=rating_keys.EARLIER_NEXT,
                key=f"as-before-{place}",
                on_click=draft.save,
            )
        for script in (controls.FIELD_KEYS, controls.PRESSED):
            controls.listen(script)
        _keep(workspace, session, draft)
        draft.offer()
        # an own scale's stand below its levels
        if scale.name in SCALES and (said := level_buttons.meanings(scale)):
            st.caption(said)
        st.caption(
            f"Keys: {rating_keys.in_words(scale)}. *Rated*, above, takes back the rating of any one scan."
        )


def _doubled(session: Session, draft: RatingDraft) -> bool:
    """Return whether a press belongs to the rating before: nobody has seen this scan yet."""
    soon = time.monotonic() - draft.offered < DOUBLED_S
    return soon and session.done > 0 and not draft.entered


def _keep(workspace: Workspace, session: Session, draft: RatingDraft) -> None:
    """Have the tab keep the draft, and take what it has kept where the server was started anew."""
    where = rating_draft.place_of(workspace, session)
    page_scripts.keep_entered(_FORM, where, draft.holder, draft.entered, draft.take)


def _save(workspace: Workspace, session: Session, draft: RatingDraft, shown: dict) -> None:
    """Save the draft and go on; a second press for the same scan changes nothing."""
    draft.wants_save = False
    if draft.value is None:
        return
    try:
        session_log.save(
            workspace,
            session.id,
            draft.position,
            Opinion(
                draft.value,
                confidence=draft.confidence,
                artefacts=[key for key in ARTEFACTS if key in draft.artefacts],
                comment=draft.comment,
                seconds=round(rating_draft.seconds_on_screen(session), 1),
                shown=artefact_places.into(shown | {"windows": draft.windows}, draft.places),
            ),
            attempt=draft.attempt,
        )
    except TierscopeError as error:
        now = session_log.load(workspace, session.id)
        if now.position == session.position and not now.ended:
            raise
        if not now.ended:  # else its end says it
            state.put(state.SESSION_NOTE, str(error))
    rating_draft.forget(workspace, session, draft)
    st.rerun()


# ---- what was rated so far --------------------------------------------------------------------------


def offer_any_back(session: Session) -> None:
    """Draw the list of places that are rated, by number and rating alone, and the way to take one back."""
    changed = f"{session.id}-{session.done}-{sum(session.attempts.values())}"  # then it is closed
    key = f"take-back-{changed}"
    listed = {number: position for position, number in sorted(session.rated.items(), reverse=True)}

    def take_back() -> None:
        if (chosen := state.get(key)) is not None:
            state.put(state.UNDO, (session.id, chosen))

    with (
        st.popover("Rated", icon=":material/list:", key=f"rated-{changed}"),
        st.form(f"rated-so-far-{changed}", border=False),
    ):
        st.caption(
            "Takes back the rating of one scan. It comes again with what you had marked; the others stay."
        )
        with st.container(height=_LIST_PX if len(listed) > _LISTED else "content", border=False):
            st.radio(
                "Rated so far",
                list(listed),
                index=None,
                format_func=lambda number: _place_in_words(session, listed.get(number)),
                key=key,
                label_visibility="collapsed",
            )
        st.form_submit_button("Take it back", icon=":material/undo:", on_click=take_back)


def _place_in_words(session: Session, position: int | None) -> str:
    if position is None:
        return ""
    return formatting.escape(f"Scan {position + 1:,}: {session.words[position]}")


# ---- the parts of the form -------------------------------------------------------------------------


def _levels(scale: Scale, draft: RatingDraft, place: str, unrated: bool) -> None:
    """Draw the levels; that one must be chosen is said in their own line, so that nothing is moved."""
    if unrated:
        st.html(
            '<div class="ts-asked"><b>How good is this scan?</b> '
            '<span role="alert">Choose a rating first.</span></div>'
        )
    elif draft.said:
        said = html.escape(draft.said)
        st.html(
            f'<div class="ts-told"><b>How good is this scan?</b> <span role="status">{said}</span></div>'
        )
    else:
        st.markdown("**How good is this scan?**")
    level_buttons.show(scale, draft.value, draft.choose, place)


def _sureness(scale: Scale, draft: RatingDraft, place: str) -> None:
    st.markdown("**How sure are you?** *(optional)*")
    digits = rating_keys.confidence_keys(scale)
    with st.container(horizontal=True, key="sureness", gap="small"):
        for step, word in rating_keys.SURE.items():
            st.button(
                word,
                key=f"sure-{place}-{step}",
                shortcut=digits[step],
                type="primary" if draft.confidence == step else "secondary",
                on_click=draft.be_sure,
                args=(step,),
            )


def _artefacts(draft: RatingDraft, place: str) -> None:
    st.markdown("**What is wrong with it?** *(optional, any number)*")
    with st.container(key="artefacts"):
        for artefact in ARTEFACTS.values():
            st.button(
                _short(artefact.label),
                key=f"artefact-{place}-{artefact.key}",
                width="stretch",
                shortcut=rating_keys.ARTEFACT_KEYS[artefact.key],
                type="primary" if artefact.key in draft.artefacts else "secondary",
                on_click=draft.toggle,
                args=(artefact.key,),
            )


def _short(label: str) -> str:
    """Return a label without its part in brackets."""
    return label.partition(" (")[0]


def _comment(draft: RatingDraft, place: str) -> None:
    level_buttons.comment_field(
        page_scripts.comment_key(_FORM, place),
        rating_keys.COMMENT,
        draft.comment,
        draft.say,
        placeholder="what you see, and where",
    )
