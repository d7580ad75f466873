"""Rating panel of Review: the form for a rating, the ratings given, and a tier given by hand."""

import pandas as pd
import streamlit as st

from curation.ratings import rating_log
from curation.ratings.rating_record import ARTEFACTS, MAX_COMMENT, MAX_RATER, Rating
from curation.ratings.scales import Scale, all_scales
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.wording import number
from pages.ui.scan_table import tried_rule
from pages.ui.shell import controls, formatting, frame, html_marks, state
from pages.ui.shell.html_marks import Cell

_BY_RULE = "by the rule"


# ---- ratings -------------------------------------------------------------------------------------


def show_ratings(workspace: Workspace, scan_id: str, following: str | None) -> None:
    """Draw the rating form of a scan and the ratings that it has; nothing is preselected."""
    given = rating_log.list_ratings(workspace, scan_id)
    scales = all_scales(workspace)
    name = state.keep_one_of(state.SCALE, list(scales))
    st.markdown("**Your rating**")
    # the count in the key makes an empty form after each rating
    with st.form(f"rate-{scan_id}-{name}-{len(given)}", border=False):
        _form(workspace, scan_id, scales[name], following)
    _past(given)
    controls.choose(
        st.selectbox,
        "Scale of your ratings",
        list(scales),
        key=state.SCALE,
        format_func=lambda key: scales[key].label,
    )


def _form(workspace: Workspace, scan_id: str, scale: Scale, following: str | None) -> None:
    value = st.radio(
        "Rating",
        list(scale.values),
        index=None,
        horizontal=True,
        format_func=lambda v: f"{scale.values[v]} ({number(v, 0)})",
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
            rating_log.add_rating(
                workspace,
                Rating(
                    scan_id=scan_id, rater=rater, scale=scale.name, value=value, comment=comment
                ),
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
            formatting.moment(row.at),
            f"{row.rater} (verdict)" if row.role == "adjudicator" else row.rater,
            f"{row.label} ({number(row.value, 0)})",
            _tags_and_comment(row.artefacts, row.comment),
        )
        for row in given.iloc[::-1].itertuples()
    ]
    st.html(html_marks.table(("When (UTC)", "Who", "Rating", "Comment"), rows))


def _tags_and_comment(artefacts: tuple[str, ...], comment: str) -> str:
    """Return tags and comment of a rating."""
    labels = ", ".join(ARTEFACTS[key].label for key in artefacts if key in ARTEFACTS)
    return ". ".join(part for part in (labels, comment) if part) or formatting.DASH


# ---- a tier by hand ------------------------------------------------------------------------------


def show_override(workspace: Workspace, scan_id: str) -> None:
    """Draw the tiers given to a scan by hand, and the form for another one."""
    decided = overrides.list_overrides(workspace, scan_id)
    tier = None if decided.empty else decided["tier"].iloc[-1]
    with st.expander(f"Tier by hand: {tier}" if tier else "Give it a tier by hand"):
        st.caption(
            "For a scan that the score judges wrongly. The decision stands in the history with its reason; "
            "the score and the rule stay as they are."
        )
        _override_form(workspace, scan_id, len(decided))
        _past_overrides(decided)


def _override_form(workspace: Workspace, scan_id: str, count: int) -> None:
    rule, _ = tried_rule.current()
    with st.form(f"override-{scan_id}-{count}", border=False):
        tier = st.radio("Tier", [*rule.tiers, _BY_RULE], index=None, horizontal=True)
        author = st.text_input(
            "Who decides", value=state.get(state.PERSON, ""), max_chars=MAX_RATER
        )
        reason = st.text_input("Reason", max_chars=MAX_COMMENT, placeholder="what the score misses")
        sent = st.form_submit_button("Decide")
    if not sent:
        return
    if tier is None:
        st.error("Choose a tier first; none is chosen for you.")
        return
    with frame.in_words():
        overrides.override(workspace, scan_id, author, None if tier == _BY_RULE else tier, reason)
        state.put(state.PERSON, author.strip())
        st.toast("Decision saved.", icon=":material/check:")
        st.rerun()


def _past_overrides(decided: pd.DataFrame) -> None:
    if decided.empty:
        return
    rows = [
        (
            formatting.moment(row.at),
            row.author,
            _chip(row.tier) if row.tier else _BY_RULE,
            row.reason,
        )
        for row in decided.iloc[::-1].itertuples()
    ]
    st.html(html_marks.table(("When (UTC)", "Who", "Tier", "Reason"), rows))


def _chip(tier: str) -> Cell:
    return Cell(html_marks.tier_chip(tier, tried_rule.tier_colour(tier)))
