"""One message a screen: large type, full width, forward and back by keyboard."""

import html

import streamlit as st

from pages.ui import frame, marks, state, text
from training.report import interactive, page
from training.report.plots import Message, Picture, Plot, Report, Table

#: Letters of a plot, and its height where it has no rows of its own, pixels.
LETTERS_PX, HEIGHT_PX = 24, 600


def step(report: Report) -> Message:
    """Draw the way through the messages; return the one to show."""
    count = len(report.messages)
    place = min(max(int(state.get(state.SLIDE) or 0), 0), count - 1)
    state.put(state.SLIDE, place)
    moves = (
        ("First", 0, ":material/first_page:", "Home"),
        ("Back", place - 1, ":material/chevron_left:", "Left"),
        ("Next", place + 1, ":material/chevron_right:", "Right"),
        ("Last", count - 1, ":material/last_page:", "End"),
    )
    for label, to, icon, key in moves:
        _move(label, to, key, icon=icon, disabled=to == place or not 0 <= to < count)
    st.markdown(f"{place + 1} of {count}", width="content")
    with st.container(
        key="present-keys"
    ):  # not seen: what a presenter's clicker and the space bar send
        for label, to, key in (
            ("forward", place + 1, "Space"),
            ("page forward", place + 1, "PageDown"),
            ("page back", place - 1, "PageUp"),
        ):
            _move(label, to, key, disabled=not 0 <= to < count)
    return report.messages[place]


def _move(label: str, to: int, key: str, *, disabled: bool, icon: str | None = None) -> None:
    st.button(
        label,
        icon=icon,
        shortcut=key,
        disabled=disabled,
        key=f"present-{key}",
        on_click=state.put,
        args=(state.SLIDE, to),
    )


def show(message: Message) -> None:
    """Draw a message over the whole width."""
    with st.container(key="present-screen"):
        lead = f"<p>{html.escape(message.lead)}</p>" if message.lead else ""
        st.html(f'<div class="ts-shown"><h2>{html.escape(message.title)}</h2>{lead}</div>')
        beside = message.points or message.pictures or message.table
        if message.plot and beside:
            with st.container(horizontal=True, key="split-present", gap="large"):
                with st.container(width="stretch"):
                    _plot(message.plot)
                with st.container(width=430):
                    _beside(message)
        else:
            if message.plot:
                _plot(message.plot)
            _beside(message)
        if message.flows:
            flows = "".join(map(page.flow, message.flows))
            st.html(f'<div class="ts-shown flows">{flows}</div>')
        if message.note:
            st.caption(text.escape(message.note))


def _beside(message: Message) -> None:
    if message.pictures:
        st.html(f'<div class="ts-shown pictures">{"".join(map(_picture, message.pictures))}</div>')
    if message.table:
        _table(message.table)
    if message.points:
        small = " many" if sum(map(len, message.points)) > 500 and message.plot else ""
        points = "".join(f"<li>{html.escape(point)}</li>" for point in message.points)
        faded = ' class="faded"' if message.faded else ""
        st.html(f'<div class="ts-shown{small}"><ul{faded}>{points}</ul></div>')


def _plot(plot: Plot) -> None:
    height = None if plot.kind in ("intervals", "grid") else HEIGHT_PX
    drawn = interactive.figure(plot, size=LETTERS_PX, height=height)
    frame.figure(drawn, key=f"present-{plot.name}", alt=plot.alt)


def _table(table: Table) -> None:
    drawn = marks.table(table.head, table.rows, numeric=range(1, len(table.head)))
    st.html(f'<div class="ts-shown">{drawn}</div>')


def _picture(picture: Picture) -> str:
    return (
        f'<figure><img alt="Example scan, one axial slice" src="{page.address(picture)}">'
        f"<figcaption>{html.escape(picture.label)}</figcaption></figure>"
    )
