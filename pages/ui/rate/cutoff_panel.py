"""Cut-off of the score that ratings suggest: its costs, figures and evidence, and passing it on to Tiers."""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from curation.access.actions import Action
from curation.errors import RatingError
from curation.ratings.agreement_coefficients import MIN_FOR_INTERVAL
from curation.sessions import passed_on_cutoff, suggested_cutoff
from curation.sessions.suggested_cutoff import ENOUGH_SCANS, MIN_SCANS, Suggestion
from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.rate.agreement_panel import counted_scans, strength
from pages.ui.shell import (
    background_tasks,
    cache,
    formatting,
    frame,
    html_marks,
    person,
    state,
    summaries,
)
from pages.ui.shell.html_marks import Card
from pages.ui.shell.summaries import CountedScans
from training.theme import INK, MUTED, TEMPLATE

_LINE, _POINT = "#0072B2", "#D55E00"
#: What a missed bad scan may cost, in good scans.
_COSTS = (0.1, 0.2, 0.33, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0)


def show(workspace: Workspace) -> None:
    """Draw the part of Rate."""
    counted = counted_scans(workspace)
    if counted.rated:
        running = summaries.running_words(*cache.not_counted(workspace))
        st.caption(formatting.escape(f"{_counted_words(counted)} {running}".strip()))
    cost = st.select_slider(
        "What is worse: a bad scan kept, or a good scan thrown away?",
        _COSTS,
        value=1.0,
        format_func=cost_in_words,
        key=state.COST,
        persist_state="session",
    )
    try:
        suggestion = cache.suggestion(workspace, cost)
    except RatingError as error:
        _not_yet(workspace, str(error))
        if counted.unscored:
            waiting = background_tasks.when_scored(workspace)
            st.caption(f"Rated scans count as soon as they have a score. {waiting}")
        _rate_more()
        return
    _figures(suggestion)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        curve = suggested_cutoff.roc(*_scores_and_labels(workspace))
        frame.figure(
            roc_figure(curve, suggestion),
            key="roc",
            alt=(
                f"ROC curve of the distortion score against the raters, area {suggestion.auc:.2f}; cut at "
                f"{suggestion.cutoff:.1f} it finds {100 * suggestion.sensitivity:.0f} % of the bad scans and "
                f"excludes {100 * (1 - suggestion.specificity):.0f} % of the good ones"
            ),
        )
    with right:
        _words(suggestion)
        _pass_on(workspace, suggestion)
        _rate_more()


def _counted_words(counted: CountedScans) -> str:
    scans = "scan is" if counted.counted == 1 else "scans are"
    said = (
        f"{counted.counted:,} {scans} counted here, of {counted.rated:,} that are rated on any scale: those "
        "with a score of which most raters, or an adjudicator, say keep or exclude. Agreement counts those "
        "that are rated on one scale, with a score or not."
    )
    return f"{said} Not counted here: {counted.left_out}." if counted.left_out else said


# ---- figures and words ---------------------------------------------------------------------------


def _figures(suggestion: Suggestion) -> None:
    ceiling = suggestion.ceiling_kappa
    raters = (
        f"the ceiling is known from {MIN_FOR_INTERVAL} pairs of ratings of one scan on"
        if ceiling is None
        else f"raters among each other: {ceiling:.2f}, the ceiling"
    )
    st.html(
        html_marks.cards(
            [
                Card(
                    "exclude from a score of",
                    f"{suggestion.cutoff:.1f}",
                    f"95 %: {suggestion.low:.1f} to {suggestion.high:.1f}",
                ),
                Card(
                    "bad scans found",
                    f"{100 * suggestion.sensitivity:.0f} %",
                    f"of {suggestion.excluded:,} that raters exclude",
                ),
                Card(
                    "good scans kept",
                    f"{100 * suggestion.specificity:.0f} %",
                    f"of {suggestion.n - suggestion.excluded:,} that raters keep",
                ),
                Card("score and raters agree: κ", f"{suggestion.kappa:.2f}", raters),
            ]
        )
    )


def _words(suggestion: Suggestion) -> None:
    lines = [
        f"A bad scan scores higher than a good one in **{100 * suggestion.auc:.0f} of 100** pairs (area "
        f"under the curve {suggestion.auc:.2f}, 95 %: {suggestion.auc_low:.2f} to {suggestion.auc_high:.2f}; "
        "50 would be chance).",
        evidence(suggestion),
    ]
    if suggestion.auc_low > 0.5:
        word = strength(suggestion.kappa)
        lines.insert(1, f"Score and raters agree to a degree that is called *{word}*.")
    for line in lines:
        st.markdown(line)
    for warning in suggestion.warnings:
        st.warning(formatting.escape(warning))


def cost_in_words(cost: float) -> str:
    """Return the cost of a missed bad scan in words."""
    if cost == 1:
        return "both are equally bad"
    if cost < 1:
        return f"a good scan lost is {1 / cost:.0f} × as bad"
    return f"a bad scan kept is {cost:.0f} × as bad"


