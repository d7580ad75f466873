"""Controls of the pages: fields whose values outlive a change of page, key listeners, CSV downloads.

A movable field is one whose value keys and buttons change too. The browser's next message carries what each
field showed before, so a field that a key has moved on would be moved back by it. Hence a moved field becomes
another field, under another key, and the message of the old one is ignored.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from curation.storage import files, text_tables
from pages.ui.shell import downloads, page_scripts, state
from pages.ui.shell.state import Key, T

#: Scripts of :file:`assets/`: the keys that put the cursor into a rating's comment or a new tag, the pressed
#: state of buttons for screen readers, the key that fills the screen with a message, and letters that are as
#: small as a message needs to fit on it.
FIELD_KEYS, PRESSED, FULL_SCREEN, FIT = "field_keys", "pressed", "full_screen", "fit"


# ---- fields that outlive a change of page ----------------------------------------------------------


def choose(
    kind: Callable[..., Any],
    label: str,
    options: Sequence[T],
    *,
    key: Key[T],
    first: T | None = None,
    **more: Any,
) -> T:
    """Draw a choice of one of several options and return the option.

    Parameters
    ----------
    kind : callable
        ``st.selectbox`` or another choice of one.
    label, options
        Of the field.
    key : Key
        Of the session's value. A value that is none of the options becomes ``first``.
    first : T, optional
        One of the options; the first of them without.
    **more
        Further arguments of ``kind``.
    """
    value = state.keep_one_of(key, options, first)
    kind(label, options, key=key, persist_state="session", **more)
    return value


def choose_segment(
    label: str, options: Sequence[T], *, key: Key[T], show_label: bool = False, **more: Any
) -> T:
    """Draw a segmented control as :func:`choose` does and return the option."""
    return choose(
        st.segmented_control,
        label,
        options,
        key=key,
        required=True,
        label_visibility="visible" if show_label else "collapsed",
        **more,
    )


def choose_several(label: str, options: Sequence[T], *, key: Key[list[T]], **more: Any) -> list[T]:
    """Draw a choice of any number of options, where none means all, and return the options."""
    state.keep_among(key, options)
    return st.multiselect(
        label, options, key=key, placeholder="all", persist_state="session", **more
    )


def table_key(name: str, ids: Iterable[str]) -> str:
    """Return the key of a table with rows to tick: ticks are of places, and go with what was listed."""
    return f"{name}-{files.short_hash(chr(10).join(ids))}"


# ---- movable fields --------------------------------------------------------------------------------


def choose_movable(
    kind: Callable[..., Any],
    label: str,
    options: Sequence[T],
    *,
    key: Key[T],
    folded: bool = False,
    **more: Any,
) -> T:
    """Draw a movable field and return its value; the arguments are those of :func:`choose`.

    Where the words of its value have changed, such as a tier in them, it is another field: the browser would
    show the old ones.
    One that is ``folded`` away, in a popover, is told its value each time: the browser makes it when it is
    opened, of what it was told last, and would else show nothing as chosen.
    """
    if state.get(key) not in options:
        move(key, options[0])
    value: Any = state.get(key)
    words = str(more.get("format_func", str)(value))
    before, said = state.get(_words_key(key), (value, words))
    if before == value and said != words:
        move(key, value)
    state.put(_words_key(key), (value, words))
    field = field_key(key, state.get(_moves_key(key), 0))
    if folded or state.get(field) != value:
        state.put(field, value)
    kind(label, options, key=field, on_change=_take, args=(key, field, value, options), **more)
    return value


def move(key: Key[T], value: T) -> None:
    """Change the value of a movable field from elsewhere, before the field is drawn."""
    state.put(key, value)
    state.put(_moves_key(key), state.get(_moves_key(key), 0) + 1)


def field_key(key: str, moves: int) -> str:
    """Return the key of the movable field itself, after so many moves."""
    return f"{key}-{moves}"


def _take(key: Key[T], field: str, shown: T, options: Sequence[T]) -> None:
    """Take over what was chosen; a field that only reports what it was drawn with chose nothing.

    The browser tells the words of an option. Where those have changed since, such as the tier in them, it
    still tells the old ones, which are no option any more.
    """
    if (chosen := state.get(field)) != shown and chosen in options:
        state.put(key, chosen)


def _words_key(key: str) -> str:
    return f"{key}_words"


def _moves_key(key: str) -> str:
    return f"{key}_moves"


# ---- listeners -------------------------------------------------------------------------------------


def listen(script: str) -> None:
    """Let one of the scripts of :file:`assets/` listen on the page while this is on the screen."""
    page_scripts.component(script)(key=f"listener-{script}", height=1)


# ---- downloads -------------------------------------------------------------------------------------


def offer_tables(name: str, tables: Mapping[str, pd.DataFrame], *, left_out: str = "") -> None:
    """Offer tables for download as CSV; empty ones cannot be downloaded.

    Parameters
    ----------
    name : str
        Begins the files' names.
    tables : mapping of str to pandas.DataFrame
        Name of each -> the table.
    left_out : str
        What a filter left of the study, in words: the file then says so in its name and in a column, so that
        a part is not taken for the whole later.
    """
    part = "-part" if left_out else ""
    with st.container(horizontal=True):
        for kind, table in tables.items():
            downloads.button(
                f"{kind.replace('-', ' ').capitalize()} (CSV)",
                partial(csv, table, left_out),
                f"{name}{part}-{kind}.csv",
                "text/csv",
                disabled=table.empty,
                icon=":material/download:",
                on_click="ignore",
                key=f"download-{kind}",
            )


def csv(table: pd.DataFrame, left_out: str = "") -> str:
    """Return a table as CSV, with a column ``filter`` where a filter was on."""
    return text_tables.csv(table.assign(filter=left_out) if left_out else table)
