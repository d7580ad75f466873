"""Contested scans: opened with a click, settled by an adjudication that is one more rating."""

import pandas as pd
import streamlit as st

from curation.access.actions import Action
from curation.ratings import agreement, rating_log
from curation.ratings.rating_record import MAX_COMMENT
from curation.ratings.scales import Scale
from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.shell import cache, formatting, frame, html_marks, person, state, summaries

_SHOWN = 10


def show(workspace: Workspace, given: pd.DataFrame, scale: Scale) -> None:
    """Draw the contested scans: those that wait for an adjudication, then the settled ones.

    ``given`` has no rating of a blinded session that runs: its rater would read here which scans they were.
    """
    contested = agreement.contested(given, scale)
    queue = agreement.adjudication_queue(given, scale)
    st.subheader("Contested scans")
    if running := summaries.running_words(*cache.not_counted(workspace), "listed"):
        st.caption(formatting.escape(running))
    if contested.empty:
        twice = agreement.opinions(given, scale)["scan_id"].duplicated().any()
        st.markdown(
            "No scan that two people rated is contested."
            if twice
            else "No scan has ratings of two people that count yet, so none can be contested."
        )
        return
    settled = contested[~contested["scan_id"].isin(queue["scan_id"])]
    st.caption(
        f"{plural(len(queue), 'scan waits', 'scans wait')} for an adjudication, those that some keep and "
        f"others exclude first; {len(settled):,} settled. An adjudication is one more rating: nobody's is "
        "changed."
    )
    for row in queue.head(_SHOWN).itertuples():
        _waiting(workspace, row, scale)
    if len(queue) > _SHOWN:
        st.caption(f"{len(queue) - _SHOWN:,} more come up as these are settled.")
    _settled(given, settled)


def _waiting(workspace: Workspace, row, scale: Scale) -> None:  # type: ignore[no-untyped-def]
    with st.container(horizontal=True, vertical_alignment="center", key=f"contested-{row.scan_id}"):
        st.markdown(
            f"**{formatting.escape(row.scan_id)}** · {formatting.escape(row.said)}", width="stretch"
        )
        if st.button("Open", key=f"open-{row.scan_id}", icon=":material/visibility:"):
            state.put(state.PENDING_SCAN, row.scan_id)
            frame.open_page("review")
        with st.popover("Adjudicate", icon=":material/gavel:"):
            _adjudicate(workspace, row.scan_id, scale)


def _adjudicate(workspace: Workspace, scan_id: str, scale: Scale) -> None:
    if not person.may(Action.ADJUDICATE):
        return
    told = st.container()  # above the form: below it lies the end of what a popover shows
    with st.form(f"adjudicate-{scan_id}", border=False):
        value = st.radio(
            "Adjudication",
            list(scale.values),
            index=None,
            horizontal=True,
            format_func=scale.values.__getitem__,
        )
        author = person.field("Who decides")
        reason = st.text_input("Reason", max_chars=MAX_COMMENT, placeholder="what decided it")
        sent = st.form_submit_button("Settle", type="primary")
    if not sent:
        return
    if value is None:
        told.error("Choose a level first; none is chosen for you.")
        return
    with told, frame.in_words():
        rating_log.adjudicate(
            workspace, scan_id=scan_id, author=author, scale=scale.name, value=value, reason=reason
        )
        state.put(state.PERSON, author.strip())
        st.toast("Adjudication saved.", icon=":material/check:")
        st.rerun()


def _settled(given: pd.DataFrame, settled: pd.DataFrame) -> None:
    if settled.empty:
        return
    adjudications = given[given["role"] == "adjudicator"].drop_duplicates("scan_id", keep="last")
    rows = [
        (row.scan_id, row.said, row.label, row.rater, row.comment, formatting.moment(row.at))
        for row in settled.merge(adjudications, on="scan_id").itertuples()
    ]
    head = ("Scan", "Raters said", "Verdict", "By", "Reason", "When (UTC)")
    st.html(html_marks.table(head, rows, whole=(5,)))
