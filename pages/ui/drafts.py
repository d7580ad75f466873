"""What is chosen for a scan of a session and not saved yet.

Kept in the server and not in the browser's tab: a tab that is closed by mistake loses nothing of it. What is
saved is in the database, see :mod:`curation.sessions`.
"""

from dataclasses import dataclass, field

import streamlit as st

from curation.plans import Session
from curation.workspace import Workspace

MAX_DRAFTS = 1000


@dataclass
class Draft:
    """A rating in the making.

    Parameters
    ----------
    position, attempt : int
        The place that it is for, see :class:`curation.plans.Session`.
    value, confidence, artefacts, comment
        What is chosen; nothing at first.
    windows : list of str
        Windows that the scan was looked at in.
    wants_save : bool
        Whether the rater asked to save it.
    """

    position: int
    attempt: int
    value: float | None = None
    confidence: int | None = None
    artefacts: list[str] = field(default_factory=list)
    comment: str = ""
    windows: list[str] = field(default_factory=list)
    wants_save: bool = False

    def toggle(self, artefact: str) -> None:
        """Tag an artefact, or take the tag away."""
        if artefact in self.artefacts:
            self.artefacts.remove(artefact)
        else:
            self.artefacts.append(artefact)

    def choose(self, value: float) -> None:
        """Choose a level."""
        self.value = value

    def be_sure(self, step: int) -> None:
        """Say how sure one is; the same again takes it back."""
        self.confidence = None if self.confidence == step else step

    def save(self) -> None:
        """Ask to be saved; done by the page as soon as it runs."""
        self.wants_save = True


def of(workspace: Workspace, session: Session) -> Draft:
    """Return the draft for the session's present place: an empty one when the place is new."""
    kept, key = _all(), (str(workspace.root), session.id)
    draft = kept.get(key)
    if draft is None or (draft.position, draft.attempt) != (session.position, session.attempt):
        draft = Draft(session.position, session.attempt)
        kept.pop(key, None)
        kept[key] = draft
        while len(kept) > MAX_DRAFTS:
            kept.pop(next(iter(kept)), None)
    return draft


@st.cache_resource(show_spinner=False)
def _all() -> dict[tuple[str, int], Draft]:
    return {}
