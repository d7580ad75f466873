"""The open rating session of this browser, and the draft of the rating of its present scan.

The session's number stands in the address of the page, so that it outlives a restart. Drafts are held by the
server: a tab that is closed by mistake loses nothing. The tab keeps a copy for a server that is started
anew. Saved ratings are in the database, see :mod:`curation.sessions.session_log`.
"""

import math
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import streamlit as st

from curation.access import guard
from curation.errors import AccessError, RatingError
from curation.ratings import artefact_places, rating_log
from curation.ratings.artefact_places import Place
from curation.sessions import session_log
from curation.sessions.session_plan import Session
from curation.storage import files
from curation.storage.workspace import Workspace
from pages.ui.review import level_buttons
from pages.ui.shell import person, state

_ADDRESS = "session"
_DIGITS = 10
MAX_DRAFTS = 1000


# ---- the open session ----------------------------------------------------------------------------


def open_session_id() -> int | None:
    """Return the number of the open session."""
    return state.get(state.RATING_SESSION)


def take_from_address() -> None:
    """Open the session that the address names, where none is open."""
    named = st.query_params.get(_ADDRESS, "")
    if open_session_id() is None and named.isdecimal() and len(named) < _DIGITS:
        state.put(state.RATING_SESSION, int(named))


def open_session(session_id: int | None) -> None:
    """Open a session, or none; before anything is drawn, as a button's callback does."""
    state.put(state.RATING_SESSION, session_id)
    state.put(state.ON_SCREEN, None)
    state.put(state.SESSION_NOTE, None)
    state.put(state.IN_DOUBT, None)  # whoever opens it is asked by another way, or nobody rates
    state.put(state.EXPECTED, None)
    if session_id is None:
        st.query_params.pop(_ADDRESS, None)


def leave(rater: str) -> None:
    """Leave the open session; whoever goes on, with it or on Review, is asked who they are."""
    open_session(None)
    person.hand_on()
    person.expect(rater)


def open_for(session_id: int, rater: str) -> None:
    """Open a session by its button: whoever presses it is asked whether they are its rater, where unknown."""
    open_session(session_id)
    person.expect(rater)


def load_session(workspace: Workspace) -> Session | None:
    """Return the open session as it stands; ``None`` where none is open."""
    session_id = open_session_id()
    if session_id is None:
        return None
    try:
        session = session_log.load(workspace, session_id)
        guard.require_author(session.plan.rater)
    except (RatingError, AccessError):
        open_session(None)
        st.rerun()
    st.query_params[_ADDRESS] = str(session_id)
    return session


def seconds_on_screen(session: Session) -> float:
    """Return for how long the present scan has been shown here; the first call starts the clock."""
    return state.seconds_of(state.ON_SCREEN, (session.id, session.position, session.attempt))


# ---- the draft -----------------------------------------------------------------------------------


