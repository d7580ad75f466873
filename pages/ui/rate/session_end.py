"""Sessions that were begun, and the end of one: its ratings, their agreement, and the unblinded scans."""

import math

import pandas as pd
import streamlit as st

from curation.access import acting, guard
from curation.access.actions import Action
from curation.ratings import agreement, artefact_places, rating_log
from curation.ratings.agreement_coefficients import MIN_FOR_INTERVAL
from curation.ratings.scales import Scale, all_scales, find_scale
from curation.sessions import sampling, session_log, unblinding
from curation.sessions.session_plan import Session
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.rule_checks import UNSCORED
from curation.wording import number, plural
from pages.ui.rate import agreement_panel, rating_draft, rating_keys
from pages.ui.scan_table import tried_rule
from pages.ui.shell import cache, formatting, frame, html_marks, person, state, summaries
from pages.ui.shell.html_marks import Card, Cell

_NONE_STANDS = "No rating of this session stands. History keeps those that were taken back."


def show(workspace: Workspace, session: Session) -> None:
    """Draw the summary of a finished session."""
    _say_how_it_ended(workspace, session)
    if not session.rated:
        st.markdown(_NONE_STANDS)
        return
    scale = find_scale(workspace, session.plan.scale)
    given = cache.all_ratings(workspace)
    own = given[given["session_id"] == session.id].sort_values("position")
    _cards(own, scale)
    if not unblinding.is_unblinded(workspace, session):
        _ask(workspace, session)
        return
    _oneself(given, session, scale)
    _others(workspace, session, scale)
    _hidden(workspace, session, own, given)


def _say_how_it_ended(workspace: Workspace, session: Session) -> None:
    """Say what was not saved when a session was ended, and who else ended it, for as long as one looks."""
    unsaved = session.ended and session.done < session.total
    if unsaved and rating_draft.draft_of(workspace, session).entered:
        st.error(
            f"What you entered last, for scan {session.position + 1:,}, was not saved before the session was "
            "ended. To rate that scan, start another session."
        )
    by = unblinding.ended_by(workspace, session)
    if by is not None and by != session.plan.rater:
        saved = plural(session.done, "saved rating counts", "saved ratings count")
        st.info(
            formatting.escape(
                f"{by} ended this session. Its {saved}; nothing more can be rated in it."
            )
        )


def _ask(workspace: Workspace, session: Session) -> None:
    st.markdown(
        "Every scan is rated and saved. Next you see which scans these were, and how your ratings agree with "
        "your own and with others'. After that nothing can be undone, because it would not be blind."
    )
    _show_button(workspace, session, "Show what was hidden")


def list_all(workspace: Workspace, listed: pd.DataFrame) -> None:
    """Draw the table of all sessions, the way into one, and the way to take one back."""
    if listed.empty:
        return
    st.subheader("All sessions")
    scales = all_scales(workspace)
    saved = {str(one.id): one.name for one in cache.scan_lists(workspace)}
    head = ("Session", "Rater", "Scale", "List", "Blinded", "Rated", "Started (UTC)", "")
    rows = [
        (
            row.name,
            row.rater,
            scales[row.scale].label if row.scale in scales else row.scale,
            sampling.in_words(row.choice, listed, saved),
            "yes" if row.blinded else "no",
            f"{row.done:,} of {row.total:,}",
            formatting.moment(row.at),
            _how_far(row),
        )
        for row in listed.itertuples()
    ]
    st.html(html_marks.table(head, rows, numeric=(5,)))
    by_id = {row.id: row for row in listed.itertuples()}
    names = {
        key: f"{row.name} · {row.rater} · {row.done} of {row.total}" for key, row in by_id.items()
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Open a session", list(names), format_func=lambda i: names.get(i, str(i))
        )
        of = (chosen, by_id[chosen].rater)
        st.button("Open", on_click=rating_draft.open_for, args=of, key="open-session")
        if by_id[chosen].untouched and guard.may(Action.TAKE_BACK_SESSION):
            offer_take_back(workspace, chosen)


def offer_early(workspace: Workspace, session: Session) -> None:
    """Draw the way to end a blinded session before all of its scans are rated."""
    left = plural(session.total - session.done, "scan stays", "scans stay")
    counts = "You see which scans the others were, and your ratings of them count on all pages."
    after = (
        "After that nothing can be rated or undone in this session, because it would not be blind."
    )
    with st.popover("End early", key="end-early"):
        st.markdown(f"{left} unrated. {counts if session.rated else _NONE_STANDS} {after}")
        what = "it and show what was hidden" if session.rated else "the session"
        _show_button(workspace, session, f"End {what}")


