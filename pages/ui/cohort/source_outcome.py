"""Outcome of the tasks that add scans on Cohort: what they take in, whether they run, and what they found."""

import datetime
import itertools

import streamlit as st

from curation.assessment import pending
from curation.dicom import last_look
from curation.interchange.example_datasets import EXAMPLES
from curation.sources import source_summary
from curation.storage import tables
from curation.storage.workspace import Workspace
from pages.ui.shell import background_tasks, cache, formatting, frame, progress

#: The tasks that add sources.
TASKS = (
    background_tasks.INGEST,
    background_tasks.DICOM_LOOK,
    background_tasks.DICOM,
    background_tasks.IMPORT,
    background_tasks.EXAMPLE,
)
#: Those of them whose form says beside its button why a job failed.
_OF_FORM = (background_tasks.INGEST, background_tasks.IMPORT)
_LINES = 12


def show(workspace: Workspace, task: str, *, answer: bool = True) -> None:
    """Draw the last job of a task: its subject, its start, and its messages.

    Without ``answer``, one that ended well is not drawn: what it found is drawn otherwise.
    """
    if not background_tasks.log_path(workspace, task).exists():
        return
    busy = background_tasks.running(workspace, task) is not None
    if not (answer or busy or background_tasks.failure(workspace, task)):
        return

    @st.fragment(run_every=progress.EVERY if busy else None)
    @frame.in_words()
    def live() -> None:
        if busy and not background_tasks.running(workspace, task):
            st.rerun(scope="app")
        with st.container(border=True):
            _head(workspace, task, busy=busy)
            _answer(workspace, task, busy=busy)

    live()


def say_failure(workspace: Workspace, task: str) -> None:
    """Say why the last job of a form failed, beside its button; nothing where it did not."""
    if problem := _failure_of_form(workspace, task):
        st.error(formatting.escape(problem))


def _failure_of_form(workspace: Workspace, task: str) -> str | None:
    """Return why the last job of :data:`_OF_FORM` failed; one that another button started is not of it."""
    if task not in _OF_FORM or "--again" in background_tasks.arguments(workspace, task):
        return None
    return background_tasks.failure(workspace, task)


def say_added(workspace: Workspace) -> None:
    """Say that the last source was added, above the scoring that is next, and what it lacks as a target.

    Nothing where all is scored and nothing is lacking.
    """
    scored = pending.progress_of(workspace)
    for task in (background_tasks.INGEST, background_tasks.IMPORT, background_tasks.EXAMPLE):
        done = background_tasks.log_path(workspace, task).exists()
        if not done or (
            background_tasks.running(workspace, task) or background_tasks.failure(workspace, task)
        ):
            continue
        again = "--again" in background_tasks.arguments(workspace, task)
        subject = _subject(workspace, task)
        what = "The sources were listed again" if again else f"Added: {subject}"
        if lack := _without_age(workspace, subject):
            st.warning(formatting.escape(f"{what}. {lack}"), icon=":material/cake:")
        elif scored.done < scored.total:
            st.success(
                f"{formatting.escape(what)}. {_next(workspace)} What was found stands under Add data.",
                icon=":material/check:",
            )


def _without_age(workspace: Workspace, subject: str) -> str:
    """Say that the target that was added has scans without an age; empty where it has none."""
    for source in workspace.sources():
        if source.path == subject:
            scans = cache.scans(workspace)
            usable = scans[(scans["source"] == source.name) & scans["status"].isin(tables.SCORABLE)]
            return source_summary.without_age(source, usable)
    return ""


def _next(workspace: Workspace) -> str:
    if background_tasks.running(workspace, background_tasks.SCORING):
        return "Its scans are being scored."
    return "Next, let its scans be scored: press *Score* below."


def _head(workspace: Workspace, task: str, *, busy: bool) -> None:
    began = background_tasks.started(workspace, task)
    since = f" · {formatting.moment(datetime.datetime.fromtimestamp(began))}" if began else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{formatting.escape(_subject(workspace, task))}**{since}", width="stretch")
        if not busy:
            st.button(
                "Dismiss",
                icon=":material/close:",
                key=f"dismiss-{task}",
                on_click=_dismiss,
                args=(workspace, task),
            )


def _dismiss(workspace: Workspace, task: str) -> None:
    background_tasks.forget(workspace, task)
    if task == background_tasks.DICOM_LOOK:
        last_look.forget(workspace)


def _answer(workspace: Workspace, task: str, *, busy: bool) -> None:
    if _failure_of_form(workspace, task):
        st.caption("Nothing was taken in. Why is said beside the button.")
        return
    if problem := background_tasks.failure(workspace, task):
        st.error(formatting.escape(problem))
        return
    st.caption("Under way …" if busy else "Done. What it found:")
    if text := background_tasks.last_lines(workspace, task, 1 if busy else _LINES):
        st.code(text, language=None, wrap_lines=True)


def _subject(workspace: Workspace, task: str) -> str:
    given = background_tasks.arguments(workspace, task)
    if task == background_tasks.EXAMPLE:
        known = [EXAMPLES[name].label for name in given[:1] if name in EXAMPLES]
        return known[0] if known else background_tasks.LABELS[task]
    paths = itertools.dropwhile(lambda word: not word.startswith("/"), reversed(given))
    return next(paths, background_tasks.LABELS[task])


def running_subject(workspace: Workspace, task: str) -> str | None:
    """Return the subject of a running task in words; ``None`` while it does not run."""
    return _subject(workspace, task) if background_tasks.running(workspace, task) else None


def forget_finished(workspace: Workspace) -> None:
    """Delete the messages of finished tasks, so that a new job does not show an old answer."""
    for task in TASKS:
        background_tasks.forget(workspace, task)
