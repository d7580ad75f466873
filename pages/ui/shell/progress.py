"""Live progress: fragments that read files every other second while something runs."""

import os
from pathlib import Path

import streamlit as st

from curation.access import guard
from curation.access.actions import Action
from curation.assessment import faces_and_pictures, pending
from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.shell import background_tasks, cache, formatting, frame, person, state, summaries

EVERY = "2s"


def scoring(workspace: Workspace) -> None:
    """Show how far the scoring is, with the time left, and let people start and stop it."""
    busy = bool(background_tasks.all_running(workspace))

    @st.fragment(run_every=EVERY if busy else None)
    @frame.in_words()
    def live() -> None:
        _scoring(workspace, was_busy=busy)

    live()


def background_note(workspace: Workspace, watched: Path) -> None:
    """Draw the running background tasks; rerun the page when ``watched`` changes or they end."""
    busy, seen = background_tasks.all_running(workspace), cache.stamp(watched)
    if not busy:
        return

    @st.fragment(run_every=EVERY)
    @frame.in_words()
    def live() -> None:
        if background_tasks.all_running(workspace) != busy or cache.stamp(watched) != seen:
            st.rerun(scope="app")
        done = pending.progress_of(workspace)
        names = ", ".join(background_tasks.label(workspace, name) for name in busy)
        st.info(
            f"In the background: {formatting.escape(names)}. {_scoring_words(workspace, done, True)}."
        )

    live()


def _scoring(workspace: Workspace, *, was_busy: bool) -> None:
    done = pending.progress_of(workspace)
    busy = background_tasks.all_running(workspace)
    if was_busy and not busy:
        st.rerun(scope="app")
    if done.total == 0:
        return
    with st.container(border=True):
        st.progress(done.done / done.total, text=_scoring_words(workspace, done, bool(busy)))
        if busy:
            _while_busy(workspace, busy)
        elif done.done < done.total:
            _offer_start(workspace, done.total - done.done)
        else:
            if done.failed:
                _offer_again(workspace, done)
            _offer_pictures(workspace)
            _offer_worst(workspace)
    if problem := background_tasks.failure(workspace, background_tasks.SCORING):
        st.error(f"Scoring stopped: {formatting.escape(problem)}")


def _offer_worst(workspace: Workspace) -> None:
    """Offer the way to the worst scan, from which Next leads to the others, whatever was open before."""
    label = f"Look at the scans, {summaries.WORST_FIRST}"
    scans = summaries.usable(cache.scored_scans(workspace))
    if not len(scans) or not st.button(label, icon=frame.PAGES["review"].icon, type="tertiary"):
        return
    state.hide_no_scan()
    state.put(state.SORT, summaries.WORST_FIRST)
    worst = summaries.review_list(scans, sort=summaries.WORST_FIRST)["scan_id"].iloc[0]
    state.put(state.PENDING_SCAN, worst)
    frame.open_page("review")


def _scoring_words(workspace: Workspace, done: pending.AssessmentProgress, busy: bool) -> str:
    words = f"{done.done:,} of {plural(done.total, 'scan')} scored"
    if done.failed:
        words += f", {done.failed:,} could not be measured"
        words += f" ({done.again:,} may be by now)" if done.again else ""
    if background_tasks.stands_back(workspace):
        return words  # how long is not known
    left = background_tasks.seconds_left(workspace) if busy and done.done < done.total else None
    return words + (f" · about {formatting.duration(left)} left" if left else "")


def _while_busy(workspace: Workspace, busy: list[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        names = ", ".join(background_tasks.label(workspace, name) for name in busy)
        st.markdown(f"Running in the background: {formatting.escape(names)}", width="content")
        stoppable = background_tasks.SCORING in busy and guard.may(Action.SCORE)
        if stoppable and st.button("Stop scoring", icon=":material/stop:"):
            background_tasks.stop(workspace, background_tasks.SCORING)
            st.rerun(scope="app")


def _offer_start(workspace: Workspace, remaining: int) -> None:
    if not person.may(Action.SCORE):
        return
    cores = os.cpu_count() or 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        jobs = st.number_input("Processes", 1, cores, value=cores, width=140, key=state.JOBS)
        label = f"Score {plural(remaining, 'scan')}"
        if st.button(label, type="primary", icon=":material/play_arrow:"):
            _start(workspace, "--jobs", str(jobs))


def _offer_again(workspace: Workspace, done: pending.AssessmentProgress) -> None:
    if not guard.may(Action.SCORE):
        return
    label = f"Try {plural(done.failed, 'scan')} again"
    help_text = (
        "Those that could not be measured. Review says of each why; a share may have been away."
    )
    if st.button(label, icon=":material/refresh:", help=help_text):
        _start(workspace, "--retry")


def _offer_pictures(workspace: Workspace) -> None:
    """Offer to draw the pictures that are not there, as after an update that draws them otherwise."""
    missing = faces_and_pictures.not_drawn(workspace)
    if not missing or not guard.may(Action.SCORE):
        return
    st.caption(f"{plural(missing, 'scan')} {'has' if missing == 1 else 'have'} no picture yet.")
    label = f"Draw {plural(missing, 'picture')}"
    help_text = (
        "For Scans and what is handed on. Scores stay as they are; faces are looked for too."
    )
    if st.button(label, icon=":material/image:", help=help_text):
        _start(workspace)


def _start(workspace: Workspace, *options: str) -> None:
    background_tasks.start(workspace, background_tasks.SCORING, *options)
    st.rerun(scope="app")