def offer_for_others(workspace: Workspace) -> None:
    """Draw the way to end sessions whose raters do not come back: for a curator, where there is a login.

    What they rated stays hidden until then, so they are named and cannot be opened.
    """
    if ended := state.get(state.SESSION_NOTE):
        state.put(state.SESSION_NOTE, None)
        st.success(formatting.escape(ended))
    actor, given = acting.who(), cache.all_ratings(workspace)
    if not actor.signed_in or not guard.may(Action.END_SESSION):
        return
    waiting = given.loc[given["running"] & (given["rater"] != actor.name), "session_id"]
    listed = session_log.list_sessions(workspace).set_index("id")
    listed = listed[listed.index.isin(waiting)]
    if listed.empty:
        return
    st.subheader("Sessions of others that are still running")
    st.caption(
        "Their ratings count once the rater ends the session. End it for one who does not come back."
    )
    names = {
        row.Index: f"{row.name} · {row.rater} · {row.done} of {row.total}"
        for row in listed.itertuples()
    }
    with st.container(horizontal=True, vertical_alignment="bottom", key="others-sessions"):
        chosen = st.selectbox(
            "Session", list(names), format_func=names.__getitem__, key="others-session"
        )
        with st.popover("End for the rater"):
            st.markdown(
                "Its ratings count on all pages from then on. Its rater sees which scans they were, and can "
                "rate or undo nothing more in it: it would not be blind. History says that you did it."
            )
            if st.button("End the session", type="primary", key="end-for-rater"):
                _end_for_rater(workspace, chosen, actor.name)


def _end_for_rater(workspace: Workspace, session_id: int, by: str) -> None:
    with frame.in_words():
        session = session_log.load(workspace, session_id)
        unblinding.end_for_rater(workspace, session, by)
        state.put(
            state.SESSION_NOTE,
            f"Session {session.plan.name} of {session.plan.rater} is ended, after "
            f"{session.done:,} of {session.total:,} scans. {session.plan.rater} is told that you ended it.",
        )
        st.rerun()


def _how_far(row) -> str:  # type: ignore[no-untyped-def]
    if row.finished and row.blinded and not row.ended:
        return "rated, not shown yet"
    return "done" if row.finished else "open"


def offer_take_back(workspace: Workspace, session_id: int) -> None:
    """Draw the way to take back a session in which nothing was rated yet."""
    with st.popover("Started by mistake", key=f"by-mistake-{session_id}"):
        st.markdown(
            "Nothing was rated in this session yet. Taken back, it is listed no more and nothing can be "
            "rated in it. History keeps that it was started, and who took it back."
        )
        if not st.button("Take the session back", key=f"take-session-back-{session_id}"):
            return
        with frame.in_words():
            session = session_log.load(workspace, session_id)
            unblinding.take_back(workspace, session, person.name() or session.plan.rater)
            rating_draft.open_session(None)
            named = f"{session.plan.name} of {session.plan.rater}"
            st.toast(f"Session {formatting.escape(named)} taken back.", icon=":material/check:")
            st.rerun()


def _show_button(workspace: Workspace, session: Session, label: str) -> None:
    """Draw the button that ends a session for good: without a key, which might be pressed by mistake."""
    if st.button(label, type="primary", key="show-hidden", icon=":material/visibility:"):
        with frame.in_words():
            unblinding.unblind(workspace, session)
            st.rerun()


def _cards(own: pd.DataFrame, scale: Scale) -> None:
    counts = own["level"].value_counts()
    cards = [
        Card(word, f"{int(counts.get(value, 0)):,}", _share(int(counts.get(value, 0)), len(own)))
        for value, word in scale.values.items()
    ]
    cards.append(Card("time on a scan", formatting.duration(own["seconds"].median()), "median"))
    st.html(html_marks.cards(cards))


def _share(count: int, total: int) -> str:
    return f"of {plural(total, 'rating')}: {100 * count / max(total, 1):.0f} %"


def _oneself(given: pd.DataFrame, session: Session, scale: Scale) -> None:
    st.subheader("Intra-rater agreement")
    rows = agreement.intra(given, scale)
    rows = rows[rows["rater"] == session.plan.rater]
    if rows.empty:
        st.caption(
            "This session had no hidden repeats."
            if session.drawn == session.total
            else "None of the repeats can be compared."
        )
        return
    row = rows.iloc[0]
    n, again = int(row["n"]), plural(int(row["n"]), "scan")
    wanting, found = MIN_FOR_INTERVAL - n, (row["weighted_kappa"], row["low"], row["high"])
    text = (
        f"{again} came twice, unannounced, in all your sessions on this scale. You gave the same rating "
        f"to {round(row['same'] * n)} of them. "
    )
    kappa = f"Weighted κ {agreement_panel.figure(*found)}: {agreement_panel.meaning(n, *found)}."
    few = f"That is too few for a κ that means something: {wanting} more are needed."
    st.markdown(formatting.escape(text + (few if wanting > 0 else kappa)))


