"""What Review and a rating session have in common: buttons of a scale's levels, and what a draft can hold."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from curation.ratings import artefact_places
from curation.ratings.rating_record import ARTEFACTS, MAX_COMMENT, MAX_CONFIDENCE
from curation.ratings.scales import SCALES, Scale
from pages.ui.shell import formatting, state


def level_keys(scale: Scale) -> dict[float, str]:
    """Return the digit of each level: its value where all are digits, else 1 for the best and so on."""
    values = list(scale.values)
    if all(value in range(10) for value in values):
        return {value: f"{value:.0f}" for value in values}
    return {value: str(place % 10) for place, value in enumerate(values, 1)}


def show(
    scale: Scale, chosen: float | None, on_choice: Callable[[float], None], place: str
) -> None:
    """Draw the buttons in a row, with what an own scale's levels mean below; nothing is preselected.

    Parameters
    ----------
    scale : Scale
        Whose levels.
    chosen : float or None
        The level that looks chosen.
    on_choice : callable
        Called with the level of the button that was pressed.
    place : str
        Tells these buttons from those for another scan.
    """
    digits = level_keys(scale)
    with st.container(horizontal=True, key="levels", gap="small"):
        for value, word in scale.values.items():
            st.button(
                formatting.escape(word),
                key=f"level-{place}-{value:g}",
                shortcut=digits[value],
                type="primary" if chosen == value else "secondary",
                on_click=on_choice,
                args=(value,),
            )
    if scale.meanings and scale.name not in SCALES:
        st.caption(meanings(scale))


def meanings(scale: Scale) -> str:
    """Return in markdown what the levels of a scale are given for; empty where nobody said it."""
    told = [
        f"**{formatting.escape(scale.values[value])}**: {formatting.escape(said)}"
        for value, said in scale.meanings.items()
    ]
    if told and scale.name in SCALES:
        told.append("unless your protocol says otherwise")
    return " · ".join(told)


def comment_field(
    key: Callable[[], str], letter: str, text: str, take: Callable[[str], None], **look: Any
) -> None:
    """Draw the field for a comment.

    Parameters
    ----------
    key : callable
        Returns its key, see :func:`pages.ui.shell.page_scripts.comment_key`.
    letter : str
        The key of the keyboard that leads into it.
    text : str
        What stands in it.
    take : callable
        Called with what was typed.
    **look
        Passed on to :func:`streamlit.text_input`.
    """
    drawn = key()

    def typed() -> None:
        if drawn == key():  # else what the tab has kept has replaced this field
            take(state.get(drawn) or "")

    label = f"Comment (optional; key {letter}, then Enter)"
    st.text_input(label, value=text, key=drawn, max_chars=MAX_COMMENT, on_change=typed, **look)


def choosable(entered: Any) -> dict[str, Any]:
    """Return what of a draft that comes from outside can be one, by name; the rest is left out.

    >>> choosable({"value": 1, "comment": "a ring", "artefacts": ["<b>"], "confidence": 77})
    {'value': 1.0, 'comment': 'a ring'}
    """
    if not isinstance(entered, Mapping):
        return {}
    value, scale, sure = (entered.get(name) for name in ("value", "scale", "confidence"))
    tags, comment = entered.get("artefacts"), entered.get("comment")
    held = {
        "value": float(value) if isinstance(value, int | float) else None,
        "scale": scale if isinstance(scale, str) else None,
        "confidence": int(sure)
        if isinstance(sure, int | float) and 0 <= sure <= MAX_CONFIDENCE
        else None,
        "artefacts": [key for key in ARTEFACTS if key in tags]
        if isinstance(tags, list | tuple)
        else None,
        "comment": comment[:MAX_COMMENT] if isinstance(comment, str) else None,
        "places": artefact_places.of(entered),
    }
    return {name: each for name, each in held.items() if each not in (None, [], "", ())}


def joined(before: Any, since: Any) -> dict[str, Any]:
    """Return two drafts of one scan as one: what was chosen since stands, tags and places are kept of both.

    The comment is that of the draft before, which a tab has kept letter by letter.

    >>> joined({"value": 1, "artefacts": ["wrap-around"]}, {"value": -1, "comment": "a ring"})
    {'value': -1.0, 'artefacts': ['wrap-around'], 'comment': 'a ring'}
    """
    old, new = choosable(before), choosable(since)
    both = {
        name: tuple(dict.fromkeys([*old.get(name, ()), *new.get(name, ())]))
        for name in ("artefacts", "places")
    }
    said = {"comment": old.get("comment") or new.get("comment")}
    return choosable(old | new | both | said)


def all_joined(before: Mapping[str, Any], since: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the drafts of several scans, by scan, each joined with the one chosen since; no empty one."""
    both = {scan: joined(before.get(scan), since.get(scan)) for scan in {**before, **since}}
    return {scan: draft for scan, draft in both.items() if draft}
