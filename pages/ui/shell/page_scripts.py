"""Scripts of :file:`assets/` that work on the page and show nothing themselves."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components import v2

from pages.ui.shell import state

_ASSETS = Path(__file__).parents[3] / "assets"


@st.cache_resource(show_spinner=False)
def component(script: str) -> Callable[..., object]:
    """Return a script, by its name without ending, as a component; calling it draws it."""
    code = (_ASSETS / f"{script}.js").read_text(encoding="utf-8")
    return v2.component(f"tierscope_{script}", html="<span></span>", js=code)


def session() -> str:
    """Return a word for this session of the server: a tab that slept comes back to another one.

    What a script holds of what the server knows is void then.
    """
    if state.get(state.SESSION_WORD) is None:
        state.put(state.SESSION_WORD, secrets.token_hex(8))
    return state.get(state.SESSION_WORD) or ""


def comment_key(form: str, place: str) -> Callable[[], str]:
    """Return what tells the key of a form's field for a comment: another one when the tab was heard.

    Under its former key the tab would send the text of before once more, and that would count as typed.
    """
    return lambda: f"comment-{form}-{place}-{_heard(form)}"


def _heard(form: str) -> str:
    return state.get(_heard_of(form)) or ""


def _heard_of(form: str) -> state.Key[str]:
    return state.Key[str](f"heard-{form}")


def keep_entered(
    form: str,
    place: str,
    holder: str,
    entered: Mapping[str, Any],
    take: Callable[[Mapping[str, Any]], None],
    *,
    comment: tuple[str, ...] = ("comment",),
) -> None:
    """Have the browser's tab keep what is entered and not saved yet, for a server that is started anew.

    Parameters
    ----------
    form : str
        Which form.
    place : str
        What is entered there, and by whom: it is given back nowhere else.
    holder : str
        A word for what holds it on the server; another one knows nothing of it.
    entered : mapping
        What stands on the form, as JSON has it; empty where nothing does.
    take : callable
        Is told, once, what the tab has kept for another holder, to be joined with what stands on the form. It
        comes from outside: to be checked.
    comment : tuple of str
        Where in what is entered the text of the field stands whose key begins with :func:`comment_key`.
    """
    key = f"listener-entered-{form}"

    def told() -> None:
        kept = (state.get(key) or {}).get("entered")
        if not isinstance(kept, Mapping) or kept.get("place") != place:
            return
        before, by = kept.get("entered"), kept.get("holder")
        left = by == holder and kept.get("typed")  # by a reload, while it was typed
        if isinstance(by, str) and (left or by not in (holder, _heard(form))):
            state.put(_heard_of(form), secrets.token_hex(4) if left else by)
            take(before if isinstance(before, Mapping) else {})

    data = {
        "form": form,
        "place": place,
        "holder": holder,
        "heard": _heard(form),
        "path": list(comment),
        "entered": dict(entered),
    }
    component("entered")(key=key, data=data, on_entered_change=told, height=1)
