"""Downloads: for whom they are, and a line in the audit where people sign in."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from curation.access import acting, guard
from curation.access.acting import Actor
from curation.access.actions import Action
from curation.decisions import actions
from curation.storage.workspace import Workspace

Data = str | bytes | Callable[[], Any]


def button(label: str, data: Data, file_name: str, mime: str | None = None, **options: Any) -> None:
    """Offer a file; with a login, to whoever may download, and each time is noted with who.

    Parameters
    ----------
    label, data, file_name, mime, **options
        As streamlit's ``download_button`` takes them.
    """
    actor = acting.who()
    if not guard.may(Action.DOWNLOAD):
        options = {name: options[name] for name in ("icon", "key", "width") if name in options}
        st.button(
            f"{label}: for {Action.DOWNLOAD.rank.word}s",
            disabled=True,
            **options,
        )
        return
    if actor.signed_in:
        data = partial(_noted, Workspace.current(), actor, data, file_name)
    st.download_button(label, data, file_name, mime, **options)


def _noted(workspace: Workspace, actor: Actor, data: Data, file_name: str) -> Any:
    """Return what is downloaded once it stands in the audit."""
    actions.note_of(workspace, actor, "downloaded", file_name)
    return data() if callable(data) else data