def evidence(suggestion: Suggestion) -> str:
    """Say in markdown where a suggestion comes from."""
    known = suggestion.evidence
    raters, given = known.get("raters", []), int(known.get("ratings", 0))
    blinded, open_ = int(known.get("blinded_ratings", 0)), int(known.get("undecided_scans", 0))
    text = (
        f"From {plural(suggestion.n, 'scan')} that "
        f"{plural(len(raters), 'person', 'people')} rated "
        f"({', '.join(raters)}); {blinded:,} of {given:,} ratings blinded"
    )
    text += f"; {plural(open_, 'scan')} undecided, left out." if open_ else "."
    return formatting.escape(text)


# ---- the ROC curve -------------------------------------------------------------------------------


def _scores_and_labels(workspace: Workspace):  # type: ignore[no-untyped-def]
    """Return scores and exclusion labels of the scans that have both."""
    labels = suggested_cutoff.exclusion_labels(cache.counted_ratings(workspace))
    scored = cache.scored_scans(workspace)[["scan_id", "distortion_score"]].dropna()
    both = labels[labels["decided"]].merge(scored, on="scan_id")
    return both["distortion_score"], both["excluded"]


def roc_figure(curve: pd.DataFrame, suggestion: Suggestion) -> go.Figure:
    """Draw the ROC curve of the distortion score against raters' exclusions, and the suggested cut-off.

    Parameters
    ----------
    curve : pandas.DataFrame
        As :func:`curation.sessions.suggested_cutoff.roc` returns.
    suggestion : Suggestion
        The cut-off.
    """
    figure = go.Figure(layout={"template": TEMPLATE})
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        name="chance",
        line={"color": MUTED, "width": 2, "dash": "dot"},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=100 * (1 - curve["specificity"]),
        y=100 * curve["sensitivity"],
        mode="lines",
        name="distortion score",
        line={"color": _LINE, "width": 3},
        customdata=curve[["cutoff", "missed", "wrongly_excluded"]],
        hovertemplate=(
            "cut at %{customdata[0]:.1f}: %{y:.0f} % of the bad scans found (%{customdata[1]} missed), "
            "%{x:.0f} % of the good ones excluded (%{customdata[2]})<extra></extra>"
        ),
    )
    figure.add_scatter(
        x=[100 * (1 - suggestion.specificity)],
        y=[100 * suggestion.sensitivity],
        mode="markers+text",
        text=[f"cut at {suggestion.cutoff:.1f}"],
        name="suggested cut-off",
        textposition=f"bottom {'left' if suggestion.specificity < 0.3 else 'right'}",
        textfont={"size": 15, "color": INK},
        hoverinfo="skip",
        marker={"size": 14, "color": _POINT, "line": {"width": 2, "color": "#FFFFFF"}},
    )
    figure.update_layout(
        height=420,
        xaxis={"title": "Good scans wrongly excluded (%; lower is better)", "range": [-2, 102]},
        yaxis={"title": "Bad scans found (%; higher is better)", "range": [-2, 102]},
    )
    return figure


# ---- next steps ----------------------------------------------------------------------------------


def _not_yet(workspace: Workspace, why: str) -> None:
    scores, _ = _scores_and_labels(workspace)
    with st.container(border=True):
        few = len(scores) < MIN_SCANS
        title = "Not enough yet." if few else "No cut-off is suggested."
        st.markdown(f"**{title}** {formatting.escape(why)}")
        if few:
            st.progress(
                len(scores) / MIN_SCANS,
                f"{len(scores):,} rated scans with a score; {MIN_SCANS} are the least, "
                f"{ENOUGH_SCANS} to 100 are good, blinded ones best",
            )


def _rate_more() -> None:
    """Draw the way to a session of the scans most informative about the cut-off."""
    st.button(
        "Rate the scans that would teach most",
        icon=":material/how_to_reg:",
        on_click=_choose_teaching,
        help="Where score and ratings are at odds, then unrated scans nearest to the cut-off.",
    )


def _choose_teaching() -> None:
    state.put(state.RATE_PART, "Rate")
    state.put(state.NEW_CHOICE, "teach")


def _pass_on(workspace: Workspace, suggestion: Suggestion) -> None:
    if not person.may(Action.SUGGEST_CUTOFF):
        return
    with st.form("pass-on", border=True):
        author = person.field("Who passes it on")
        sent = st.form_submit_button("Pass on to Tiers", type="primary")
    if not sent:
        return
    if not author.strip():
        st.error("Say who passes it on: it stands in the history.")
        return
    with frame.in_words():
        passed_on_cutoff.save_suggestion(workspace, suggestion, author)
        state.put(state.PERSON, author.strip())
        st.success("Passed on. The page Tiers offers it beside its sliders.")
        frame.link("tiers", "See it on Tiers")
