"""Rating one scan on Review: the form, and the ratings that it has."""

import pandas as pd
import streamlit as st

from curation import ratings
from curation.rating_rows import ARTEFACTS, MAX_COMMENT, MAX_RATER
from curation.scales import Scale, all_scales
from curation.workspace import Workspace
from pages.ui import frame, marks, state, text


def rate(workspace: Workspace, scan_id: str, following: str | None) -> None:
    """Draw the rating form of a scan and the ratings that it has; nothing is preselected."""
    given = ratings.list_ratings(workspace, scan_id)
    scales = all_scales(workspace)
    name = state.keep_one_of(state.SCALE, list(scales))
    st.markdown("**Your rating**")
    # the count in the key makes an empty form after each rating
    with st.form(f"rate-{scan_id}-{name}-{len(given)}", border=False):
        _form(workspace, scan_id, scales[name], following)
    _past(given)
    st.selectbox(
        "Scale of your ratings",
        list(scales),
        key=state.SCALE,
        format_func=lambda key: scales[key].label,
        persist_state="session",
    )


def _form(workspace: Workspace, scan_id: str, scale: Scale, following: str | None) -> None:
    value = st.radio(
        "Rating",
        list(scale.values),
        index=None,
        horizontal=True,
        format_func=lambda v: f"{scale.values[v]} ({text.number(v, 0)})",
        label_visibility="collapsed",
    )
    rater = st.text_input(
        "Your name or initials", value=state.get(state.PERSON, ""), max_chars=MAX_RATER
    )
    comment = st.text_area(
        "Comment (optional)",
        max_chars=MAX_COMMENT,
        height=68,
        placeholder="what you see, and where",
    )
    with st.container(horizontal=True):
        stay = st.form_submit_button("Save")
        onward = st.form_submit_button("Save, next scan", type="primary", disabled=not following)
    if not (stay or onward):
        return
    if value is None:
        st.error("Choose a rating first; none is chosen for you.")
    else:
        with frame.in_words():
            ratings.add_rating(
                workspace,
                scan_id=scan_id,
                rater=rater,
                scale=scale.name,
                value=value,
                comment=comment,
            )
            state.put(state.PERSON, rater.strip())
            state.put(state.PENDING_SCAN, following if onward else None)
            st.toast("Rating saved.", icon=":material/check:")
            st.rerun()


def _past(given: pd.DataFrame) -> None:
    if given.empty:
        st.caption("Nobody has rated this scan yet.")
        return
    rows = [
        (
            text.moment(row.at),
            f"{row.rater} (verdict)" if row.role == "adjudicator" else row.rater,
            f"{row.label} ({text.number(row.value, 0)})",
            _said(row.artefacts, row.comment),
        )
        for row in given.iloc[::-1].itertuples()
    ]
    st.html(marks.table(("When (UTC)", "Who", "Rating", "Comment"), rows))


def _said(artefacts: tuple[str, ...], comment: str) -> str:
    """Return what was tagged and written."""
    labels = ", ".join(ARTEFACTS[key].label for key in artefacts if key in ARTEFACTS)
    return ". ".join(part for part in (labels, comment) if part) or text.DASH