@dataclass
class RatingDraft:
    """A rating in the making.

    Parameters
    ----------
    position, attempt : int
        The place that it is for, see :class:`curation.sessions.session_plan.Session`.
    value, confidence, artefacts, comment
        What is chosen; nothing at first.
    windows : list of str
        Windows that the scan was looked at in.
    places : tuple of (x, y, z)
        Where artefacts were marked, in mm.
    wants_save : bool
        Whether the rater asked to save it.
    given_back : bool
        Whether something was filled in that the page as a whole has not drawn yet.
    said : str
        What the form says of it until a level is chosen.
    offered : float
        When the form was first drawn, by the clock of :func:`time.monotonic`; infinite before.
    holder : str
        A word that no other draft has: a tab tells by it whether this one knows what it has kept.
    """

    position: int
    attempt: int
    value: float | None = None
    confidence: int | None = None
    artefacts: list[str] = field(default_factory=list)
    comment: str = ""
    windows: list[str] = field(default_factory=list)
    places: tuple[Place, ...] = ()
    wants_save: bool = False
    given_back: bool = False
    said: str = ""
    offered: float = math.inf
    holder: str = field(default_factory=partial(secrets.token_hex, 8))

    @property
    def entered(self) -> dict[str, Any]:
        """What is chosen, in words that :meth:`take` understands; empty where nothing is."""
        held = {
            "value": self.value,
            "confidence": self.confidence,
            "artefacts": list(self.artefacts),
            "comment": self.comment,
            "places": [list(place) for place in self.places],
        }
        return {name: each for name, each in held.items() if each not in (None, [], "")}

    def take(self, entered: Mapping[str, Any]) -> None:
        """Fill in what was entered before, as far as it can be chosen; what was chosen since stands."""
        held = level_buttons.joined(entered, self.entered)
        self.value, self.confidence = held.get("value"), held.get("confidence")
        self.artefacts, self.comment = held.get("artefacts", []), held.get("comment", "")
        self.places = held.get("places", ())
        self.given_back = True

    def offer(self) -> None:
        """Note when the form was first drawn."""
        self.offered = min(self.offered, time.monotonic())

    def toggle(self, artefact: str) -> None:
        """Tag an artefact, or take the tag away."""
        if artefact in self.artefacts:
            self.artefacts.remove(artefact)
        else:
            self.artefacts.append(artefact)

    def choose(self, value: float) -> None:
        """Choose a level."""
        self.value, self.said = value, ""

    def be_sure(self, step: int) -> None:
        """Say how sure one is; the same again takes it back."""
        self.confidence = None if self.confidence == step else step

    def say(self, comment: str) -> None:
        """Comment on the scan."""
        self.comment = comment

    def mark(self, place: list[float]) -> None:
        """Mark a place, or take its mark away."""
        self.places = artefact_places.toggled(self.places, place)

    def save(self) -> None:
        """Ask to be saved; done by the page as soon as it runs."""
        self.wants_save = True


def draft_of(workspace: Workspace, session: Session) -> RatingDraft:
    """Return the draft for the session's present position; an empty one where the position is new."""
    return _draft_at(workspace, session, session.position)


def _draft_at(workspace: Workspace, session: Session, position: int) -> RatingDraft:
    """Return the draft for a position: one that is left for a scan that comes again is there still."""
    kept, attempt = _all(), session.attempts.get(position, 0)
    key = (str(workspace.root), session.id, position, attempt)
    draft = kept.get(key)
    if draft is None:
        draft = kept[key] = RatingDraft(position, attempt)
        while len(kept) > MAX_DRAFTS:
            kept.pop(next(iter(kept)), None)
    return draft


def forget(workspace: Workspace, session: Session, draft: RatingDraft) -> None:
    """Drop a draft that was saved."""
    _all().pop((str(workspace.root), session.id, draft.position, draft.attempt), None)


def place_of(workspace: Workspace, session: Session) -> str:
    """Return a name of the session's present position that no other position of any session has."""
    which = (str(workspace.root), session.id, session.plan.name, session.position, session.attempt)
    return files.short_hash(repr(which))


def bring_back(workspace: Workspace, session: Session, position: int, rating_id: int) -> None:
    """Make what came with a rating that was just taken back the draft of its position.

    In a blinded session the rating itself and how sure one was are given anew. Where another scan comes
    first, the form of that one says that this one comes again.
    """
    given = rating_log.list_ratings(workspace, session.items[position].scan_id, withdrawn=True)
    taken = given[given["id"] == rating_id]
    if taken.empty or position in session.rated:
        return
    row, draft = taken.iloc[0], _draft_at(workspace, session, position)
    entered = {
        "artefacts": row["artefacts"],
        "comment": row["comment"],
        "places": artefact_places.of(row["shown"]),
    }
    if not session.plan.blinded:
        entered |= {"value": row["value"], "confidence": row["confidence"]}
    draft.take(entered)
    draft.given_back = False
    draft.said = f"Rating taken back{': rate anew' if session.plan.blinded else ''}."
    if position != session.position:
        draft_of(workspace, session).said = f"Scan {position + 1:,} comes again, too."


@st.cache_resource(show_spinner=False)
def _all() -> dict[tuple[str, int, int, int], RatingDraft]:
    return {}
