"""Live parts of pages: fragments that read files every other second while something runs."""

import os
from pathlib import Path

import streamlit as st

from curation import pending
from curation.workspace import Workspace
from pages.ui import cached, frame, state, tasks, text

EVERY = "2s"


def scoring(workspace: Workspace) -> None:
    """Show how far the scoring is, with the time left, and let people start and stop it."""
    busy = bool(tasks.all_running(workspace))

    @st.fragment(run_every=EVERY if busy else None)
    @frame.in_words()
    def live() -> None:
        _scoring(workspace, was_busy=busy)

    live()


def background_note(workspace: Workspace, watched: Path) -> None:
    """Say what runs in the background; draw the page anew when ``watched`` changes or it ends."""
    busy, seen = tasks.all_running(workspace), cached.stamp(watched)
    if not busy:
        return

    @st.fragment(run_every=EVERY)
    @frame.in_words()
    def live() -> None:
        if tasks.all_running(workspace) != busy or cached.stamp(watched) != seen:
            st.rerun(scope="app")
        done = pending.progress_of(workspace)
        names = ", ".join(tasks.LABELS.get(name, name) for name in busy)
        st.info(
            f"In the background: {text.escape(names)}. {_scoring_words(workspace, done, True)}."
        )

    live()


def _scoring(workspace: Workspace, *, was_busy: bool) -> None:
    done = pending.progress_of(workspace)
    busy = tasks.all_running(workspace)
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
            frame.link("review", "Look at the scans, worst first")
    if problem := tasks.failure(workspace, tasks.SCORING):
        st.error(f"Scoring stopped: {text.escape(problem)}")


def _scoring_words(workspace: Workspace, done: pending.Progress, busy: bool) -> str:
    words = f"{done.done:,} of {text.plural(done.total, 'scan')} scored"
    if done.failed:
        words += f", {done.failed:,} could not be measured"
        words += f" ({done.again:,} may be by now)" if done.again else ""
    left = _seconds_left(workspace, done.total - done.done)
    return words + (f" · about {text.duration(left)} left" if busy and left else "")


def _seconds_left(workspace: Workspace, remaining: int) -> float | None:
    metrics = cached.metrics(workspace)
    if "seconds" not in metrics or not len(metrics) or not remaining:
        return None
    return float(metrics["seconds"].mean()) * remaining / tasks.jobs(workspace)


def _while_busy(workspace: Workspace, busy: list[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        names = ", ".join(tasks.LABELS.get(name, name) for name in busy)
        st.markdown(f"Running in the background: {text.escape(names)}", width="content")
        if tasks.SCORING in busy and st.button("Stop scoring", icon=":material/stop:"):
            tasks.stop(workspace, tasks.SCORING)
            st.rerun(scope="app")


def _offer_start(workspace: Workspace, remaining: int) -> None:
    cores = os.cpu_count() or 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        jobs = st.number_input("Processes", 1, cores, value=cores, width=140, key=state.JOBS)
        label = f"Score {text.plural(remaining, 'scan')}"
        if st.button(label, type="primary", icon=":material/play_arrow:"):
            _start(workspace, "--jobs", str(jobs))


def _offer_again(workspace: Workspace, done: pending.Progress) -> None:
    label = f"Try {text.plural(done.failed, 'scan')} again"
    told = "Those that could not be measured. Review says of each why; a share may have been away."
    if st.button(label, icon=":material/refresh:", help=told):
        _start(workspace, "--again", "failed")


def _start(workspace: Workspace, *options: str) -> None:
    tasks.start(workspace, tasks.SCORING, *options)
    st.rerun(scope="app")