def _others(workspace: Workspace, session: Session, scale: Scale) -> None:
    st.subheader("You with others")
    pairs, rater = cache.pairs(workspace, scale), session.plan.rater
    mine = pairs[(pairs["rater_1"] == rater) | (pairs["rater_2"] == rater)]
    if mine.empty:
        st.markdown(
            "Nobody else has rated these scans on this scale yet. A second rater starts a session with the "
            f"list **The scans of another session** and chooses **{formatting.escape(session.plan.name)}**."
        )
        return
    rows = [
        (
            row.rater_2 if row.rater_1 == rater else row.rater_1,
            *agreement_panel.figures(row),
        )
        for row in mine.itertuples()
    ]
    head = (
        "Other rater",
        "Scans both rated",
        "Rated the same",
        "Weighted κ (95 %)",
        "interpretation",
        f"κ, {list(scale.values.values())[-1]} or not (95 %)",
        "interpretation",
    )
    st.html(html_marks.table(head, rows, numeric=(1, 2)))
    st.caption(formatting.escape(agreement_panel.WHAT_EXPERTS_REACH))


def _hidden(workspace: Workspace, session: Session, own: pd.DataFrame, given: pd.DataFrame) -> None:
    st.subheader("Unblinded results" if session.plan.blinded else "The scans")
    rule, _ = tried_rule.current()
    scans = cache.scored_scans(workspace)
    scans = scans.assign(tier=overrides.tiers_with_overrides(workspace, scans, rule))
    scans = tried_rule.at_worst(workspace, scans).set_index("scan_id")
    labels = own.set_index("position")
    others_of = rating_log.counted(given[given["rater"] != session.plan.rater])
    rows = []
    for item in (one for one in session.items if one.position in session.rated):
        scan = scans.loc[item.scan_id] if item.scan_id in scans.index else pd.Series(dtype=object)
        wanted = [scan.get("distortion_score"), scan.get("score_high")]
        score, high = pd.to_numeric(pd.Series(wanted), errors="coerce")
        others = others_of[others_of["scan_id"] == item.scan_id]
        text = ", ".join(f"{row.rater}: {row.label}" for row in others.itertuples())
        tier = scan.get("tier", UNSCORED)
        colour = tried_rule.tier_colour(tier)
        rows.append(
            (
                f"{item.position + 1}",
                _word(item.scan_id),
                _again(item.repeat_of),
                labels.loc[item.position, "label"],
                _besides(labels.loc[item.position]),
                _word(text),
                _word(scan.get("site")),
                number(_float(scan.get("age_years")), 0),
                _word(scan.get("sex")),
                _word(scan.get("group")),
                formatting.score(score, high),
                Cell(html_marks.tier_chip(tier, colour, scan.get("tier_worst", ""))),
            )
        )
    head = (
        "Place",
        "Scan",
        "Repeat of",
        "Your rating",
        "What you said besides",
        "Others",
        "Site",
        "Age (years)",
        "Sex",
        "Group",
        "Score (higher is worse)",
        "Tier",
    )
    st.html(html_marks.table(head, rows, numeric=(0, 7, 10), whole=(1,)))
    if running := summaries.running_words(*cache.not_counted(workspace), "listed under Others"):
        st.caption(formatting.escape(running))
    if any(str(row[10]).startswith(formatting.AT_LEAST) for row in rows):
        st.caption(formatting.AT_LEAST_HELP)
    _open(session)


def _besides(own: pd.Series) -> str:
    """Return artefacts, how sure, comment and number of marked places that a rater entered."""
    sure = own["confidence"]
    how_sure = f"how sure: {rating_keys.SURE[round(sure)]}" if math.isfinite(sure) else ""
    marked = len(artefact_places.of(own["shown"]))
    return summaries.said_besides(own["artefacts"], own["comment"], marked, how_sure)


def _open(session: Session) -> None:
    ids = list(dict.fromkeys(session.items[at].scan_id for at in sorted(session.rated)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Look at a scan again", ids, key="end-scan")
        if st.button("Open in Review", icon=":material/visibility:"):
            state.put(state.PENDING_SCAN, chosen)
            rating_draft.open_session(None)
            frame.open_page("review")


def _again(first: int | None) -> str:
    return "" if first is None else f"{first + 1}"


def _word(value: object) -> str:
    return str(value) if isinstance(value, str) and value else formatting.DASH


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
